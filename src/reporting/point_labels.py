"""Place the labels of points in a figure so that no two of them overlap."""

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

GAP = 7.0  # points (1/72 inch) between a point and its label
RINGS = 6  # distances that are tried, GAP apart
DIRECTIONS = 16
POINT_RADIUS = 4.0


class Box(NamedTuple):
    """A rectangle, in any unit of length."""

    left: float
    low: float
    right: float
    high: float

    def overlap(self, other: "Box") -> float:
        """The area that both share."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.high, other.high) - max(self.low, other.low)
        return max(0.0, width) * max(0.0, height)


def spread(figure: Figure, axes: Axes) -> None:
    """Move the annotations of axes, each at its point, so that none covers another one or a point.

    A label that is far from its point gets a line to it. Call this when the limits of the axes and all texts are set.
    """
    figure.draw_without_rendering()  # sets the layout, and so the sizes
    figure.set_layout_engine("none")
    unit = 72 / figure.dpi
    notes: list[Any] = [child for child in axes.texts if hasattr(child, "xyann")]
    points = [tuple(unit * value for value in axes.transData.transform(note.xy)) for note in notes]
    sizes = []
    for note in notes:
        extent = note.get_window_extent()
        sizes.append((unit * extent.width, unit * extent.height))
    outline = axes.get_window_extent()
    frame = Box(unit * outline.x0, unit * outline.y0, unit * outline.x1, unit * outline.y1)
    for note, (x, y), box in zip(notes, points, place(points, sizes, frame), strict=True):
        note.set_horizontalalignment("left")
        note.set_verticalalignment("bottom")
        note.xyann = (box.left - x, box.low - y)
        near = math.hypot(max(box.left - x, x - box.right, 0.0), max(box.low - y, y - box.high, 0.0))
        if near > 1.5 * GAP:
            middle = ((box.left + box.right) / 2 - x, (box.low + box.high) / 2 - y)
            axes.annotate(
                "",
                note.xy,
                xytext=middle,
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": note.get_color(), "linewidth": 0.6, "shrinkB": 3, "shrinkA": 5},
            )


def place(points: Sequence[Sequence[float]], sizes: Sequence[tuple[float, float]], frame: Box) -> list[Box]:
    """Find a box of each size near its point, all in points: the nearest place where it covers no other box and no point.

    Where there is none, the place that covers least. Labels are placed one after another, from left to right.
    """
    marks = [Box(x - POINT_RADIUS, y - POINT_RADIUS, x + POINT_RADIUS, y + POINT_RADIUS) for x, y in points]
    boxes: dict[int, Box] = {}
    for k in sorted(range(len(points)), key=lambda k: (points[k][0], points[k][1])):
        (x, y), (width, height) = points[k], sizes[k]
        best, least = None, math.inf
        for ring, turn in product(range(1, RINGS + 1), range(DIRECTIONS)):
            angle = 2 * math.pi * turn / DIRECTIONS + math.pi / 4  # above and to the right first
            across, up = math.cos(angle), math.sin(angle)
            left = x + ring * GAP * across - width / 2 + width / 2 * across
            low = y + ring * GAP * up - height / 2 + height / 2 * up
            box = Box(left, low, left + width, low + height)
            outside = width * height - box.overlap(frame)
            cost = outside + sum(box.overlap(other) for other in (*boxes.values(), *marks))
            if cost < least - 1e-9:
                best, least = box, cost
        assert best is not None
        boxes[k] = best
    return [boxes[k] for k in range(len(points))]
