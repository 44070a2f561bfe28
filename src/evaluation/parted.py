"""Groups of runs parted by the values of config keys: `--by model` makes a row a model."""

import difflib
import json
import math
from collections.abc import Mapping, Sequence

from src import formatting, rundir
from src.evaluation.groups import PERMITTED, REPEATED, identifying_settings
from src.evaluation.pooling import Group
from src.reporting import findings
from src.rundir import LOCAL, RunDir, nested


def rows(groups: Sequence[Group], by: Sequence[str]) -> dict[str, list[Group]]:
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
        found.setdefault(tuple(value(run, key) or formatting.UNDEFINED for key in by), []).append(each)
    ordered = sorted(found, key=lambda values: [(_number(text), text) for text in values])
    return {_name(by, values): found[values] for values in ordered}


def value(run: RunDir, key: str) -> str | None:
    """The value of a key as one types it: "gru", "0.001"; None where the run's config has no such key."""
    said = (run.environment.get("choices") or {}).get(key)
    if said is not None:
        return str(said)
    found = nested.get(run.config, key)
    if isinstance(found, Mapping):
        return findings.choice(run.config, key) if {"_target_", "parts"} & set(found) else None
    return None if not nested.has(run.config, key) else found if isinstance(found, str) else json.dumps(found)


def _check(key: str, runs: Sequence[RunDir]) -> None:
    if _repeated(key):
        raise ValueError(
            f"--by {key}: runs that differ in it alone are one configuration. Expected a key that configurations differ "
            "in, e.g. --by model."
        )
    if any(value(run, key) is not None for run in runs):
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
    return any(f"{key}.".startswith(f"{name}.") for name in (*REPEATED, *PERMITTED, *LOCAL))


def _name(by: Sequence[str], values: Sequence[str]) -> str:
    """("model", "optimizer.lr"), ("cnn", "0.01") -> "cnn, optimizer.lr=0.01": a choice's word says what it is."""
    return ", ".join(f"{key}={text}" if "." in key else text for key, text in zip(by, values, strict=True))


def _number(text: str) -> float:
    """What sorts numbers by their size, and before words."""
    try:
        return float(text)
    except ValueError:
        return math.inf
