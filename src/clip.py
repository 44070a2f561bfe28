"""Clips, labelled audio files or parts of them, and the corpus that they belong to."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

SUBSETS = ("train", "val", "test")  # the sets of every split
# The set of a split with split.calibration: artists that choose neither epoch nor temperature.
CALIBRATION = "calibration"
ALL_SUBSETS = (*SUBSETS, CALIBRATION)
# What does not distinguish two names: blanks, hyphens and dashes, "_", ".", ",", "/", "\\", ":", middle dots, invisible characters.
SEPARATORS = re.compile(r"[\s_.,/\\:\-\u2010-\u2015\u2212\u00b7\u30fb\u00ad\u200b-\u200f\u2060\ufeff]+")
LETTER = re.compile(r"[^\W_]")  # or digit
MPEG_SUFFIXES = (".mp3", ".mp2", ".mp1", ".mpga")
# What libsndfile reads, where the suffix is not used for anything else.
AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".ogg", ".opus", ".au", ".aif", ".aiff", ".aifc", ".aiffc"),
    *(".wave", ".bwf", ".w64", ".rf64", ".caf", ".voc", ".oga", ".mp2", ".mp1", ".mpga"),
)
# What libsndfile reads under suffixes that other files have too: such a file is listed if it begins as sound does.
AMBIGUOUS_SUFFIXES = (
    *(".snd", ".sds", ".sf", ".paf", ".nist", ".sph", ".ircam", ".pvf", ".xi", ".wve", ".avr"),
    *(".iff", ".8svx", ".16sv", ".svx"),
)
# What FFmpeg reads, and libsndfile does not.
FFMPEG_SUFFIXES = (
    *(".m4a", ".m4b", ".m4r", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mpc", ".mpp", ".tta", ".dsf", ".dff"),
    *(".webm", ".weba", ".mka", ".amr", ".awb", ".ac3", ".eac3", ".dts", ".tak", ".shn", ".ra", ".rm", ".asf", ".spx"),
)
# Sound, or what is taken for it, that neither of them reads; with the reason.
UNREAD_SUFFIXES = {
    **dict.fromkeys(
        (".raw", ".pcm", ".vox", ".gsm", ".al", ".ul", ".dwd"), "sound without a header, which is not guessed"
    ),
    **dict.fromkeys(
        (".mid", ".midi", ".kar", ".mod", ".xm", ".s3m", ".it", ".sid", ".nsf"), "notes, not recorded sound"
    ),
    **dict.fromkeys((".m4p", ".aa", ".aax"), "sound with copy protection"),
    **dict.fromkeys((".ofr", ".ofs", ".la", ".pac", ".opt", ".rx2", ".sd2", ".cda"), "a format that cannot be decoded"),
}


class Opinion(NamedTuple):
    """The genre that an annotator gives a clip.

    If `annotator` is "", `weight` is the share of people who give this genre, 0 to 1; otherwise it is 1. `line` is the line
    of the table that says so, for messages.
    """

    genre: str
    weight: float = 1.0
    annotator: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)  # slots save memory: a corpus may have a million clips
class Clip:
    """A labelled audio file, or a labelled part of one.

    `name` identifies the clip in every file of a run. It is unique in its corpus and the same on every machine: a path
    relative to the root of the corpus, with `#start-stop` if the clip is a part of the file. `genre` is empty if it is
    unknown; `artist`, `album` and `track` are None if they are unknown. `subset` is the set of the clip ("train", "val",
    "test" or "calibration"), None if the corpus does not define a split. With several `opinions`, `genre`
    is that of their majority.
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
    opinions: tuple[Opinion, ...] = ()


@dataclass(frozen=True, slots=True)
class Excluded:
    """A clip or file that was left out, with the reason, as shown to the user. `clip` is a clip's name or a path."""

    clip: str
    reason: str


def describe_left_out(excluded: Sequence[Excluded]) -> list[str]:
    """Describe what was left out, one line for each reason: "a.m4b and 3 more: needs FFmpeg ..."."""
    names: dict[str, list[str]] = {}
    for exclusion in excluded:
        names.setdefault(exclusion.reason, []).append(exclusion.clip)
    return [
        f"{clips[0]}{f' and {len(clips) - 1:,} more' if len(clips) > 1 else ''}: {reason}"
        for reason, clips in names.items()
    ]


@dataclass(frozen=True)
class Corpus:
    """The clips of a data set, the excluded clips, and whether the music is synthetic.

    `targets` are what is trained on if clips have several opinions: their "shares", or the genre of the "majority".
    """

    name: str
    clips: Sequence[Clip]
    excluded: Sequence[Excluded] = field(default_factory=tuple)
    synthetic: bool = False
    notes: Sequence[str] = field(default_factory=tuple)  # other information for the user, one sentence each
    targets: str = "shares"

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
