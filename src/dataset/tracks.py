"""FMA's tracks.csv: one row a track, below a header of two lines and a third that names the first column."""

import csv
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple, TextIO

from src.plain_files import first_line

SUBSETS = ("small", "medium", "large")  # each holds the tracks of those before it, and a track names the smallest
SETS = {"training": "train", "validation": "val", "test": "test"}
COLUMNS = (  # of the 52, by both lines of the header
    ("set", "subset"),
    ("set", "split"),
    ("track", "genre_top"),
    ("artist", "name"),
    ("artist", "id"),
    ("album", "title"),
    ("album", "id"),
    ("track", "title"),
)
LONGEST = 2**24  # characters in a cell: a biography has any length, and the csv module would stop at 131,072
EXPECTED = "Expected tracks.csv as fma_metadata.zip holds it."


class Track(NamedTuple):
    """One row. Artist, album and title carry their numbers, since names are not unique: "AWOL (1)"."""

    number: int
    split: str
    genre: str  # the one root of all its genres; empty where there are several roots, or no genre at all
    artist: str | None
    album: str | None
    title: str | None

    @property
    def name(self) -> str:
        """Where every archive holds it: 000/000002.mp3."""
        return f"{self.number // 1000:03d}/{self.number:06d}.mp3"


def read(table: Path, subset: str) -> list[Track]:
    """The tracks of a subset, in order; the whole table takes some seconds.

    Raises ValueError, with the line, on a table that is not FMA's.
    """
    usual = csv.field_size_limit(LONGEST)
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            return _tracks(file, table, SUBSETS[: SUBSETS.index(subset) + 1])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table} cannot be read as CSV ({first_line(error)}). {EXPECTED}") from error
    finally:
        csv.field_size_limit(usual)


def _tracks(file: TextIO, table: Path, wanted: Collection[str]) -> list[Track]:
    rows = csv.reader(file)
    upper, lower, index = next(rows, []), next(rows, []), next(rows, [])
    header = list(zip(upper, lower, strict=False))
    lacking = [f"{group}/{column}" for group, column in COLUMNS if (group, column) not in header]
    if lacking or index[:1] != ["track_id"]:
        problem = (
            f"lacks the columns {', '.join(lacking)}"
            if lacking
            else "has a third line that does not begin with track_id"
        )
        raise ValueError(f"{table} {problem}. {EXPECTED}")
    places = [header.index(column) for column in COLUMNS]

    tracks: list[Track] = []
    for row in rows:
        if not row:
            continue
        where = f"{table}, line {rows.line_num}"
        if len(row) != len(header):
            raise ValueError(f"{where}: {len(row)} cells, where the header has {len(header)}. {EXPECTED}")
        number, cells = row[0], [row[place] for place in places]
        subset, split = cells[:2]
        if not number.isdecimal() or subset not in SUBSETS or split not in SETS:
            raise ValueError(
                f"{where}: track {number[:20]!r}, subset {subset[:20]!r}, split {split[:20]!r}: expected a number, one of "
                f"{', '.join(SUBSETS)}, and one of {', '.join(SETS)}. {EXPECTED}"
            )
        if subset in wanted:
            genre, artist, artist_id, album, album_id, title = cells[2:]
            tracks.append(
                Track(
                    int(number),
                    SETS[split],
                    genre.strip(),
                    _numbered(artist, artist_id),
                    _numbered(album, album_id),
                    _numbered(title, number),
                )
            )
    twice = [number for number, count in Counter(track.number for track in tracks).items() if count > 1]
    if twice:
        raise ValueError(f"{table} lists track {twice[0]} twice. {EXPECTED}")
    return tracks


def _numbered(name: str, number: str) -> str | None:
    """A name that is unique, on one line; None where the table has no number, or -1, for what is unknown."""
    return " ".join([*name.split(), f"({number})"]) if number.isdecimal() else None
