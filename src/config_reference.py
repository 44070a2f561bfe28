"""Descriptions of choices and keys, read from the comments in `conf/`: for --help, --help-key and docs/reference.md."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from src.config import CONF, GROUPS
from src.settings.table import kind_of

PACKAGE = "# @package"


@dataclass(frozen=True)
class Key:
    """A key in a YAML file: its dotted name, its default as written there, its comment and its range ("" if it has none)."""

    name: str
    default: str
    comment: str
    range: str


@dataclass(frozen=True)
class Choice:
    """A choice in a config group: its one-line summary, and the keys of its YAML file."""

    group: str
    name: str
    summary: str
    keys: list[Key]


def choices(group: str) -> list[Choice]:
    """Read all choices of a config group, sorted by name."""
    return [_choice(group, path) for path in sorted((CONF / group).glob("*.yaml"))]


def program_keys(program: str = "train") -> list[Key]:
    """Read the keys of train.yaml or audit.yaml itself, without those of config groups and of Hydra."""
    return [key for key in _keys(CONF / f"{program}.yaml", "") if key.name.split(".")[0] not in (*GROUPS, "hydra")]


def groups_help(*groups: str, width: int = 118) -> str:
    """Format config groups (default: all) with their choices as text, one choice per line. Resolver of --help texts."""
    lines = []
    for group in groups or GROUPS:
        lines.append(f"{group}=")
        group_choices = choices(group)
        indent = max(len(choice.name) for choice in group_choices) + 4
        for choice in group_choices:
            name_column = f"  {choice.name:<{indent - 2}}"
            lines += textwrap.wrap(choice.summary, width, initial_indent=name_column, subsequent_indent=" " * indent)
    return "\n".join(lines)


def find_keys(name: str) -> list[tuple[str, Key]]:
    """Find the keys with this name -> pairs of choice ("optimizer=adam", or "" for a key of the program) and key.

    If no key has exactly this name, it may be the end of a dotted name: "lr" finds the optimizer.lr of every optimizer.
    """
    pairs = [("", key) for program in ("train", "audit") for key in program_keys(program)]
    pairs += [(f"{group}={choice.name}", key) for group in GROUPS for choice in choices(group) for key in choice.keys]
    exact = [(choice, key) for choice, key in pairs if key.name == name]
    by_ending = {(choice, key.name): (choice, key) for choice, key in pairs if key.name.endswith(f".{name}")}
    return exact or list(by_ending.values())


def describe_key(name: str) -> str:
    """Describe a key in each choice that has it: default, range and comment. Raises ValueError on an unknown key."""
    pairs = find_keys(name)
    if not pairs:
        raise ValueError(f"{name}: no choice has such a key. `--help` lists the choices, docs/reference.md all keys.")
    lines = []
    for choice, key in pairs:
        choice_text = f" ({choice})" if choice else ""
        lines.append(f"{key.name}{choice_text}, default {key.default}{f', {key.range}' if key.range else ''}")
        if key.comment:
            lines.append(f"  {key.comment}")
    return "\n".join(lines)


def _choice(group: str, path: Path) -> Choice:
    lines = path.read_text(encoding="utf-8").splitlines()
    is_global = any(line.startswith(PACKAGE) for line in lines)
    head_lines = [line[1:].strip() for line in lines if line.startswith("#") and not line.startswith(PACKAGE)]
    keys = [] if is_global else list(_keys(path, group))
    return Choice(group, path.stem, _first_sentence(head_lines), keys)


def _first_sentence(head_lines: list[str]) -> str:
    """First sentence of the comment at the top of a file, without its full stop."""
    sentence = re.split(r"(?<!e\.g\.)(?<!et al\.)(?<=\.)\s", " ".join(head_lines))[0]
    return sentence.rstrip(".")


def _keys(path: Path, prefix: str) -> Iterator[Key]:
    """The keys of a YAML file; `prefix` is its group, "" for a program."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    root = yaml.compose(text)
    if isinstance(root, yaml.MappingNode):
        yield from _mapping_keys(root, prefix, lines, path.stem)


def _mapping_keys(node: yaml.MappingNode, prefix: str, lines: list[str], choice: str) -> Iterator[Key]:
    for key, value in node.value:
        if key.value in ("_target_", "_partial_", "_convert_", "defaults") or "/" in key.value:
            continue
        name = f"{prefix}.{key.value}" if prefix else key.value
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            yield from _mapping_keys(value, name, lines, choice)
        else:
            kind = kind_of(name, choice)
            range_text = kind.describe() if kind and not isinstance(value, yaml.MappingNode) else ""
            yield Key(name, _format_default(value), _comment(lines, key.start_mark.line), range_text)


def _format_default(value: Any) -> str:
    if isinstance(value, yaml.SequenceNode):
        return f"[{', '.join(_format_default(item) for item in value.value)}]"
    if isinstance(value, yaml.MappingNode):
        return f"{{{', '.join(f'{key.value}: {_format_default(item)}' for key, item in value.value)}}}"
    return str(value.value)


def _comment(lines: list[str], key_index: int) -> str:
    """Comment of the key at lines[key_index]: the one at the end of its line, with the comment lines that follow it.

    If there is none, the comment lines above it. They count only for an indented key: above the others is the comment
    of the file.
    """
    comment = re.search(r"\s#\s?(.*)$", lines[key_index])
    parts = [comment[1].strip()] if comment else []
    if parts:
        for line in lines[key_index + 1 :]:
            if not re.match(r"\s+#", line):
                break
            parts.append(line.strip().lstrip("#").strip())
        return " ".join(parts)
    for line in reversed(lines[:key_index]):
        if not re.match(r"\s*#", line) or line.startswith(PACKAGE):
            break
        parts.insert(0, line.strip().lstrip("#").strip())
    return " ".join(parts) if key_index and parts and lines[key_index].startswith(" ") else ""


OmegaConf.register_new_resolver("groups_help", groups_help, replace=True)
