"""Settings in the command lines of evaluate, explain and robustness: the data on which runs are judged."""

from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from src import config as configs
from src.judging.judged_data import Request
from src.rundir import members
from src.settings import words as setting_words
from src.settings.check import check_config
from src.settings.values import check_value

GROUPS = ("dataset", "split", "data")
PROGRAM = "evaluate"
RUN_DIR = "hydra.run.dir"


def read(words: Sequence[str]) -> tuple[Request, Path | None]:
    """Read the settings of a command line -> what runs are judged on, and the folder that was asked for.

    Raises ValueError, or the errors of Hydra and OmegaConf, on a setting that does not exist, or that the run decides.
    """
    overrides = OverridesParser.create().parse_overrides(setting_words.read(words, PROGRAM))
    for override in overrides:
        _check(override)
    by_group = {
        group: [o for o in overrides if o.key_or_group.split(".")[0].split("@")[0] == group] for group in GROUPS
    }
    folder = next((Path(str(o.value())) for o in overrides if o.key_or_group == RUN_DIR), None)
    chosen = {group for group in GROUPS if any(o.key_or_group == group for o in by_group[group])}
    if by_group["split"] and "split" not in chosen:
        word = by_group["split"][0].input_line
        raise ValueError(f"{word}: name the split that it belongs to, e.g. split=holdout {word}.")
    words_of = {group: [str(o.input_line) for o in by_group[group]] for group in GROUPS}
    # Without dataset=, its keys are those of the run's own data set, e.g. its new place.
    own_keys = [] if "dataset" in chosen else words_of.pop("dataset")
    with hydra.initialize_config_dir(str(configs.CONF), version_base="1.3"):
        config = hydra.compose(
            PROGRAM, [word for group in words_of.values() for word in group], return_hydra_config=True
        )
        choices = dict(config.hydra.runtime.choices)
        config = OmegaConf.create({key: value for key, value in config.items_ex(resolve=False) if key != "hydra"})
        check_config(config, choices, PROGRAM)
    missing = sorted(key for key in OmegaConf.missing_keys(config) if key.partition(".")[0] in chosen)
    if missing:
        raise ValueError(f"{missing[0]} is missing: set it on the command line with {missing[0]}=VALUE.")
    values = configs.resolved(config)
    changes = {o.key_or_group: o.value() for o in by_group["data"] if o.key_or_group != "data"}
    changes |= {o.key_or_group: o.value() for o in by_group["dataset"] if str(o.input_line) in own_keys}
    for key, value in changes.items():
        check_value(key, value)
    dataset, split = (values[group] if group in chosen else None for group in ("dataset", "split"))
    return Request(dataset, split, changes), folder


def _check(override: Override) -> None:
    """Raise ValueError on a setting that belongs to the run, and on several values of one."""
    key = override.key_or_group
    if key.split(".")[0].split("@")[0] not in GROUPS and key not in (RUN_DIR, "debug"):
        raise ValueError(
            f"{override.input_line}: the run decides this. Expected settings of {', '.join(GROUPS)}, or {RUN_DIR}=FOLDER."
        )
    if override.is_sweep_override():
        raise ValueError(f"{override.input_line}: expected one value. Give one command for each data set.")


def data_name(words: Sequence[str]) -> str:
    """The choice of dataset= in a command line; "own" without it."""
    choices = [word.partition("=")[2] for word in words if word.startswith("dataset=")]
    return choices[-1] if choices else "own"


def run_folders(paths: Sequence[Path], trust: Sequence[str]) -> list[Path]:
    """The folders of the runs at some paths, each once: a run directory, or a folder with finished runs, whose evaluations are left out.

    Raises ValueError if a path has no run that can be judged.
    """
    found: dict[Path, Path] = {}
    for run in members.trained_runs_at(paths, tuple(trust)):
        found.setdefault(run.path.resolve(), run.path)
    return list(found.values())
