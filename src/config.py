"""Configs: compose them with Hydra, check their values before anything is built, and identify them by a digest."""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

CONF = Path(__file__).resolve().parent.parent / "conf"
GROUPS = sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())

# Minimum values of keys that no constructor in this project checks: (minimum, True if the minimum itself is allowed).
MINIMUM = {
    "seed": (0, True),
    "split.seed": (0, True),
    "data.batch_size": (1, True),
    "data.crop_seconds": (0, False),
    "data.max_seconds": (0, False),
    "optimizer.lr": (0, False),
    "optimizer.weight_decay": (0, True),
    "trainer.max_epochs": (1, True),
    "trainer.threads": (1, True),
    "trainer.gradient_clip_val": (0, True),
    "trainer.accumulate_grad_batches": (1, True),
    "data.least_crops": (0, True),
}
RENAMED = {"trainer.keep": "trainer.checkpoint"}  # key in earlier versions -> key now
NULLABLE = ("data.max_seconds",)  # a number, or null for no limit
MIXED_TYPES = ("data.resident", "data.crops", "data.segments")  # auto, true or false; auto or a number

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
    "debug",
    "hydra",
    "logger",
    "split.file",
    "trainer.accelerator",
)


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
    overrides = [text for text in HydraConfig.get().overrides.task if not text.startswith("launcher=")]
    return shlex.join(["python", "-m", "src.train", *overrides, *single_run, f"hydra.run.dir={folder}"])


def choices() -> dict[str, str]:
    """This job's choice in each config group: {"model": "cnn", "sweep": "[folds,paper]", ...}."""
    return choices_from(HydraConfig.get().overrides.task, HydraConfig.get().runtime.choices)


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

    By default, the settings that change no result are left out, e.g. file locations and hardware.
    """
    settings = {
        key: value
        for key, value in leaves(config)
        if not any(f"{key}.".startswith(f"{omitted}.") for omitted in without)
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def resolved(config: DictConfig) -> dict[str, Any]:
    """Convert a config to plain dicts and lists, with all interpolations resolved."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items()}


def check(config: DictConfig) -> None:
    """Check the composed config of the current Hydra job.

    Raises ValueError on a value of another type than the default of its group choice, on a value below its minimum, and
    on a key of an earlier version.
    """
    group_choices = [text for text in HydraConfig.get().overrides.task if is_group_choice(text)]
    default_config = hydra.compose(str(HydraConfig.get().job.config_name), group_choices)
    defaults = dict(leaves(OmegaConf.to_container(default_config)))
    for key, value in leaves(resolved(config)):
        if key in RENAMED:
            raise ValueError(f"{key} is now called {RENAMED[key]}: set that one.")
        default = defaults.get(key)
        if isinstance(default, str) and default.startswith("${"):
            default = OmegaConf.select(config, key)
        if key not in MIXED_TYPES and not (value is None and key in NULLABLE):
            _check_type(key, value, default)
        if key in MINIMUM and value is not None:
            minimum, inclusive = MINIMUM[key]
            if value < minimum or (value == minimum and not inclusive):
                raise ValueError(
                    f"{key} is {value}: expected {f'{minimum} or more' if inclusive else f'more than {minimum}'}."
                )


def is_group_choice(override: str) -> bool:
    """True if an override makes a choice in a config group, as "model=cnn" does; False for "model.width=8"."""
    return override.split("=")[0].lstrip("+~").split("@")[0] in GROUPS


def _check_type(key: str, value: Any, default: Any) -> None:
    expected: dict[type, tuple[str, tuple[type, ...]]] = {
        bool: ("true or false", (bool,)),
        int: ("a whole number", (int,)),
        float: ("a number", (int, float)),
        str: ("a word", (str,)),
        list: ("a list, e.g. [a,b]", (list,)),
    }
    if default is None or type(default) not in expected:
        return
    description, accepted = expected[type(default)]
    if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
        raise ValueError(f"{key} is {value!r}: expected {description}, e.g. {default!r}.")


def jobs_at_once(threads: int) -> int:
    """Number of jobs that can run at once, each with this number of CPU threads: cores / threads, at least 1.

    Respects a container's CPU limit.
    """
    from joblib import cpu_count

    return max(1, int(cpu_count()) // threads)


OmegaConf.register_new_resolver("not", lambda value: not value, replace=True)
OmegaConf.register_new_resolver("jobs_at_once", jobs_at_once, replace=True)
