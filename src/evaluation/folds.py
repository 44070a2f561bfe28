"""Whether runs may be set against one another fold by fold: the same clips in the same fold, each run once."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.evaluation.groups import identifying_settings
from src.evaluation.pooling import Group
from src.rundir import RunDir, nested

Fold = int | None  # None: of a split without folds


def fold_of(run: RunDir) -> Fold:
    """The fold that a run tested."""
    value = nested.get(run.config, "split.fold")
    return None if value is None else int(value)


def fold_order(fold: Fold) -> int:
    """What folds are sorted by."""
    return -1 if fold is None else fold


def format_folds(folds: Sequence[Fold]) -> str:
    """[3, 5, 7] -> "folds 3, 5 and 7"; [None] -> "the split"."""
    if folds == [None]:
        return "the split"
    texts = ["without number" if each is None else str(each) for each in folds]
    return f"fold {texts[0]}" if len(texts) == 1 else f"folds {', '.join(texts[:-1])} and {texts[-1]}"


def planned_folds(groups: Sequence[Group], like: Group) -> list[Fold]:
    """The folds of a group's split; where it does not say how many (one for each artist), those that some group has."""
    folds = nested.get(like.runs[0].config, "split.folds")
    if isinstance(folds, int):
        return list(range(folds))
    mine = _split(like.runs[0])
    return sorted(
        {fold_of(run) for each in groups if _split(each.runs[0]) == mine for run in each.runs}, key=fold_order
    )


def _split(run: RunDir) -> dict[str, str]:
    return {key: text for key, text in identifying_settings(run).items() if key.startswith("split.")}


def runs_by_fold(each: Group) -> dict[tuple[Fold, Any], RunDir]:
    """The runs of one config that have validation scores, by fold and seed. Raises ValueError where two are of one."""
    found: dict[tuple[Fold, Any], RunDir] = {}
    for run in each.runs:
        other = found.setdefault((fold_of(run), run.config.get("seed")), run)
        if other is not run:
            raise ValueError(
                f"{other.path} and {run.path} are the same configuration ({each.label}), fold and seed: which of them counts "
                "would be chance. Name one of them only, or move the other away."
            )
    return {cell: run for cell, run in found.items() if run.metrics["val"] is not None}


def missing_runs(
    each: Group, cells: Mapping[tuple[Fold, Any], RunDir], folds: Sequence[Fold], seeds: Sequence[Any]
) -> list[str]:
    """What a config has no run for, or none with validation scores: "fold 3", "seed 1 in folds 0 and 2"."""
    told = []
    silent = {(fold_of(run), run.config.get("seed")) for run in each.runs} - set(cells)
    for seed in seeds:
        where = f"seed {seed} in " if len(seeds) > 1 else ""
        absent = [each for each in folds if (each, seed) not in cells]
        for missing, reason in (
            ([fold for fold in absent if (fold, seed) not in silent], ""),
            ([fold for fold in absent if (fold, seed) in silent], " (no validation scores)"),
        ):
            told += [f"{where}{format_folds(missing)}{reason}"] if missing else []
    return told


def check_same_clips(runs: Sequence[RunDir]) -> None:
    """Raise ValueError unless runs of one fold have the same test and validation clips and genres, and folds share none."""
    first: dict[Fold, RunDir] = {}
    owner: dict[str, RunDir] = {}
    for run in sorted(runs, key=lambda run: (fold_order(fold_of(run)), str(run.path))):
        other = first.setdefault(fold_of(run), run)
        if other is run:
            for clip in run.predictions.clips:
                _refuse_twice(owner.setdefault(clip, run), run, clip)
        for what, mine, its in (
            ("genres", list(run.predictions.genres), list(runs[0].predictions.genres)),
            ("test clips", _tested(run), _tested(other)),
            ("validation clips", _validated(run), _validated(other)),
        ):
            if mine != its:
                both = f"{len(set(mine) & set(its))} of {len(its)} and of {len(mine)} are in both"
                _refuse_other(what, runs[0] if what == "genres" else other, run, both)


def _tested(run: RunDir) -> set[tuple[str, str]]:
    return set(zip(run.predictions.clips, run.predictions.true, strict=True))


def _validated(run: RunDir) -> set[tuple[str | None, str | None]]:
    return {(row["clip"], row["genre"]) for row in run.split if row["set"] == "val"}


def _refuse_twice(other: RunDir, run: RunDir, clip: str) -> None:
    if other is not run:
        raise ValueError(
            f"{other.path} ({format_folds([fold_of(other)])}) and {run.path} ({format_folds([fold_of(run)])}) both test {clip}, so they are not "
            f"folds of one split{_differ(other, run)}. Name the runs of one split only."
        )


def _refuse_other(what: str, other: RunDir, run: RunDir, both: str) -> None:
    raise ValueError(
        f"{other.path} ({format_folds([fold_of(other)])}) and {run.path} ({format_folds([fold_of(run)])}) have different {what} ({both}), so their scores "
        f"cannot be set against one another{_differ(other, run)}. Name the runs of one data set and split only, or part them "
        "with --by KEY."
    )


def _differ(one: RunDir, other: RunDir) -> str:
    """The settings that decide on which side clips are and that differ: ": split.seed is 0 in one and 1 in the other"."""
    a, b = identifying_settings(one), identifying_settings(other)
    keys = [key for key in a if key.startswith(("dataset.", "split.")) and a[key] != b.get(key)]
    told = [f"{key} is {a[key]} in one and {b.get(key, 'missing')} in the other" for key in keys[:3]]
    return f": {'; '.join(told)}" if told else ""
