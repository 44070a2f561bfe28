"""Select a configuration in each fold by its validation score; pool the test predictions of the selected ones."""

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from src import formatting, rundir
from src.config import NOT_IN_IDENTITY
from src.evaluation import run_names
from src.evaluation.folds import Fold, check_same_clips, fold_order, missing_runs, planned_folds, runs_by_fold
from src.evaluation.groups import PERMISSION_KEYS, REPETITION_KEYS, group_by_config, identifying_settings
from src.evaluation.pooling import Group, pool
from src.evaluation.tested_on import by_split
from src.rundir import RunDir, nested


class SelectionScore(NamedTuple):
    """A validation score to select by: its key in metrics.json and its name in text."""

    key: str
    name: str
    higher_is_better: bool


SELECTION_SCORES = {
    "val/f1_macro": SelectionScore("f1_macro", "macro F1", higher_is_better=True),
    "val/accuracy": SelectionScore("accuracy", "accuracy", higher_is_better=True),
    "val/loss": SelectionScore("nll", "NLL", higher_is_better=False),
}
DIGITS = 9  # decimals of mean scores: scores that differ only by floating-point errors count as equal


@dataclass(frozen=True)
class FoldSelection:
    """The configuration selected in one fold (`label` is its name), and its runs in this fold, one for each seed.

    `val_score` is its validation score, the mean over the seeds; None if the NLL is infinite, because a true genre got
    probability 0. `candidates` is the number of configurations to select from, `tied` the number of others that have the
    same validation score.
    """

    fold: Fold
    label: str
    runs: list[RunDir]
    val_score: float | None
    candidates: int
    tied: int

    def test_mean(self, score: str) -> float:
        """The mean over the seeds of a score in `test` of metrics.json, e.g. "f1_macro"."""
        values = [run.metrics["test"][score] for run in self.runs]
        return float(sum(values) / len(values))


@dataclass(frozen=True)
class Configuration:
    """One configuration, as `group` of its pooled runs, with its mean validation score.

    `candidate_folds` is the number of folds in which it could be selected, `selected_folds` the number in which it was.
    `complete` is true if it could be selected in every fold of `Selection.folds`. `missing` describes the seeds and folds
    for which it has no run, or no validation score.
    """

    group: Group
    val_score: float | None
    candidate_folds: int
    selected_folds: int
    complete: bool
    missing: list[str]


@dataclass(frozen=True)
class Selection:
    """The configurations selected by validation in each fold, and their test predictions, pooled as `group`.

    `name` is the value of the keys `by`, "" without them; with several data sets or splits, it also names these. `folds` are the folds in which some configuration has runs of
    all seeds; `missing_folds` are the other planned folds. `configurations` are sorted by mean validation score; those
    that are not complete come last, by label. `best_on_test` is the complete configuration with the best test score, for comparison; None if fewer than
    two are complete. `seeds` is the number of seeds.
    """

    name: str
    folds: list[FoldSelection]
    group: Group
    configurations: list[Configuration]
    best_on_test: Configuration | None
    missing_folds: list[Fold]
    seeds: int


@dataclass(frozen=True)
class Selections:
    """All groups of the runs, and a selection for each value of the keys `by`; without keys, one over all groups."""

    groups: list[Group]
    score: SelectionScore
    by: tuple[str, ...]
    selections: list[Selection]


def select_by_validation(runs: Sequence[RunDir], score_name: str, by: Sequence[str] = ()) -> Selections:
    """Select a configuration in each fold by a key of SELECTION_SCORES, separately for each value of the keys `by`.

    Runs on different data sets or splits are never selected among each other: each of them has its own selection. With
    several seeds, the mean of a configuration's validation scores decides, and the test scores of its seeds are averaged.
    Raises ValueError if no run has validation scores, if there are fewer than two configurations on the same data, if the
    runs of one configuration do not fit together, and if no run has a key of `by`.
    """
    if all(run.metrics["val"] is None for run in runs):
        raise ValueError(
            f"none of {formatting.count(len(runs), 'run')} has validation scores, so there is nothing to select by. Train them "
            "with this version, on a split that has validation clips."
        )
    groups = group_by_config(runs)
    parts = by_split(groups)
    rows = [
        (", ".join(filter(None, (name, part_name))), members)
        for part, part_name in zip(parts, _part_names(parts), strict=True)
        for name, members in group_by_value(part, by, known=groups).items()
    ]
    if all(len(members) == 1 for _, members in rows):
        within = f" for each {', '.join(by)}" if by else f" ({groups[0].label}, {formatting.count(len(runs), 'run')})"
        check_same_clips([run for group in groups for run in group.runs])  # says how the data differ, if they do
        raise ValueError(
            f"got one configuration{within}: expected several to select from, e.g. from "
            "`python -m src.train --multirun optimizer.lr=0.001,0.01 split=kfold 'split.fold=range(0,10)'`."
        )
    score = SELECTION_SCORES[score_name]
    selections = [_select(name, members, score, planned_folds(groups, members[0])) for name, members in rows]
    return Selections(groups, score, tuple(by), selections)


def _part_names(parts: Sequence[Sequence[Group]]) -> list[str]:
    """Names that distinguish data sets and splits: "gtzan with 290 clips"; "" if there is one only."""
    if len(parts) == 1:
        return [""]
    clips = [len(frozenset().union(*(group.clips for group in part))) for part in parts]
    names = [
        f"{part[0].runs[0].metrics['dataset']} with {formatting.count(clip_count, 'clip')}"
        for part, clip_count in zip(parts, clips, strict=True)
    ]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: k + 1].count(name)})" for k, name in enumerate(names)
    ]


class _Candidate(NamedTuple):
    """A configuration to select from. `cells` maps (fold, seed) to its run, if the run has validation scores."""

    group: Group
    settings: str
    cells: Mapping[tuple[Fold, Any], RunDir]

    def runs_in_fold(self, fold: Fold, seeds: Sequence[Any]) -> list[RunDir] | None:
        """The runs of a fold, one for each seed; None if a seed is missing: no selection in this fold."""
        runs = [self.cells.get((fold, seed)) for seed in seeds]
        return [run for run in runs if run] if all(runs) else None


def _select(name: str, groups: Sequence[Group], score: SelectionScore, planned: Sequence[Fold]) -> Selection:
    """Select among `groups` in each fold; `planned` are all folds of the split."""
    candidates = [_Candidate(group, _settings(group), runs_by_fold(group)) for group in groups]
    cells = {cell for candidate in candidates for cell in candidate.cells}
    seeds = sorted({seed for _, seed in cells}, key=lambda seed: (seed is None, seed))
    folds = sorted({fold for fold, _ in cells}, key=fold_order)
    selected = [selection for fold in folds if (selection := _select_in_fold(fold, seeds, candidates, score))]
    if not selected:
        raise ValueError(
            f"{name or 'the runs'}: in no fold does a configuration have validation scores for all of "
            f"{formatting.count(len(seeds), 'seed')}. Train the missing runs, or name the runs of fewer seeds."
        )
    selected_folds = [selection.fold for selection in selected]
    configurations = [_configuration(candidate, selected, folds, seeds, score) for candidate in candidates]
    configurations.sort(  # incomplete ones were tested on other clips, so they have no rank
        key=lambda config: (*((0, _cost(config.val_score, score)) if config.complete else (1, 0.0)), config.group.label)
    )
    complete = [configuration for configuration in configurations if configuration.complete]
    best_on_test = min(complete, key=lambda config: _cost(config.group.scores[score.key], score), default=None)
    return Selection(
        name,
        selected,
        pool(name or "selected by validation", [run for selection in selected for run in selection.runs]),
        configurations,
        best_on_test if len(complete) > 1 else None,
        missing_folds=[fold for fold in planned if fold not in selected_folds],
        seeds=len(seeds),
    )


def _select_in_fold(
    fold: Fold, seeds: Sequence[Any], candidates: Sequence[_Candidate], score: SelectionScore
) -> FoldSelection | None:
    """Select the candidate with the best validation score among those with all seeds in the fold; None if none has.

    Ties are broken by the lower validation NLL, then by fewer parameters, then by the label in alphabetical order. Test
    clips and test scores are not used.
    """
    runs_by_rank = {}
    for candidate in candidates:
        if runs := candidate.runs_in_fold(fold, seeds):
            cost, nll = _mean_cost(runs, score), _mean_cost(runs, SELECTION_SCORES["val/loss"])
            rank = (cost, nll, candidate.group.parameters, candidate.group.label, candidate.settings)
            runs_by_rank[rank] = runs
    if not runs_by_rank:
        return None
    best = min(runs_by_rank)
    best_cost, _, _, label, _ = best
    tied = sum(rank[0] == best_cost for rank in runs_by_rank) - 1
    return FoldSelection(fold, label, runs_by_rank[best], _score(best_cost, score), len(runs_by_rank), tied)


def _configuration(
    candidate: _Candidate,
    selected: Sequence[FoldSelection],
    folds: Sequence[Fold],
    seeds: Sequence[Any],
    score: SelectionScore,
) -> Configuration:
    """Summarize a candidate over the `selected` folds; `folds` are all folds that have runs."""
    per_fold = [runs for selection in selected if (runs := candidate.runs_in_fold(selection.fold, seeds))]
    counted_runs = [run for runs in per_fold for run in runs]
    complete = len(per_fold) == len(selected)
    # A complete configuration may have more runs, in folds without a selection. Leave these out, so that all complete
    # configurations were tested on the same clips.
    whole_group = not complete or len(counted_runs) == len(candidate.group.runs)
    return Configuration(
        candidate.group if whole_group else pool(candidate.group.label, counted_runs),
        _score(_mean_cost(counted_runs, score), score) if counted_runs else None,
        candidate_folds=len(per_fold),
        selected_folds=sum(selection.runs[0] in counted_runs for selection in selected),
        complete=complete,
        missing=missing_runs(candidate.group, candidate.cells, folds, seeds),
    )


def _mean_cost(runs: Sequence[RunDir], score: SelectionScore) -> float:
    """The mean validation cost of runs, rounded to DIGITS; lower is better."""
    return round(fmean(_cost(run.metrics["val"][score.key], score) for run in runs), DIGITS)


def _cost(value: float | None, score: SelectionScore) -> float:
    """Turn a score into a cost (lower is better): F1 and accuracy get a minus sign; None (infinite NLL) -> infinity."""
    return math.inf if value is None else -value if score.higher_is_better else value


def _score(cost: float, score: SelectionScore) -> float | None:
    """Turn a cost back into the score; infinity -> None."""
    return None if math.isinf(cost) else -cost if score.higher_is_better else cost


def _settings(group: Group) -> str:
    """The settings of a group as one text, the last criterion to break ties."""
    return json.dumps(identifying_settings(group.runs[0]), sort_keys=True)


def group_by_value(groups: Sequence[Group], by: Sequence[str], known: Sequence[Group] = ()) -> dict[str, list[Group]]:
    """Divide groups by their values of the keys `by`, sorted by value: {"cnn": [...], "rnn": [...]}.

    Without keys, all groups are under "".

    A key is a config group (`model`; its value is the choice on the command line) or any key of the config
    (`optimizer.lr`). Groups without the key have the value "n/a": a cnn, for example, has no model.cell. Raises ValueError
    on a key that no group has, neither of `groups` nor of `known`, and on a key in which the runs of one group may differ (seed, fold).
    """
    first_runs = [group.runs[0] for group in groups]
    for key in by:
        _check_key(key, [*first_runs, *(group.runs[0] for group in known)])
    by_values: dict[tuple[str, ...], list[Group]] = {}
    for group, run in zip(groups, first_runs, strict=True):
        by_values.setdefault(tuple(config_value(run, key) or formatting.UNDEFINED for key in by), []).append(group)
    ordered = sorted(by_values, key=lambda values: [(_as_number(text), text) for text in values])
    return {_row_name(by, values): by_values[values] for values in ordered}


def config_value(run: RunDir, key: str) -> str | None:
    """The value of a key as typed on the command line: "gru", "0.001"; None if the run's config has no such key."""
    choice = (run.environment.get("choices") or {}).get(key)
    if choice is not None:
        return str(choice)
    value = nested.get(run.config, key)
    if isinstance(value, Mapping):
        return run_names.choice_name(run.config, key) if {"_target_", "parts"} & set(value) else None
    return None if not nested.has(run.config, key) else value if isinstance(value, str) else json.dumps(value)


def _check_key(key: str, runs: Sequence[RunDir]) -> None:
    """Raise ValueError unless a run has the key and configurations may differ in it."""
    if _differs_within_group(key):
        raise ValueError(
            f"--by {key}: the runs of one configuration may differ in this key. Expected a key in which configurations "
            "differ, e.g. --by model."
        )
    if any(config_value(run, key) is not None for run in runs):
        return
    all_keys = {
        name
        for run in runs
        for name in (*(run.environment.get("choices") or {}), *run.config, *identifying_settings(run))
    }
    known = sorted(name for name in all_keys if not _differs_within_group(name))
    similar = difflib.get_close_matches(key, known, n=1)
    similar = similar or [name for name in known if name.rsplit(".", 1)[-1] == key.rsplit(".", 1)[-1]]
    hint = f"Did you mean {similar[0]!r}? " if similar else ""
    raise ValueError(
        f"--by {key}: no run has such a key. {hint}Expected a config group (model, feature ...) or a key of the runs' "
        f"{rundir.CONFIG}, e.g. optimizer.lr."
    )


def _differs_within_group(key: str) -> bool:
    """Return True if runs of one group may differ in the key."""
    ignored = (*REPETITION_KEYS, *PERMISSION_KEYS, *NOT_IN_IDENTITY)
    return any(f"{key}.".startswith(f"{name}.") for name in ignored)


def _row_name(by: Sequence[str], values: Sequence[str]) -> str:
    """("model", "optimizer.lr"), ("cnn", "0.01") -> "cnn, optimizer.lr=0.01": the key is shown only if it has a dot."""
    return ", ".join(f"{key}={text}" if "." in key else text for key, text in zip(by, values, strict=True))


def _as_number(text: str) -> float:
    """Sort key: the number that a text stands for; infinity for other texts, so that they come after all numbers."""
    try:
        return float(text)
    except ValueError:
        return math.inf
