"""What a sweep and its jobs are called: folders of words and a digest, which the same command finds again, and labels."""

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

NOT_IN_NAME = ("debug", "launcher")  # where and how talkatively jobs run: the same sweep with another of these goes on
MAX_LENGTH = 60  # characters of words; some file systems end at 143


def job_name(*, _root_: DictConfig) -> str:
    """The folder of one job of a sweep: what it trains, in words, and 8 hexadecimal digits of its whole config."""
    config = configs.resolved(OmegaConf.create({k: v for k, v in _root_.items_ex(resolve=False) if k != "hydra"}))
    chosen = configs.choices()
    words = [chosen["dataset"], chosen["feature"], chosen["model"]]
    words += [chosen["experiment"]] if chosen["experiment"] != "none" else []
    words += ["random"] if config["split"].get("grouped") is False else []
    words += [f"fold{config['split']['fold']}"] if "fold" in config["split"] else []
    return "_".join([*words, f"seed{config['seed']}"]) + "-" + configs.digest(config, without=NOT_IN_NAME)[:8]


def sweep_name(task: Sequence[str], noted: Mapping[str, str]) -> str:
    """The folder of a sweep: its presets and what is swept, in words, and 8 hexadecimal digits of its command.

    The same command has the same folder, whatever the order of its words, so that it goes on where it stopped. `task` are
    its words, `noted` what Hydra made of them.
    """
    overrides = OverridesParser.create().parse_overrides(list(task))
    chosen = configs.choices_from(task, noted)
    words = [word for group in ("sweep", "experiment") for word in re.findall(r"\w+", chosen[group]) if word != "none"]
    words += [each.key_or_group.split(".")[-1] for each in overrides if each.is_sweep_override()]
    told = sorted(str(each.input_line).replace(" ", "") for each in overrides if each.key_or_group not in NOT_IN_NAME)
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8]
    return re.sub(r"\W", "_", "_".join(["sweep", *words]))[:MAX_LENGTH] + f"-{digest}"


def notes_folder(config: DictConfig) -> Path:
    """The folder of the notes on a sweep's jobs, absolute: a job may run in another working directory."""
    return (
        Path(config.hydra.sweep.dir).absolute()
        / ".jobs"
        / sweep_name(config.hydra.overrides.task, config.hydra.runtime.choices)
    )


def job_labels(config: DictConfig) -> list[str]:
    """What tells each job of a sweep from the others, in order: "fold=0 model=rnn"; of a single job, nothing.

    A search asks for one job after the other: "trial 0", "trial 1", as many as there will be at most. Raises Hydra's and
    OmegaConf's errors.
    """
    if is_search(config):
        return [f"trial {number}" for number in range(config.hydra.sweeper.get("n_trials") or 0)]
    params = config.hydra.sweeper.params or {}
    words = [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]
    overrides = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(words)
    given = BasicSweeper.split_arguments(overrides, None)[0]
    swept = [column for column in zip(*given, strict=True) if len(set(column)) > 1]
    return [" ".join(words) for words in zip(*map(_shorten, swept), strict=True)] if swept else [""] * len(given)


def is_search(config: DictConfig) -> bool:
    """Whether another sweeper than Hydra's own decides what is trained, after it has seen what came of the jobs before."""
    return not str(config.hydra.sweeper._target_).endswith(f".{BasicSweeper.__name__}")


def trial_label(given: Sequence[str], asked: Sequence[str]) -> str:
    """What a search made of the `given` words when it `asked` for a job, to four digits: "lr=0.003124 dropout=0.2"."""
    told = " ".join(_shorten([word for word in asked if word not in given]))
    return re.sub(r"\d+\.\d{4,}(e[+-]?\d+)?", lambda number: f"{float(number[0]):.4g}", told)


def _shorten(column: Sequence[str]) -> list[str]:
    """("optimizer.lr=0.001", "optimizer.lr=0.005") -> ["lr=0.001", "lr=0.005"]"""
    return [re.sub(r"^[^=]*\.(?=\w+=)", "", word) for word in column]


OmegaConf.register_new_resolver("job_name", job_name, replace=True)
OmegaConf.register_new_resolver("sweep_name", sweep_name, use_cache=True, replace=True)  # its jobs have other words
