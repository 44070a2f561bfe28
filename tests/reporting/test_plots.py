"""Figures are valid SVG, reference nothing outside themselves, and show their data."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from src.metrics import Bin
from src.reporting import plots

GENRES = ["r&b", "<b>", "$jazz$"]
INTERVALS = [(0.1, 0.4), (0.2, 0.9), (math.nan, math.nan)]
BINS = [Bin(0.2, 3, 1, 0.23), Bin(14 / 15, 2, 2, 1.0)]
FIGURES = {
    "confusion": lambda: plots.confusion([[7, 1, 0], [0, 5, 2], [0, 0, 0]], GENRES),
    "curves": lambda: plots.curves([0, 1, 2], [2.0, 1.5, 1.2], [2.1, 1.9, 2.0], [0.2, 0.3, 0.3], [0.1, 0.3, 0.2], 1),
    "one epoch": lambda: plots.curves([0], [2.0], [math.nan], [0.2], [0.1], None),
    "per_genre": lambda: plots.per_genre(
        GENRES, [0.2, 0.5, math.nan], [0.1, math.nan, 0.0], [0.1, 0.2, 0.0], INTERVALS
    ),
    "reliability": lambda: plots.reliability(BINS, INTERVALS[:2], BINS[:1]),
    "reliability of one bin, not calibrated": lambda: plots.reliability(BINS[:1], INTERVALS[:1], []),
    "accuracies": lambda: plots.accuracies(["cnn on mel", "x" * 90], [0.2, 0.5], INTERVALS[:2]),
    "recall_map": lambda: plots.recall_map([[0.2, 0.9, math.nan]], ["cnn on mel"], GENRES),
    "narrow confusion": lambda: plots.confusion([[7, 1, 0], [0, 5, 2], [0, 0, 0]], GENRES, narrow=True),
    "narrow confusion of many genres": lambda: plots.confusion(np.eye(200), list(map(str, range(200))), narrow=True),
    "narrow curves": lambda: plots.curves([0, 1], [2.0, 1.5], [2.1, 1.9], [0.2, 0.3], [0.1, 0.3], 1, narrow=True),
    "narrow per_genre": lambda: plots.per_genre(
        GENRES, [0.2, 0.5, math.nan], [0.1, math.nan, 0.0], [0.1, 0.2, 0.0], INTERVALS, narrow=True
    ),
    "narrow reliability": lambda: plots.reliability(BINS, INTERVALS[:2], BINS[:1], narrow=True),
    "narrow accuracies": lambda: plots.accuracies(["cnn on mel", "x" * 90], [0.2, 0.5], INTERVALS[:2], narrow=True),
    "narrow recall_map": lambda: plots.recall_map([[0.2, 0.9, math.nan]], ["cnn on mel"], GENRES, narrow=True),
    "narrow recall_map of many genres": lambda: plots.recall_map(
        np.full((2, 200), 0.5), ["cnn", "x" * 90], list(map(str, range(200))), narrow=True
    ),
}
NARROW = [name for name in FIGURES if name.startswith("narrow")]


@pytest.mark.parametrize("name", FIGURES)
def test_figure_references_nothing_outside_itself(name: str) -> None:
    svg = FIGURES[name]()
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert "http" not in svg
    assert "font-family" not in svg  # letters are paths: no font is needed
    defined = {element.get("id") for element in root.iter() if element.get("id")}
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    assert used <= defined
    assert "var(--" in svg
    assert not re.search("#01020[3-7]", svg)


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_reproducible(name: str) -> None:
    assert FIGURES[name]() == FIGURES[name]()


@pytest.mark.parametrize("name", NARROW)
def test_a_narrow_figure_fits_a_phone(name: str) -> None:
    width, _height = map(float, ElementTree.fromstring(FIGURES[name]()).get("viewBox", "").split()[2:])
    assert width == pytest.approx(72 * 3.6)  # 360 pixels


def test_the_two_drawings_of_a_figure_share_no_ids() -> None:
    wide, narrow = plots.both(plots.curves, [0, 1], [2.0, 1.5], [2.1, 1.9], [0.2, 0.3], [0.1, 0.3], 1)
    # Letters have the same id, and the same shape, in all figures.
    ids = [set(re.findall(r'id="(?!DejaVu)([^"]+)"', svg)) for svg in (wide, narrow)]
    assert all(ids)
    assert not ids[0] & ids[1]


def _cells(svg: str) -> list[float]:
    """The opacities of the cells of a heat map in order, without those of 0, which are not drawn."""
    opacities = re.findall(r"fill: var\(--blue[^)]*\)(?:; opacity: ([0-9.]+))?", svg)
    return [float(opacity) if opacity else 1.0 for opacity in opacities]


def test_confusion_is_shaded_by_the_share_of_the_true_genre() -> None:
    assert _cells(plots.confusion([[3, 1, 0], [0, 50, 50], [0, 0, 0]], GENRES)) == [0.75, 0.25, 0.5, 0.5]


def test_recall_map_leaves_undefined_recall_blank() -> None:
    assert _cells(plots.recall_map([[0.2, 1.0, math.nan]], ["cnn on mel"], GENRES)) == [0.2, 1.0]
