"""FMA's tracks.csv: a header of two lines, a third line that names the first column, then one row per track."""

import csv
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple, TextIO

from src.plain_files import first_line

SUBSETS = ("small", "medium", "large")  # each contains the tracks of those before it; a row names the smallest one
SETS = {"training": "train", "validation": "val", "test": "test"}
COLUMNS = (  # the columns that are used, of 52; each as named in the two header lines
    ("set", "subset"),
    ("set", "split"),
    ("track", "genre_top"),
    ("artist", "name"),
    ("artist", "id"),
    ("album", "title"),
    ("album", "id"),
    ("track", "title"),
)
MAX_CELL_LENGTH = 2**24  # characters: biographies can have any length, and the csv module would stop at 131,072
EXPECTED = "Expected tracks.csv from fma_metadata.zip."


class Track(NamedTuple):
    """One row of the table. Artist, album and title include their ids, since names are not unique: "AWOL (1)"."""

    number: int
    split: str
    genre: str  # the top genre above all its genres; empty if there are several top genres, or no genre
    artist: str | None
    album: str | None
    title: str | None

    @property
    def name(self) -> str:
        """The path of the file in every archive: 000/000002.mp3."""
        return f"{self.number // 1000:03d}/{self.number:06d}.mp3"


def read(table: Path, subset: str) -> list[Track]:
    """Read the tracks of a subset, in the order of the table. This takes some seconds.

    Raises ValueError, with the line, if the table is not FMA's.
    """
    previous_limit = csv.field_size_limit(MAX_CELL_LENGTH)
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            return _parse(file, table, SUBSETS[: SUBSETS.index(subset) + 1])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table} cannot be read as CSV ({first_line(error)}). {EXPECTED}") from error
    finally:
        csv.field_size_limit(previous_limit)


def _parse(file: TextIO, table: Path, subsets: Collection[str]) -> list[Track]:
    rows = csv.reader(file)
    upper_header, lower_header, third_line = next(rows, []), next(rows, []), next(rows, [])
    header = list(zip(upper_header, lower_header, strict=False))
    missing = [f"{group}/{column}" for group, column in COLUMNS if (group, column) not in header]
    if missing or third_line[:1] != ["track_id"]:
        problem = (
            f"lacks the columns {', '.join(missing)}"
            if missing
            else "has a third line that does not begin with track_id"
        )
        raise ValueError(f"{table} {problem}. {EXPECTED}")
    positions = [header.index(column) for column in COLUMNS]

    tracks: list[Track] = []
    for row in rows:
        if not row:
            continue
        location = f"{table}, line {rows.line_num}"
        if len(row) != len(header):
            raise ValueError(f"{location}: {len(row)} cells, but the header has {len(header)}. {EXPECTED}")
        number, cells = row[0], [row[position] for position in positions]
        subset, split = cells[:2]
        if not number.isdecimal() or subset not in SUBSETS or split not in SETS:
            raise ValueError(
                f"{location}: track {number[:20]!r}, subset {subset[:20]!r}, split {split[:20]!r}: expected a number, "
                f"one of {', '.join(SUBSETS)}, and one of {', '.join(SETS)}. {EXPECTED}"
            )
        if subset in subsets:
            genre, artist, artist_id, album, album_id, title = cells[2:]
            tracks.append(
                Track(
                    int(number),
                    SETS[split],
                    genre.strip(),
                    _with_id(artist, artist_id),
                    _with_id(album, album_id),
                    _with_id(title, number),
                )
            )
    duplicates = [number for number, count in Counter(track.number for track in tracks).items() if count > 1]
    if duplicates:
        raise ValueError(f"{table} lists track {duplicates[0]} twice. {EXPECTED}")
    return tracks


def _with_id(name: str, identifier: str) -> str | None:
    """Make a name unique by its id, on one line; None if it is unknown, i.e. the id is missing or -1."""
    return " ".join([*name.split(), f"({identifier})"]) if identifier.isdecimal() else None
