"""The groups of runs in a comparison, each with a letter; all must have been tested on the same clips."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from src import formatting
from src.evaluation.clip_predictions import TestPredictions, collect_predictions
from src.evaluation.groups import group_by_config, identifying_settings
from src.evaluation.pooling import Group
from src.rundir import RunDir, nested

TEST_CLIP_SETTINGS = ("dataset.", "split.", "data.")  # prefixes of the settings that decide which clips are tested


class ComparedGroup(NamedTuple):
    """A group of runs, its letter in the comparison (`key`), and its predictions for the test clips."""

    key: str
    group: Group
    predictions: TestPredictions


def compared_groups(arguments: Sequence[Sequence[RunDir]]) -> list[ComparedGroup]:
    """Build the groups of a comparison from the runs of each command-line argument.

    A single argument is a sweep: its runs are grouped by config, apart from seed and fold, and sorted by validation
    score, the best first. Several arguments stay separate groups in their order, even if only the seed differs or if
    one run is named twice. Raises ValueError on fewer than two groups, and on groups tested on different clips.
    """
    per_argument = [_best_first(group_by_config(runs)) for runs in arguments]
    groups = per_argument[0] if len(per_argument) == 1 else _with_distinct_labels(per_argument)
    if len(groups) < 2:
        runs = formatting.count(len(groups[0].runs), "run")
        raise ValueError(
            f"got only one config ({groups[0].label}, {runs}): expected two or more to compare. Name another run, or name "
            "its runs one by one to compare seeds."
        )
    compared = [ComparedGroup(letter(k), group, _predictions(letter(k), group)) for k, group in enumerate(groups)]
    for other in compared[1:]:
        _check_same_clips(compared[0], other)
    return compared


def letter(number: int) -> str:
    """0 -> "A", 25 -> "Z", 26 -> "AA"."""
    leading, last = divmod(number, 26)
    return (letter(leading - 1) if leading else "") + chr(ord("A") + last)


def _best_first(groups: Sequence[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (group.val_f1_macro is None, -(group.val_f1_macro or 0.0), group.label))


def _with_distinct_labels(per_argument: Sequence[Sequence[Group]]) -> list[Group]:
    """The groups of all arguments, with labels that distinguish them, if necessary by seed, fold or path."""
    runs = {run.path.resolve(): run for groups in per_argument for group in groups for run in group.runs}
    labels = {run.path.resolve(): group.label for group in group_by_config(list(runs.values())) for run in group.runs}
    groups = [replace(group, label=labels[group.runs[0].path.resolve()]) for groups in per_argument for group in groups]
    count = Counter(group.label for group in groups)
    return [
        group
        if count[group.label] == 1
        else replace(group, label=f"{group.label}, {_distinguishing_text(group, groups)}")
        for group in groups
    ]


def _distinguishing_text(group: Group, groups: Sequence[Group]) -> str:
    """Text that only this group has among the groups with its label: "seed=1", else the folders of its runs."""
    same_label = [other for other in groups if other.label == group.label]
    descriptions: tuple[Callable[[Group], str], ...] = (
        lambda each: _values(each, "seed"),
        lambda each: _values(each, "split.fold"),
    )
    for describe in descriptions:
        if len({describe(other) for other in same_label}) == len(same_label):
            return describe(group)
    return ", ".join(run.path.as_posix() for run in group.runs)


def _values(group: Group, key: str) -> str:
    """The distinct values of a key in the runs of a group: "seed=0 and 1"."""
    values = dict.fromkeys(str(nested.get(run.config, key)) for run in group.runs)
    return f"{key}={' and '.join(values)}"


def _predictions(key: str, group: Group) -> TestPredictions:
    try:
        return collect_predictions(group.runs)
    except ValueError as error:
        raise ValueError(f"{key} ({group.label}): {error}") from error


def _check_same_clips(first: ComparedGroup, other: ComparedGroup) -> None:
    """Raise ValueError unless both groups were tested on the same clips with the same genres."""
    a, b = set(first.predictions.clips), set(other.predictions.clips)
    names = f"{first.key} ({first.group.label}) and {other.key} ({other.group.label})"
    if a != b:
        unshared = [
            f"{formatting.count(len(clips), 'clip')} in {key} only{f' (e.g. {min(clips)})' if clips else ''}"
            for key, clips in ((first.key, a - b), (other.key, b - a))
        ]
        raise ValueError(
            f"{names} were tested on different clips: {', '.join(unshared)}, {len(a & b)} in both. Their scores differ for "
            f"that reason alone. {_differing_settings(first.group, other.group)}Train both with the same dataset, split, "
            "split.seed and folds. To pool the folds of one split, name their folder instead of each run."
        )
    for clip, genre, other_genre in zip(
        first.predictions.clips, first.predictions.true, other.predictions.true, strict=True
    ):
        if genre != other_genre:
            raise ValueError(
                f"{names} have different true genres: {clip} is {genre} in {first.key} and {other_genre} in {other.key}. "
                "Train both on the same labels."
            )


def _differing_settings(first: Group, other: Group) -> str:
    """The settings that explain different test clips: "split.seed is 0 and 1. ", or an empty string."""
    a, b = identifying_settings(first.runs[0]), identifying_settings(other.runs[0])
    corpus = "dataset.corpus"
    if a[corpus] != b[corpus]:
        return f"The data are {a[corpus]}; and {b[corpus]}. "
    differing = [
        f"{key} is {a.get(key, 'missing')} and {b.get(key, 'missing')}"
        for key in sorted(a.keys() | b.keys())
        if key.startswith(TEST_CLIP_SETTINGS) and a.get(key) != b.get(key)
    ]
    folds = [_folds(group) for group in (first, other)]
    if folds[0] != folds[1]:
        differing.append(f"split.fold is {folds[0]} and {folds[1]}")
    return f"{'; '.join(differing)}. " if differing else ""


def _folds(group: Group) -> str:
    folds = {nested.get(run.config, "split.fold") for run in group.runs}
    return ", ".join(str(fold) for fold in sorted(folds, key=str)) if folds != {None} else "missing"


def run_folders(group: Group) -> list[str]:
    """The folders of a group's runs, as they were named."""
    return [Path(run.path).as_posix() for run in group.runs]
