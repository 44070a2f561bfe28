"""Clips, labelled audio files or parts of them, and the corpus that they belong to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

SUBSETS = ("train", "val", "test")  # the sets of a split
UNREADABLE_SUFFIXES = (".m4a", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mpc")  # audio that libsndfile cannot decode
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
        # As strings, since YAML reads dataset.genres=[80] as a number.
        selected = [genres] if isinstance(genres, str) else [str(genre) for genre in genres]
        unknown = [genre for genre in selected if genre not in self.genres]
        if unknown or not selected:
            raise ValueError(
                f"dataset.genres asks for {', '.join(unknown) or 'none'}, but {self.name} has "
                f"{', '.join(self.genres) or 'no clip of known genre'}."
            )
        clips = [clip for clip in self.clips if clip.genre in selected]
        return replace(self, clips=clips)
