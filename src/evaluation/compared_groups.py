"""Who is compared: groups of runs with a letter each, tested on the same clips, or refused with the reason."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from src import formatting
from src.evaluation.groups import group_by_config, identifying_settings
from src.evaluation.pooling import Group
from src.evaluation.test_predictions import TestPredictions, collect_predictions
from src.rundir import RunDir, nested

TEST_CLIP_SETTINGS = ("dataset.", "split.", "data.")  # the settings that decide which clips are tested


class ComparedGroup(NamedTuple):
    """A group of runs, the letter it is called by, and what it answered."""

    key: str
    group: Group
    predictions: TestPredictions


def compared_groups(arguments: Sequence[Sequence[RunDir]]) -> list[ComparedGroup]:
    """The sides of a comparison, from the runs that each argument names.

    One argument is a sweep, grouped by config without seed and fold, the best validation score first. Several stay
    apart, in their order, even where only the seed differs or where it is the same run twice.
    Raises ValueError on fewer than two sides, and on sides that were tested on different clips.
    """
    found = [_best_first(group_by_config(runs)) for runs in arguments]
    groups = found[0] if len(found) == 1 else _told_apart(found)
    if len(groups) < 2:
        runs = formatting.count(len(groups[0].runs), "run")
        raise ValueError(
            f"only one config came ({groups[0].label}, {runs}), and nothing to compare it with. Name another run, or "
            "name its runs one by one to compare seeds."
        )
    made = [ComparedGroup(letter(k), each, _tested(letter(k), each)) for k, each in enumerate(groups)]
    for other in made[1:]:
        _check(made[0], other)
    return made


def letter(number: int) -> str:
    """0 -> "A", 25 -> "Z", 26 -> "AA"."""
    above, last = divmod(number, 26)
    return (letter(above - 1) if above else "") + chr(ord("A") + last)


def _best_first(groups: Sequence[Group]) -> list[Group]:
    return sorted(groups, key=lambda each: (each.val_f1_macro is None, -(each.val_f1_macro or 0.0), each.label))


def _told_apart(found: Sequence[Sequence[Group]]) -> list[Group]:
    """The groups of all arguments, labelled by what tells them apart among all, be it only the seed or the path."""
    runs = {run.path.resolve(): run for groups in found for each in groups for run in each.runs}
    labels = {run.path.resolve(): each.label for each in group_by_config(list(runs.values())) for run in each.runs}
    groups = [replace(each, label=labels[each.runs[0].path.resolve()]) for groups in found for each in groups]
    count = Counter(each.label for each in groups)
    return [
        each if count[each.label] == 1 else replace(each, label=f"{each.label}, {_particular(each, groups)}")
        for each in groups
    ]


def _particular(one: Group, groups: Sequence[Group]) -> str:
    """What only this one has among those of its label: "seed=1", else the folders of its runs."""
    rivals = [each for each in groups if each.label == one.label]
    tellings: tuple[Callable[[Group], str], ...] = (
        lambda each: _values(each, "seed"),
        lambda each: _values(each, "split.fold"),
    )
    for telling in tellings:
        if len({telling(each) for each in rivals}) == len(rivals):
            return telling(one)
    return ", ".join(each.path.as_posix() for each in one.runs)


def _values(each: Group, key: str) -> str:
    """What the runs of a group have at a key, each once: "seed=0 and 1"."""
    found = dict.fromkeys(str(nested.get(run.config, key)) for run in each.runs)
    return f"{key}={' and '.join(found)}"


def _tested(key: str, each: Group) -> TestPredictions:
    try:
        return collect_predictions(each.runs)
    except ValueError as error:
        raise ValueError(f"{key} ({each.label}): {error}") from error


def _check(one: ComparedGroup, other: ComparedGroup) -> None:
    """Raises ValueError unless both were tested on the same clips of the same genres."""
    a, b = set(one.predictions.clips), set(other.predictions.clips)
    names = f"{one.key} ({one.group.label}) and {other.key} ({other.group.label})"
    if a != b:
        only = [
            f"{formatting.count(len(mine), 'clip')} in {side.key} only{f' (e.g. {min(mine)})' if mine else ''}"
            for side, mine in ((one, a - b), (other, b - a))
        ]
        raise ValueError(
            f"{names} were tested on different clips: {', '.join(only)}, {len(a & b)} in both. Their scores differ for "
            f"that reason alone. {_why(one.group, other.group)}Train both with the same dataset, split, split.seed and "
            "folds; folds of one split are pooled where their folder is named in place of each run."
        )
    for clip, mine, its in zip(one.predictions.clips, one.predictions.true, other.predictions.true, strict=True):
        if mine != its:
            raise ValueError(
                f"{names} disagree on the truth: {clip} is {mine} in {one.key} and {its} in {other.key}. Train both on "
                "the same labels."
            )


def _why(one: Group, other: Group) -> str:
    """The settings that explain other test clips: "split.seed is 0 and 1. ", or nothing."""
    a, b = identifying_settings(one.runs[0]), identifying_settings(other.runs[0])
    corpus = "dataset.corpus"
    if a[corpus] != b[corpus]:
        return f"The data are {a[corpus]}; and {b[corpus]}. "
    differing = [
        f"{key} is {a.get(key, 'missing')} and {b.get(key, 'missing')}"
        for key in sorted(a.keys() | b.keys())
        if key.startswith(TEST_CLIP_SETTINGS) and a.get(key) != b.get(key)
    ]
    folds = [_folds(each) for each in (one, other)]
    if folds[0] != folds[1]:
        differing.append(f"split.fold is {folds[0]} and {folds[1]}")
    return f"{'; '.join(differing)}. " if differing else ""


def _folds(each: Group) -> str:
    found = {nested.get(run.config, "split.fold") for run in each.runs}
    return ", ".join(str(fold) for fold in sorted(found, key=str)) if found != {None} else "missing"


def run_folders(each: Group) -> list[str]:
    """The folders of a group's runs, as they were named."""
    return [Path(run.path).as_posix() for run in each.runs]
