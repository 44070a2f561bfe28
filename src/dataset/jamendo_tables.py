"""The tables of MTG-Jamendo's genre task: for each set of a split a header, then one row per track, separated by tabs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from src.plain_files import first_line

COLUMNS = ("TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS")  # a row has one cell for each of its tags
SETS = {"train": "train", "validation": "val", "test": "test"}  # in the names of the files, and here
CATEGORY = "genre---"  # the beginning of each tag; in the tables of other tasks also mood/theme--- and instrument---
IDS = (re.compile(r"track_(\d+)"), re.compile(r"artist_\d+"), re.compile(r"album_\d+"))
PATH = re.compile(r"\d\d/(\d+)\.mp3")
MAX_SHOWN = 60  # characters of a faulty cell or header in a message


class Track(NamedTuple):
    """A row of a table. Artist and album are ids, such as artist_000014: the tables have no names."""

    track: str
    artist: str
    album: str
    path: str  # of the file in full quality, below the folder with the audio: 14/214.mp3
    split: str
    genres: tuple[str, ...]  # in alphabetical order


def file_name(set_name: str) -> str:
    """The name of a table: autotagging_genre-train.tsv."""
    return f"autotagging_genre-{set_name}.tsv"


def read(folder: Path) -> list[Track]:
    """Read the three tables of a split, e.g. data/splits/split-0.

    Raises ValueError, with the line, if a table is missing or is not one of MTG-Jamendo's genre task.
    """
    tracks: list[Track] = []
    first: dict[str, str] = {}  # where each track is listed
    for set_name, subset in SETS.items():
        table = folder / file_name(set_name)
        if not table.is_file():
            raise ValueError(f"{table} is not a file. {_expected(folder)}")
        for line, track in _rows(table, subset):
            location = f"{table}, line {line}"
            if track.path in first:
                raise ValueError(f"{location}: {track.track} is also in {first[track.path]}. {_expected(folder)}")
            first[track.path] = location
            tracks.append(track)
    if not tracks:
        raise ValueError(f"The tables in {folder} have a header but no rows. {_expected(folder)}")
    return tracks


def _rows(table: Path, subset: str) -> Iterator[tuple[int, Track]]:
    expected = _expected(table.parent)
    try:
        with open(table, encoding="utf-8-sig") as file:
            header = file.readline().rstrip("\n")
            if tuple(header.split("\t")) != COLUMNS:
                raise ValueError(
                    f"{table} begins with {header[:MAX_SHOWN]!r}: expected the columns {', '.join(COLUMNS)}, separated by "
                    f"tabs. {expected}"
                )
            for number, text in enumerate(file, start=2):
                if text.strip():
                    try:
                        yield number, _track(text.rstrip("\n").split("\t"), subset)
                    except ValueError as error:
                        raise ValueError(f"{table}, line {number}: {error} {expected}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{table} is not UTF-8 text ({first_line(error)}). {expected}") from error


def _track(cells: list[str], subset: str) -> Track:
    """Convert the cells of a row. Raises ValueError, without the location, if it is not a row of the genre task."""
    if len(cells) < len(COLUMNS):
        raise ValueError(f"{len(cells)} cells, expected at least {len(COLUMNS)}.")
    track, artist, album, path, _, *tags = cells
    ids = [pattern.fullmatch(cell) for pattern, cell in zip(IDS, cells, strict=False)]
    file = PATH.fullmatch(path)
    if not all(ids) or not file or not ids[0] or int(file[1]) != int(ids[0][1]):
        row = ", ".join(cells[:4])
        raise ValueError(
            f"{row[:MAX_SHOWN]!r}: expected ids and path of one track, such as track_0000214, artist_000014, album_000031, "
            "14/214.mp3."
        )
    for tag in tags:
        if not tag.startswith(CATEGORY) or tag == CATEGORY:
            raise ValueError(f"the tag {tag[:MAX_SHOWN]!r} is no genre, such as {CATEGORY}rock.")
    return Track(track, artist, album, path, subset, tuple(sorted({tag.removeprefix(CATEGORY) for tag in tags})))


def _expected(folder: Path) -> str:
    names = ", ".join(map(file_name, SETS))
    return (
        f"Expected {names} of one split, unchanged, as in the repository MTG/mtg-jamendo-dataset: data/splits/split-0."
    )
