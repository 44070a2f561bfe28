"""What has changed since a run was trained, by name: settings, clips and source files."""

from collections.abc import Mapping, Sequence
from typing import Any

from src import formatting
from src.config import leaves

FEW = 5  # names that are said of each kind


def settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """ "seed was 0, is 1; model.layers was 3, is 4"."""
    there, here = dict(leaves(before)), dict(leaves(now))
    keys = [key for key in sorted({*there, *here}) if there.get(key) != here.get(key)]
    return "; ".join(f"{key} was {there.get(key)!r}, is {here.get(key)!r}" for key in keys[:FEW])


def clips(before: Sequence[Mapping[str, str | None]], now: Sequence[Mapping[str, str | None]]) -> str:
    """Of two split.csv: "1 clip is new: blues/a.wav; 2 clips are gone: ..."; else, that some sound otherwise."""
    there, here = ({str(row["clip"]): row for row in rows} for rows in (before, now))
    both = sorted(there.keys() & here.keys())
    side = [clip for clip in both if there[clip]["side"] != here[clip]["side"]]
    labels = ("genre", "artist", "track")
    found = {
        "new": sorted(here.keys() - there.keys()),
        "gone": sorted(there.keys() - here.keys()),
        "labelled otherwise": [clip for clip in both if any(there[clip][key] != here[clip][key] for key in labels)],
        "on another side": side,
    }
    told = [
        f"{formatting.count(len(which), 'clip')} {'is' if len(which) == 1 else 'are'} {what}: {formatting.few(which, FEW)}"
        for what, which in found.items()
        if which
    ]
    return "; ".join(told) or "there are clips that sound otherwise"


def files(before: Mapping[str, str] | None, now: Mapping[str, str]) -> str:
    """ "src/model/cnn.py"; of a run that noted no files, nothing."""
    changed = [name for name in sorted({*(before or now), *now}) if (before or now).get(name) != now.get(name)]
    return formatting.few(changed, FEW)
