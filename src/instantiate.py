"""Choices come from YAML, facts from the data: the one place where they meet."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

X = TypeVar("X")


def supply(choice: Callable[..., X], **facts: Any) -> X:
    """Call a partly configured class with those facts that its signature names, e.g. `rows` and `genres`.

    Raises ValueError on a setting that the class has not, as where a recipe sets it for another choice.
    """
    if isinstance(choice, partial):
        known = inspect.signature(choice.func).parameters
        unknown = sorted(choice.keywords.keys() - known.keys())
        if unknown and not any(each.kind is each.VAR_KEYWORD for each in known.values()):
            raise ValueError(
                f"{choice.func.__name__} has no setting {', '.join(unknown)}. Where a recipe sets it for another choice, "
                f"take it out on the command line, as in ~model.{unknown[0]}, or leave experiment= out."
            )
    named = inspect.signature(choice).parameters
    return choice(**{name: fact for name, fact in facts.items() if name in named})
