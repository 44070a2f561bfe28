"""Find copies in a data set: clips with identical samples, and near copies of the same recording."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from src.audio import fingerprint
from src.clip import Clip
from src.quality.measures import ClipMeasures
from src.split.grouping import full_track_name


def exact_copies(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> list[list[str]]:
    """List the groups of two or more clips whose decoded samples are identical, each as a list of clip names."""
    names_by_digest = defaultdict(list)
    for clip, row in zip(clips, measures, strict=True):
        names_by_digest[row.digest].append(clip.name)
    return [names for names in names_by_digest.values() if len(names) > 1]


def near_copies(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> list[dict[str, Any]]:
    """List the pairs of clips that are the same recording with different samples; see fingerprint.py.

    Of a group of exact copies, only the first clip is compared. A pair has the names of both clips
    (`a`, `b`), the start of b on the time axis of a and the overlap, both in seconds, `error`, the share of fingerprint
    bits that differ (0 to 1), and the genres of both. `same` is "track" or "artist" if the two clips are known to have it
    in common, else None.
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
    """ "track" or "artist" if both clips have the same; None if neither is known to be the same."""
    if full_track_name(a) and full_track_name(a) == full_track_name(b):
        return "track"
    return "artist" if a.artist and a.artist == b.artist else None
