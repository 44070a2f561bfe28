"""Leak gap: the accuracy on a random split minus that on a grouped split, for groups that differ only in `split.grouped`."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.evaluation.group_predictions import clip_owners
from src.evaluation.groups import identifying_settings
from src.evaluation.pooling import Group
from src.metrics import intervals

GROUPED_KEY = "split.grouped"


class SplitPair(NamedTuple):
    """Two groups of runs: the same experiment on the grouped split and on the random split."""

    grouped: Group
    random: Group

    @property
    def label(self) -> str:
        """The label of the grouped split's group without the setting `split.grouped`: "hybrid on mel"."""
        return ", ".join(part for part in self.grouped.label.split(", ") if not part.startswith(f"{GROUPED_KEY}="))


class LeakGap(NamedTuple):
    """Accuracy over all test clips on the random and on the grouped split, and their difference, all in shares.

    `difference` is random minus grouped, `low` to `high` its 95 % interval. `paired` is true if both splits tested the
    same clips. `owner_count` is the number of artists (else tracks, else clips) of the test set with fewer of them.
    """

    random: float
    grouped: float
    difference: float
    low: float
    high: float
    paired: bool
    owner_count: int


def split_pairs(groups: Sequence[Group]) -> list[SplitPair]:
    """Pair the groups that differ only in `split.grouped`."""
    by_settings: dict[frozenset[tuple[str, str]], dict[str, Group]] = defaultdict(dict)
    for group in groups:
        settings = identifying_settings(group.runs[0])
        grouped = settings.pop(GROUPED_KEY, None)
        if grouped is not None:
            by_settings[frozenset(settings.items())][grouped] = group
    return [SplitPair(pair["true"], pair["false"]) for pair in by_settings.values() if len(pair) == 2]


def grouped_by(group: Group) -> str:
    """The unit that the group's split never divides between sets, from its certificate: "artist", "album", "track" or "clip".

    With several kinds, it lists them with their numbers of clips: "artist (90 clips), track (10 clips)".
    """
    return str(group.runs[0].metrics["certificate"]["grouped_by"])


def leak_gap(pair: SplitPair) -> LeakGap:
    """Measure the leak gap with a bootstrap over artists, paired if both splits tested the same clips."""
    random, grouped = _clips(pair.random), _clips(pair.grouped)
    paired = random.name == grouped.name
    if paired:
        difference_low_high = intervals.paired_difference(random.accuracy_K, grouped.accuracy_K, grouped.owner)
    else:
        difference_low_high = intervals.unpaired_difference(
            random.accuracy_K, random.owner, grouped.accuracy_K, grouped.owner
        )
    return LeakGap(
        float(random.accuracy_K.mean()),
        float(grouped.accuracy_K.mean()),
        *difference_low_high,
        paired=paired,
        owner_count=min(len(set(random.owner)), len(set(grouped.owner))),
    )


class _Clips(NamedTuple):
    """The K test clips of a group, sorted by name: share of runs that recognized each, and its owner (artist, track or clip)."""

    name: list[str]
    accuracy_K: NDArray[np.float64]
    owner: list[str]


def _clips(group: Group) -> _Clips:
    correct: dict[str, list[bool]] = defaultdict(list)
    owner: dict[str, tuple[str, str]] = {}
    for run in group.runs:
        predictions = run.predictions
        owner |= clip_owners(run)
        for clip, true, predicted in zip(predictions.clips, predictions.true, predictions.predicted, strict=True):
            correct[clip].append(true == predicted)
    names = sorted(correct)
    accuracy_K = np.array([np.mean(correct[name]) for name in names])
    return _Clips(names, accuracy_K, [" ".join(owner[name]) for name in names])
