"""Kinds of settings: a number with its range, a word, a list, a path. Each describes and tests the values it accepts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Kind(Protocol):
    """Description and test of the values that a key accepts."""

    def accepts(self, value: Any) -> bool:
        """True if the key may have this value."""

    def describe(self) -> str:
        """The accepted values, as the end of "expected ...": "a whole number from 1 to 32"."""


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`; `above` and `below` leave out the limits themselves. `also`: other values."""

    low: float
    high: float
    above: bool = False
    below: bool = False
    whole: bool = False
    also: tuple[str | None, ...] = ()

    def accepts(self, value: Any) -> bool:
        if value is None or isinstance(value, str):
            return value in self.also
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.low <= value <= self.high and not (
            (self.above and value == self.low) or (self.below and value == self.high)
        )  # a comparison with nan is false

    def describe(self) -> str:
        low, high = (f"{limit:,}" if isinstance(limit, int) else f"{limit:g}" for limit in (self.low, self.high))
        if self.above:
            limits = f"above {low} and below {high}" if self.below else f"above {low}, at most {high}"
        else:
            limits = f"from {low} to {'less than ' * self.below}{high}"
        number = "a whole number" if self.whole else "a number"
        return " or ".join([f"{number} {limits}", *map(yaml_word, self.also)])


def whole(low: int, high: int, *also: str | None) -> Number:
    """A whole number from `low` to `high`."""
    return Number(low, high, whole=True, also=also)


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str | bool | None, ...]

    def accepts(self, value: Any) -> bool:
        return any(type(value) is type(word) and value == word for word in self.words)

    def describe(self) -> str:
        *first, last = map(yaml_word, self.words)
        return f"{', '.join(first)} or {last}"


def choice(*words: str | bool | None) -> Choice:
    """One of these words."""
    return Choice(words)


@dataclass(frozen=True)
class Text:
    """Any text; null too if `optional`."""

    optional: bool = False

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) or (self.optional and value is None)

    def describe(self) -> str:
        return "a text or null" if self.optional else "a text"


@dataclass(frozen=True)
class FilePath:
    """The path of a file or folder; null too if `optional`. A new one (`output`) may be written there."""

    optional: bool = False
    output: bool = False

    def accepts(self, value: Any) -> bool:
        return (isinstance(value, str) and value != "") or (self.optional and value is None)

    def describe(self) -> str:
        return "a path or null" if self.optional else "a path"


@dataclass(frozen=True)
class TextList:
    """A list of texts; null too if `optional`. `any_word`: an item may look like another value, as a genre named 80 does."""

    optional: bool = False
    any_word: bool = False

    def accepts(self, value: Any) -> bool:
        if value is None:
            return self.optional
        return is_list(value) and all(map(self._accepts_item, value))

    def describe(self) -> str:
        return f"a list of words, e.g. [rock,pop]{', or null' if self.optional else ''}"

    def _accepts_item(self, item: Any) -> bool:
        if isinstance(item, str):
            return item != ""
        return self.any_word and (item is None or isinstance(item, int | float))


@dataclass(frozen=True)
class Names:
    """A mapping from names to other names or null, the path of a file that contains one, or null."""

    def accepts(self, value: Any) -> bool:
        if isinstance(value, Mapping):
            return not any(isinstance(name, Mapping) or is_list(name) for name in value.values())
        return value is None or (isinstance(value, str) and value != "")

    def describe(self) -> str:
        return "a mapping, e.g. {hip-hop:Hip-Hop,noise:null}, a path or null"


@dataclass(frozen=True)
class Interval:
    """Two numbers [low, high], in this order, each in a range."""

    number: Number

    def accepts(self, value: Any) -> bool:
        return is_list(value) and len(value) == 2 and all(map(self.number.accepts, value)) and value[0] <= value[1]

    def describe(self) -> str:
        return f"[low,high], each {self.number.describe()}"


def is_list(value: Any) -> bool:
    """True for a list, False for a text and a mapping."""
    return isinstance(value, Sequence) and not isinstance(value, str | Mapping)


def yaml_word(word: str | bool | None) -> str:
    """A value as it is written in YAML and on the command line."""
    return word if isinstance(word, str) else {None: "null", True: "true", False: "false"}[word]
