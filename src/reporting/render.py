"""Render the templates as HTML or Markdown, with all text escaped, and save pages."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from src import formatting
from src.console import printable
from src.plain_files import displayable, write_text
from src.reporting.drawing import shortened

TEMPLATES = Path(__file__).parent / "templates"


class Contents(NamedTuple):
    """The body of a page, and its table of contents: the id and the entry of each section."""

    content: Markup
    entries: list[tuple[str, Markup]]


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
        loader=FileSystemLoader(TEMPLATES),
        autoescape=not markdown,
        undefined=StrictUndefined,
        finalize=escape_markdown if markdown else None,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("cell", "cell_interval", "count", "duration", "percent", "signed", "subset")
    environment.filters.update({name: getattr(formatting, name) for name in names})
    if not markdown:
        script, policy = _script()
        environment.globals.update(script=script, policy=policy)
        environment.filters.update(with_contents=with_contents, code=code, shortened=shortened, breakable=breakable)
    return environment


@cache
def _script() -> tuple[Markup, str]:
    """The script of all pages, and the policy that lets a page run only this script and load only sounds.

    So even a page of a stranger's run contacts no server. `file:` is the folder of the page, opened without a server.
    """
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; media-src 'self' file: data:"
    return Markup(script), policy


def code(text: str) -> Markup:
    """A sentence with the commands between backticks as <code>; all else is escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def breakable(name: str) -> Markup:
    """A file name that may be broken into lines after slashes, dashes and underscores."""
    return Markup(re.sub(r"([/_-]+)", r"\1<wbr>", str(escape(name))))


def with_contents(content: Markup) -> Contents:
    """Give the sections (<h2>) of a page ids, and list them; make its scrolling boxes reachable with the keyboard.

    The entry of a section is its heading, or the attribute data-toc. An id is made from the entry, and is unique.
    """
    entries: list[tuple[str, Markup]] = []
    taken = {"content"}  # the id of <main>
    boxes = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal boxes
        if match["box"]:
            boxes += 1
            label = f"{entries[-1][1].striptags() if entries else 'Table'}, table {boxes}"
            return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
        entry = Markup(match["short"]) if match["short"] else escape(Markup(match["heading"]).striptags())
        stem = re.sub(r"[^a-z0-9]+", "-", entry.unescape().lower()).strip("-") or "section"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        entries.append((name, entry))
        return f'<h2 id="{name}">{match["heading"]}</h2>'

    text = re.sub(
        r'(?P<box><div class="scroll">)|<h2(?: data-toc="(?P<short>[^"]*)")?>(?P<heading>.*?)</h2>',
        replace,
        str(content),
        flags=re.DOTALL,
    )
    return Contents(Markup(_join_percents(text)), entries)


def _join_percents(text: str) -> str:
    """Join numbers and percent signs by no-break spaces, but not in what can be copied (<pre>)."""
    return re.sub(
        r"<pre>.*?</pre>|(?<=\d) %", lambda match: "\u00a0%" if match[0] == " %" else match[0], text, flags=re.DOTALL
    )


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
