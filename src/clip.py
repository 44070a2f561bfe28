"""What is recognized: labelled stretches of audio files, and the corpus they make together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

SUBSETS = ("train", "val", "test")  # of a split
UNREADABLE_SUFFIXES = (".m4a", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mpc")  # audio that libsndfile cannot decode
AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".au", ".aif", ".aiff")


@dataclass(frozen=True, slots=True)  # slots: a corpus may have a million
class Clip:
    """One labelled stretch of one audio file.

    `name` is how every file of a run calls the clip; it is unique in its corpus and the same on every machine (a path
    relative to the corpus's root, with `#start-stop` where the clip is not the whole file). `genre` is empty where it is
    unknown; `artist`, `album` and `track` are None there, and so is `subset` ("train", "val" or "test") where the corpus
    does not fix the split.
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
    """Something that was left out, and why, in words for the user. `clip` is a clip's name or a path."""

    clip: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """The clips of a data set, what was left out of it, and whether a machine made the music."""

    name: str
    clips: Sequence[Clip]
    excluded: Sequence[Excluded] = field(default_factory=tuple)
    synthetic: bool = False
    notes: Sequence[str] = field(default_factory=tuple)  # what else the user should know, a sentence each

    @cached_property
    def genres(self) -> list[str]:
        """The genres that have clips, in alphabetical order: the order of the C logits."""
        return sorted({clip.genre for clip in self.clips} - {""})

    def select(self, genres: Sequence[str] | None) -> "Corpus":
        """The clips of the named genres only; None keeps all. Raises ValueError on a genre that has no clips."""
        if genres is None:
            return self
        asked = [genres] if isinstance(genres, str) else [str(genre) for genre in genres]  # YAML reads [80] as a number
        unknown = [genre for genre in asked if genre not in self.genres]
        if unknown or not asked:
            raise ValueError(
                f"dataset.genres asks for {', '.join(unknown) or 'none'}, but {self.name} has "
                f"{', '.join(self.genres) or 'no clip of known genre'}."
            )
        clips = [clip for clip in self.clips if clip.genre in asked]
        return replace(self, clips=clips)
