"""Copies in a data set: clips with the same samples, and near copies of the same recording."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from src.audio import fingerprint
from src.clip import Clip
from src.quality.measures import ClipMeasures
from src.split.grouping import full_track_name


def exact_copies(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> list[list[str]]:
    """The clips whose decoded sound is the same, sample by sample, in groups of two or more."""
    members = defaultdict(list)
    for clip, each in zip(clips, measures, strict=True):
        members[each.digest].append(clip.name)
    return [names for names in members.values() if len(names) > 1]


def near_copies(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> list[dict[str, Any]]:
    """The pairs of clips that hold the same recording, though not sample by sample; see fingerprint.py.

    Of exact copies the first stands for all. `same` says what the two are known to share: "track", "artist" or nothing.
    """
    first = {each.digest: k for k, each in reversed(list(enumerate(measures)))}
    alone = sorted(first.values())
    found = []
    for match in fingerprint.near_copies([measures[k].codes for k in alone]):
        a, b = clips[alone[match.a]], clips[alone[match.b]]
        found.append(
            {
                "a": a.name,
                "b": b.name,
                "shift_seconds": round(match.shift_seconds, 3),
                "overlap_seconds": round(match.overlap_seconds, 3),
                "error": round(match.error, 4),
                "same": _same(a, b),
                "genres": [a.genre, b.genre],
            }
        )
    return found


def _same(a: Clip, b: Clip) -> str | None:
    if full_track_name(a) and full_track_name(a) == full_track_name(b):
        return "track"
    return "artist" if a.artist and a.artist == b.artist else None
