"""A tree of genres: the genre above each genre, read from a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from src.clip import comparable
from src.dataset.tables import Table

COLUMNS = ("genre", "under")
EXPECTED = "a CSV file with the columns genre and under: the genre above each genre, empty for a genre at the top"


@dataclass(frozen=True)
class GenreTree:
    """The genre above each genre. Spellings that differ in case and separators are one genre (`clip.comparable`).

    `source` names the tree for readers. `above` maps the key of a genre to the name of the genre above it, None at the top.
    Raises ValueError if a genre is above itself.
    """

    source: str
    above: Mapping[str, str | None]

    def __post_init__(self) -> None:
        for key in self.above:
            self._keys(key)

    def path(self, genre: str) -> tuple[str, ...]:
        """Keys of a genre and of those above it, from the top down to the genre: "metal" -> ("rock", "metal")."""
        return self._keys(comparable(genre))

    def lists(self, genre: str) -> bool:
        """True if the tree lists a genre, or has it above another one."""
        key = comparable(genre)
        return key in self.above or key in {comparable(name) for name in self.above.values() if name}

    def _keys(self, key: str) -> tuple[str, ...]:
        keys = [key]
        while name := self.above.get(keys[0]):
            if comparable(name) in keys:
                raise ValueError(f"{self.source}: {name!r} is above itself. Change one of the genres above it.")
            keys.insert(0, comparable(name))
        return tuple(keys)


def read_tree(path: Path, setting: str) -> GenreTree:
    """Read a table with the columns genre and under. Raises ValueError, which names `setting` and the line.

    A genre that stands only in the column `under` is at the top.
    """
    if not path.is_file():
        raise ValueError(f"{setting} is {path}, which is not a file: expected {EXPECTED}.")
    if not path.stat().st_size:
        raise ValueError(f"{setting} is {path}, which is empty: expected {EXPECTED}.")
    table = Table(path, COLUMNS, COLUMNS)
    genre_column, under_column = (table.header.index(column) for column in COLUMNS)
    above: dict[str, str | None] = {}
    for record in table.rows():
        cells = [*map(str.strip, record.cells), *[""] * len(table.header)]
        genre, under = cells[genre_column], cells[under_column]
        if not genre or any(cells[len(table.header) :]):
            raise ValueError(f"{path}, line {record.line}: expected a genre, and the genre above it or an empty cell.")
        if comparable(genre) in above:
            raise ValueError(f"{path}, line {record.line}: {genre!r} stands in it twice. Remove one of the lines.")
        above[comparable(genre)] = under or None
    if not any(above.values()):
        raise ValueError(f"{path} puts no genre under another: expected {EXPECTED}.")
    return GenreTree(str(path), above)
