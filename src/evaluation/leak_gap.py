"""What a random split claims beyond unseen artists: of two groups of runs that differ only in `split.grouped`."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src import formatting
from src.evaluation.groups import identifying_settings
from src.evaluation.pooling import Group
from src.evaluation.test_predictions import owners as owners_of
from src.metrics import intervals
from src.metrics.intervals import FEW
from src.reporting import findings

KEY = "split.grouped"


class Pair(NamedTuple):
    """The same experiment on the grouped split and on the random one."""

    grouped: Group
    random: Group

    @property
    def label(self) -> str:
        """What both trained: "hybrid on mel"."""
        return ", ".join(part for part in self.grouped.label.split(", ") if not part.startswith(f"{KEY}="))


def pairs(groups: Sequence[Group]) -> list[Pair]:
    """The groups that differ only in whether their split was grouped, two by two."""
    arms: dict[frozenset[tuple[str, str]], dict[str, Group]] = defaultdict(dict)
    for each in groups:
        settings = identifying_settings(each.runs[0])
        grouped = settings.pop(KEY, None)
        if grouped is not None:
            arms[frozenset(settings.items())][grouped] = each
    return [Pair(found["true"], found["false"]) for found in arms.values() if len(found) == 2]


def sentence(pair: Pair) -> str:
    """How much of the random split's accuracy is leak, with its interval; or why that cannot be said."""
    by = grouped_by(pair.grouped)
    if "artist" not in by and "album" not in by and "track" not in by:
        return (
            "The split could not be grouped by artist, as no artist is known: both arms dealt clip by clip, so a leak of "
            "artists cannot be seen."
        )
    if not any(findings.leaks(run.metrics["certificate"]) for run in pair.random.runs):
        return "The random split shares no artist, track or audio between its sides either: nothing is known to leak."
    metrics = pair.grouped.runs[0].metrics
    unseen = {kind: f"unseen {kind}s" for kind in ("artist", "album", "track")}.get(by, f"clips held out by {by}")
    random, grouped = _clips(pair.random), _clips(pair.grouped)
    if random.name == grouped.name:
        how = "paired: the same test clips"
        difference, low, high = intervals.paired_difference(random.right_K, grouped.right_K, grouped.owner)
    else:
        how = "unpaired: the test clips differ"
        difference, low, high = intervals.unpaired_difference(
            random.right_K, random.owner, grouped.right_K, grouped.owner
        )
    said = (
        f"Accuracy over all clips of {formatting.data(metrics['dataset'], metrics['synthetic'])}: the random split claims "
        f"{random.right_K.mean():.2f}, {unseen} get {grouped.right_K.mean():.2f}: {_points(difference)} leak "
        f"(95 % interval {round(100 * low)} to {round(100 * high)}, {how})."
    )
    owners = min(len(set(random.owner)), len(set(grouped.owner)))
    said += " An interval that holds 0 does not show that there is any." if low <= 0 < difference else ""
    said += f" From {formatting.count(owners, 'artist')} on a side, the interval is too narrow." if owners < FEW else ""
    said += "" if "artist" in by else " No artist is known, so a leak of artists cannot be seen."
    return said


def grouped_by(arm: Group) -> str:
    """What the split of an arm keeps together, as its certificate says it: "artist"."""
    return str(arm.runs[0].metrics["certificate"]["grouped_by"])


def _points(difference: float) -> str:
    points = round(100 * difference)
    return (
        f"{formatting.count(points, 'point')} of it {'is' if points == 1 else 'are'}"
        if points > 0
        else "none of it shows as"
    )


class _Clips(NamedTuple):
    """The test clips of a group, each once: the share of runs that recognized it, and whose it is."""

    name: list[str]
    right_K: NDArray[np.float64]
    owner: list[str]


def _clips(arm: Group) -> _Clips:
    right: dict[str, list[bool]] = defaultdict(list)
    owner: dict[str, tuple[str, str]] = {}
    for run in arm.runs:
        given = run.predictions
        owner |= owners_of(run)
        for clip, true, predicted in zip(given.clips, given.true, given.predicted, strict=True):
            right[clip].append(true == predicted)
    names = sorted(right)
    return _Clips(names, np.array([np.mean(right[name]) for name in names]), [" ".join(owner[name]) for name in names])
