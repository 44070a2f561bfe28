"""The part of a random split's accuracy that is leak: two groups of runs that differ only in `split.grouped`."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.evaluation.groups import identifying_settings
from src.evaluation.pooling import Group
from src.evaluation.test_predictions import clip_owners
from src.metrics import intervals

GROUPED_KEY = "split.grouped"


class SplitPair(NamedTuple):
    """The same experiment on the grouped split and on the random one."""

    grouped: Group
    random: Group

    @property
    def label(self) -> str:
        """What both trained: "hybrid on mel"."""
        return ", ".join(part for part in self.grouped.label.split(", ") if not part.startswith(f"{GROUPED_KEY}="))


class LeakGap(NamedTuple):
    """Accuracy over all test clips on the two splits, their difference in shares, and its 95 % interval.

    `paired`: both splits tested the same clips. `owner_count`: the artists (else tracks, else clips) of the smaller test set.
    """

    random: float
    grouped: float
    difference: float
    low: float
    high: float
    paired: bool
    owner_count: int


def split_pairs(groups: Sequence[Group]) -> list[SplitPair]:
    """Pair the groups that differ only in whether their split was grouped."""
    arms: dict[frozenset[tuple[str, str]], dict[str, Group]] = defaultdict(dict)
    for group in groups:
        settings = identifying_settings(group.runs[0])
        grouped = settings.pop(GROUPED_KEY, None)
        if grouped is not None:
            arms[frozenset(settings.items())][grouped] = group
    return [SplitPair(arm["true"], arm["false"]) for arm in arms.values() if len(arm) == 2]


def grouped_by(arm: Group) -> str:
    """What the split of an arm keeps together, as its certificate says it: "artist"."""
    return str(arm.runs[0].metrics["certificate"]["grouped_by"])


def leak_gap(pair: SplitPair) -> LeakGap:
    """Measure the gap of a pair; bootstrapped by artist, paired where both splits tested the same clips."""
    random, grouped = _clips(pair.random), _clips(pair.grouped)
    paired = random.name == grouped.name
    if paired:
        effect = intervals.paired_difference(random.right_K, grouped.right_K, grouped.owner)
    else:
        effect = intervals.unpaired_difference(random.right_K, random.owner, grouped.right_K, grouped.owner)
    return LeakGap(
        float(random.right_K.mean()),
        float(grouped.right_K.mean()),
        *effect,
        paired=paired,
        owner_count=min(len(set(random.owner)), len(set(grouped.owner))),
    )


class _Clips(NamedTuple):
    """The test clips of a group, each once: the share of runs that recognized it, and its artist, track or own name."""

    name: list[str]
    right_K: NDArray[np.float64]
    owner: list[str]


def _clips(arm: Group) -> _Clips:
    right: dict[str, list[bool]] = defaultdict(list)
    owner: dict[str, tuple[str, str]] = {}
    for run in arm.runs:
        predictions = run.predictions
        owner |= clip_owners(run)
        for clip, true, predicted in zip(predictions.clips, predictions.true, predictions.predicted, strict=True):
            right[clip].append(true == predicted)
    names = sorted(right)
    return _Clips(names, np.array([np.mean(right[name]) for name in names]), [" ".join(owner[name]) for name in names])
