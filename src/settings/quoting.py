"""Paths and quotes: expand ~, quote a text for Hydra, and quote a word for the shell."""

import os
import re
import shlex

from hydra.core.override_parser.types import Quote, QuotedString


def expand(key: str, path: str) -> str:
    """Replace ~ and ~user at the start of a path by the home folder. Raises ValueError on an unknown user."""
    expanded = os.path.expanduser(path)
    if path.startswith("~") and expanded == path:
        raise ValueError(
            f"{key} is {path}: there is no user {path[1:].split('/')[0]} here. For a file of this name, write ./{path}."
        )
    return expanded


def quoted(key: str, text: str) -> str:
    """The word KEY='TEXT', which Hydra reads as exactly this text, whatever signs it contains."""
    double = "'" in text or ('"' not in text and re.search(r"[$`\\!]", text))
    return f"{key}={QuotedString(text, Quote.double if double else Quote.single).with_quotes()}"


def shell(word: str) -> str:
    """A word as it is typed in a shell: "dataset.root='My Music'"."""
    return shlex.quote(word) if re.search(r'["$`\\!]', word) else f'"{word}"'
