"""Draw the relations between genres: a map, and a tree of joins with their stability."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from src import formatting
from src.reporting.drawing import BLUE, FAINT, INK, LONGEST_NARROW_LABEL, NARROW_INCHES, ORANGE, STYLE, shortened, svg
from src.reporting.point_labels import Box

WIDE_INCHES = 8.2
MANY_GENRES = (
    40  # of more, the tree shows numbers only at stable joins, and the map leaves out names that would overlap
)
LETTER_INCHES, LINE_INCHES = 0.079, 0.155  # width of a letter and height of a line at 9 points
DOT_INCHES = 0.05


def joins(view: Mapping[str, Any], stable: float, narrow: bool = False) -> str:
    """Draw the tree of joins of `views` in relations.json: names at the left, distances to the right.

    A thick blue line is a join with a stability of `stable` or more; the numbers are stabilities in percent.
    """
    genres, order = view["genres"], view["order"]
    many = len(genres) > MANY_GENRES
    font = 7 if many else 9
    names = [shortened(genres[k], LONGEST_NARROW_LABEL if narrow else 30) for k in order]
    with matplotlib.rc_context({**STYLE, "font.size": font}):
        size = (NARROW_INCHES if narrow else WIDE_INCHES, 0.8 + (0.15 if many else 0.27) * len(genres))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        place = {genre: (0.0, float(row)) for row, genre in enumerate(order)}
        unknown = all(each["stability"] is None for each in view["joins"])
        for number, each in enumerate(view["joins"]):
            (x0, y0), (x1, y1) = (place[part] for part in each["parts"])
            x, y = each["distance"], (y0 + y1) / 2
            is_root = number == len(view["joins"]) - 1
            is_stable = not is_root and not unknown and each["stability"] >= stable
            colour, thickness = (BLUE, 2.2) if is_stable else (INK, 0.8)
            axes.plot([x0, x, x, x1], [y0, y0, y1, y1], color=colour, linewidth=thickness, solid_joinstyle="miter")
            place[len(genres) + number] = (x, y)
            if not is_root and not unknown and (is_stable or not many):
                axes.annotate(
                    f"{100 * each['stability']:.0f}",
                    (x, y),
                    xytext=(2, 1.5),
                    textcoords="offset points",
                    va="bottom",
                    fontsize=font - 1,
                    color=INK,
                )
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        farthest = max(each["distance"] for each in view["joins"])
        axes.set_xlim(0, 1.12 * farthest if farthest > 0 else 1)
        axes.set_xlabel("distance at which genres are joined")
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        nearest = view["joins"][0]
        text = f"The nearest genres are {' and '.join(nearest['genres'])}, at a distance of {nearest['distance']:.2f}."
        return svg(figure, f"Tree of {formatting.count(len(genres), 'genre')}, joined by their distances", text)


def genre_map(view: Mapping[str, Any], same: Sequence[tuple[str, str]], narrow: bool = False) -> str:
    """Draw the genres of a view at their places, in equal scales; a dotted line joins each pair of `same`.

    Of many genres, names that would overlap others are left out.
    """
    genres, place_C2 = view["genres"], np.array(view["places"], dtype=np.float64)
    width, height = (NARROW_INCHES, 3.4) if narrow else (WIDE_INCHES, 5.0)
    names = [shortened(genre, LONGEST_NARROW_LABEL if narrow else 24) for genre in genres]
    widest = max(map(len, names)) * LETTER_INCHES + 0.2
    side = min(widest / 2 + 0.1, 0.2 * width)  # names are placed inside where there is room
    low, high = place_C2.min(axis=0), place_C2.max(axis=0)
    room = np.array([width - 2 * side, height - 0.7])
    unit = float((room / np.maximum(high - low, 1e-9)).min())
    inches_C2 = np.array([width, height]) / 2 + (place_C2 - (low + high) / 2) * unit
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, width)
        axes.set_ylim(0, height)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
        axes.spines[:].set_color(FAINT)
        row = {genre: k for k, genre in enumerate(genres)}
        for a, b in same:
            if a in row and b in row:
                ends = inches_C2[[row[a], row[b]]]
                axes.plot(ends[:, 0], ends[:, 1], color=ORANGE, linewidth=1.2, linestyle=(0, (1, 1.5)))
        axes.plot(inches_C2[:, 0], inches_C2[:, 1], "o", color=BLUE, markersize=5, markeredgewidth=0)
        for k, (left, bottom) in _label_corners(inches_C2, names, (width, height), len(genres) > MANY_GENRES):
            # Lengths are estimates: a name is aligned at the side of its point, so that no gap shows.
            length, x = len(names[k]) * LETTER_INCHES, inches_C2[k, 0]
            if left >= x:
                axes.text(left, bottom, names[k], ha="left", va="bottom")
            elif left + length <= x:
                axes.text(left + length, bottom, names[k], ha="right", va="bottom")
            else:
                axes.text(left + length / 2, bottom, names[k], ha="center", va="bottom")
        shown = formatting.percent(view["shown"])
        return svg(figure, f"Map of {formatting.count(len(genres), 'genre')}; it shows {shown} of their distances")


def _label_corners(
    inches_C2: NDArray[np.float64], names: Sequence[str], page: tuple[float, float], leave_out: bool
) -> list[tuple[int, tuple[float, float]]]:
    """Find places for names beside their points -> the lower left corner of each name, in inches.

    Of eight places around a point the one that covers the least is taken. With `leave_out`, a name is left out if it would
    cover anything.
    """
    dots = [Box(x - DOT_INCHES, y - DOT_INCHES, x + DOT_INCHES, y + DOT_INCHES) for x, y in inches_C2.tolist()]
    taken = list(dots)
    corners = []
    for k, name in enumerate(names):
        x, y = inches_C2[k].tolist()
        length, gap = len(name) * LETTER_INCHES, 1.6 * DOT_INCHES
        starts = [(x + gap, y - LINE_INCHES / 2), (x - gap - length, y - LINE_INCHES / 2)]
        starts += [
            (x + shift * length / 2 - length / 2, side)
            for side in (y + gap, y - gap - LINE_INCHES)
            for shift in (0, 1, -1)
        ]
        best: tuple[float, tuple[float, float]] | None = None
        for left, bottom in starts:
            box = Box(left, bottom, left + length, bottom + LINE_INCHES)
            inside = Box(0.03, 0.03, page[0] - 0.03, page[1] - 0.03).overlap(box)
            cost = sum(box.overlap(other) for other in taken if other is not dots[k]) + 3 * (
                length * LINE_INCHES - inside
            )
            if best is None or cost < best[0] - 1e-9:
                best = (cost, (left, bottom))
        assert best is not None
        if leave_out and best[0] > 1e-6:
            continue
        left, bottom = best[1]
        taken.append(Box(left, bottom, left + length, bottom + LINE_INCHES))
        corners.append((k, (left, bottom)))
    return corners
