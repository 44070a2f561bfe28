"""Configs: compose them with Hydra, and identify them by a digest."""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from src.threads import usable_cores

CONF = Path(__file__).resolve().parent.parent / "conf"
GROUPS = sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())
PRESETS = ("experiment", "launcher", "sweep")  # groups that set keys of other groups and of Hydra
PROJECT = "music-genre"  # name in dashboards, if the user names none
RENAMED = {"trainer.keep": "trainer.checkpoint"}  # key in earlier versions -> key now

# Settings that change no result, so they are not part of a run's identity: file locations, hardware and what is
# displayed.
NOT_IN_IDENTITY = (
    "data.audit",
    "data.cache",
    "data.resident",
    "dataset.cache",
    "dataset.exclude",
    "dataset.path",
    "dataset.root",
    "dataset.split_file",
    "dataset.tree",
    "debug",
    "hydra",
    "logger",
    "report",
    "split.file",
    "trainer.accelerator",
    "trainer.strategy",
)

# Keys that were added later, with the value that changes nothing: at this value they are not part of a run's identity either,
# so that runs from before keep theirs.
ADDED = {"split.calibration": 0.0}


def compose(*overrides: str, name: str = "train") -> DictConfig:
    """Compose the config of a program (conf/<name>.yaml) from command-line overrides.

    Raises the errors of Hydra and OmegaConf on unknown keys and choices.
    """
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, list(overrides))


def rerun_command(folder: Path) -> str:
    """Command line that repeats this run in its folder, or resumes it there."""
    # A sweep preset in the overrides would otherwise start the whole sweep again.
    single_run = ["hydra.mode=RUN"] if choices()["sweep"] != "none" else []
    overrides = [text for text in command_words() if not text.startswith("launcher=")]
    return shlex.join(["python", "-m", "src.train", *overrides, *single_run, f"hydra.run.dir={folder}"])


def command_words() -> list[str]:
    """The words of this job's command line as they were typed: interpolations in them are not resolved."""
    words = OmegaConf.to_container(HydraConfig.get().overrides.task)
    assert isinstance(words, list)
    return [str(word) for word in words]


def choices() -> dict[str, str]:
    """This job's choice in each config group: {"model": "cnn", "sweep": "[folds,paper]", ...}."""
    return choices_from(command_words(), HydraConfig.get().runtime.choices)


def choices_from(overrides: Sequence[str], hydra_choices: Mapping[str, str]) -> dict[str, str]:
    """Choice in each config group, from the overrides of a command and the choices that Hydra records.

    Several choices in one group read "[folds,paper]"; a group without a choice reads "none".
    """
    # Hydra does not record lists of choices.
    choice_lists = dict(text.split("=", 1) for text in overrides if "=[" in text)
    return {group: hydra_choices.get(group) or choice_lists.get(group, "none") for group in GROUPS}


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and the value of every leaf of a nested config; a list is one leaf."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield from leaves(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, config


def digest(config: Mapping[str, Any], without: Sequence[str] = NOT_IN_IDENTITY) -> str:
    """Hash a resolved config, except the keys in `without` and the keys below them, to 16 hexadecimal digits.

    By default, the settings that change no result are left out, e.g. file locations and hardware; so are the ADDED ones.
    """
    settings = {
        key: value
        for key, value in leaves(without_paths(config))
        if (key, value) not in ADDED.items() and not any(f"{key}.".startswith(f"{omitted}.") for omitted in without)
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def without_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the path of weights whose digest is a setting too: `weights` or `name` beside `sha256`."""
    inner = {key: without_paths(value) if isinstance(value, Mapping) else value for key, value in config.items()}
    return {key: value for key, value in inner.items() if key not in ("weights", "name") or "sha256" not in inner}


def resolved(config: DictConfig) -> dict[str, Any]:
    """Convert a config to plain dicts and lists, with all interpolations resolved."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items()}


def is_group_choice(override: str) -> bool:
    """True if an override makes a choice in a config group, as "model=cnn" does; False for "model.width=8"."""
    return override.split("=")[0].lstrip("+~").split("@")[0] in GROUPS


def jobs_at_once(threads: int) -> int:
    """Number of jobs that can run at once, each with this number of CPU threads: cores / threads, at least 1.

    Respects a container's CPU limit.
    """
    return max(1, usable_cores() // threads)


OmegaConf.register_new_resolver("not", lambda value: not value, replace=True)
OmegaConf.register_new_resolver("jobs_at_once", jobs_at_once, replace=True)
