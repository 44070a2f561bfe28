"""What each choice and key of `conf/` means, read from the comments of its YAML files: for --help and docs/reference.md."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from src.config import CONF, GROUPS, MINIMUM

PACKAGE = "# @package"


@dataclass(frozen=True)
class Key:
    """A key of a choice: its dotted name, its default as written, and its comment ("" where it has none)."""

    name: str
    default: str
    comment: str

    @property
    def range(self) -> str:
        """The values that are accepted, as far as they are checked before anything is built."""
        if self.name in MINIMUM:
            minimum, inclusive = MINIMUM[self.name]
            return f"{minimum} or more" if inclusive else f"more than {minimum}"
        return {"true": "true or false", "false": "true or false"}.get(self.default, "")


@dataclass(frozen=True)
class Choice:
    """A choice of a group: its one-line summary, and the keys of its YAML file."""

    group: str
    name: str
    summary: str
    keys: list[Key]


def choices(group: str) -> list[Choice]:
    """All choices of a group, by name."""
    return [_choice(group, path) for path in sorted((CONF / group).glob("*.yaml"))]


def program_keys(program: str = "train") -> list[Key]:
    """The keys of train.yaml or audit.yaml that belong to no group, but for Hydra's own."""
    return [key for key in _keys(CONF / f"{program}.yaml", "") if key.name.split(".")[0] not in (*GROUPS, "hydra")]


def groups_help(*groups: str, width: int = 118) -> str:
    """The groups (all without arguments) with their choices, one per line: the resolver `groups_help` of --help texts."""
    lines = []
    for group in groups or GROUPS:
        lines.append(f"{group}=")
        of_group = choices(group)
        indent = max(len(choice.name) for choice in of_group) + 4
        for choice in of_group:
            first = f"  {choice.name:<{indent - 2}}"
            lines += textwrap.wrap(choice.summary, width, initial_indent=first, subsequent_indent=" " * indent)
    return "\n".join(lines)


def find_keys(name: str) -> list[tuple[str, Key]]:
    """The keys of this name, each with the choice that it belongs to ("" for a key of the program itself).

    A name may leave out its group where it is unique enough: "lr" finds optimizer.lr.
    """
    found = [("", key) for program in ("train", "audit") for key in program_keys(program)]
    found += [(f"{group}={choice.name}", key) for group in GROUPS for choice in choices(group) for key in choice.keys]
    exact = [(choice, key) for choice, key in found if key.name == name]
    unique = {(choice, key.name): (choice, key) for choice, key in found if key.name.endswith(f".{name}")}
    return exact or list(unique.values())


def describe_key(name: str) -> str:
    """A key's meaning, default and range in each choice that has it. Raises ValueError on an unknown key."""
    found = find_keys(name)
    if not found:
        raise ValueError(f"{name}: no choice has such a key. `--help` lists the choices, docs/reference.md all keys.")
    lines = []
    for choice, key in found:
        of_choice = f" ({choice})" if choice else ""
        lines.append(f"{key.name}{of_choice}, default {key.default}{f', {key.range}' if key.range else ''}")
        if key.comment:
            lines.append(f"  {key.comment}")
    return "\n".join(lines)


def _choice(group: str, path: Path) -> Choice:
    lines = path.read_text(encoding="utf-8").splitlines()
    is_global = any(line.startswith(PACKAGE) for line in lines)
    heads = [line[1:].strip() for line in lines if line.startswith("#") and not line.startswith(PACKAGE)]
    keys = [] if is_global else list(_keys(path, group))
    return Choice(group, path.stem, _first_sentence(heads), keys)


def _first_sentence(heads: list[str]) -> str:
    """The first sentence of a file's head comment, without its full stop."""
    sentence = re.split(r"(?<!e\.g\.)(?<!et al\.)(?<=\.)\s", " ".join(heads))[0]
    return sentence.rstrip(".")


def _keys(path: Path, prefix: str) -> Iterator[Key]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    root = yaml.compose(text)
    if isinstance(root, yaml.MappingNode):
        yield from _of_mapping(root, prefix, lines)


def _of_mapping(node: yaml.MappingNode, prefix: str, lines: list[str]) -> Iterator[Key]:
    for key, value in node.value:
        if key.value in ("_target_", "_partial_", "_convert_", "defaults") or "/" in key.value:
            continue
        name = f"{prefix}.{key.value}" if prefix else key.value
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            yield from _of_mapping(value, name, lines)
        else:
            yield Key(name, _written(value), _comment(lines, key.start_mark.line))


def _written(value: Any) -> str:
    if isinstance(value, yaml.SequenceNode):
        return f"[{', '.join(_written(each) for each in value.value)}]"
    if isinstance(value, yaml.MappingNode):
        return f"{{{', '.join(f'{key.value}: {_written(each)}' for key, each in value.value)}}}"
    return str(value.value)


def _comment(lines: list[str], number: int) -> str:
    """The comment behind a key, with the comment lines below it that continue it; else the comment lines above it."""
    parts = [found[1].strip()] if (found := re.search(r"\s#\s?(.*)$", lines[number])) else []
    if parts:
        for line in lines[number + 1 :]:
            if not re.match(r"\s+#", line):
                break
            parts.append(line.strip().lstrip("#").strip())
        return " ".join(parts)
    for line in reversed(lines[:number]):
        if not re.match(r"\s*#", line) or line.startswith(PACKAGE):
            break
        parts.insert(0, line.strip().lstrip("#").strip())
    return " ".join(parts) if number and parts and lines[number].startswith(" ") else ""


OmegaConf.register_new_resolver("groups_help", groups_help, replace=True)
