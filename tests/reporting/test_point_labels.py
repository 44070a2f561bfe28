"""Labels of points stay apart, near their points, and inside the axes."""

import math
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from src.reporting import point_labels
from src.reporting.drawing import NARROW_INCHES, STYLE
from src.reporting.point_labels import Box, place

FRAME = Box(0, 0, 220, 150)


@pytest.mark.parametrize("seed", range(5))
def test_crowded_labels_cover_no_other_label_and_no_point(seed: int) -> None:
    points = np.random.default_rng(seed).normal((110, 75), (12, 15), size=(12, 2)).tolist()
    sizes = [(48.0, 9.0), *[(7.0, 9.0)] * 11]
    boxes = place(points, sizes, FRAME)
    assert [box.right - box.left for box in boxes] == pytest.approx([width for width, _ in sizes])
    assert max(one.overlap(other) for one, other in combinations(boxes, 2)) == pytest.approx(0, abs=1e-6)
    for (x, y), box in zip(points, boxes, strict=True):
        assert all(not (box.left < px < box.right and box.low < py < box.high) for px, py in points)
        assert math.hypot(max(box.left - x, x - box.right, 0), max(box.low - y, y - box.high, 0)) < 50
        assert box.left >= 0
        assert box.right <= 220


def test_a_single_label_is_above_and_to_the_right_of_its_point() -> None:
    [box] = place([(50.0, 50.0)], [(7.0, 9.0)], FRAME)
    assert 50 < box.left < 60
    assert 50 < box.low < 60


def test_a_label_at_the_edge_stays_inside() -> None:
    [box] = place([(218.0, 148.0)], [(20.0, 9.0)], FRAME)
    assert box.right <= 220
    assert box.high <= 150


def test_the_labels_of_a_figure_are_moved_apart() -> None:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for key in "ABCD":
            axes.annotate(key, (1.0, 20.0), xytext=(6, 4), textcoords="offset points")
        axes.plot(1.0, 20.0, "o")
        point_labels.spread(figure, axes)
        texts = [note for note in axes.texts if note.get_text()]
        extents = [note.get_window_extent() for note in texts]
    assert [note.get_text() for note in texts] == list("ABCD")
    assert not any(one.overlaps(other) for one, other in combinations(extents, 2))
