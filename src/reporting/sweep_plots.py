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
from src.reporting import point_labels
from src.reporting.drawing import BLUE, FAINT, GREEN, INK, NARROW_INCHES, ORANGE, STYLE, svg

# Of the first groups, the same in all figures: colours that people with any colour vision tell apart, then again with
# another line style and marker.
LOOKS = [(colour, *shape) for shape in (("-", "o"), ("--", "s")) for colour in (BLUE, ORANGE, GREEN, INK)]
MOST_LOOKS = len(LOOKS)  # of more groups, the first one has a colour, and the others are thin grey lines and points
OTHERS = {"color": INK, "alpha": 0.35}
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

    The cell chosen by validation has a frame and the word "chosen".
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
        axes.add_patch(Rectangle(corner, 0.92, 0.92, facecolor="none", edgecolor=INK, linewidth=2))
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


def _look(number: int, groups: int) -> dict[str, Any]:
    """Colour, line style and marker of a group, by its number in the table: the same in all figures of a page."""
    if groups > MOST_LOOKS and number:
        return {**OTHERS, "linestyle": "-", "marker": "o"}
    colour, line, marker = LOOKS[number]
    return {"color": colour, "linestyle": line, "marker": marker}


def overlaid_curves(
    numbers: Sequence[int],
    labels: Sequence[str],
    losses: Sequence[Sequence[tuple[int, float]]],
    scores: Sequence[Sequence[tuple[int, float]]],
    count: int,
) -> str:
    """Draw the validation loss (nats) and macro F1 (shares) of groups over epochs, as (epoch, value).

    `numbers` are their places among all `count` groups, which decide their colours.
    """
    many = count > MOST_LOOKS
    others = [k for k, number in enumerate(numbers) if number]
    with matplotlib.rc_context(STYLE):
        height = 2.6 + 0.2 * (2 if many else len(labels))
        figure = Figure(figsize=(NARROW_INCHES, height), layout="constrained")
        upper, lower = figure.subplots(2, 1)
        for k in reversed(range(len(labels))):  # the first group is drawn on top
            look: dict[str, Any] = {
                **_look(numbers[k], count),
                "label": textwrap.shorten(displayable(labels[k]), 44, placeholder="…"),
            }
            if many and numbers[k]:  # all together are one entry of the legend
                look |= {"linewidth": 0.9, "label": f"the other {len(others)}" if k == others[0] else None}
            for axes, curve, scale in ((upper, losses[k], 1), (lower, scores[k], 100)):
                look["marker"] = look["marker"] if len(curve) <= 20 else ""
                axes.plot([e for e, _ in curve], [scale * v for _, v in curve], markersize=3, **look)
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
    chosen: bool,
) -> str:
    """Draw the median training time of a run (seconds) against the accuracy in [0, 1] with its 95 % interval, a point a group.

    Each point has the key of its group, "chosen" if the first one is `chosen`. No two keys overlap: those of crowded
    points are farther from them, at the end of a line.
    """
    unit, divisor = _time_unit(max(seconds, default=0.0))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 2.3), layout="constrained")
        axes = figure.add_subplot()
        for k, (key, (low, high)) in enumerate(zip(keys, interval, strict=True)):
            x, y = seconds[k] / divisor, 100 * accuracy[k]
            look = {**_look(k, len(keys)), "linestyle": ""}
            axes.vlines(x, 100 * low, 100 * high, color=look["color"], linewidth=4, alpha=0.3 if k == 0 else 0.15)
            axes.plot(x, y, markeredgewidth=0, **look)
            text = f"{key} chosen" if chosen and k == 0 else key
            axes.annotate(text, (x, y), xytext=(6, 4), textcoords="offset points", fontweight="bold", fontsize=8)
        first, last = min(seconds, default=0.0) / divisor, max(seconds, default=1.0) / divisor or 1.0
        left = 0.0 if first < last / 2 else first - 0.3 * (last - first) - 0.01 * last  # near points farther apart
        axes.set_xlim(left, last + 0.2 * (last - left))
        ends = [100 * end for pair in interval for end in pair]
        axes.set_ylim(max(-1, min(ends) - 5), min(101, max(ends) + 5))
        axes.set_xlabel(f"median training time of a run ({unit})")
        axes.set_title("accuracy over all clips (%), 95 % interval")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        point_labels.spread(figure, axes)
        return svg(figure, "Training time of a run against accuracy over all test clips, a point for each group")


def _time_unit(seconds: float) -> tuple[str, float]:
    """The unit for times of up to `seconds`, and its seconds."""
    return ("s", 1.0) if seconds < 120 else ("min", 60.0) if seconds < 7200 else ("h", 3600.0)


def differences(
    names: Sequence[str],
    points: Sequence[float],
    interval: Sequence[tuple[float, float] | None],
    different: Sequence[bool],
    fold_interval: Sequence[tuple[float, float] | None],
) -> str:
    """Draw the difference in accuracy of each pair, in percentage points, with its 95 % interval; None: no interval.

    The thick bar is `interval`, over artists; the thin line is `fold_interval`, over folds.
    The circle of a pair that is called `different` is full, that of others hollow.
    """
    row = np.arange(len(names))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 0.9 + 0.26 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (1, 1.5)))
        for k, ends in enumerate(interval):
            if ends is not None:
                axes.hlines(k, *ends, color=INK, linewidth=5, alpha=0.25)
            if (line := fold_interval[k]) is not None:
                axes.hlines(k, *line, color=INK, linewidth=1)
            axes.plot(points[k], k, "o", color=INK, fillstyle="full" if different[k] else "none")
        axes.set_yticks(row, list(map(displayable, names)))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel("difference in accuracy (points)")
        axes.grid(axis="x", color=FAINT)
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        return svg(
            figure, "Difference in accuracy of each pair of groups, in percentage points, with its 95 % interval"
        )
