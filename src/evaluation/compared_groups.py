"""Build the groups of runs that a comparison needs, and check that all were tested on the same clips."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, NoReturn

from src import formatting
from src.evaluation.group_predictions import TestPredictions, collect_predictions
from src.evaluation.groups import group_by_config, identifying_settings
from src.evaluation.pooling import Group
from src.evaluation.tested_on import by_test_data
from src.rundir import RunDir, nested

TEST_CLIP_SETTINGS = ("dataset.", "split.", "data.")  # settings with these prefixes determine the test clips


class ComparedGroup(NamedTuple):
    """A group of runs, the letter that names it in the comparison (`key`, "A"), and its predictions for the test clips."""

    key: str
    group: Group
    predictions: TestPredictions


def compared_groups(arguments: Sequence[Sequence[RunDir]]) -> list[list[ComparedGroup]]:
    """Build the groups to compare, one list for each test data. `arguments` has the runs of each path on the command line.

    The runs of one path are grouped by config; seed and fold are ignored. If there is one path (a sweep), its groups are
    sorted by validation macro F1, the best first. If there are several, the groups come in the order of the paths, and
    runs of two paths are never merged into one group, even if they differ only in the seed or are the same run. A list
    may have one group, which no other can be compared with. Raises ValueError on fewer than two groups, and if no two
    groups were tested on the same clips with the same genres.
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
    parts = [[each for each in compared if any(each.group is group for group in part)] for part in by_test_data(groups)]
    if max(map(len, parts)) == 1:
        _refuse_different_clips(compared[0], compared[1])
    return parts


def letter(index: int) -> str:
    """Name a group by its index, like the columns of a spreadsheet: 0 -> "A", 25 -> "Z", 26 -> "AA"."""
    leading, last = divmod(index, 26)
    return (letter(leading - 1) if leading else "") + chr(ord("A") + last)


def _best_first(groups: Sequence[Group]) -> list[Group]:
    """Sort by validation macro F1, the highest first, and groups without it last."""
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
        lambda other: _format_values(other, "seed"),
        lambda other: _format_values(other, "split.fold"),
    )
    for describe in descriptions:
        if len({describe(other) for other in same_label}) == len(same_label):
            return describe(group)
    return ", ".join(run.path.as_posix() for run in group.runs)


def _format_values(group: Group, key: str) -> str:
    """Format the different values of a key in the runs of a group: "seed=0 and 1"."""
    values = dict.fromkeys(str(nested.get(run.config, key)) for run in group.runs)
    return f"{key}={' and '.join(values)}"


def _predictions(key: str, group: Group) -> TestPredictions:
    """Collect the predictions of a group; an error message starts with the group's letter and label."""
    try:
        return collect_predictions(group.runs)
    except ValueError as error:
        raise ValueError(f"{key} ({group.label}): {error}") from error


def _refuse_different_clips(first: ComparedGroup, other: ComparedGroup) -> NoReturn:
    """Raise ValueError: say how the data differ that the groups were tested on."""
    first_clips, other_clips = set(first.predictions.clips), set(other.predictions.clips)
    names = f"{first.key} ({first.group.label}) and {other.key} ({other.group.label})"
    if first_clips != other_clips:
        unshared = [
            f"{formatting.count(len(clips), 'clip')} in {key} only{f' (e.g. {min(clips)})' if clips else ''}"
            for key, clips in ((first.key, first_clips - other_clips), (other.key, other_clips - first_clips))
        ]
        raise ValueError(
            f"{names} were tested on different clips: {', '.join(unshared)}, {len(first_clips & other_clips)} in "
            f"both, so their scores cannot be compared. {_differing_settings(first.group, other.group)}Train both with the same "
            "dataset, split, split.seed and folds. To pool the folds of one split, name their folder instead of each run."
        )
    for clip, genre, other_genre in zip(
        first.predictions.clips, first.predictions.true, other.predictions.true, strict=True
    ):
        if genre != other_genre:
            raise ValueError(
                f"{names} have different true genres: {clip} is {genre} in {first.key} and {other_genre} in {other.key}. "
                "Train both on the same labels."
            )
    raise ValueError(f"{names} were not tested on the same data. {_differing_settings(first.group, other.group)}")


def _differing_settings(first: Group, other: Group) -> str:
    """Describe the settings that explain different test clips: "split.seed is 0 and 1. ". Empty string if there are none."""
    first_settings, other_settings = identifying_settings(first.runs[0]), identifying_settings(other.runs[0])
    corpus = "dataset.corpus"
    if first_settings[corpus] != other_settings[corpus]:
        return f"The data are {first_settings[corpus]}; and {other_settings[corpus]}. "
    differing = [
        f"{key} is {first_settings.get(key, 'missing')} and {other_settings.get(key, 'missing')}"
        for key in sorted(first_settings.keys() | other_settings.keys())
        if key.startswith(TEST_CLIP_SETTINGS) and first_settings.get(key) != other_settings.get(key)
    ]
    folds = [_format_folds(group) for group in (first, other)]
    if folds[0] != folds[1]:
        differing.append(f"split.fold is {folds[0]} and {folds[1]}")
    return f"{'; '.join(differing)}. " if differing else ""


def _format_folds(group: Group) -> str:
    """The fold numbers of a group's runs, "0, 1, 2"; "missing" if its split has no folds."""
    folds = {nested.get(run.config, "split.fold") for run in group.runs}
    return ", ".join(str(fold) for fold in sorted(folds, key=str)) if folds != {None} else "missing"


def run_folders(group: Group) -> list[str]:
    """The paths of a group's runs, as given on the command line."""
    return [Path(run.path).as_posix() for run in group.runs]
