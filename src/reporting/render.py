"""Render the templates as HTML or Markdown, with all text escaped, and save pages."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from src import formatting
from src.console import printable
from src.plain_files import displayable, write_text


def escape_markdown(value: Any) -> Any:
    """Put a text on one line and escape the characters that would start markup, a tag or a new table column.

    Control characters become escapes, as Markdown may be printed on a terminal. Other values are returned unchanged.
    """
    if not isinstance(value, str):
        return value
    return re.sub(r"([\\`*|<>\[\]])", r"\\\1", printable(" ".join(value.split())))


def _environment(markdown: bool) -> Environment:
    """Set up Jinja: the templates folder, escaping, and the number formats as filters. A missing value is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=not markdown,
        undefined=StrictUndefined,
        finalize=escape_markdown if markdown else None,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (formatting.cell, formatting.cell_interval, formatting.count, formatting.duration, formatting.percent)
    environment.filters.update({function.__name__: function for function in filters})
    return environment


def html(template: str, context: dict[str, Any]) -> str:
    """Render a page; all text in `context` is escaped, except markupsafe's Markup."""
    return _environment(markdown=False).get_template(template).render(context)


def markdown(template: str, context: dict[str, Any]) -> str:
    """Render Markdown, for a terminal, a README or an issue."""
    return _environment(markdown=True).get_template(template).render(context).strip() + "\n"


def save(path: Path, text: str) -> Path:
    """Write a page, with its folder, and return `path`. An interruption leaves no incomplete page. Raises NoRoom if the disk is full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, displayable(text))
    return path
