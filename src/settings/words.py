"""The words of a command line, KEY=VALUE, before Hydra reads them: refuse what it would misread, and quote paths for it."""

import dataclasses
import os
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from hydra.conf import HydraConf
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, QuotedString, RangeSweep
from hydra.errors import HydraException

from src import console
from src.config import CONF, GROUPS, PRESETS
from src.settings.kinds import FilePath
from src.settings.quoting import expand, quoted, shell
from src.settings.table import TABLE
from src.settings.values import check_value, did_you_mean

NEW_ENTRIES = "dataset.genre_map."  # keys that start so are entries of a mapping, with any names
NO_SPACES = "Write no space on either side of the =."


def read(arguments: Sequence[str], program: str = "train") -> list[str]:
    """Check the arguments of a Hydra program; return them with ~ expanded and with quotes where Hydra needs them.

    Options come first in the result, as Hydra misses the words behind an option. Of a key that is given twice, the last
    value counts, and a note says so. Raises ValueError on a word that Hydra cannot read or would read as something else
    than a user means, and on a value of a sweep that its key does not accept.
    """
    options, words = _options_and_words(arguments)
    is_sweep = any(re.fullmatch("--multirun|-m|(sweep|launcher)=.*|hydra.mode=MULTIRUN", text) for text in arguments)
    overrides = [_override(words, k, is_sweep) for k in range(len(words))]
    by_key: dict[str, Override] = {}
    for override in overrides:
        _check(override, program, is_sweep)
        key = override.get_key_element().lstrip("+~")
        earlier = by_key.pop(key, override)
        if earlier.input_line != override.input_line:
            console.note(f"Note: {earlier.input_line} and {override.input_line}: the last one counts.")
        by_key[key] = override
    return [*options, *(str(override.input_line) for override in by_key.values())]


def _options_and_words(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate Hydra's options, with their values, from the words. Raises ValueError on an unknown option."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.error = _refuse_option  # type: ignore[method-assign]  # argparse would print its usage
    parsed, unknown = parser.parse_known_intermixed_args(list(arguments))
    if unknown:
        name = unknown[0].lstrip("-")
        meant = f"Settings have no dashes: {name if '=' in name else f'{name}=VALUE'}."
        raise ValueError(f"{unknown[0]}: there is no such option. {meant} Options are --multirun, --cfg job, --help.")
    words = list(parsed.overrides)
    options = list(arguments)
    for word in words:
        options.remove(word)
    return options, words


def _refuse_option(message: str) -> NoReturn:
    raise ValueError(f"{message}. Options are --multirun, --cfg job, --help; settings are KEY=VALUE, without dashes.")


def _override(words: Sequence[str], k: int, is_sweep: bool) -> Override:
    """Parse word number k, after expanding ~ and quoting where that is needed. Raises ValueError if it is not KEY=VALUE."""
    word = words[k]
    if word.startswith(NEW_ENTRIES):  # by default there is no map, so Hydra would find no such key
        word = f"+{word}"
    key, equals, value = word.partition("=")
    if not re.fullmatch(r"[~+]*[\w.$/@-]+", key, re.ASCII) or (not equals and not word.startswith("~")):
        _refuse_stray(words, k)
    name = key.lstrip("+")
    override = _parse(word)
    if isinstance(TABLE.get(name), FilePath) and equals:
        override = _path(key, value, override, is_sweep)
    if override is None:
        _refuse_unreadable(words, k)
    return override


def _parse(word: str) -> Override | None:
    """Parse a word as Hydra does; None if it cannot."""
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException:
        return None


def _path(key: str, value: str, override: Override | None, is_sweep: bool) -> Override:
    """Return the override of a path. The value is taken as it is written, if Hydra can only read it that way or it exists."""
    name = key.lstrip("+")
    content = override.value() if override else None
    if isinstance(content, str) and content.startswith("~"):  # only in quotes: otherwise Hydra cannot read the ~
        return _parsed(quoted(key, expand(name, content)))
    if isinstance(content, str) and (content == value or "${" in content or value[:1] in "'\""):
        if not content.strip():
            raise ValueError(f"{name} is empty: expected {TABLE[name].describe()}. {NO_SPACES}")
        return override  # type: ignore[return-value]
    if override and content is None:
        return override  # null
    if not value.strip():
        raise ValueError(f"{name} is empty: expected {TABLE[name].describe()}. {NO_SPACES}")
    if override and is_sweep and override.is_sweep_override() and not os.path.lexists(value):
        return override
    path = expand(name, value)
    kind = TABLE[name]
    assert isinstance(kind, FilePath)
    as_written = _parse(f"{key}={path}")
    if as_written and as_written.value() == path:
        return as_written  # only the ~ was in the way
    one_reading = override is None or (override.is_sweep_override() and not is_sweep)
    if os.path.lexists(path) or (kind.output and one_reading):
        return _parsed(quoted(key, path))
    several = (
        f" Several values need --multirun: --multirun {key}={value}."
        if override and override.is_sweep_override()
        else ""
    )
    raise ValueError(
        f"{name} is {value}: expected {kind.describe()}, and there is no file or folder of this name. A name with spaces, commas, "
        f"brackets or other signs, or a number, needs quotes inside quotes: {shell(quoted(key, value))}.{several}"
    )


def _parsed(word: str) -> Override:
    override = _parse(word)
    assert override is not None, word
    return override


def _check(override: Override, program: str, is_sweep: bool) -> None:
    """Check what can be known of a word before Hydra composes the config."""
    key, word = override.key_or_group, override.input_line
    if key in GROUPS:
        choices = sorted(path.stem for path in (CONF / key).glob("*.yaml"))
        listed = f"{key} can be {', '.join(choices)}."
        if override.is_delete():
            none = f" To switch it off: {key}=none." if "none" in choices else ""
            raise ValueError(f"{word}: every run needs a choice of {key}.{none} {listed}")
        if override.is_add() or override.is_force_add():
            raise ValueError(
                f"{word}: leave out the +, as every run has a choice of {key}: {str(word).lstrip('+')}. {listed}"
            )
        value = override.value()
        if isinstance(value, list) and key not in PRESETS:
            several = ",".join(map(str, value))
            sweep = f" To train each of them: --multirun {key}={several}." if program == "train" else ""
            raise ValueError(f"{word}: expected one choice, not a list.{sweep} {listed}")
        if value is None or value == "" or isinstance(value, bool | int | float | dict):
            raise ValueError(f"{word}: there is no such choice. {listed}")
        return
    if key == "hydra.job.chdir" and override.value() is True:
        raise ValueError(
            "hydra.job.chdir=true: the programs stay in the folder where they are started, as paths are relative to it. "
            "Leave it out; hydra.run.dir=FOLDER sets the folder of the results."
        )
    if key.startswith("hydra."):
        fields = {field.name for field in dataclasses.fields(HydraConf)}
        name = key.split(".")[1]
        if name not in fields:
            raise ValueError(
                f"{key}: there is no such key. {did_you_mean(name, sorted(fields))}hydra has {', '.join(sorted(fields))}."
            )
        if not override.is_delete() and not override.is_sweep_override():
            check_value(key, override.value())
    if is_sweep and override.is_sweep_override():
        for value in _sweep_values(override):
            if not (isinstance(value, str) and "${" in value):
                check_value(key, value)


def _sweep_values(override: Override) -> list[Any]:
    """The values of a sweep; of a range and an interval, the ends. Empty for a glob."""
    sweep = override.value()
    if isinstance(sweep, ChoiceSweep):
        return [item.text if isinstance(item, QuotedString) else item for item in sweep.list]
    if isinstance(sweep, RangeSweep):
        numbers = sweep.range()
        return [numbers[0], numbers[-1]] if isinstance(numbers, range) and numbers else []
    if isinstance(sweep, IntervalSweep):
        return [sweep.start, sweep.end] if sweep.start is not None and sweep.end is not None else []
    return []


def _refuse_stray(words: Sequence[str], k: int) -> NoReturn:
    """Raise ValueError on a word that is not KEY=VALUE, with what may be meant."""
    word, before = words[k], words[k - 1] if k else ""
    groups = [group for group in GROUPS if (CONF / group / f"{word}.yaml").is_file()]
    name = word.partition("=")[0].strip()
    if word in GROUPS:
        advice = f"Expected {word}=CHOICE. {NO_SPACES}"
    elif groups:
        advice = f"Expected GROUP=CHOICE. Did you mean {' or '.join(f'{group}={word}' for group in groups)}?"
    elif isinstance(TABLE.get(before.partition("=")[0]), FilePath):
        key, _, start = before.partition("=")
        whole = f"{start} {word}".strip()
        advice = f"Does it belong to {before}? A space needs quotes inside quotes: {shell(quoted(key, whole))}."
    elif name in TABLE:
        advice = f"Expected {name}=VALUE. {NO_SPACES}"
    else:
        advice = "Expected KEY=VALUE or GROUP=CHOICE; --help lists the groups and choices."
    raise ValueError(f"{word}: this is not a setting. {advice}")


def _refuse_unreadable(words: Sequence[str], k: int) -> NoReturn:
    """Raise ValueError on a value that Hydra cannot parse, with the word to type instead."""
    key, _, value = words[k].partition("=")
    if value.startswith("[") and not value.endswith("]"):
        end = next((j for j in range(k + 1, len(words)) if words[j].endswith("]")), None)
        if end is not None:
            raise ValueError(
                f"{words[k]}: the list is not closed. Put the whole word into quotes: {shell(' '.join(words[k : end + 1]))}."
            )
    candidate = quoted(key, value)
    if value.startswith("[") and value.endswith("]"):
        items = [item.strip() for item in value[1:-1].split(",")]
        quoted_items = [item if _parse(f"x={item}") else quoted("", item)[1:] for item in items]
        in_list = f"{key}=[{','.join(quoted_items)}]"
        candidate = in_list if _parse(in_list) else candidate
    raise ValueError(
        f"{words[k]}: the value has signs with a meaning of their own. Put it into quotes inside quotes: {shell(candidate)}."
    )
