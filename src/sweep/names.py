"""Folder names and labels of sweeps and their jobs.

A folder name consists of a readable part and a digest, so that the same command finds its folders again.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src.classifier import precision, weights
from src.sweep import jobs

NOT_IN_NAME = ("debug", "launcher")  # keys that do not change the folder: where jobs run and how much they print
MAX_LENGTH = 60  # characters before the digest; some file systems allow 143 in a name


def job_name(swept_keys: str, *, _root_: DictConfig) -> str:
    """Folder name of a sweep's job: the values of the `swept_keys`, and 8 hexadecimal digits of its whole config.

    Example: "cnn_fold0_lr0.005_batch_size32_layers3-1a2b3c4d"; the model is first, unless it is swept. If the sweep's
    folder already has this job under another name, e.g. of an earlier version, that name is returned.
    """
    job = OmegaConf.create({key: value for key, value in _root_.items_ex(resolve=False) if key != "hydra"})
    precision.resolve_auto(job)
    weights.record_digests(job, must_exist=False)
    digest = configs.digest(configs.resolved(job), without=NOT_IN_NAME)[:8]
    existing = sorted(path.name for path in Path(_root_.hydra.sweep.dir).glob(f"*-{digest}") if path.is_dir())
    if existing:
        return existing[0]
    keys = swept_keys.split()
    values = dict(word.lstrip("+").split("=", 1) for word in configs.command_words() if "=" in word)
    parts = [name_part(key, values[key]) for key in keys if key in values]
    choices = configs.choices()
    if not parts:
        parts = [choices["dataset"], choices["feature"], choices["model"]]
    elif not {"model", "experiment"} & set(keys):
        parts = [choices["model"], *parts]
    return "_".join(filter(None, parts))[:MAX_LENGTH].rstrip("-_.") + f"-{digest}"


def name_part(key: str, value: str) -> str:
    """The part of a folder name that gives one setting, in ASCII letters, digits, dots and hyphens.

    ("model", "cnn") -> "cnn"; ("optimizer.lr", "0.0031234") -> "lr0.003123"; ("model.activation", "relu") ->
    "activation-relu"; of a path only the last part. Hydra's command line would split a name at "," and refuse "=".
    """
    if re.fullmatch(r"-?\d+\.\d{4,}(e[+-]?\d+)?", value):
        value = f"{float(value):.4g}"
    text = re.sub(r"[^A-Za-z0-9.]+", "-", value.strip("'\"/").rsplit("/", 1)[-1]).strip("-.")
    if configs.is_group_choice(key):
        return text
    return f"{key.rsplit('.', 1)[-1]}{'' if text[:1].isdigit() else '-'}{text}"


def swept_keys(overrides: Sequence[str], params: Mapping[str, Any] | None) -> str:
    """The keys that a sweep varies, separated by spaces, in the order of its labels: "split.fold optimizer.lr".

    `overrides` are the arguments of the command, `params` those of its presets, which the command overrides.
    """
    texts = [*(f"{key}={value}" for key, value in (params or {}).items()), *overrides]
    parsed = {override.key_or_group: override for override in OverridesParser.create().parse_overrides(texts)}
    return " ".join(key for key, override in parsed.items() if override.is_sweep_override())


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
        / jobs.NOTES
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
OmegaConf.register_new_resolver("swept_keys", swept_keys, use_cache=True, replace=True)
