"""Select a configuration in each fold by its validation score; pool its test predictions over the folds."""

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
from src.rundir import RunDir, nested


class SelectionScore(NamedTuple):
    """A score of metrics.json, how it is called, and whether the higher one is better."""

    key: str
    name: str
    higher_is_better: bool


SELECTION_SCORES = {
    "val/f1_macro": SelectionScore("f1_macro", "macro F1", higher_is_better=True),
    "val/accuracy": SelectionScore("accuracy", "accuracy", higher_is_better=True),
    "val/loss": SelectionScore("nll", "NLL", higher_is_better=False),
}
DIGITS = 9  # of scores that count: what rounding in a mean over seeds adds behind them must not decide


@dataclass(frozen=True)
class FoldSelection:
    """The configuration picked in a fold, and its runs, one a seed. `val_score` is its validation score, the mean over the
    seeds, None where a true genre was held impossible; `tied` is how many others of the `candidates` had the same."""

    fold: Fold
    label: str
    runs: list[RunDir]
    val_score: float | None
    candidates: int
    tied: int

    def test_mean(self, score: str) -> float:
        """A test score of the fold, the mean over the seeds."""
        values = [run.metrics["test"][score] for run in self.runs]
        return float(sum(values) / len(values))


@dataclass(frozen=True)
class Configuration:
    """Runs of one config, pooled: its mean validation score, the folds in which it could be picked and was. `complete`:
    it could be in all folds that count. `missing` says for what seeds and folds it has no run that can be judged."""

    group: Group
    val_score: float | None
    candidate_folds: int
    selected_folds: int
    complete: bool
    missing: list[str]


@dataclass(frozen=True)
class Selection:
    """What validation picked, fold by fold, and its test answers pooled as `group`. `missing_folds` are planned folds in which no
    configuration has all `seeds`; `best_on_test` is the configuration whose own test score is the best, None where not two
    are complete. `configurations` are in the order of their mean validation scores, complete ones first."""

    name: str
    folds: list[FoldSelection]
    group: Group
    configurations: list[Configuration]
    best_on_test: Configuration | None
    missing_folds: list[Fold]
    seeds: int


@dataclass(frozen=True)
class Selections:
    """All groups of the runs, and a selection within each value of the keys `by`; one over all without keys."""

    groups: list[Group]
    score: SelectionScore
    by: tuple[str, ...]
    selections: list[Selection]


def select_by_validation(runs: Sequence[RunDir], word: str, by: Sequence[str] = ()) -> Selections:
    """Pick among the runs' configurations by one of SELECTION_SCORES, fold by fold, and within each value of the keys `by`.

    With several seeds the mean of a configuration's validation scores picks, and the scores of its seeds are averaged.
    Raises ValueError on runs without validation scores, on nothing to pick among, on runs of different clips in one
    fold, on the same run twice, and on a key that there is not.
    """
    if all(run.metrics["val"] is None for run in runs):
        raise ValueError(
            f"none of {formatting.count(len(runs), 'run')} has validation scores, so there is nothing to select by. Train them "
            "with this version, on a split that has validation clips."
        )
    groups = group_by_config(runs)
    rows = group_by_value(groups, by)
    if all(len(members) == 1 for members in rows.values()):
        within = f" for each {', '.join(by)}" if by else f" ({groups[0].label}, {formatting.count(len(runs), 'run')})"
        raise ValueError(
            f"one configuration came{within}: expected several to select among, e.g. of "
            "`python -m src.train --multirun optimizer.lr=0.001,0.01 split=kfold 'split.fold=range(0,10)'`."
        )
    measure = SELECTION_SCORES[word]
    selections = [_select(name, members, measure, planned_folds(groups, members[0])) for name, members in rows.items()]
    return Selections(groups, measure, tuple(by), selections)


class _Candidate(NamedTuple):
    """A group of runs by fold and seed, those without validation scores left out, and its settings as text."""

    group: Group
    settings: str
    cells: Mapping[tuple[Fold, Any], RunDir]

    def of(self, fold: Fold, seeds: Sequence[Any]) -> list[RunDir] | None:
        """Its runs in a fold, one a seed; None where it has not all of them."""
        found = [self.cells.get((fold, seed)) for seed in seeds]
        return [run for run in found if run] if all(found) else None


def _select(name: str, groups: Sequence[Group], measure: SelectionScore, planned: Sequence[Fold]) -> Selection:
    candidates = [_Candidate(each, _settings(each), runs_by_fold(each)) for each in groups]
    check_same_clips([run for each in groups for run in each.runs])
    cells = {cell for each in candidates for cell in each.cells}
    seeds = sorted({seed for _, seed in cells}, key=lambda seed: (seed is None, seed))
    folds = sorted({fold for fold, _ in cells}, key=fold_order)
    choices = [choice for fold in folds if (choice := _pick(fold, seeds, candidates, measure))]
    if not choices:
        raise ValueError(
            f"{name or 'the runs'}: in no fold does a configuration have validation scores for all of "
            f"{formatting.count(len(seeds), 'seed')}. Train what is missing, or name the runs of fewer seeds."
        )
    counted = [choice.fold for choice in choices]
    made = [_configuration(each, choices, folds, seeds, measure) for each in candidates]
    made.sort(key=lambda each: (not each.complete, _cost(each.val_score, measure), each.group.label))
    complete = [each for each in made if each.complete]
    by_test = min(complete, key=lambda each: _cost(each.group.scores[measure.key], measure), default=None)
    return Selection(
        name,
        choices,
        pool(name or "selected by validation", [run for choice in choices for run in choice.runs]),
        made,
        by_test if len(complete) > 1 else None,
        missing_folds=[fold for fold in planned if fold not in counted],
        seeds=len(seeds),
    )


def _pick(
    fold: Fold, seeds: Sequence[Any], candidates: Sequence[_Candidate], measure: SelectionScore
) -> FoldSelection | None:
    """The best validation score of the candidates that have all seeds in the fold; None where none has.

    A tie goes to the lower validation NLL, then to fewer parameters, then to the label that is first in the alphabet:
    nothing of the test side is looked at.
    """
    offers = {}
    for each in candidates:
        if runs := each.of(fold, seeds):
            cost, nll = _mean(runs, measure), _mean(runs, SELECTION_SCORES["val/loss"])
            offers[(cost, nll, each.group.parameters, each.group.label, each.settings)] = runs
    if not offers:
        return None
    best = min(offers)
    tied = sum(offer[0] == best[0] for offer in offers) - 1
    return FoldSelection(fold, best[3], offers[best], _score(best[0], measure), len(offers), tied)


def _configuration(
    candidate: _Candidate,
    choices: Sequence[FoldSelection],
    folds: Sequence[Fold],
    seeds: Sequence[Any],
    measure: SelectionScore,
) -> Configuration:
    able = [runs for choice in choices if (runs := candidate.of(choice.fold, seeds))]
    runs = [run for each in able for run in each]
    complete = len(able) == len(choices)
    # Of one that has more runs than count, those that count, so that all complete ones were tested on the same clips.
    same = not complete or len(runs) == len(candidate.group.runs)
    return Configuration(
        candidate.group if same else pool(candidate.group.label, runs),
        _score(_mean(runs, measure), measure) if runs else None,
        candidate_folds=len(able),
        selected_folds=sum(choice.runs[0] in runs for choice in choices),
        complete=complete,
        missing=missing_runs(candidate.group, candidate.cells, folds, seeds),
    )


def _mean(runs: Sequence[RunDir], measure: SelectionScore) -> float:
    """The mean validation cost of runs: the lower, the better."""
    return round(fmean(_cost(run.metrics["val"][measure.key], measure) for run in runs), DIGITS)


def _cost(score: float | None, measure: SelectionScore) -> float:
    """A score so turned that the lower is the better; an NLL that is infinite is None in metrics.json."""
    return math.inf if score is None else -score if measure.higher_is_better else score


def _score(cost: float, measure: SelectionScore) -> float | None:
    return None if math.isinf(cost) else -cost if measure.higher_is_better else cost


def _settings(each: Group) -> str:
    return json.dumps(identifying_settings(each.runs[0]), sort_keys=True)


def group_by_value(groups: Sequence[Group], by: Sequence[str]) -> dict[str, list[Group]]:
    """The groups of each value of the keys, in the order of the values; all under "" without keys.

    A key is a group of choices (`model`, by its command line's word) or any key of the config (`optimizer.lr`). Groups
    that have no such key, as a cnn has no model.cell, share a row. Raises ValueError on a key that none has, and on one
    that runs of one group may differ in.
    """
    runs = [each.runs[0] for each in groups]
    for key in by:
        _check(key, runs)
    found: dict[tuple[str, ...], list[Group]] = {}
    for each, run in zip(groups, runs, strict=True):
        found.setdefault(tuple(config_value(run, key) or formatting.UNDEFINED for key in by), []).append(each)
    ordered = sorted(found, key=lambda values: [(_number(text), text) for text in values])
    return {_name(by, values): found[values] for values in ordered}


def config_value(run: RunDir, key: str) -> str | None:
    """The value of a key as one types it: "gru", "0.001"; None where the run's config has no such key."""
    said = (run.environment.get("choices") or {}).get(key)
    if said is not None:
        return str(said)
    found = nested.get(run.config, key)
    if isinstance(found, Mapping):
        return run_names.choice_name(run.config, key) if {"_target_", "parts"} & set(found) else None
    return None if not nested.has(run.config, key) else found if isinstance(found, str) else json.dumps(found)


def _check(key: str, runs: Sequence[RunDir]) -> None:
    if _repeated(key):
        raise ValueError(
            f"--by {key}: runs that differ in it alone are one configuration. Expected a key that configurations differ "
            "in, e.g. --by model."
        )
    if any(config_value(run, key) is not None for run in runs):
        return
    given = {
        name
        for run in runs
        for name in (*(run.environment.get("choices") or {}), *run.config, *identifying_settings(run))
    }
    known = sorted(name for name in given if not _repeated(name))
    near = difflib.get_close_matches(key, known, n=1)
    near = near or [name for name in known if name.rsplit(".", 1)[-1] == key.rsplit(".", 1)[-1]]
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise ValueError(
        f"--by {key}: no run has such a key. {hint}Expected a group of choices (model, feature ...) or a key of the runs' "
        f"{rundir.CONFIG}, e.g. optimizer.lr."
    )


def _repeated(key: str) -> bool:
    """Whether runs of one group may differ in a key."""
    return any(f"{key}.".startswith(f"{name}.") for name in (*REPETITION_KEYS, *PERMISSION_KEYS, *NOT_IN_IDENTITY))


def _name(by: Sequence[str], values: Sequence[str]) -> str:
    """("model", "optimizer.lr"), ("cnn", "0.01") -> "cnn, optimizer.lr=0.01": a choice's word says what it is."""
    return ", ".join(f"{key}={text}" if "." in key else text for key, text in zip(by, values, strict=True))


def _number(text: str) -> float:
    """What sorts numbers by their size, and before words."""
    try:
        return float(text)
    except ValueError:
        return math.inf
