"""Folds of runs: their numbers, missing runs, and checks that runs of one fold have the same clips."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.evaluation.groups import identifying_settings
from src.evaluation.pooling import Group
from src.rundir import RunDir, nested

Fold = int | None  # fold number from 0; None if the split has no folds


def fold_of(run: RunDir) -> Fold:
    """The number of the fold that a run was tested on; None if its split has no folds."""
    value = nested.get(run.config, "split.fold")
    return None if value is None else int(value)


def fold_order(fold: Fold) -> int:
    """Sort key that puts None before fold 0."""
    return -1 if fold is None else fold


def format_folds(folds: Sequence[Fold]) -> str:
    """[3, 5, 7] -> "folds 3, 5 and 7"; [None] -> "the split"."""
    if folds == [None]:
        return "the split"
    texts = ["without number" if fold is None else str(fold) for fold in folds]
    return f"fold {texts[0]}" if len(texts) == 1 else f"folds {', '.join(texts[:-1])} and {texts[-1]}"


def planned_folds(groups: Sequence[Group], group: Group) -> list[Fold]:
    """All folds of a group's split, sorted: 0 to `split.folds` - 1.

    A split without this setting (leave_one_artist_out has one fold for each artist) gives the folds that occur in the
    runs of all `groups` with the same split.
    """
    folds = nested.get(group.runs[0].config, "split.folds")
    if isinstance(folds, int):
        return list(range(folds))
    split = split_settings(group.runs[0])
    return sorted(
        {fold_of(run) for other in groups if split_settings(other.runs[0]) == split for run in other.runs},
        key=fold_order,
    )


def split_settings(run: RunDir) -> dict[str, str]:
    """The settings of the split of a run, without the fold."""
    return {key: text for key, text in identifying_settings(run).items() if key.startswith("split.")}


def runs_by_fold(group: Group) -> dict[tuple[Fold, Any], RunDir]:
    """Map (fold, seed) to the run of a config, for the runs that have validation scores.

    Raises ValueError if two runs have the same fold and seed.
    """
    by_fold: dict[tuple[Fold, Any], RunDir] = {}
    for run in group.runs:
        first = by_fold.setdefault((fold_of(run), run.config.get("seed")), run)
        if first is not run:
            raise ValueError(
                f"{first.path} and {run.path} have the same configuration ({group.label}), fold and seed: expected one "
                "run for each fold and seed. Name only one of them, or move the other away."
            )
    return {fold_and_seed: run for fold_and_seed, run in by_fold.items() if run.metrics["val"] is not None}


def missing_runs(
    group: Group, cells: Mapping[tuple[Fold, Any], RunDir], folds: Sequence[Fold], seeds: Sequence[Any]
) -> list[str]:
    """Describe the runs that a config lacks or that have no validation scores: "fold 3", "seed 1 in folds 0 and 2".

    `cells` is the result of `runs_by_fold` for the group.
    """
    descriptions = []
    without_scores = {(fold_of(run), run.config.get("seed")) for run in group.runs} - set(cells)
    for seed in seeds:
        prefix = f"seed {seed} in " if len(seeds) > 1 else ""
        absent = [fold for fold in folds if (fold, seed) not in cells]
        for missing, reason in (
            ([fold for fold in absent if (fold, seed) not in without_scores], ""),
            ([fold for fold in absent if (fold, seed) in without_scores], " (no validation scores)"),
        ):
            descriptions += [f"{prefix}{format_folds(missing)}{reason}"] if missing else []
    return descriptions


def check_same_clips(runs: Sequence[RunDir]) -> None:
    """Check that the runs belong to the folds of one split.

    Raises ValueError unless runs of one fold have the same test clips, validation clips and genres, and different folds
    have no test clip in common.
    """
    first_of_fold: dict[Fold, RunDir] = {}
    first_of_clip: dict[str, RunDir] = {}
    for run in sorted(runs, key=lambda run: (fold_order(fold_of(run)), str(run.path))):
        other = first_of_fold.setdefault(fold_of(run), run)
        if other is run:
            for clip in run.predictions.clips:
                _refuse_second_test(first_of_clip.setdefault(clip, run), run, clip)
        for kind, run_values, other_values in (
            ("genres", list(run.predictions.genres), list(runs[0].predictions.genres)),
            ("test clips", _test_clips(run), _test_clips(other)),
            ("validation clips", _validation_clips(run), _validation_clips(other)),
        ):
            if run_values != other_values:
                shared = len(set(run_values) & set(other_values))
                in_both = f"{shared} of {len(other_values)} and of {len(run_values)} are in both"
                _refuse_difference(kind, runs[0] if kind == "genres" else other, run, in_both)


def _test_clips(run: RunDir) -> set[tuple[str, str]]:
    """The test clips of a run with their true genres."""
    return set(zip(run.predictions.clips, run.predictions.true, strict=True))


def _validation_clips(run: RunDir) -> set[tuple[str | None, str | None]]:
    """The validation clips of a run with their genres."""
    return {(row["clip"], row["genre"]) for row in run.split if row["set"] == "val"}


def _with_fold(run: RunDir) -> str:
    """Format a run for a message: "outputs/a (fold 3)"."""
    return f"{run.path} ({format_folds([fold_of(run)])})"


def _refuse_second_test(other: RunDir, run: RunDir, clip: str) -> None:
    """Raise ValueError if a clip is tested in two folds: by `run` and, before, by `other`."""
    if other is not run:
        raise ValueError(
            f"{_with_fold(other)} and {_with_fold(run)} both test {clip}, so they are not folds of one "
            f"split{_differing_settings(other, run)}. Name the runs of one split only."
        )


def _refuse_difference(kind: str, other: RunDir, run: RunDir, in_both: str) -> None:
    raise ValueError(
        f"{_with_fold(other)} and {_with_fold(run)} have different {kind} ({in_both}), so their scores cannot be "
        f"compared{_differing_settings(other, run)}. Name the runs of one data set and split only, or separate them with "
        "--by KEY."
    )


def _differing_settings(first: RunDir, second: RunDir) -> str:
    """Describe up to 3 settings of data set and split that differ: ": split.seed is 0 in one and 1 in the other".

    Empty string if none differs.
    """
    settings, other_settings = identifying_settings(first), identifying_settings(second)
    keys = [
        key for key in settings if key.startswith(("dataset.", "split.")) and settings[key] != other_settings.get(key)
    ]
    differences = [
        f"{key} is {settings[key]} in one and {other_settings.get(key, 'missing')} in the other" for key in keys[:3]
    ]
    return f": {'; '.join(differences)}" if differences else ""
