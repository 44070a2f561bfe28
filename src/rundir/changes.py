"""Changes since a run was trained, by name: settings, clips and source files."""

from collections.abc import Mapping, Sequence
from typing import Any

from src import formatting
from src.config import leaves

MAX_NAMES = 5  # names that are listed per kind


def settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Compare two configs: "seed was 0, is 1; model.layers was 3, is 4"."""
    old, new = dict(leaves(before)), dict(leaves(now))
    keys = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    return "; ".join(f"{key} was {old.get(key)!r}, is {new.get(key)!r}" for key in keys[:MAX_NAMES])


def clips(before: Sequence[Mapping[str, str | None]], now: Sequence[Mapping[str, str | None]]) -> str:
    """Compare two split.csv: "1 clip is new: blues/a.wav; 2 clips are gone: ..." or "some clips sound different"."""
    old, new = ({str(row["clip"]): row for row in rows} for rows in (before, now))
    both = sorted(old.keys() & new.keys())
    labels = ("genre", "artist", "track")
    changed = {
        "new": sorted(new.keys() - old.keys()),
        "gone": sorted(old.keys() - new.keys()),
        "labelled otherwise": [clip for clip in both if any(old[clip][key] != new[clip][key] for key in labels)],
        "in another set": [clip for clip in both if old[clip]["set"] != new[clip]["set"]],
    }
    parts = [
        f"{formatting.count(len(names), 'clip')} {'is' if len(names) == 1 else 'are'} {kind}: {formatting.first_names(names, MAX_NAMES)}"
        for kind, names in changed.items()
        if names
    ]
    return "; ".join(parts) or "some clips sound different"


def files(before: Mapping[str, str] | None, now: Mapping[str, str]) -> str:
    """Name the files that changed: "src/model/cnn.py"; nothing for a run that recorded no files."""
    old = before or now
    return formatting.first_names([name for name in sorted({*old, *now}) if old.get(name) != now.get(name)], MAX_NAMES)
