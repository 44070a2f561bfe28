"""The basics of all figures: colours of the page, style, labels, and their SVG as text to be put into a page."""

import html
import io
import re
import textwrap
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from src.plain_files import displayable

LONGEST_LABEL = 44  # characters
LONGEST_NARROW_LABEL = 14  # of a name beside a narrow figure
NARROW_INCHES = 3.6  # width of a narrow figure: a phone has 360 pixels
PIXELS_PER_INCH = 100  # on wide screens; 9-point letters are then 12.5 pixels high
INK, FAINT, BLUE, ORANGE, GREEN = (
    "#010203",
    "#010204",
    "#010205",
    "#010206",
    "#010207",
)  # placeholder colours, which svg() replaces by the CSS variables of the page
_CSS = {
    INK: "var(--ink, #1b1b1b)",
    FAINT: "var(--line, #d4d4d4)",
    BLUE: "var(--blue, #0072b2)",
    ORANGE: "var(--orange, #d55e00)",
    GREEN: "var(--green, #009e73)",
}
STYLE: dict[Any, Any] = {  # matplotlib's own key type is a private literal
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # included in matplotlib
    "font.size": 9,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.grid": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,  # a genre name may contain a dollar sign
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.5,
}


def label(name: str) -> str:
    """A name as the label of a row or column: valid text, with the middle of a long line left out."""
    lines = displayable(name).splitlines()
    return "\n".join(line if len(line) <= LONGEST_LABEL else f"{line[:30]}…{line[-13:]}" for line in lines)


def shortened(name: str, most: int = 24) -> str:
    """A name with at most `most` characters, on one line: the middle of a longer one is left out, "genre wi…e 003"."""
    name = " ".join(displayable(name).split())
    tail = (most - 1) * 2 // 5
    return name if len(name) <= most else f"{name[: most - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{name[-tail:]}"


def wrapped(name: str) -> str:
    """Break a name into lines of up to 44 characters."""
    return "\n".join(textwrap.wrap(name, LONGEST_LABEL)) or name


def height_inches(name: str) -> float:
    """Height of a row of a figure, for a label of one or more lines."""
    return 0.2 + 0.16 * (name.count("\n") + 1)


def name_rows(axes: Axes, names: list[str], above: bool = False) -> None:
    """Label the rows 0, 1 ... of axes, from top to bottom: at the left, or, in a narrow figure, above each row."""
    count = len(names)
    if above:
        axes.set_yticks([])
        for row, name in enumerate(names):
            axes.text(0, row - 0.3, name, transform=axes.get_yaxis_transform(), ha="left", va="bottom")
        axes.set_ylim(count - 0.5, -0.85)
    else:
        axes.set_yticks(range(count), names)
        axes.set_ylim(count - 0.5, -0.5)


class Drawings(NamedTuple):
    """A figure drawn twice, for a wide and for a narrow place: `parts.figure(*drawings)` in a template."""

    wide: Markup
    narrow: Markup


def both(draw: Callable[..., str], *arguments: Any) -> Drawings:
    """Draw a figure twice. Marked as safe: the SVG is our own, and the texts in it are escaped."""
    return Drawings(Markup(draw(*arguments)), Markup(draw(*arguments, narrow=True)))


def svg(figure: Figure, title: str, description: str = "") -> str:
    """Convert a figure to one <svg> element with the colours of the page; it refers to no other file.

    `title` and `description` are read by screen readers. Metadata and the ids of groups are removed, so the text is the
    same for the same figure.
    """
    title, description = displayable(title), displayable(description)
    content, lacks_glyphs = _save(figure, title)
    if lacks_glyphs:  # e.g. Japanese: write text instead of outlines, since the browser has fonts for it
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            content = _save(figure, title)[0].replace("'DejaVu Sans'", "'DejaVu Sans', sans-serif")
    text = re.sub(r"<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", text[text.index(">", text.index("<svg")) + 1 :])
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL).replace("xlink:href", "href")
    for colour, css in _CSS.items():
        body = body.replace(colour, css)
    width, height = figure.get_size_inches()
    pixels = f"--figure: {width * PIXELS_PER_INCH:.0f}px{'; overflow: visible' * lacks_glyphs}"
    head = f'<svg viewBox="0 0 {72 * width:g} {72 * height:g}" role="img" style="{pixels}"'
    more = f"<desc>{html.escape(description)}</desc>" if description else ""
    return f'{head} aria-label="{html.escape(title)}">{more}{body.strip()}'


def _save(figure: Figure, title: str) -> tuple[str, bool]:
    """The SVG file of a figure, and True if our font lacks a character in it, of which matplotlib would warn."""
    buffer = io.StringIO()
    # Ids of clips and markers differ between the figures of a page, but are the same for the same figure.
    salt = f"{title} {figure.get_size_inches()}"
    with warnings.catch_warnings(record=True) as caught, matplotlib.rc_context({"svg.hashsalt": salt}):
        warnings.filterwarnings("always", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")  # names longer than the figure
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    others = [warning for warning in caught if not str(warning.message).startswith("Glyph ")]
    for warning in others:
        warnings.warn(warning.message, warning.category, stacklevel=2)
    return buffer.getvalue(), len(others) < len(caught)
