"""Rank groups of which some lack folds, as in a sweep that was killed: on the folds that most of them have."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from src.evaluation.folds import Fold, fold_of, fold_order, planned_folds, split_settings
from src.evaluation.pooling import Group, pool
from src.evaluation.tested_on import by_test_data, tested_on

Pairs = frozenset[tuple[str, str]]  # clips and their true genres


@dataclass(frozen=True)
class Part:
    """Groups that are ranked together, because their scores are over the same test clips.

    `folds` are those that they are ranked on, if some of their runs are on others, which are `left_out` runs; otherwise
    None. `unranked` are groups of the same split that lack some of these folds, with the folds that they have.
    """

    groups: list[Group]
    folds: list[Fold] | None = None
    planned: int = 0  # folds of the split
    left_out: int = 0
    unranked: list[tuple[Group, list[Fold]]] = field(default_factory=list)


def parts(groups: Sequence[Group]) -> list[Part]:
    """Divide groups by test data, as `by_test_data` does, but leave groups together that differ only in missing folds.

    They are ranked on a set of folds that one of them has: the one for which the number of these folds, times the number
    of groups that have them, is largest; of equal ones the one with more groups.
    """
    families: list[list[Group]] = []
    for same in by_test_data(groups):
        family = next((each for each in families if _same_split([*each, *same])), None)
        if family is None:
            families.append(list(same))
        else:
            family.extend(same)
    return [_part(family) for family in families]


def _part(groups: list[Group]) -> Part:
    if len({tested_on(group) for group in groups}) == 1:
        return Part(groups)
    sets = [_folds(group) for group in groups]
    chosen = max(
        sets,
        key=lambda folds: (
            _count(folds, sets) * len(folds),
            _count(folds, sets),
            [fold_order(fold) for fold in _sorted(folds)],
        ),
    )
    ranked = [group for group, folds in zip(groups, sets, strict=True) if folds >= chosen]
    kept = [[run for run in group.runs if fold_of(run) in chosen] for group in ranked]
    pooled = [pool(group.label, runs) for group, runs in zip(ranked, kept, strict=True)]
    return Part(
        sorted(pooled, key=lambda group: (-group.scores["accuracy"], group.label)),
        _sorted(chosen),
        len(planned_folds(groups, groups[0])),
        sum(map(len, (group.runs for group in ranked))) - sum(map(len, kept)),
        [(group, _sorted(folds)) for group, folds in zip(groups, sets, strict=True) if not folds >= chosen],
    )


def _count(folds: frozenset[Fold], sets: Sequence[frozenset[Fold]]) -> int:
    """Count the `sets` that contain all these folds."""
    return sum(each >= folds for each in sets)


def _folds(group: Group) -> frozenset[Fold]:
    return frozenset(fold_of(run) for run in group.runs)


def _sorted(folds: frozenset[Fold]) -> list[Fold]:
    return sorted(folds, key=fold_order)


def _same_split(groups: Sequence[Group]) -> bool:
    """True if all runs are on numbered folds of one split: each fold has the same test clips in all of them."""
    first = groups[0].runs[0]
    clips: dict[Fold, Pairs] = {}
    for run in (run for group in groups for run in group.runs):
        same_data = run.metrics["dataset"] == first.metrics["dataset"] and set(run.predictions.genres) == set(
            first.predictions.genres
        )
        pairs: Pairs = frozenset(zip(run.predictions.clips, run.predictions.true, strict=True))
        if (
            fold_of(run) is None
            or not same_data
            or split_settings(run) != split_settings(first)
            or clips.setdefault(fold_of(run), pairs) != pairs
        ):
            return False
    return sum(map(len, clips.values())) == len(frozenset().union(*clips.values()))
