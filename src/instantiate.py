"""From a config group to an object: choices come from YAML, facts from the data."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from hydra.utils import instantiate
from omegaconf import DictConfig

X = TypeVar("X")


def choose(group: DictConfig) -> Any:
    """Instantiate what a group's YAML names, with plain lists and dicts inside: a checkpoint may hold nothing else."""
    return instantiate(group, _convert_="object")


def supply(choice: Callable[..., X], **facts: Any) -> X:
    """Call a partly configured class with the facts that its signature names, e.g. `rows` and `genres`.

    Raises ValueError on a setting that the class does not have, as where a recipe sets it for another choice.
    """
    if isinstance(choice, partial):
        parameters = inspect.signature(choice.func).parameters
        unknown = sorted(choice.keywords.keys() - parameters.keys())
        if unknown and not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            raise ValueError(
                f"{choice.func.__name__} has no setting {', '.join(unknown)}. Where a recipe sets it for another choice, "
                f"take it out on the command line, as in ~model.{unknown[0]}, or leave experiment= out."
            )
    wanted = inspect.signature(choice).parameters
    return choice(**{name: fact for name, fact in facts.items() if name in wanted})
