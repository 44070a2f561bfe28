"""Which runs belong together: those whose configs differ only in seed, in fold, or in what depends on the machine."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from src.config import NOT_IN_IDENTITY
from src.evaluation import run_names
from src.evaluation.pooling import Group, pool
from src.rundir import RunDir

REPETITION_KEYS = ("seed", "split.fold")
PERMISSION_KEYS = ("split.allow_leak",)  # what it lets pass is in the split; the numbers are the same with and without


def group_by_config(runs: Sequence[RunDir]) -> list[Group]:
    """The groups of runs, the highest accuracy first. Raises ValueError on files that do not belong together."""
    alike: dict[str, list[RunDir]] = {}
    configs: dict[str, dict[str, str]] = {}
    for run in runs:
        config = identifying_settings(run)
        key = json.dumps(config, sort_keys=True)
        alike.setdefault(key, []).append(run)
        configs[key] = config
    firsts = [members[0] for members in alike.values()]
    names = [run_names.run_name(run) for run in firsts]
    scopes = [name if run_names.experiment_name(run) else None for name, run in zip(names, firsts, strict=True)]
    labels = _labels(list(configs.values()), names, scopes)
    found = [pool(label, members) for label, members in zip(labels, alike.values(), strict=True)]
    return sorted(found, key=lambda group: (-group.scores["accuracy"], group.label))


def identifying_settings(run: RunDir) -> dict[str, str]:
    """The config as dotted keys and text, without what may differ in a group; beside it the data set's genres."""
    ignored = REPETITION_KEYS + PERMISSION_KEYS + NOT_IN_IDENTITY
    flat = _leaves(run.config)
    kept = {key: value for key, value in flat.items() if not any(f"{key}.".startswith(f"{name}.") for name in ignored)}
    return {**kept, "dataset.corpus": f"{run.metrics['dataset']}: {', '.join(run.predictions.genres)}"}


def _leaves(value: Any, path: str = "") -> dict[str, str]:
    if not isinstance(value, Mapping) or not value:
        return {path: value if isinstance(value, str) else json.dumps(value)}
    below = ((f"{path}.{name}" if path else str(name), child) for name, child in value.items())
    return {key: leaf for at, child in below for key, leaf in _leaves(child, at).items()}


def _labels(configs: Sequence[Mapping[str, str]], names: Sequence[str], scopes: Sequence[str | None]) -> list[str]:
    """What was trained, and the keys that tell it from the others: "cnn on mel, optimizer.lr=0.01, model.layers=4".

    A key counts among configs that choose the same class for its owner: a hybrid's cell tells it from other hybrids,
    not from a cnn, which has none. A recipe's name says all that the recipe sets, so its keys count in its own scope.
    A key that always has the value of one before it follows it (one_cycle's max_lr the optimizer's lr) and adds nothing.
    """
    labels = []
    for config, name, scope in zip(configs, names, scopes, strict=True):
        parts = [name]
        rivals = [other for other, its in zip(configs, scopes, strict=True) if its == scope]
        told: set[tuple[str | None, ...]] = set()
        for key, value in config.items():
            owner = _owner(key, config)
            peers = [other for other in rivals if owner is None or other.get(owner) == config[owner]]
            if len({other.get(key) for other in peers}) == 1:
                continue
            if not key.endswith("._target_"):
                column = tuple(other.get(key) for other in rivals)
                parts += [f"{key}={value}"] if column not in told else []
                told.add(column)
            elif key != "model._target_" and not key.startswith("feature."):  # those are in the name
                parts.append(f"{key.removesuffix('._target_')}={value.rsplit('.', 1)[-1].lower()}")
        labels.append(", ".join(parts))
    return labels


def _owner(key: str, config: Mapping[str, str]) -> str | None:
    """The key of the class that a key is a parameter of, the nearest one above it; None where there is none."""
    above = key.removesuffix("._target_")
    while "." in above:
        above = above.rsplit(".", 1)[0]
        if f"{above}._target_" in config:
            return f"{above}._target_"
    return None
