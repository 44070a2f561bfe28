"""Changes since a run was trained, by name: settings, clips and source files."""

from collections.abc import Mapping, Sequence
from typing import Any

from src import formatting
from src.config import leaves

MAX_NAMES = 5  # at most this many names are listed for each kind of change


def settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """List the settings that differ, at most MAX_NAMES: "seed was 0, is 1; model.layers was 3, is 4"."""
    old, new = dict(leaves(before)), dict(leaves(now))
    keys = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    return "; ".join(f"{key} was {old.get(key)!r}, is {new.get(key)!r}" for key in keys[:MAX_NAMES])


def clips(before: Sequence[Mapping[str, str | None]], now: Sequence[Mapping[str, str | None]]) -> str:
    """List the clips that differ in the rows of two split.csv: "1 clip is new: blues/a.wav; 2 clips are gone: ...".

    Called when the digest of the data differs. If the rows are equal, the audio must have changed: "some clips sound
    different".
    """
    old, new = ({str(row["clip"]): row for row in rows} for rows in (before, now))
    common_clips = sorted(old.keys() & new.keys())
    labels = ("genre", "artist", "track")
    changed = {
        "new": sorted(new.keys() - old.keys()),
        "gone": sorted(old.keys() - new.keys()),
        "labelled differently": [
            clip for clip in common_clips if any(old[clip][key] != new[clip][key] for key in labels)
        ],
        "in another set": [clip for clip in common_clips if old[clip]["set"] != new[clip]["set"]],
    }
    parts = [
        f"{formatting.count(len(names), 'clip')} {'is' if len(names) == 1 else 'are'} {kind}: {formatting.first_names(names, MAX_NAMES)}"
        for kind, names in changed.items()
        if names
    ]
    return "; ".join(parts) or "some clips sound different"


def files(before: Mapping[str, str] | None, now: Mapping[str, str]) -> str:
    """List the source files whose digests differ, at most MAX_NAMES: "src/model/cnn.py"; "" for a run that recorded none."""
    old = before or now
    return formatting.first_names([name for name in sorted({*old, *now}) if old.get(name) != now.get(name)], MAX_NAMES)
