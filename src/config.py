"""What Hydra composes, checked before anything is built; and every error as one message in the command line's words."""

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

# Keys of library classes and of our own whose range no constructor of ours checks: (least, may it be the least itself).
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
RENAMED = {"trainer.keep": "trainer.checkpoint"}  # keys of earlier versions
NULLABLE = ("data.max_seconds",)  # a number, or null for no limit
MIXED_TYPES = ("data.resident", "data.crops", "data.segments")  # auto, or true, false; auto, or a number


# Where files lie, what computes, what is shown: settings that change no number, so they are no part of a run's identity.
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


def compose(*words: str, name: str = "train") -> DictConfig:
    """What the command line's words would train (or audit). Raises Hydra's and OmegaConf's errors on words unknown to them."""
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, list(words))


def rerun_command(folder: Path) -> str:
    """The command line that repeats a run in its folder, or resumes it there."""
    alone = ["hydra.mode=RUN"] if choices()["sweep"] != "none" else []  # a sweep preset makes many runs of one
    what = [word for word in HydraConfig.get().overrides.task if not word.startswith("launcher=")]
    words = [*what, *alone, f"hydra.run.dir={folder}"]
    return shlex.join(["python", "-m", "src.train", *words])


def choices() -> dict[str, str]:
    """What was chosen in each group, in the command line's words."""
    return choices_from(HydraConfig.get().overrides.task, HydraConfig.get().runtime.choices)


def choices_from(task: Sequence[str], noted: Mapping[str, str]) -> dict[str, str]:
    """The same of a command's words and of what Hydra noted of them; several in one group read "[folds,paper]"."""
    several = dict(text.split("=", 1) for text in task if "=[" in text)  # of which Hydra notes nothing
    return {group: noted.get(group) or several.get(group, "none") for group in GROUPS}


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted key and the value of every leaf; lists are leaves."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield from leaves(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, config


def digest(config: Mapping[str, Any], without: Sequence[str] = NOT_IN_IDENTITY) -> str:
    """A hash of all that decides a run's numbers in a resolved config; nothing of the machine it runs on."""
    kept = {k: v for k, v in leaves(config) if not any(f"{k}.".startswith(f"{local}.") for local in without)}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def resolved(config: DictConfig) -> dict[str, Any]:
    """The config as plain dicts and lists, every interpolation filled in."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items()}


def check(config: DictConfig) -> None:
    """Raise ValueError on a value of another type than its default's, or out of its range."""
    overrides = [text for text in HydraConfig.get().overrides.task if is_group_choice(text)]
    usual = dict(leaves(OmegaConf.to_container(hydra.compose(str(HydraConfig.get().job.config_name), overrides))))
    for key, value in leaves(resolved(config)):
        if key in RENAMED:
            raise ValueError(f"{key} is now called {RENAMED[key]}: set that one.")
        default = usual.get(key)
        if isinstance(default, str) and default.startswith("${"):
            default = OmegaConf.select(config, key)
        if key not in MIXED_TYPES and not (value is None and key in NULLABLE):
            _check_type(key, value, default)
        if key in MINIMUM and value is not None:
            least, inclusive = MINIMUM[key]
            if value < least or (value == least and not inclusive):
                raise ValueError(
                    f"{key} is {value}: expected {f'{least} or more' if inclusive else f'more than {least}'}."
                )


def is_group_choice(override: str) -> bool:
    return override.split("=")[0].lstrip("+~").split("@")[0] in GROUPS


def _check_type(key: str, value: Any, default: Any) -> None:
    kinds: dict[type, tuple[str, tuple[type, ...]]] = {
        bool: ("true or false", (bool,)),
        int: ("a whole number", (int,)),
        float: ("a number", (int, float)),
        str: ("a word", (str,)),
        list: ("a list, e.g. [a,b]", (list,)),
    }
    if default is None or type(default) not in kinds:
        return
    words, accepted = kinds[type(default)]
    if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
        raise ValueError(f"{key} is {value!r}: expected {words}, e.g. {default!r}.")


def jobs_at_once(threads: int) -> int:
    """How many jobs of so many threads the cores hold, at least one. A container's share of the cores is respected."""
    from joblib import cpu_count

    return max(1, int(cpu_count()) // threads)


OmegaConf.register_new_resolver("not", lambda value: not value, replace=True)
OmegaConf.register_new_resolver("jobs_at_once", jobs_at_once, replace=True)
