"""Draw the map of test clips as SVG: a point for each clip, which page.js lets a reader choose and play."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness

from src.plain_files import displayable

SIDE = 460  # units of the drawing, which scales with the page; it has no text, so it can be read at any size
MARGIN = 16
NEIGHBOURS = 5  # of trustworthiness
MOST_COMPARED = 2_000  # clips for trustworthiness, whose cost grows with the square
# One shape for each of the first genres, so that no reader depends on colours; these are told apart by colour-blind readers.
SHAPES = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M-4.5 -4.5h9v9h-9z",
    "M0 -6L5.5 4.5H-5.5z",
    "M0 6L5.5 -4.5H-5.5z",
    "M0 -6.5L5 0L0 6.5L-5 0z",
    "M-2 -6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
    "M-6 -2.5h12v5h-12z",
    "M-2.5 -6h5v12h-5z",
    "M0 -6.5L1.8 -2L6.4 -2L2.7 1L4 5.8L0 3L-4 5.8L-2.7 1L-6.4 -2L-1.8 -2z",
    "M-5 -5L0 -1.8L5 -5L1.8 0L5 5L0 1.8L-5 5L-1.8 0z",
)
COLOURS = ("var(--blue)", "var(--orange)", "var(--green)", "var(--rose)", "var(--sand)")
MOST_GENRES = len(SHAPES)  # of more genres, shapes and colours show correct and wrong predictions only


class Point(NamedTuple):
    """A test clip on the map: its `genre` as an index, its description, and the path of its sound, "" if there is none."""

    genre: int
    correct: bool
    text: str
    sound: str


def draw(place_K2: NDArray[np.float64], points: Sequence[Point], genres: int, name: str) -> Markup:
    """Draw the points of K clips at their places (K, 2), with equal scales; `name` is unique on the page, for the ids."""
    low, high = place_K2.min(axis=0), place_K2.max(axis=0)
    unit = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-9)
    middle = (low + high) / 2
    position_K2 = SIDE / 2 + (place_K2 - middle) * unit * np.array([1, -1])
    symbols = "".join(f'<path id="{name}-{k}" d="{shape}"/>' for k, shape in enumerate(SHAPES))
    marks = []
    # From left to right, for the arrow keys; those with a sound last, so that nothing covers them.
    order = sorted(range(len(points)), key=lambda k: (bool(points[k].sound), position_K2[k, 0]))
    for k in order:
        point = points[k]
        shape, colour = mark(point, genres)
        kind = f"{'correct' if point.correct else 'mistake'}{' sounding' if point.sound else ''}"
        sound = f' data-sound="{html.escape(point.sound)}"' if point.sound else ""
        x, y = position_K2[k]
        marks.append(
            f'<use href="#{name}-{shape}" x="{x:.1f}" y="{y:.1f}" style="color: {colour}" class="{kind}" data-genre="{point.genre}"{sound}>'
            f"<title>{html.escape(displayable(point.text))}</title></use>"
        )
    height = SIDE
    return Markup(
        f'<svg viewBox="0 0 {SIDE} {height}" role="group" aria-label="Map of {len(points)} test clips" style="--figure: 40rem">'
        f"<defs>{symbols}</defs>{''.join(marks)}</svg>"
    )


def mark(point: Point, genres: int) -> tuple[int, str]:
    """The number of the shape and the colour of a point: by genre, or, of many genres, by correct and wrong."""
    if genres > MOST_GENRES:
        return (0, COLOURS[0]) if point.correct else (9, COLOURS[1])
    return point.genre, COLOURS[point.genre % len(COLOURS)]


def legend(genre: int) -> Markup:
    """The mark of a genre for the legend."""
    return Markup(
        f'<svg viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true" style="color: {COLOURS[genre % len(COLOURS)]}">'
        f'<path d="{SHAPES[genre]}" fill="currentColor"/></svg>'
    )


def describe_trust(component_KD: NDArray[np.float64], place_K2: NDArray[np.float64]) -> float | None:
    """Trustworthiness of a map, 0 to 1: the share of near neighbours on the map that are near among the components too.

    None for too few clips. Source: Venna and Kaski 2001, by scikit-learn.
    """
    clips = min(len(component_KD), MOST_COMPARED)
    if clips <= 2 * NEIGHBOURS:
        return None
    return float(trustworthiness(component_KD[:clips], place_K2[:clips], n_neighbors=NEIGHBOURS))
