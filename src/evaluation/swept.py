"""Swept settings: in which settings the groups of a sweep differ, and grids of two of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.evaluation import run_names
from src.evaluation.groups import distinguishing_settings, identifying_settings
from src.evaluation.pooling import Group
from src.rundir import RunDir, nested

AXES = ("optimizer.lr", "model.layers")  # rows and columns of a grid, if both are swept
COMMON = ("optimizer.lr", "data.batch_size", "model.layers", "trainer.max_epochs")  # named if all groups share them


@dataclass(frozen=True)
class SweptSettings:
    """Common settings of the groups of one test data set, and their values of the swept keys.

    `common` describes what they share: "cnn on mel; trainer.max_epochs 1". `keys` are dotted keys, or "recipe", "model" and "feature"; `values`
    maps each of them to its text for each group, "" where a group has no such setting. `labels` are short and unique.
    """

    groups: list[Group]
    common: str
    keys: list[str]
    values: list[dict[str, str]]
    labels: list[str]


@dataclass(frozen=True)
class Panel:
    """One grid: `groups` (rows, columns), None where no group has these values. `title` gives the other swept values."""

    title: str
    row_key: str
    column_key: str
    rows: list[str]
    columns: list[str]
    groups: list[list[Group | None]]


def swept_settings(groups: Sequence[Group]) -> SweptSettings:
    """Find what distinguishes groups that were tested on the same data."""
    runs = [group.runs[0] for group in groups]
    scopes = [run_names.experiment_name(run) for run in runs]
    settings = distinguishing_settings([identifying_settings(run) for run in runs], scopes)
    choices = [_choices(run) for run in runs]
    differing = [key for key in ("recipe", "model", "feature") if len({choice[key] for choice in choices}) > 1]
    values = [{**{key: choice[key] for key in differing}, **own} for choice, own in zip(choices, settings, strict=True)]
    keys = list(dict.fromkeys(key for row in values for key in row))
    values = [{key: row.get(key, "") for key in keys} for row in values]
    labels = [_label(row) or group.label for row, group in zip(values, groups, strict=True)]
    if len(set(labels)) < len(labels):
        labels = [group.label for group in groups]
    return SweptSettings(list(groups), _common(runs, choices[0], differing, keys), keys, values, labels)


def _choices(run: RunDir) -> dict[str, str]:
    """The recipe of a run, its model and its feature."""
    model, feature = run_names.run_name(run).rpartition(": ")[2].split(" on ", 1)
    return {"recipe": run_names.experiment_name(run) or "", "model": model, "feature": feature}


def _common(runs: Sequence[RunDir], choices: Mapping[str, str], differing: Sequence[str], keys: Sequence[str]) -> str:
    """Describe what all groups share: "paper_cnn: cnn on mfcc; optimizer.lr 0.001; trainer.max_epochs 20"."""
    shared = {key: text for key, text in choices.items() if text and key not in differing}
    texts = [" ".join(filter(None, (shared.get("model"), f"on {shared['feature']}" if "feature" in shared else "")))]
    if "recipe" in shared:
        texts = [f"recipe {shared['recipe']}", *texts]
    for key in COMMON:
        values = {str(nested.get(run.config, key)) for run in runs}
        if key not in keys and len(values) == 1 and values != {"None"}:
            texts.append(f"{key} {values.pop()}")
    return "; ".join(filter(None, texts))


def short(key: str) -> str:
    """The last part of a key, with spaces: "data.batch_size" -> "batch size"."""
    return key.rsplit(".", 1)[-1].replace("_", " ")


def _label(values: Mapping[str, str]) -> str:
    """Label a group by its swept values: "cnn, lr 0.01, layers 4"; the choice of a model or feature has no key."""
    return ", ".join(f"{short(key)} {text}" if "." in key else text for key, text in values.items() if text)


def panels(settings: SweptSettings) -> list[Panel]:
    """Arrange groups as grids of two swept numbers, one for each combination of the other swept values.

    The learning rate is in rows and the number of layers in columns if both are swept, otherwise the two numbers with the
    most values. Empty if fewer than two numbers are swept, or if two groups would share a cell.
    """
    numbers = {
        key: sorted({row[key] for row in settings.values}, key=float)
        for key in settings.keys
        if all(_is_number(row[key]) for row in settings.values)
    }
    axes = [key for key in AXES if key in numbers]
    axes += sorted(numbers.keys() - set(axes), key=lambda key: (-len(numbers[key]), key))
    if len(axes) < 2:
        return []
    row_key, column_key = axes[:2]
    others = [key for key in settings.keys if key not in (row_key, column_key)]
    cells: dict[tuple[str, ...], dict[tuple[str, str], Group]] = {}
    for group, row in zip(settings.groups, settings.values, strict=True):
        cell = cells.setdefault(tuple(row[key] for key in others), {})
        if cell.setdefault((row[row_key], row[column_key]), group) is not group:
            return []
    return [
        Panel(
            _label(dict(zip(others, combination, strict=True))),
            row_key,
            column_key,
            numbers[row_key],
            numbers[column_key],
            [[cell.get((row, column)) for column in numbers[column_key]] for row in numbers[row_key]],
        )
        for combination, cell in sorted(cells.items(), key=lambda item: list(map(_order, item[0])))
    ]


def chosen_by_validation(groups: Sequence[Group]) -> Group | None:
    """The group with the highest mean validation macro F1; of equal ones, the one with fewer parameters. Test scores do not count.

    None if there is one group only, or if a group has no validation scores.
    """
    if len(groups) < 2 or any(group.val_f1_macro is None for group in groups):
        return None
    return min(groups, key=lambda group: (-(group.val_f1_macro or 0.0), group.parameters, group.label))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _order(text: str) -> tuple[float, str]:
    """Sort key: numbers by value, before other texts."""
    return (float(text) if _is_number(text) else math.inf), text


def validation_curves(group: Group) -> dict[str, list[tuple[int, float]]]:
    """Validation loss and macro F1 by epoch, as (epoch, value): the mean over the runs of a group that reached the epoch."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for key in ("val_loss", "val_f1_macro"):
        by_epoch: dict[int, list[float]] = {}
        for run in group.runs:
            for row in run.history:
                value: Any = row.get(key)
                if value is not None and row["epoch"] is not None:
                    by_epoch.setdefault(int(row["epoch"]), []).append(float(value))
        curves[key] = [(epoch, sum(values) / len(values)) for epoch, values in sorted(by_epoch.items())]
    return curves
