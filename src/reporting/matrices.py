"""Draw matrices of genres: the confusion matrix of a run, and the recall of each genre in several groups of runs."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from src.reporting.drawing import (
    BLUE,
    INK,
    LONGEST_NARROW_LABEL,
    NARROW_INCHES,
    STYLE,
    height_inches,
    label,
    name_rows,
    shortened,
    svg,
    wrapped,
)

MOST_NUMBERS, MOST_NUMBERS_NARROW = 24, 12  # genres: in a matrix of more, numbers would be too small to be read
IMAGE_INCHES = 9.0  # width and height of a matrix of more genres
MOST_PIXELS, MOST_PIXELS_NARROW = 450, 130  # of such a matrix, so that a pixel is at least 2 pixels wide on a screen
MOST_LABELS, MOST_LABELS_NARROW = 60, 20  # of such a matrix on one side, so that they do not overlap
LEAST_SHADE = 0.12  # of what is not 0 in such a matrix, so that it can be seen
IMAGE_COLOUR = (0.1, 0.5, 0.76)  # blue, visible on a light and on a dark page; an image has no CSS variables


def confusion(counts: ArrayLike, genres: Sequence[str], narrow: bool = False) -> str:
    """Draw a confusion matrix of counts (C, C): true genres in rows; the shade is the share of the row.

    Cells show their count, except 0. More than MOST_NUMBERS genres are drawn as one image without numbers.
    """
    counts_CC = np.asarray(counts, dtype=np.int64)
    support_C = counts_CC.sum(axis=1)
    share_CC = counts_CC / np.maximum(support_C, 1)[:, None]
    numbers = len(genres) <= (MOST_NUMBERS_NARROW if narrow else MOST_NUMBERS)
    side = IMAGE_INCHES if not numbers else max(3.2, 0.5 * len(genres))
    size = (NARROW_INCHES, NARROW_INCHES - 0.3) if narrow else (side + 1.6, side + (1.0 if numbers else 1.6))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        if numbers:
            texts = [[str(count) if count else "" for count in row] for row in counts_CC.tolist()]
            names = [shortened(genre, 9) if narrow else genre for genre in genres]
            rows = [f"{genre} ({clips})" for genre, clips in zip(names, support_C, strict=True)]
            _draw_cells(axes, share_CC, texts, rows, names, font_size=7 if narrow else 9)
        else:
            block = _image_block(len(genres), narrow)
            _draw_image(axes, _pooled(share_CC, block, block), block, genres, block, genres, narrow)
        axes.set_aspect("equal")
        axes.set_xlabel("predicted genre")
        axes.set_ylabel("true genre (test clips)" if numbers else "true genre")
        kind = "counts of test clips" if numbers else "as shares of the test clips of a true genre"
        return svg(
            figure, f"Confusion matrix: true genres in rows, predicted genres in columns, {kind}", _diagonal(share_CC)
        )


def _diagonal(share_CC: NDArray[np.float64]) -> str:
    """Describe the matrix to a reader who does not see it."""
    right = share_CC.diagonal()
    return (
        f"On the diagonal, the shares of correct predictions are {100 * right.min():.0f} to {100 * right.max():.0f} %."
    )


def recall_map(recall: ArrayLike, groups: Sequence[str], genres: Sequence[str], narrow: bool = False) -> str:
    """Draw a matrix of recall (G, C) in [0, 1], for G groups of runs (rows) and C genres; NaN is left blank.

    More than MOST_NUMBERS genres are drawn as one image without numbers. A narrow figure has the names above the rows.
    """
    recall_GC = np.asarray(recall, dtype=np.float64)
    numbers = len(genres) <= (MOST_NUMBERS_NARROW if narrow else MOST_NUMBERS)
    names = [shortened(group, LONGEST_LABEL_ABOVE if narrow else 40) for group in groups]
    with matplotlib.rc_context(STYLE):
        if narrow:
            figure = Figure(figsize=(NARROW_INCHES, 1.1 + 0.55 * len(groups)), layout="constrained")
        elif numbers:
            names = [wrapped(group) for group in groups]
            height = 1.2 + sum(height_inches(name) for name in names)
            figure = Figure(figsize=(max(5.0, 3.4 + 0.52 * len(genres)), height), layout="constrained")
        else:
            figure = Figure(figsize=(IMAGE_INCHES + 2.0, 1.6 + 0.3 * len(groups)), layout="constrained")
        axes = figure.add_subplot()
        if numbers:
            texts = [["" if math.isnan(share) else f"{100 * share:.0f}" for share in row] for row in recall_GC.tolist()]
            columns = [shortened(genre, 9) if narrow else genre for genre in genres]
            _draw_cells(axes, recall_GC, texts, names, columns, above=narrow, font_size=8 if narrow else 9)
            axes.set_xlabel("true genre; recall in %")
        else:
            block = _image_block(len(genres), narrow)
            image = _pooled(recall_GC, 1, block)
            _draw_image(axes, image, 1, [""] * len(names) if narrow else names, block, genres, narrow)
            axes.set_aspect("auto")
            if narrow:
                for row, name in enumerate(names):
                    axes.text(0, row - 0.45, name, transform=axes.get_yaxis_transform(), va="top")
            axes.set_xlabel("true genre; the shade is its recall")
        return svg(figure, f"Recall of each genre in each group of runs{', in percent' if numbers else ''}")


LONGEST_LABEL_ABOVE = 46  # of a row of a narrow figure


def _draw_cells(
    axes: Axes,
    share: NDArray[np.float64],
    texts: list[list[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    above: bool = False,
    font_size: float = 9,
) -> None:
    """Draw a matrix of shares (rows, columns) in [0, 1] with `texts` in its cells; NaN is drawn as 0.

    The opacity of a cell is its share, so that 0 has the background colour of the page, light or dark. `above`: the names
    of the rows are above them, not at the left.
    """
    top, height = (-0.25, 0.75) if above else (-0.5, 1)
    for row, column in np.ndindex(*share.shape):
        value = 0.0 if math.isnan(share[row, column]) else float(share[row, column])
        cell = Rectangle((column - 0.5, row + top), 1, height, facecolor=BLUE, alpha=value, linewidth=0)
        axes.add_patch(cell)
        # Up to an opacity of 0.7, the text colour of the page is readable; darker cells need white text.
        colour = "white" if value > 0.7 else INK
        axes.text(
            column,
            row + top + height / 2,
            texts[row][column],
            ha="center",
            va="center",
            color=colour,
            fontsize=font_size,
        )
    axes.set_xlim(-0.5, share.shape[1] - 0.5)
    axes.set_xticks(range(len(columns)), list(map(label, columns)), rotation=45, ha="right", rotation_mode="anchor")
    name_rows(axes, [name if above else label(name) for name in rows], above)
    axes.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    axes.set_yticks([] if above else np.arange(-0.5, len(rows)), minor=True)
    axes.grid(which="minor")
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _image_block(genres: int, narrow: bool = False) -> int:
    """Number of genres to a pixel of an image: 1, or more if the pixels would be too small to be seen."""
    return math.ceil(genres / (MOST_PIXELS_NARROW if narrow else MOST_PIXELS))


def _pooled(share: NDArray[np.float64], row_block: int, column_block: int) -> NDArray[np.float64]:
    """The maximum of each block of a matrix (rows, columns), so that no cell is lost -> (rows / block, columns / block)."""
    rows, columns = share.shape
    padded = np.zeros((-rows % row_block + rows, -columns % column_block + columns))
    padded[:rows, :columns] = np.nan_to_num(share)
    blocks: NDArray[np.float64] = padded.reshape(
        padded.shape[0] // row_block, row_block, padded.shape[1] // column_block, column_block
    ).max(axis=(1, 3))
    return blocks


def _draw_image(
    axes: Axes,
    share: NDArray[np.float64],
    row_block: int,
    rows: Sequence[str],
    column_block: int,
    columns: Sequence[str],
    narrow: bool = False,
) -> None:
    """Draw a matrix of shares in [0, 1] as one image; a pixel stands for `row_block` rows and `column_block` columns.

    The opacity of a pixel is its share, but at least LEAST_SHADE if it is not 0. Only as many rows and columns are labelled as can be read.
    """
    image = np.empty((*share.shape, 4))
    image[..., :3], image[..., 3] = IMAGE_COLOUR, np.where(share > 0, np.maximum(share, LEAST_SHADE), 0)
    height, width = len(rows), len(columns)
    extent = (-0.5, share.shape[1] * column_block - 0.5, share.shape[0] * row_block - 0.5, -0.5)
    axes.imshow(image, interpolation="none", extent=extent)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    most, longest = (MOST_LABELS_NARROW, LONGEST_NARROW_LABEL) if narrow else (MOST_LABELS, 24)
    ticks = [range(0, count, math.ceil(count / most)) for count in (height, width)]
    axes.set_yticks(ticks[0], [shortened(rows[k], longest) for k in ticks[0]])
    axes.set_xticks(ticks[1], [shortened(columns[k], longest) for k in ticks[1]], rotation=90)
    axes.tick_params(length=2, labelsize=7 if narrow else 9)
    axes.spines[:].set_visible(True)
