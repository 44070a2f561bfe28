"""Clips, labelled audio files or parts of them, and the corpus that they belong to."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

SUBSETS = ("train", "val", "test")  # the sets of a split
UNREADABLE_SUFFIXES = (".m4a", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mpc")  # audio that libsndfile cannot decode
# What does not distinguish two names: blanks, hyphens and dashes, "_", ".", ",", "/", "\\", ":", middle dots, invisible characters.
SEPARATORS = re.compile(r"[\s_.,/\\:\-\u2010-\u2015\u2212\u00b7\u30fb\u00ad\u200b-\u200f\u2060\ufeff]+")
LETTER = re.compile(r"[^\W_]")  # or digit
AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".au", ".aif", ".aiff")


@dataclass(frozen=True, slots=True)  # slots save memory: a corpus may have a million clips
class Clip:
    """A labelled audio file, or a labelled part of one.

    `name` identifies the clip in every file of a run. It is unique in its corpus and the same on every machine: a path
    relative to the root of the corpus, with `#start-stop` if the clip is a part of the file. `genre` is empty if it is
    unknown; `artist`, `album` and `track` are None if they are unknown. `subset` is the set of the clip ("train", "val" or
    "test"), None if the corpus does not define a split.
    """

    name: str
    path: Path
    genre: str
    artist: str | None = None
    track: str | None = None
    start_seconds: float = 0.0
    stop_seconds: float | None = None  # None: to the end of the file
    subset: str | None = None
    album: str | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """A clip or file that was left out, with the reason, as shown to the user. `clip` is a clip's name or a path."""

    clip: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """The clips of a data set, the excluded clips, and whether the music is synthetic."""

    name: str
    clips: Sequence[Clip]
    excluded: Sequence[Excluded] = field(default_factory=tuple)
    synthetic: bool = False
    notes: Sequence[str] = field(default_factory=tuple)  # other information for the user, one sentence each

    @cached_property
    def genres(self) -> list[str]:
        """The genres that have clips, in alphabetical order, which is the order of the C logits."""
        return sorted({clip.genre for clip in self.clips} - {""})

    def select(self, genres: Sequence[str] | None) -> "Corpus":
        """Select the clips of the named genres; None selects all. Raises ValueError on a genre that has no clips."""
        if genres is None:
            return self
        selected = [written(genre, self.genres) for genre in ([genres] if isinstance(genres, str) else genres)]
        unknown = [genre for genre in selected if genre not in self.genres]
        if unknown or not selected:
            raise ValueError(
                f"dataset.genres asks for {', '.join(unknown) or 'none'}, but {self.name} has "
                f"{', '.join(self.genres) or 'no clip of known genre'}."
            )
        chosen = set(selected)
        return replace(self, clips=[clip for clip in self.clips if clip.genre in chosen])


def composed(name: str) -> str:
    """A name in Unicode's composed form (NFC): macOS stores "é" as two characters, other systems as one."""
    return unicodedata.normalize("NFC", name)


def comparable(name: str) -> str:
    """The key under which spellings of one name are equal: "Hip-Hop", "hip_hop" and "HipHop" -> "hiphop".

    Case, separators and the Unicode form do not count. A name without a letter or digit, e.g. "!!!", counts as written.
    """
    if not LETTER.search(name):
        return composed(name)
    return composed(SEPARATORS.sub("", composed(name).casefold()))


def written(value: object, names: Iterable[str]) -> str:
    """The name that a setting means. Hydra turns unquoted 80, 1e5, true and null into other values than texts."""
    if isinstance(value, str):
        return composed(value)
    text = "null" if value is None else str(value)
    return next((name for name in names if text.casefold() in (name.casefold(), _as_number(name))), text)


def _as_number(text: str) -> str:
    try:
        return str(float(text))
    except ValueError:
        return ""
