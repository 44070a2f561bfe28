"""Copies in a data set: clips with identical samples, and near copies of the same recording."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from src.audio import fingerprint
from src.clip import Clip
from src.quality.measures import ClipMeasures
from src.split.grouping import full_track_name


def exact_copies(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> list[list[str]]:
    """Groups of two or more clips whose decoded samples are identical, as lists of their names."""
    names_by_digest = defaultdict(list)
    for clip, row in zip(clips, measures, strict=True):
        names_by_digest[row.digest].append(clip.name)
    return [names for names in names_by_digest.values() if len(names) > 1]


def near_copies(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> list[dict[str, Any]]:
    """Pairs of clips that hold the same recording, though with different samples; see fingerprint.py.

    Of a group of exact copies only the first clip is compared. `same` is what two clips are known to have in common, their
    "track" or "artist", or None.
    """
    first_by_digest = {row.digest: k for k, row in reversed(list(enumerate(measures)))}
    compared = sorted(first_by_digest.values())
    pairs = []
    for match in fingerprint.near_copies([measures[k].codes for k in compared]):
        a, b = clips[compared[match.a]], clips[compared[match.b]]
        pairs.append(
            {
                "a": a.name,
                "b": b.name,
                "shift_seconds": round(match.shift_seconds, 3),
                "overlap_seconds": round(match.overlap_seconds, 3),
                "error": round(match.error, 4),
                "same": _in_common(a, b),
                "genres": [a.genre, b.genre],
            }
        )
    return pairs


def _in_common(a: Clip, b: Clip) -> str | None:
    if full_track_name(a) and full_track_name(a) == full_track_name(b):
        return "track"
    return "artist" if a.artist and a.artist == b.artist else None
