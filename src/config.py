"""What Hydra composes, checked before anything is built; and every error as one message in the command line's words."""

import difflib
import hashlib
import json
import os
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src.rundir import LOCAL
from src.sweep import processes

CONF = Path(__file__).resolve().parent.parent / "conf"
GROUPS = sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())

# Keys of library classes and of our own whose range no constructor of ours checks: (least, may it be the least itself).
LEAST = {
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
NULLABLE = ("data.max_seconds",)  # a number, or null for no limit
SEVERAL_TYPES = ("data.resident", "data.crops", "data.segments")  # auto, or true, false; auto, or a number


def compose(*words: str, name: str = "train") -> DictConfig:
    """What the command line's words would train (or audit). Raises Hydra's and OmegaConf's errors on words unknown to them."""
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, list(words))


def command(folder: Path) -> str:
    """The command line that repeats a run in its folder, or resumes it there."""
    alone = ["hydra.mode=RUN"] if choices()["sweep"] != "none" else []  # a sweep preset makes many runs of one
    what = [word for word in HydraConfig.get().overrides.task if not word.startswith("launcher=")]
    words = [*what, *alone, f"hydra.run.dir={folder}"]
    return shlex.join(["python", "-m", "src.train", *words])


def choices() -> dict[str, str]:
    """What was chosen in each group, in the command line's words."""
    return chosen(HydraConfig.get().overrides.task, HydraConfig.get().runtime.choices)


def chosen(task: Sequence[str], noted: Mapping[str, str]) -> dict[str, str]:
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


def digest(config: Mapping[str, Any], without: Sequence[str] = LOCAL) -> str:
    """A hash of all that decides a run's numbers in a resolved config; nothing of the machine it runs on."""
    kept = {k: v for k, v in leaves(config) if not any(f"{k}.".startswith(f"{local}.") for local in without)}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


OmegaConf.register_new_resolver("not", lambda value: not value, replace=True)


def resolved(config: DictConfig) -> dict[str, Any]:
    """The config as plain dicts and lists, every interpolation filled in."""
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items()}


def check(config: DictConfig) -> None:
    """Raise ValueError on a value of another type than its default's, or out of its range."""
    processes.check(HydraConfig.get().runtime.cwd)
    overrides = [text for text in HydraConfig.get().overrides.task if _group(text)]
    usual = dict(leaves(OmegaConf.to_container(hydra.compose(str(HydraConfig.get().job.config_name), overrides))))
    for key, value in leaves(resolved(config)):
        default = usual.get(key)
        if isinstance(default, str) and default.startswith("${"):
            default = OmegaConf.select(config, key)
        if key not in SEVERAL_TYPES and not (value is None and key in NULLABLE):
            _check_type(key, value, default)
        if key in LEAST and value is not None:
            least, inclusive = LEAST[key]
            if value < least or (value == least and not inclusive):
                raise ValueError(
                    f"{key} is {value}: expected {f'{least} or more' if inclusive else f'more than {least}'}."
                )


def _group(override: str) -> bool:
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


def explain(error: BaseException, program: str = "train") -> str:
    """What came, what was expected and what to do, in one message."""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    gone = processes.explain(error)
    if gone:
        return gone
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _explain_hydra(str(error), program)
    if isinstance(error, OSError) and error.errno is not None:
        where = f"{error.filename}: " if error.filename else ""
        return (
            f"{where}{error.strerror or error}. The folders that are written to are hydra.run.dir (hydra.sweep.dir in a "
            "sweep) and data.cache: point them at a place with room and permission."
        )
    if isinstance(error, ValueError | ImportError | OSError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {error} (unexpected: debug=true shows where; please report it)"


def _explain_hydra(message: str, program: str) -> str:
    missing_extra = processes.explain_missing(message)
    if missing_extra:
        return missing_extra
    choice = re.search(r"Could not (?:find|load) '([^'/]+)/([^']+)'", message)
    if choice:
        group, word = choice.groups()
        choices = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
        return f"{group}={word}: there is no such choice. {_did_you_mean(word, choices)}{group} can be {', '.join(choices)}."
    key = re.search(r"Could not override '([^']+)'", message) or re.search(r"Key '([^']+)' is not in struct", message)
    if key:
        word = key.group(1)
        if not any(word in text for text in sys.argv[1:]):
            group = word.split(".")[0]
            return f"{word}: the sweep sets this key, and the {group} chosen with it has none. Choose another {group}."
        said = [text for text in sys.argv[1:] if text.split("=")[0] != word and "," not in text]
        overrides = [text for text in said if _group(text) and _exists(text)]
        keys = [k for k, _ in leaves(OmegaConf.to_container(compose(*overrides, name=program)))]
        if word in keys:
            group = word.split(".")[0]
            return f"{word}: not every {group} of the sweep has this key. Name those that have it, as in {group}=A,B."
        near = _did_you_mean(word, [*GROUPS, *keys])
        return f"{word}: there is no such key. {near}`python -m src.{program} --cfg job` prints them all."
    absent = re.search(r"Interpolation key '(\w+)(\.[^']+)' not found", message)
    if absent:
        group, rest = absent.groups()
        return f"{group}{rest}: the sweep or another choice reads this key, and this {group} has none. Choose another {group}."
    missing = re.search(r"Missing mandatory value: (\S+)", message)
    if missing:
        return f"{missing.group(1)} is missing: give it on the command line, {missing.group(1)}=VALUE."
    return " ".join(message.split())


def _exists(override: str) -> bool:
    group, _, word = override.lstrip("+~").partition("=")
    return (CONF / group.split("@")[0] / f"{word}.yaml").exists()


def _did_you_mean(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    near = near or [key for key in known if key.split(".")[-1] == word.split(".")[-1]][:1]
    return f"Did you mean {near[0]!r}? " if near else ""


def run(program: Callable[[], Any], name: str, failed: int = 1) -> None:
    """Run a Hydra program to its exit: 0; `failed` with one message, and a traceback only under debug=true; 130 interrupted."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra hands its errors to us instead of printing them
    try:
        program()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        show(error, name)
        sys.exit(failed)


def show(error: BaseException, name: str) -> None:
    """Print the one message, on standard error."""
    words = HydraConfig.get().overrides.task if HydraConfig.initialized() else sys.argv  # a job's process has no argv
    if any(re.fullmatch(r"\+*debug=(true|True|1)", word) for word in words):
        traceback.print_exception(error)
    print(f"{name}: {explain(error, name)}", file=sys.stderr)
