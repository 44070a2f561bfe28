"""Table of the genres that tags of pretrained networks stand for, with other names of each and the genre above it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ENTRIES = ("tags", "audioset", "under", "also")


@dataclass(frozen=True)
class Genre:
    """A row of the table: musicnn's tags, the class in AudioSet, and the keys of the genres above it, nearest first."""

    name: str
    tags: tuple[str, ...]
    audioset: str | None
    above: tuple[str, ...]


class GenreTable:
    """Genres by key, which is the name reduced to its letters, so that hip-hop, Hip Hop and hiphop are one genre.

    `rows` has the rows of conf/model/tags.yaml. A row that is a list has tags only. Raises ValueError on an unknown entry,
    an unknown genre in `under`, a genre that is above itself, and on a name that two genres have.
    """

    def __init__(self, rows: Mapping[str, Mapping[str, Any] | Sequence[str]]) -> None:
        entries: dict[str, dict[str, Any]] = {
            name: dict(row) if isinstance(row, Mapping) else {"tags": row} for name, row in rows.items()
        }
        self.key_of_name: dict[str, str] = {}
        for name, entry in entries.items():
            if unknown := entry.keys() - set(ENTRIES):
                raise ValueError(
                    f"model.table.{name} has {', '.join(sorted(unknown))}: expected only {', '.join(ENTRIES)}."
                )
            for text in (name, *entry.get("also", ())):
                if self.key_of_name.setdefault(letters(text), letters(name)) != letters(name):
                    raise ValueError(f"model.table has the name {text} for two genres: leave one of them out.")
        parents = {letters(name): entry.get("under") for name, entry in entries.items()}
        self.genres = {
            letters(name): Genre(
                name, tuple(entry.get("tags", ())), entry.get("audioset"), _above(letters(name), parents)
            )
            for name, entry in entries.items()
        }

    def key(self, name: str) -> str:
        """Key of a genre by any of its names; the letters of the name if the table does not have it."""
        return self.key_of_name.get(letters(name), letters(name))

    def nearest(self, key: str, keys: Sequence[str]) -> str | None:
        """The first of a genre and those above it that is among `keys`; None if none is."""
        return next((each for each in (key, *self.genres[key].above) if each in keys), None)


def letters(name: str) -> str:
    """Reduce a genre name to letters and digits in lower case: Hip-Hop -> hiphop."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _above(key: str, parents: Mapping[str, str | None]) -> tuple[str, ...]:
    """Keys of the genres above a genre, nearest first."""
    above: list[str] = []
    while name := parents[above[-1] if above else key]:
        if letters(name) not in parents:
            raise ValueError(f"model.table has a genre under {name}: expected the name of another genre of the table.")
        if letters(name) in (key, *above):
            raise ValueError(f"model.table has {name} above itself: change one entry `under`.")
        above.append(letters(name))
    return tuple(above)
