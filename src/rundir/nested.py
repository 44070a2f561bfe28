"""Values in nested mappings, by dotted keys such as split.fold."""

from collections.abc import Mapping
from typing import Any


def get(config: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, None where the config has none: get({"split": {"fold": 3}}, "split.fold") -> 3."""
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def has(config: Mapping[str, Any], key: str) -> bool:
    """Whether there is something, perhaps None, at a dotted key."""
    above, _, name = key.rpartition(".")
    owner = get(config, above) if above else config
    return isinstance(owner, Mapping) and name in owner
