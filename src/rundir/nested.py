"""Values in nested mappings, by dotted keys such as split.fold."""

from collections.abc import Mapping
from typing import Any


def get(config: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, None if there is none: get({"split": {"fold": 3}}, "split.fold") -> 3."""
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def has(config: Mapping[str, Any], key: str) -> bool:
    """True if a dotted key exists, even if its value is None."""
    parent_key, _, name = key.rpartition(".")
    parent = get(config, parent_key) if parent_key else config
    return isinstance(parent, Mapping) and name in parent
