"""Build objects from config groups: settings come from YAML, facts about the data (e.g. `genres`) from the caller."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from hydra.utils import instantiate
from omegaconf import DictConfig

X = TypeVar("X")


def instantiate_choice(group: DictConfig) -> Any:
    """Instantiate the class that a group's YAML names, with plain lists and dicts: a checkpoint may contain nothing else."""
    return instantiate(group, _convert_="object")


def call_with_facts(choice: Callable[..., X], **facts: Any) -> X:
    """Call a partly configured class with the facts that its signature names, e.g. `rows` and `genres`.

    Raises ValueError on a setting that the class does not have, e.g. if a recipe sets it for another choice.
    """
    if isinstance(choice, partial):
        parameters = inspect.signature(choice.func).parameters
        unknown = sorted(choice.keywords.keys() - parameters.keys())
        if unknown and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            raise ValueError(
                f"{choice.func.__name__} has no setting {', '.join(unknown)}. If a recipe sets this for another choice, "
                f"remove {', '.join(unknown)} on the command line, as in ~GROUP.{unknown[0]}, or leave experiment= out."
            )
    accepted = inspect.signature(choice).parameters
    return choice(**{name: fact for name, fact in facts.items() if name in accepted})
