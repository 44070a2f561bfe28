"""Definitions of wandb sweeps: a preset or a command line as the YAML that `wandb sweep` reads."""

from collections.abc import Sequence
from typing import Any

import hydra
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src.settings import words
from src.settings.check import check_config
from src.sweep import names

METRIC = "val/f1_macro"  # one of the curves


def grid(arguments: Sequence[str]) -> dict[str, Any]:
    """The definition of a wandb sweep that trains what `python -m src.train ARGUMENTS` would train.

    Raises ValueError if nothing is swept, if the values are not a grid, if the sweep ends with more than its runs, and if
    the runs do not log to wandb.
    """
    read = [word for word in words.read(["--multirun", *arguments]) if not word.startswith("-")]
    read = [
        word for word in read if not word.startswith(("launcher=", "hydra.launcher.", "hydra.sweep.", "hydra.mode="))
    ]
    parser = OverridesParser.create()
    typed = parser.parse_overrides(read)
    config = _compose([_first(override) for override in typed])
    _check_values(config, typed)
    preset = configs.choices_from(read, config.hydra.runtime.choices)["sweep"]
    _check(preset, config)
    typed_keys = {override.get_key_element().lstrip("+~") for override in typed}
    params = OmegaConf.to_container(config.hydra.sweeper.params or OmegaConf.create(), resolve=True)
    assert isinstance(params, dict)
    own = parser.parse_overrides([f"{key!s}={value}" for key, value in params.items() if key not in typed_keys])
    parameters = {
        override.get_key_element(): {"values": list(map(_plain, override.sweep_string_iterator()))}
        for override in [*own, *typed]
        if override.is_sweep_override()
    }
    if not parameters:
        raise ValueError("nothing is swept: choose a preset, as in sweep=paper, or give several values: model=cnn,rnn.")
    fixed = [str(override.input_line) for override in [*own, *typed] if not override.is_sweep_override()]
    single = [] if preset == "none" else ["hydra.mode=RUN"]
    logger = _logger_settings(config)
    return {
        "name": "_".join(
            [
                *([] if preset == "none" else [preset.strip("[]").replace(",", "_")]),
                *(key.rpartition(".")[2] for key in parameters),
            ]
        ),
        "project": logger.get("project") or configs.PROJECT,
        **({"entity": logger["entity"]} if logger.get("entity") else {}),
        "program": "src/train.py",
        "method": "grid",
        "metric": {"name": METRIC, "goal": "maximize"},
        "command": [
            *("${env}", "python", "-m", "src.train"),
            *fixed,
            *single,
            *_online(config, typed_keys),
            "${args_no_hyphens}",  # Hydra refuses --key=value
        ],
        "parameters": parameters,
    }


def text(arguments: Sequence[str]) -> str:
    """The YAML file, with comments that say how to use it."""
    content = grid(arguments)
    jobs = 1
    for parameter in content["parameters"].values():
        jobs *= len(parameter["values"])
    head = (
        f"# {jobs} trainings. To start them: wandb login; wandb sweep FILE; then, on each machine: wandb agent ID\n"
        "# The agent runs `python`: activate the environment of the project first, in its folder.\n"
    )
    return head + str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))


def _compose(overrides: list[str]) -> DictConfig:
    with hydra.initialize_config_dir(str(configs.CONF), version_base="1.3"):
        return hydra.compose("train", overrides, return_hydra_config=True)


def _first(override: Override) -> str:
    """The override with the first of its values. Raises ValueError on an interval, which has no first one."""
    if not override.is_sweep_override():
        return str(override.input_line)
    if override.is_interval_sweep():
        raise ValueError(
            f"{override.input_line}: an interval is no grid. Give values, as in {override.get_key_element()}=A,B,C."
        )
    return f"{override.get_key_element()}={next(iter(override.sweep_string_iterator()))}"


def _check_values(config: DictConfig, typed: Sequence[Override]) -> None:
    """Raise ValueError or an error of Hydra on a value that no run would accept; `words.read` has checked those of keys."""
    job = OmegaConf.create({key: value for key, value in config.items_ex(resolve=False) if key != "hydra"})
    check_config(job, config.hydra.runtime.choices)
    for override in typed:
        if override.is_sweep_override() and configs.is_group_choice(str(override.input_line)):
            for value in override.sweep_string_iterator():
                _compose([f"{override.get_key_element()}={value}"])


def _check(preset: str, config: DictConfig) -> None:
    """Raise ValueError on a sweep that is more than a grid of runs that log to wandb."""
    if names.is_search(config):
        raise ValueError(
            f"sweep={preset} chooses its values during the search, which no grid can express. Run it with python -m src.train, "
            "or give values: optimizer.lr=0.001,0.003 model.dropout=0,0.3."
        )
    own = config.hydra.callbacks.keys() - _compose([]).hydra.callbacks.keys()
    if own:
        raise ValueError(
            f"sweep={preset} compares its runs at the end ({', '.join(sorted(map(str, own)))}), which a wandb sweep cannot do. "
            "Run it with python -m src.train."
        )
    if "wandb" not in _logger_names(config):
        raise ValueError(
            "a wandb sweep needs runs that log to wandb: logger=wandb, or logger=many with wandb in its names."
        )


def _logger_names(config: DictConfig) -> list[str]:
    name = str(config.logger.get("_target_")).rpartition(".")[2]
    return list(config.logger.names) if name == "many" else [name]


def _logger_settings(config: DictConfig) -> dict[str, Any]:
    settings = config.logger.wandb if "names" in config.logger else config.logger
    return {str(key): value for key, value in settings.items()}


def _online(config: DictConfig, typed_keys: set[str]) -> list[str]:
    """The setting that puts the runs online, unless the user has set it: an agent waits for their results."""
    key = "logger.wandb.offline" if "names" in config.logger else "logger.offline"
    return [] if key in typed_keys else [f"{key}=false"]


def _plain(value: str) -> int | float | str:
    """Convert a number; anything else stays text, as wandb would write true as True and null as None."""
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            pass
    return value
