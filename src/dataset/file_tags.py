"""Artist, album, title and genre from the tags of audio files, read with tinytag."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# Texts that programs and record labels write instead of a name; compared in lower case and without punctuation.
PLACEHOLDER_LIST = """
    various, various artists, various artist, va, v a, verschiedene, verschiedene interpreten, verschiedene künstler,
    diverse, diverse interpreten, diverse künstler, diverse artister, divers, artistes divers, artistes variés,
    multi interprètes, varios, varios artistas, vários, vários artistas, vari, artisti vari, aa vv, blandade artister,
    unknown, unknown artist, unknown album, unknown title, unknown genre, unbekannt, unbekannter interpret,
    unbekannter künstler, unbekanntes album, inconnu, artiste inconnu, album inconnu, desconocido, artista desconocido,
    none, n a, no artist
"""
PLACEHOLDERS = frozenset(name.strip() for name in PLACEHOLDER_LIST.split(","))


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

    try:
        tag = TinyTag.get(path, duration=False)
    except (TinyTagException, OSError) as error:
        return Tags(error=str(error) or type(error).__name__)
    return Tags(_name(tag.artist) or _name(tag.albumartist), _name(tag.album), _name(tag.title), _name(tag.genre))


def _name(text: str | None) -> str | None:
    """Convert a tag to Unicode's composed form (NFC) with single spaces; None if it is empty or a placeholder."""
    name = " ".join(unicodedata.normalize("NFC", text or "").replace("\0", " ").split())
    return None if re.sub(r"[\W_]+", " ", name.lower()).strip() in PLACEHOLDERS else name or None


def _unify_spelling(names: Sequence[str | None]) -> list[str | None]:
    """Give each name its most frequent spelling; of two equally frequent spellings, the capitalized one."""
    frequency = Counter(name for name in names if name)
    spelling: dict[str, str] = {}
    for name in sorted(frequency):
        key = name.casefold()
        if key not in spelling or frequency[name] > frequency[spelling[key]]:
            spelling[key] = name
    return [name and spelling[name.casefold()] for name in names]
