"""Templates to text. In HTML everything is escaped; in Markdown, what would be read as its marks."""

import os
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from src import formatting


def _plain(value: Any) -> Any:
    """A value in a Markdown table's cell: on one line, with no mark, tag or column of its own."""
    return re.sub(r"([\\`*|<>\[\]])", r"\\\1", " ".join(value.split())) if isinstance(value, str) else value


def _environment(markdown: bool) -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=not markdown,
        undefined=StrictUndefined,
        finalize=_plain if markdown else None,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (formatting.cell, formatting.cell_interval, formatting.count, formatting.duration, formatting.percent)
    made.filters.update({function.__name__: function for function in filters})
    return made


def html(template: str, context: dict[str, Any]) -> str:
    """A page; every text in `context` is escaped but for markupsafe's Markup."""
    return _environment(markdown=False).get_template(template).render(context)


def markdown(template: str, context: dict[str, Any]) -> str:
    """The same as Markdown, for a terminal, a README or an issue."""
    return _environment(markdown=True).get_template(template).render(context).strip() + "\n"


def save(path: Path, text: str) -> Path:
    """Write a page whole or not at all. Raises OSError where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path
