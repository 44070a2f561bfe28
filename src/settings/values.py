"""Check one value against its key, and name what exists instead of a word that does not."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from src.config import leaves
from src.settings import quoting
from src.settings.kinds import FilePath, Kind, Number, Text, is_list, yaml_word
from src.settings.table import kind_of


def check_value(key: str, value: Any, choice: str = "", default: Any = None) -> None:
    """Raise ValueError if a key does not accept a value. A key that is not in the table accepts the type of its default."""
    kind = kind_of(key, choice)
    if kind is not None:
        if not kind.accepts(value):
            _refuse(key, value, kind)
    elif default is not None and not _same_type(value, default):
        raise ValueError(f"{key} is {value!r}: expected a value like its default, {default!r}.")


def check_numbers(config: Mapping[str, Any]) -> None:
    """Raise ValueError if a number in a stored config is outside of its range. Keys that are not in the table may be anything."""
    for key, value in leaves(config):
        kind = kind_of(key)
        if isinstance(kind, Number) and not kind.accepts(value):
            _refuse(key, value, kind)


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Message for a key that does not exist: the nearest one, and all keys of its group."""
    names = [name for name in known if not name.rpartition(".")[2].startswith("_")]
    group, _, rest = key.partition(".")
    in_group = [name.removeprefix(f"{group}.") for name in names if name.startswith(f"{group}.")]
    if rest and in_group:
        suggestion = did_you_mean(rest, in_group).replace("mean '", f"mean '{group}.")
        return f"{key}: there is no such key. {suggestion}{group} has the keys {', '.join(in_group)}."
    top = sorted({name.partition(".")[0] for name in names})
    return f"{key}: there is no such key. {did_you_mean(key, [*top, *names])}There are {', '.join(top)}."


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """ "Did you mean 'model'? " for the nearest known word, or one that ends in the same name; "" if there is none."""
    closest = difflib.get_close_matches(word, known, n=1, cutoff=0.65)
    closest = closest or [key for key in known if key.split(".")[-1] == word.split(".")[-1]][:1]
    return f"Did you mean {closest[0]!r}? " if closest else ""


def _refuse(key: str, value: Any, kind: Kind) -> NoReturn:
    shown = yaml_word(value) if value is None or isinstance(value, bool) else repr(value)
    message = f"{key} is {shown}: expected {kind.describe()}."
    if isinstance(kind, Text | FilePath) and isinstance(value, int | float):
        message += f" To use this as a name, write {quoting.shell(quoting.quoted(key, str(value)))}."
    raise ValueError(message)


def _same_type(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, str):
        return isinstance(value, str) or "${" in default or default == "???"
    if is_list(default):
        return is_list(value)
    return isinstance(value, int if isinstance(default, int) else int | float)
