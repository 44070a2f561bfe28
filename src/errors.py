"""Every error as one message: what came, what was expected, what to do."""

import difflib
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src.config import CONF, GROUPS, RENAMED, compose, is_group_choice, leaves

# Hydra's plugin -> the choice that needs it, whose second half names the extra that installs it.
EXTRAS = {
    "joblib": "launcher=joblib",
    "submitit_slurm": "launcher=slurm",
    "ray": "launcher=ray",
    "optuna": "sweep=optuna",
}
LAUNCHER_LIBRARIES = ("joblib", "submitit", "ray")  # their errors concern a job's process, not our code in it


def run(program: Callable[[], Any], name: str, failure_status: int = 1) -> None:
    """Run a Hydra program to its exit: 0; `failure_status` with one message, and a traceback only under debug=true; 130 interrupted."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra hands its errors to us instead of printing them
    try:
        program()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        show(error, name)
        sys.exit(failure_status)


def show(error: BaseException, name: str) -> None:
    """Print the one message, on standard error."""
    words = HydraConfig.get().overrides.task if HydraConfig.initialized() else sys.argv  # a job's process has no argv
    if any(re.fullmatch(r"\+*debug=(true|True|1)", word) for word in words):
        traceback.print_exception(error)
    print(f"{name}: {explain(error, name)}", file=sys.stderr)


def explain(error: BaseException, program: str = "train") -> str:
    """What came, what was expected and what to do, in one message."""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    if launcher_failure := _explain_launcher(error):
        return launcher_failure
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
    if missing_extra := _explain_missing_extra(message):
        return missing_extra
    choice = re.search(r"Could not (?:find|load) '([^'/]+)/([^']+)'", message)
    if choice:
        group, word = choice.groups()
        choices = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
        return f"{group}={word}: there is no such choice. {_did_you_mean(word, choices)}{group} can be {', '.join(choices)}."
    key = re.search(r"Could not override '([^']+)'", message) or re.search(r"Key '([^']+)' is not in struct", message)
    if key:
        word = key.group(1)
        if word in RENAMED:
            return f"{word} is now called {RENAMED[word]}: set that one."
        if not any(word in text for text in sys.argv[1:]):
            group = word.split(".")[0]
            return f"{word}: the sweep sets this key, and the {group} chosen with it has none. Choose another {group}."
        said = [text for text in sys.argv[1:] if text.split("=")[0] != word and "," not in text]
        overrides = [text for text in said if is_group_choice(text) and _exists(text)]
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


def _explain_missing_extra(message: str) -> str | None:
    """What to do where Hydra has no such launcher or sweeper; None where that is not what it says."""
    plugin = re.search(r"Could not find 'hydra/(?:launcher|sweeper)/(\w+)'", message)
    word = EXTRAS.get(plugin.group(1)) if plugin else None
    return f"{word} needs its extra: make extra-{word.partition('=')[2]}" if word else None


def _explain_launcher(error: BaseException) -> str | None:
    """What to do where a job could not be started, or its process died; None on any other error."""
    if '"srun"' in str(error):
        return (
            "launcher=slurm needs Slurm's commands, srun and sbatch, and this machine has none. Give the command on the "
            "cluster, or choose launcher=joblib."
        )
    library = type(error).__module__.partition(".")[0]
    if library not in LAUNCHER_LIBRARIES:
        return None
    first = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    advice = (
        "The other jobs stay queued and go on: wait until squeue shows none of them, then give the same command."
        if library == "submitit"
        else "Where memory ran out, let fewer jobs run at once. What is finished is kept; the same command goes on."
    )
    return f"The process of a job died ({type(error).__name__}: {first}). {advice}"
