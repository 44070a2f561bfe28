"""What audio files say of themselves: artist, album, title and genre from their tags, which tinytag reads."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# What programs and labels write where there is no one name to write; compared in lower case, without punctuation.
NO_NAME = """
    various, various artists, various artist, va, v a, verschiedene, verschiedene interpreten, verschiedene künstler,
    diverse, diverse interpreten, diverse künstler, diverse artister, divers, artistes divers, artistes variés,
    multi interprètes, varios, varios artistas, vários, vários artistas, vari, artisti vari, aa vv, blandade artister,
    unknown, unknown artist, unknown album, unknown title, unknown genre, unbekannt, unbekannter interpret,
    unbekannter künstler, unbekanntes album, inconnu, artiste inconnu, album inconnu, desconocido, artista desconocido,
    none, n a, no artist
"""
NAMELESS = frozenset(name.strip() for name in NO_NAME.split(","))


class Tags(NamedTuple):
    """What the tags of one file say; None where they say nothing. `error` is why they could not be read."""

    artist: str | None = None
    album: str | None = None
    track: str | None = None
    genre: str | None = None
    error: str | None = None


def read(paths: Sequence[Path]) -> list[Tags]:
    """The tags of each file: ID3, Vorbis comments, MP4 atoms, RIFF and AIFF chunks, ASF; the sound is not decoded.

    A name that differs in case and spaces only is one name, and is given as it is most often written. Where there is no
    artist, the album's artist stands in; "Various Artists", "Unknown Artist" and their like are no name. Of several
    artists or genres the first counts.
    """
    rows = [_read(path) for path in paths]
    *columns, errors = zip(*rows, strict=True) if rows else ((),) * len(Tags._fields)
    return [Tags(*row) for row in zip(*(_one_spelling(column) for column in columns), errors, strict=True)]


def _read(path: Path) -> Tags:
    from tinytag import TinyTag, TinyTagException

    try:
        tag = TinyTag.get(path, duration=False)
    except (TinyTagException, OSError) as error:
        return Tags(error=str(error) or type(error).__name__)
    return Tags(_name(tag.artist) or _name(tag.albumartist), _name(tag.album), _name(tag.title), _name(tag.genre))


def _name(text: str | None) -> str | None:
    """A tag in Unicode's composed form with single spaces; None where it names nothing."""
    name = " ".join(unicodedata.normalize("NFC", text or "").replace("\0", " ").split())
    return None if re.sub(r"[\W_]+", " ", name.lower()).strip() in NAMELESS else name or None


def _one_spelling(names: Sequence[str | None]) -> list[str | None]:
    """The same names, each as it is most often written; of two spellings that are as frequent, the capitalized one."""
    frequency = Counter(name for name in names if name)
    chosen: dict[str, str] = {}
    for name in sorted(frequency):
        key = name.casefold()
        if key not in chosen or frequency[name] > frequency[chosen[key]]:
            chosen[key] = name
    return [name and chosen[name.casefold()] for name in names]
