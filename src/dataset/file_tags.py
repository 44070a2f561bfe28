"""Artist, album, title and genre from the tags of audio files, read with tinytag."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from src.audio.content import regular_file_problem
from src.dataset import names

NO_GENRE = 255  # the number of ID3v1 for "no genre"


class Tags(NamedTuple):
    """The tags of one file; None if a tag is missing or a placeholder. `error` is the reason if they cannot be read."""

    artist: str | None = None
    album: str | None = None
    track: str | None = None
    genre: str | None = None
    error: str | None = None


def read(paths: Sequence[Path]) -> list[Tags]:
    """Read the tags of each file: ID3, Vorbis comments, MP4 atoms, RIFF and AIFF chunks, ASF. No audio is decoded.

    Names that differ only in case and spaces are one name, which gets its most frequent spelling. If there is no
    artist, the album artist is used; "Various Artists", "Unknown Artist" and similar placeholders count as missing. Of
    several artists or genres, the first is used.
    """
    rows = [_read(path) for path in paths]
    *columns, errors = zip(*rows, strict=True) if rows else ((),) * len(Tags._fields)
    return [Tags(*row) for row in zip(*(_unify_spelling(column) for column in columns), errors, strict=True)]


def _read(path: Path) -> Tags:
    from tinytag import TinyTag, TinyTagException

    if problem := regular_file_problem(path):
        return Tags(error=problem)
    try:
        tag = TinyTag.get(path, duration=False)
    except (TinyTagException, OSError) as error:
        return Tags(error=str(error) or type(error).__name__)
    return Tags(_name(tag.artist) or _name(tag.albumartist), _name(tag.album), _name(tag.title), _genre(tag.genre))


def _name(text: str | None) -> str | None:
    """Convert a tag to a name with single spaces; None if it is empty or a placeholder."""
    return names.known(" ".join((text or "").replace("\0", " ").split()))


def _genre(text: str | None) -> str | None:
    """Convert a genre tag to a name. ID3's numbers are also written into other formats: "17", "(17)", "(17)Rock" -> Rock."""
    from tinytag.tinytag import _ID3

    genres: Sequence[str] = _ID3._ID3V1_GENRES
    number = re.fullmatch(r"(\d{1,3})|\((\d{1,3})\).*", (text or "").strip())
    if not number:
        return _name(text)
    index = int(number[1] or number[2])
    return genres[index] if index < len(genres) else None if index == NO_GENRE else _name(text)


def _unify_spelling(column: Sequence[str | None]) -> list[str | None]:
    """Give each name of a column its most frequent spelling; names that differ in more than case are different."""
    spelling = names.one_spelling(Counter(name for name in column if name), key=str.casefold)
    return [name and spelling[name] for name in column]
