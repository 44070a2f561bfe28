"""How the report's figures look, and how one becomes SVG to inline in HTML.

Letters are drawn as paths, so a figure looks the same on every machine. Its colours are CSS variables with a fallback
(`var(--ink, #1b1b1b)`), so a page can set them for dark mode; the series' are Okabe and Ito's, which colour-blind
readers tell apart, and each series has its own marker or line style besides.
"""

import html
import io
import re
from typing import Any

from matplotlib.figure import Figure

PIXELS_PER_INCH = 100  # a figure's largest size on screen; 9-point letters are then 12.5 pixels high
INK, FAINT, BLUE, ORANGE, GREEN = "#010203", "#010204", "#010205", "#010206", "#010207"  # drawn with, then replaced
_CSS = {
    INK: "var(--ink, #1b1b1b)",
    FAINT: "var(--line, #d4d4d4)",
    BLUE: "var(--blue, #0072b2)",
    ORANGE: "var(--orange, #d55e00)",
    GREEN: "var(--green, #009e73)",
}
STYLE: dict[Any, Any] = {  # matplotlib's own key type is a private literal
    "svg.fonttype": "path",
    "svg.hashsalt": "music-genre",  # the same figure is the same text, run after run
    "font.family": "DejaVu Sans",  # comes with matplotlib
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
    "text.parse_math": False,  # a genre may hold a dollar sign
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.5,
}


def svg(figure: Figure, description: str) -> str:
    """The figure as one <svg> element without ids, metadata or references outside itself."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", drawn[drawn.index(">", drawn.index("<svg")) + 1 :])
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL).replace("xlink:href", "href")
    for colour, css in _CSS.items():
        body = body.replace(colour, css)
    width, height = figure.get_size_inches()
    pixels = f"--figure: {width * PIXELS_PER_INCH:.0f}px"
    head = f'<svg viewBox="0 0 {72 * width:g} {72 * height:g}" role="img" style="{pixels}"'
    return f'{head} aria-label="{html.escape(description)}">{body.strip()}'
