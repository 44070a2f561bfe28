"""Folder names and labels of sweeps and their jobs.

A folder name consists of a readable part and a digest, so that the same command finds its folders again.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src.classifier import precision, weights

NOT_IN_NAME = ("debug", "launcher")  # keys that do not change the folder: where jobs run and how much they print
MAX_LENGTH = 60  # characters before the digest; some file systems allow 143 in a name


def job_name(*, _root_: DictConfig) -> str:
    """Folder name of a sweep's job: its main choices and 8 hexadecimal digits of its whole config."""
    job = OmegaConf.create({key: value for key, value in _root_.items_ex(resolve=False) if key != "hydra"})
    precision.resolve_auto(job)
    weights.record_digests(job, must_exist=False)
    config = configs.resolved(job)
    choices = configs.choices()
    parts = [choices["dataset"], choices["feature"], choices["model"]]
    parts += [choices["experiment"]] if choices["experiment"] != "none" else []
    parts += ["random"] if config["split"].get("grouped") is False else []
    parts += [f"fold{config['split']['fold']}"] if "fold" in config["split"] else []
    return "_".join([*parts, f"seed{config['seed']}"]) + "-" + configs.digest(config, without=NOT_IN_NAME)[:8]


def sweep_name(overrides: Sequence[str], hydra_choices: Mapping[str, str]) -> str:
    """Folder name of a sweep: its presets, the swept keys and 8 hexadecimal digits of its command.

    `overrides` are the arguments of the command, `hydra_choices` the choices that Hydra records for them. The digest
    does not depend on the order of the arguments. The same command continues in the same folder.
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    choices = configs.choices_from(overrides, hydra_choices)
    parts = [name for group in ("sweep", "experiment") for name in re.findall(r"\w+", choices[group]) if name != "none"]
    parts += sorted(override.key_or_group.split(".")[-1] for override in parsed if override.is_sweep_override())
    command = sorted(
        str(override.input_line).replace(" ", "") for override in parsed if override.key_or_group not in NOT_IN_NAME
    )
    digest = hashlib.sha256(json.dumps(command).encode()).hexdigest()[:8]
    return re.sub(r"\W", "_", "_".join(["sweep", *parts]))[:MAX_LENGTH] + f"-{digest}"


def notes_folder(config: DictConfig) -> Path:
    """Absolute path of the folder of a sweep's job notes; absolute, as a job may run in another working directory."""
    return (
        Path(config.hydra.sweep.dir).absolute()
        / ".jobs"
        / sweep_name(config.hydra.overrides.task, config.hydra.runtime.choices)
    )


def job_labels(config: DictConfig) -> list[str]:
    """Label the jobs of a sweep by the settings in which they differ: "fold=0 model=rnn"; a single job gets "".

    The jobs of a search are not known in advance: "trial 0", "trial 1", up to its largest number of trials. Raises the
    errors of Hydra and OmegaConf on invalid overrides.
    """
    if is_search(config):
        return [f"trial {number}" for number in range(config.hydra.sweeper.get("n_trials") or 0)]
    params = config.hydra.sweeper.params or {}
    overrides = [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]
    parsed = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(overrides)
    job_overrides = BasicSweeper.split_arguments(parsed, None)[0]
    swept = [column for column in zip(*job_overrides, strict=True) if len(set(column)) > 1]
    if not swept:
        return [""] * len(job_overrides)
    return [" ".join(settings) for settings in zip(*map(_shorten, swept), strict=True)]


def is_search(config: DictConfig) -> bool:
    """True if the sweeper chooses settings from the results of earlier jobs, i.e. is not Hydra's basic sweeper."""
    return not str(config.hydra.sweeper._target_).endswith(f".{BasicSweeper.__name__}")


def trial_label(search_overrides: Sequence[str], job_overrides: Sequence[str]) -> str:
    """Label a job of a search by the values that the search chose, with four digits: "lr=0.003124 dropout=0.2"."""
    chosen = " ".join(_shorten([override for override in job_overrides if override not in search_overrides]))
    return re.sub(r"\d+\.\d{4,}(e[+-]?\d+)?", lambda match: f"{float(match[0]):.4g}", chosen)


def _shorten(overrides: Sequence[str]) -> list[str]:
    """Drop the group from keys: ("optimizer.lr=0.001", "optimizer.lr=0.005") -> ["lr=0.001", "lr=0.005"]."""
    return [re.sub(r"^[^=]*\.(?=\w+=)", "", override) for override in overrides]


OmegaConf.register_new_resolver("job_name", job_name, replace=True)
# Cached, since the overrides of a job differ from those of its sweep.
OmegaConf.register_new_resolver("sweep_name", sweep_name, use_cache=True, replace=True)
