"""Error messages: each error is printed as one line with the wrong value, what was expected and what to do."""

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

from src import __version__, console
from src.config import CONF, GROUPS, RENAMED, command_words, compose, is_group_choice, leaves
from src.config_reference import describe_key
from src.plain_files import no_room
from src.settings import words
from src.settings.values import did_you_mean, unknown_key

# Hydra plugin -> the choice that needs it. `make extra-NAME` installs the plugin; NAME is the part after =.
EXTRAS = {
    "joblib": "launcher=joblib",
    "submitit_slurm": "launcher=slurm",
    "ray": "launcher=ray",
    "optuna": "sweep=optuna",
}
# Errors from these libraries mean that the process of a job failed, not this project's code in it.
LAUNCHER_LIBRARIES = ("joblib", "submitit", "ray")


def run(program: Callable[[], Any], name: str, failure_status: int = 1) -> None:
    """Run a Hydra program; with --version, --help or --help-key, print that text instead.

    An error is printed as one message, with its traceback only under debug=true, and the process exits with
    `failure_status`; it exits with 130 after Ctrl-C.
    """
    console.accept_any_name()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors instead of printing them
    try:
        if not _print_information(sys.argv[1:], name):
            sys.argv[1:] = words.read(sys.argv[1:], name)
            program()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of --help, e.g. `head`, has seen enough
        console.ignore_closed_pipe()
    except Exception as error:
        show(error, name)
        console.discard_unwritable_output()
        sys.exit(failure_status)


def _print_information(arguments: list[str], program: str) -> bool:
    """Print the text for --version, --help or --help-key KEY and return True; return False if none is among the arguments.

    Called before Hydra reads the command line: it does not know --version and --help-key, and needs 0.9 s for --help, in
    which it lists all config groups for a template of its own.
    """
    if "--version" in arguments:
        print(f"music-genre {__version__}")
    elif {"--help", "-h"} & {*arguments}:
        print(OmegaConf.load(CONF / f"{program}.yaml").hydra.help.template)
    elif "--help-key" in arguments:
        keys = arguments[arguments.index("--help-key") + 1 :][:1]
        if not keys:
            raise ValueError("--help-key needs a key: --help-key optimizer.lr")
        print(describe_key(keys[0]))
    else:
        return False
    return True


def show(error: BaseException, name: str) -> None:
    """Print an error as one message on standard error, after its traceback under debug=true."""
    # The process of a sweep's job does not have the command line in sys.argv.
    arguments = command_words() if HydraConfig.initialized() else sys.argv
    if any(re.fullmatch(r"\+*debug=(true|True|1)", argument) for argument in arguments):
        traceback.print_exception(error)
    console.error(name, explain(error, name))


def explain(error: BaseException, program: str = "train") -> str:
    """Describe an error in one message: the wrong value, what was expected and what to do."""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    if message := no_room(error):
        return f"{message} Runs are written to hydra.run.dir (hydra.sweep.dir in a sweep), caches to data.cache."
    if launcher_failure := _explain_launcher(error):
        return launcher_failure
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _explain_hydra(str(error), program)
    if isinstance(error, OSError) and error.errno is not None:
        location = f"{error.filename}: " if error.filename else ""
        return (
            f"{location}{error.strerror or error}. Files are written to hydra.run.dir (hydra.sweep.dir in a sweep) and "
            "data.cache: set them to folders with free space and write permission."
        )
    if isinstance(error, ValueError | ImportError | OSError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {error} (unexpected error: debug=true shows the traceback; please report it)"


def repeats(error: BaseException) -> bool:
    """True if the same command meets the same error again: a wrong setting, wrong data, or a package that is missing."""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    kinds = (ValueError, ImportError, HydraException, OmegaConfBaseException)
    return isinstance(error, kinds) and not no_room(error) and not _explain_launcher(error)


def _explain_hydra(message: str, program: str) -> str:
    if missing_extra := _explain_missing_extra(message):
        return missing_extra
    unknown_choice = re.search(r"Could not (?:find|load) '(?P<group>[^']+)/(?P<choice>[^'/]*)'", message)
    if unknown_choice:
        group, choice = unknown_choice["group"], unknown_choice["choice"]
        listed = re.findall(r"^\t(\S+)$", message, re.M)
        choices = sorted(path.stem for path in (CONF / group).glob("*.yaml")) or listed
        suggestion = did_you_mean(choice, choices)
        return f"{group}={choice}: there is no such choice. {suggestion}{group} can be {', '.join(choices)}."
    if several := re.search(r"Ambiguous value for argument '(?P<key>[^=']+)=(?P<value>[^']*)'", message):
        key, value = several["key"], several["value"]
        as_list = "" if key in GROUPS else f" For a list, write {key}=[{value}]."
        return f"{key}={value}: several values are a sweep. To train each of them, add --multirun.{as_list}"
    if sweep := re.search(r"Sweep parameters '(?P<words>[^']+)' requires --multirun", message):
        return f"{sweep['words']}: several values are a sweep. To train each of them, add --multirun."
    if exists := re.search(r"An item is already at '(?P<key>[^']+)'", message):
        return f"+{exists['key']}: this key exists. Leave out the +: {exists['key']}=VALUE."
    if twice := re.search(r"Multiple values for (?P<group>\S+)\.", message):
        return f"{twice['group']} is given twice. Leave one of them out."
    to_remove = re.search(r"Could not delete (?:from config\. )?'?(?P<key>[^'\s]+?)'?[. ]", message)
    not_overridden = re.search(r"Could not override '(?P<key>[^']+)'", message)
    unknown = not_overridden or to_remove or re.search(r"Key '(?P<key>[^']+)' is not in struct", message)
    if unknown:
        return _explain_unknown_key(unknown["key"], program)
    missing_reference = re.search(r"Interpolation key '(\w+)(\.[^']+)?' not found", message)
    if missing_reference:
        group, rest = missing_reference.group(1), missing_reference.group(2) or ""
        if typed := [text for text in sys.argv[1:] if f"${{{group}{rest}}}" in text]:
            return f"{typed[0]}: there is no key {group}{rest}. `python -m src.{program} --cfg job` prints all keys."
        return (
            f"{group}{rest}: the sweep or another choice uses this key, but the chosen {group} does not have it. "
            f"Choose another {group}."
        )
    if resolver := re.search(r"Unsupported interpolation type (?P<name>\S+)", message):
        return f"${{{resolver['name']}:...}}: there is no such function. Write the value itself."
    missing_value = re.search(r"Missing mandatory value: (\S+)", message)
    if missing_value:
        key = missing_value.group(1)
        return f"{key} is missing: set it on the command line with {key}=VALUE."
    return " ".join(re.sub("See https?://hydra.cc.*", "", message).split())


def _explain_unknown_key(key: str, program: str) -> str:
    group = key.split(".")[0].split("@")[0]
    if key in RENAMED:
        return f"{key} is now called {RENAMED[key]}: set that one."
    if not any(key in argument for argument in sys.argv[1:]):
        return f"{key}: the sweep sets this key, but the chosen {group} does not have it. Choose another {group}."
    program_groups = [g for g in GROUPS if g in compose(name=program)]
    if key in GROUPS:
        return f"{key}: {program} has no such group. It has {', '.join(program_groups)}."
    other_arguments = [text for text in sys.argv[1:] if text.split("=")[0] != key and "," not in text]
    overrides = [text for text in other_arguments if is_group_choice(text) and _exists(text)]
    keys = [k for k, _ in leaves(OmegaConf.to_container(compose(*overrides, name=program)))]
    if key in keys:
        return f"{key}: not every {group} in the sweep has this key. List only those that have it: {group}=A,B."
    return unknown_key(key, keys)


def _exists(override: str) -> bool:
    group, _, choice = override.lstrip("+~").partition("=")
    return (CONF / group.split("@")[0] / f"{choice}.yaml").exists()


def _explain_missing_extra(message: str) -> str | None:
    """Explain how to install a launcher or sweeper that Hydra does not find; None for any other message."""
    plugin = re.search(r"Could not find 'hydra/(?:launcher|sweeper)/(\w+)'", message)
    choice = EXTRAS.get(plugin.group(1)) if plugin else None
    if not choice:
        return None
    return f"{choice} needs an optional package. Install it with: make extra-{choice.partition('=')[2]}"


def _explain_launcher(error: BaseException) -> str | None:
    """Explain that a job could not be started or that its process died; None for any other error."""
    if '"srun"' in str(error):
        return (
            "launcher=slurm needs the Slurm commands srun and sbatch, and this machine does not have them. Run the "
            "command on the cluster, or choose launcher=joblib."
        )
    library = type(error).__module__.partition(".")[0]
    if library not in LAUNCHER_LIBRARIES:
        return None
    first_sentence = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    advice = (
        "The other jobs stay in the queue and continue. When squeue lists none of them, run the same command again."
        if library == "submitit"
        else "If memory ran out, run fewer jobs at once. To continue, run the same command again: finished jobs are skipped."
    )
    return f"The process of a job died ({type(error).__name__}: {first_sentence}). {advice}"
