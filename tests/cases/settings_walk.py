"""A walk over every key of conf/ with wrong values: what each program would answer, in this process and without decoding."""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from src import errors
from src.config import CONF, GROUPS, PRESETS, compose, leaves
from src.settings import words
from src.settings.check import check_config
from src.settings.kinds import Choice, FilePath, Interval, Kind, Names, Number, Text, TextList
from src.settings.table import kind_of

NEEDED = {
    "dataset=fma": ["dataset.root=src"],
    "dataset=folder": ["dataset.root=src"],
    "dataset=gtzan": ["dataset.root=src"],
    "dataset=jamendo": ["dataset.root=src"],
    "dataset=ballroom": ["dataset.root=src"],
    "dataset=manifest": ["dataset.path=README.md"],
    "feature=transformers": ["feature.name=src", "feature.sample_rate=16000"],
}
VALUES = {"nan": "nan", "inf": "inf", "0": "0", "-1": "-1", "huge": "1e30", "mapping": "{a:1}", "list": "[1,x]"}
# These have other keys only in their parts, which are those of the features themselves.
COMBINED = ("all", "harmony", "rhythm", "spectral", "timbre")


class Case(NamedTuple):
    """One wrong word: the choice that has the key (e.g. "model=cnn"), the key, how it is wrong, and the word itself."""

    choice: str
    key: str
    kind: str
    word: str


@cache
def keys_of(group: str, choice: str) -> list[str]:
    """The keys of a choice in its group, without those of Hydra's instantiation."""
    config = OmegaConf.to_container(compose(f"{group}={choice}", *NEEDED.get(f"{group}={choice}", [])))
    assert isinstance(config, dict)
    return [key for key, _ in leaves(config.get(group, {}), group) if "._" not in key]


def choices_of(group: str) -> list[str]:
    return [path.stem for path in sorted((CONF / group).glob("*.yaml")) if path.stem not in COMBINED]


def preset_keys(group: str) -> Iterator[tuple[str, str, Any]]:
    """(choice, key, value) of each key that the presets of a group set, recipes and Hydra's own keys included."""
    for path in sorted((CONF / group).glob("*.yaml")):
        for key, value in leaves(yaml.safe_load(path.read_text(encoding="utf-8")) or {}):
            if not key.startswith(("defaults", "hydra.sweeper.params", "hydra.callbacks")) and "_target_" not in key:
                yield path.stem, key, value


def cases(group: str) -> Iterator[Case]:
    """Every key of every choice of a group, with every kind of wrong value and misspelt."""
    for choice in choices_of(group):
        for key in keys_of(group, choice):
            kind = kind_of(key, choice)
            yield Case(f"{group}={choice}", key, "misspelt", f"{key}x=1")
            yield Case(f"{group}={choice}", key, "wrong type", f"{key}={wrong_type(kind)}")
            for name, value in VALUES.items():
                yield Case(f"{group}={choice}", key, name, f"{key}={value}")


def wrong_type(kind: Kind | None) -> str:
    """A value of a type that the key does not have: a word for a number, a number for a word."""
    words = {Number: "fast", Interval: "fast", Choice: "perhaps", Text: "3.5", FilePath: "3.5", TextList: "word"}
    return (words | {Names: "3.5"})[type(kind)]


def answer(program: str, *arguments: str) -> str | None:
    """The message that refuses these arguments before anything is built; None if they are accepted."""
    HydraConfig.instance().cfg = None
    try:
        overrides = words.read(arguments, program)
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            config = hydra.compose(program, overrides, return_hydra_config=True)
        choices = dict(config.hydra.runtime.choices)
        with open_dict(config):
            del config["hydra"]
        check_config(config, choices, program)
    except Exception as error:
        return errors.explain(error, program)
    return None


def numeric(value: Any) -> bool:
    """True for a number and for a list of numbers."""
    if isinstance(value, list):
        return bool(value) and all(map(numeric, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def has_range(key: str, choice: str) -> bool:
    """True if the key has a finite range of numbers."""
    kind = kind_of(key, choice)
    number = kind.number if isinstance(kind, Interval) else kind
    return isinstance(number, Number) and math.isfinite(number.low) and math.isfinite(number.high)


OWN_GROUPS = [group for group in GROUPS if group not in PRESETS]
