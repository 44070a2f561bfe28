"""Check a composed config: every key exists, and every value is one that the key accepts."""

import inspect
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src.config import CONF, GROUPS, PRESETS, RENAMED
from src.settings import networks, quoting
from src.settings.table import PATH_KEYS, TABLE
from src.settings.values import check_value, did_you_mean, unknown_key

# Constructor parameters that the programs set themselves; a setting of this name would be ignored.
SET_BY_PROGRAMS = {"optimizer", "params", "total_steps", "last_epoch", "rows", "scale_F", "genres", "counts"}
OPEN_MAPPINGS = ("feature.parts", "model.table")  # their entries may be removed, and others added


def check_job_config(config: DictConfig) -> None:
    """Check the config of the current Hydra job, and expand ~ in its paths. See `check_config`."""
    job = HydraConfig.get()
    check_config(config, job.runtime.choices, str(job.job.config_name))


def check_config(config: DictConfig, choices: Mapping[str, Any], program: str = "train") -> None:
    """Check a composed config, and expand ~ in its paths.

    `choices` is the choice of each group, as Hydra records it. Nothing is built and no heavy library is imported, except
    to look for an additional setting of a class. Raises ValueError on an unknown key, on a key that is missing or of an
    earlier version, and on a value that the key does not accept.
    """
    for preset in sorted({*PRESETS} & {str(key) for key in config}):
        path = CONF / preset / f"{choices.get(preset)}.yaml"
        raise ValueError(
            f"{path.relative_to(CONF.parent)}: its first line must be '# @package _global_', so that its settings belong "
            f"to the whole run. Without it they belong to a group named {preset}, which does not exist."
        )
    own_choices = {
        group: str(choice)  # also feature@feature.deep, a part of a feature that is a choice of its own
        for group, choice in choices.items()
        if group.partition("@")[0] in GROUPS and group not in PRESETS
    }
    written = _defaults(program, tuple(sorted(own_choices.items())))
    unresolved = OmegaConf.to_container(config)
    assert isinstance(unresolved, dict)
    for key, value in configs.leaves(unresolved):
        if key in RENAMED:
            raise ValueError(f"{key} is now called {RENAMED[key]}: set that one.")
        if key in PATH_KEYS and isinstance(value, str) and value.startswith("~"):
            OmegaConf.update(config, key, quoting.expand(key, value))
    # First as written: a value that other keys refer to is then reported under its own name.
    _compare("", {str(key): value for key, value in unresolved.items()}, written, own_choices, program)
    if own_choices.get("feature") == "transformers":
        networks.check(config.feature)
    _compare("", configs.resolved(config), written, own_choices, program)


def _compare(
    prefix: str, value: Mapping[str, Any], written: Mapping[str, Any], choices: Mapping[str, str], program: str
) -> None:
    """Compare a part of a config with the same part of its choices' YAML files."""
    group = prefix.partition(".")[0]
    choice = choices.get(group, "")
    for name, default in written.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        if name not in value:
            if prefix not in OPEN_MAPPINGS:
                user = f"{group}={choice}" if choice else "every run"
                raise ValueError(f"~{key}: {user} needs this key. Set another value instead: {key}=VALUE.")
        elif isinstance(default, Mapping):
            if not isinstance(value[name], Mapping):
                inner = next((inner for inner, _ in configs.leaves(default, key) if "._" not in inner), key)
                raise ValueError(f"{key} is {value[name]!r}: expected its settings one by one, as in {inner}=VALUE.")
            _compare(key, value[name], default, choices, program)
        elif not (isinstance(value[name], str) and re.search(r"\$\{|^\?\?\?$", value[name])):
            check_value(key, value[name], choice, default)
    for name in value.keys() - written.keys():
        _check_additional(f"{prefix}.{name}" if prefix else str(name), value, written, choice, program)


def _check_additional(key: str, node: Mapping[str, Any], written: Mapping[str, Any], choice: str, program: str) -> None:
    """Check a key that no YAML file of the choices has: the class may have a setting that its YAML leaves at its default.

    Raises ValueError if it has none.
    """
    prefix, _, name = key.rpartition(".")
    group = key.partition(".")[0]
    if not prefix:
        raise ValueError(unknown_key(key, _program_keys(program)))
    if prefix in OPEN_MAPPINGS or (prefix == "trainer" and key in TABLE):
        return check_value(key, node[name], choice)
    accepted = [
        *_additional_settings(node),
        *(k.rpartition(".")[2] for k in TABLE if k.startswith("trainer.") and prefix == "trainer"),
    ]
    if name in accepted:
        return check_value(key, node[name], choice)
    known = sorted({*accepted, *(n for n in written if not n.startswith("_"))})
    settings = f"It has {', '.join(known)}." if known else "It has no settings."
    raise ValueError(
        f"{key}: {group}={choice} has no such setting. {did_you_mean(name, known)}{settings} If a recipe sets it for another "
        f"choice, leave it out with ~{key}."
    )


def _additional_settings(node: Mapping[str, Any]) -> list[str]:
    """The optional parameters of the class that a part of a config names, without those that the programs set."""
    target = node.get("_target_")
    if not isinstance(target, str) or target.startswith(("src.training.", "src.data.")):
        return []
    parameters = inspect.signature(get_object(target)).parameters.values()
    return [p.name for p in parameters if p.default is not p.empty and p.name not in SET_BY_PROGRAMS]


@lru_cache
def _defaults(program: str, choices: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """The config of these choices as their YAML files have it, without recipes and presets; interpolations stay as they are."""
    config = _compose(program, [f"{group}={choice}" for group, choice in choices])
    container = OmegaConf.to_container(config)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _program_keys(program: str) -> list[str]:
    return [key for key, _ in configs.leaves(OmegaConf.to_container(_compose(program, [])))]


def _compose(program: str, overrides: list[str]) -> DictConfig:
    """Compose a config; in a Hydra job from all folders of its command line (--config-dir)."""
    if GlobalHydra.instance().is_initialized():
        return hydra.compose(program, overrides)
    return configs.compose(*overrides, name=program)
