"""Group runs that have the same config except for the seed, the fold and settings that depend on the machine."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from src.config import NOT_IN_IDENTITY, without_paths
from src.evaluation import run_names
from src.evaluation.pooling import Group, pool
from src.rundir import RunDir

REPETITION_KEYS = ("seed", "split.fold")
PERMISSION_KEYS = ("split.allow_leak",)  # it only permits a leaking split; the sets are the same with and without it


def group_by_config(runs: Sequence[RunDir]) -> list[Group]:
    """Group runs by config and score each group; the group with the highest test accuracy comes first.

    Raises ValueError if the files of a run are missing, broken or do not fit together.
    """
    runs_by_config: dict[str, list[RunDir]] = {}
    configs: dict[str, dict[str, str]] = {}
    for run in runs:
        config = identifying_settings(run)
        key = json.dumps(config, sort_keys=True)
        runs_by_config.setdefault(key, []).append(run)
        configs[key] = config
    first_runs = [members[0] for members in runs_by_config.values()]
    names = [run_names.run_name(run) for run in first_runs]
    scopes = [name if run_names.experiment_name(run) else None for name, run in zip(names, first_runs, strict=True)]
    labels = _labels(list(configs.values()), names, scopes)
    groups = [pool(label, members) for label, members in zip(labels, runs_by_config.values(), strict=True)]
    return sorted(groups, key=lambda group: (-group.scores["accuracy"], group.label))


def identifying_settings(run: RunDir) -> dict[str, str]:
    """The settings that all runs of a group have in common, as dotted keys and text: {"model.layers": "4"}.

    `dataset.corpus` is added: the name and the genres of the data set. Left out are the seed, the fold, permissions and
    settings that depend on the machine.
    """
    ignored = REPETITION_KEYS + PERMISSION_KEYS + NOT_IN_IDENTITY
    leaves = _leaves(without_paths(run.config))
    settings = {
        key: text for key, text in leaves.items() if not any(f"{key}.".startswith(f"{name}.") for name in ignored)
    }
    return {**settings, "dataset.corpus": f"{run.metrics['dataset']}: {', '.join(run.predictions.genres)}"}


def _leaves(value: Any, path: str = "") -> dict[str, str]:
    """Flatten a nested config: {"model": {"layers": 4}} -> {"model.layers": "4"}."""
    if not isinstance(value, Mapping) or not value:
        return {path: value if isinstance(value, str) else json.dumps(value)}
    children = ((f"{path}.{name}" if path else str(name), child) for name, child in value.items())
    return {key: leaf for child_path, child in children for key, leaf in _leaves(child, child_path).items()}


def _labels(configs: Sequence[Mapping[str, str]], names: Sequence[str], scopes: Sequence[str | None]) -> list[str]:
    """Make a label for each config: its name, then the settings that distinguish it from the others.

    Example: "cnn on mel, optimizer.lr=0.01, model.layers=4". Model and feature are in the name.
    """
    return [
        ", ".join([name, *(f"{key}={value}" for key, value in settings.items())])
        for name, settings in zip(names, distinguishing_settings(configs, scopes), strict=True)
    ]


def distinguishing_settings(configs: Sequence[Mapping[str, str]], scopes: Sequence[str | None]) -> list[dict[str, str]]:
    """The settings that distinguish each config from the others, without those of the choice of model and feature.

    Example: {"optimizer.lr": "0.01", "augmentation": "spectrogram"}. Settings are compared
    - only among configs with the same scope. Configs of one recipe share a scope, which is their name, because the name
      already distinguishes them from all others; configs without a recipe share the scope None.
    - only among configs that have the same class for this part. So model.cell is shown if two hybrids differ in it, but
      it does not distinguish a hybrid from a cnn, which has no cell.
    A setting that always changes together with an earlier one is left out: max_lr of one_cycle follows the optimizer's
    lr.
    """
    distinguishing = []
    for config, scope in zip(configs, scopes, strict=True):
        settings: dict[str, str] = {}
        same_scope = [other for other, other_scope in zip(configs, scopes, strict=True) if other_scope == scope]
        named_columns: set[tuple[str | None, ...]] = set()
        for key, value in config.items():
            class_key = _class_key(key, config)
            same_class = [
                other for other in same_scope if class_key is None or other.get(class_key) == config[class_key]
            ]
            if len({other.get(key) for other in same_class}) == 1:
                continue
            if not key.endswith("._target_"):
                column = tuple(other.get(key) for other in same_scope)
                settings |= {key: value} if column not in named_columns else {}
                named_columns.add(column)
            elif key != "model._target_" and not key.startswith("feature."):
                settings[key.removesuffix("._target_")] = value.rsplit(".", 1)[-1].lower()
        distinguishing.append(settings)
    return distinguishing


def _class_key(key: str, config: Mapping[str, str]) -> str | None:
    """The `_target_` key of the class that has a setting as parameter: "model.cell" -> "model._target_"; or None."""
    parent = key.removesuffix("._target_")
    while "." in parent:
        parent = parent.rsplit(".", 1)[0]
        if f"{parent}._target_" in config:
            return f"{parent}._target_"
    return None
