"""Draw the figures of sweeps and comparisons. Each function returns one <svg> element as text, to be put into a page.

All of them are narrow: they are in one of two columns of a wide page, or fill the screen of a phone.
"""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from src.plain_files import displayable
from src.reporting.drawing import BLUE, FAINT, GREEN, INK, NARROW_INCHES, ORANGE, STYLE, svg

# Of the first curves: colours that people with any colour vision tell apart, then again with another line style.
LINES = [(colour, style) for style in ("-", "--", ":") for colour in (BLUE, ORANGE, GREEN, INK)]
MOST_CURVES = 8  # of more groups, the first one has a colour, and the others are thin grey lines
DARKEST = 0.6  # opacity of the darkest cell of a heat map: its number is readable in the text colour of the page


class HeatMap(NamedTuple):
    """One heat map: `values` (rows, columns) in [0, 1], None for an empty cell; `chosen` is the marked cell, or None."""

    title: str
    row_name: str
    column_name: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    chosen: tuple[int, int] | None


def heat_maps(maps: Sequence[HeatMap], score: str) -> str:
    """Draw heat maps of a score, in percent, with its value in each cell; the shade goes from the lowest value to the highest.

    The cell chosen by validation has an orange frame and the word "chosen".
    """
    known = [value for each in maps for row in each.values for value in row if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    height = len(maps) * (0.7 + 0.37 * max(len(each.rows) for each in maps))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, height), layout="constrained")
        for axes, each in zip(figure.subplots(len(maps), squeeze=False)[:, 0], maps, strict=True):
            _draw_heat_map(axes, each, low, high)
        named = [f"{each.title + ': ' if each.title else ''}{_spoken(each)}" for each in maps]
        return svg(figure, f"{score}, {maps[0].row_name} by {maps[0].column_name}", ". ".join(named))


def _draw_heat_map(axes: Axes, each: HeatMap, low: float, high: float) -> None:
    for row, values in enumerate(each.values):
        for column, value in enumerate(values):
            if value is None:
                continue
            shade = DARKEST * (value - low) / (high - low) if high > low else DARKEST / 2
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=BLUE, alpha=shade, linewidth=0))
            chosen = (row, column) == each.chosen
            axes.text(column, row, f"{100 * value:.1f}{chr(10) + 'chosen' if chosen else ''}", ha="center", va="center")
    if each.chosen is not None:
        row, column = each.chosen
        corner = (column - 0.46, row - 0.46)
        axes.add_patch(Rectangle(corner, 0.92, 0.92, facecolor="none", edgecolor=ORANGE, linewidth=2))
    axes.set_xlim(-0.5, len(each.columns) - 0.5)
    axes.set_ylim(len(each.rows) - 0.5, -0.5)
    axes.set_xticks(range(len(each.columns)), list(map(displayable, each.columns)))
    axes.set_yticks(range(len(each.rows)), list(map(displayable, each.rows)))
    axes.set_xlabel(each.column_name)
    axes.set_ylabel(each.row_name)
    axes.set_title(displayable(each.title))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _spoken(each: HeatMap) -> str:
    """The cells of a heat map as text, for screen readers: "0.001 and 3 61.2, chosen; 0.001 and 4 59.0"."""
    return "; ".join(
        f"{each.rows[row]} and {each.columns[column]} {100 * value:.1f}{', chosen' if (row, column) == each.chosen else ''}"
        for row, values in enumerate(each.values)
        for column, value in enumerate(values)
        if value is not None
    )


def overlaid_curves(
    labels: Sequence[str],
    losses: Sequence[Sequence[tuple[int, float]]],
    scores: Sequence[Sequence[tuple[int, float]]],
) -> str:
    """Draw the validation loss (nats) and macro F1 (shares) of each group over epochs, as (epoch, value)."""
    many = len(labels) > MOST_CURVES
    with matplotlib.rc_context(STYLE):
        height = 2.6 + 0.2 * (2 if many else len(labels))
        figure = Figure(figsize=(NARROW_INCHES, height), layout="constrained")
        upper, lower = figure.subplots(2, 1)
        for k in reversed(range(len(labels))):  # the first group is drawn on top
            colour, style = LINES[k % len(LINES)]
            label = textwrap.shorten(displayable(labels[k]), 44, placeholder="…")
            look: dict[str, Any] = {"color": colour, "linestyle": style, "label": label}
            if many:
                look = {"color": BLUE, "label": label} if k == 0 else {"color": INK, "alpha": 0.35, "linewidth": 0.9}
                look |= {"label": f"the other {len(labels) - 1}"} if k == 1 else {}
            for axes, curve, scale in ((upper, losses[k], 1), (lower, scores[k], 100)):
                marker = "o" if len(curve) <= 20 else ""
                axes.plot([e for e, _ in curve], [scale * v for _, v in curve], marker=marker, markersize=3, **look)
        upper.set_title("validation loss (nats)")
        lower.set_title("validation macro F1 (%)")
        lower.set_ylim(0, 100)
        for axes in (upper, lower):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.grid(axis="y")
            axes.tick_params(length=0)
        handles, names = upper.get_legend_handles_labels()
        figure.legend(handles[::-1], names[::-1], loc="outside lower left")
        return svg(figure, "Learning curves of all groups: validation loss and macro F1 by epoch, means over the runs")


def time_and_score(
    keys: Sequence[str],
    seconds: Sequence[float],
    accuracy: Sequence[float],
    interval: Sequence[tuple[float, float]],
    chosen: int | None,
) -> str:
    """Draw the training time of a run (seconds) against the accuracy in [0, 1] with its 95 % interval, a point a group.

    Each point has the key of its group; that of the `chosen` group is an orange square.
    """
    unit, divisor = _time_unit(max(seconds, default=0.0))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 2.3), layout="constrained")
        axes = figure.add_subplot()
        for k, key in enumerate(keys):
            x, y = seconds[k] / divisor, 100 * accuracy[k]
            low, high = (100 * end for end in interval[k])
            colour, marker = (ORANGE, "s") if k == chosen else (BLUE, "o")
            axes.vlines(x, low, high, color=colour, linewidth=4, alpha=0.3)
            axes.plot(x, y, marker, color=colour, markeredgewidth=0)
            axes.annotate(key, (x, y), xytext=(6, 4), textcoords="offset points", fontweight="bold")
        axes.set_xlim(left=0, right=1.12 * max(seconds, default=1.0) / divisor or 1)
        ends = [100 * end for pair in interval for end in pair]
        axes.set_ylim(max(-1, min(ends) - 5), min(101, max(ends) + 5))  # apart, so that letters do not cover each other
        axes.set_xlabel(f"training time of a run ({unit})")
        axes.set_title("accuracy over all clips (%), 95 % interval")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        return svg(figure, "Training time of a run against accuracy over all test clips, a point for each group")


def _time_unit(seconds: float) -> tuple[str, float]:
    """The unit for times of up to `seconds`, and its seconds."""
    return ("s", 1.0) if seconds < 120 else ("min", 60.0) if seconds < 7200 else ("h", 3600.0)


def differences(names: Sequence[str], points: Sequence[float], interval: Sequence[tuple[float, float] | None]) -> str:
    """Draw the difference in accuracy of each pair, in percentage points, with its 95 % interval; None: no interval."""
    row = np.arange(len(names))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 0.9 + 0.26 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (1, 1.5)))
        for k, ends in enumerate(interval):
            if ends is not None:
                axes.hlines(k, *ends, color=BLUE, linewidth=5, alpha=0.4)
        axes.plot(points, row, "o", color=BLUE, markeredgewidth=0)
        axes.set_yticks(row, list(map(displayable, names)))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel("difference in accuracy (points)")
        axes.grid(axis="x", color=FAINT)
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        return svg(
            figure, "Difference in accuracy of each pair of groups, in percentage points, with its 95 % interval"
        )
