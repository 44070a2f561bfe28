"""Choices come from YAML, facts from the data: the one place where they meet."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

X = TypeVar("X")


def supply(choice: Callable[..., X], **facts: Any) -> X:
    """Call a partly configured class with those facts that its signature names, e.g. `rows` and `genres`."""
    named = inspect.signature(choice).parameters
    return choice(**{name: fact for name, fact in facts.items() if name in named})
