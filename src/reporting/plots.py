"""Draw the figures of the reports. Each function returns one <svg> element as text, to be put into a page."""

import html
import io
import math
import re
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from src.metrics.scores import ECE_BINS, Bin
from src.plain_files import displayable


def confusion(counts: ArrayLike, genres: Sequence[str]) -> str:
    """Draw a confusion matrix of counts (C, C): true genres in rows; the shade is the share of the row.

    Cells show their count, except 0. More than MOST_NUMBERS genres are drawn as one image without numbers.
    """
    counts_CC = np.asarray(counts, dtype=np.int64)
    support_C = counts_CC.sum(axis=1)
    share_CC = counts_CC / np.maximum(support_C, 1)[:, None]
    description = "Confusion matrix: true genres in rows, predicted genres in columns, "
    if len(genres) > MOST_NUMBERS:
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=(IMAGE_INCHES + 1.6, IMAGE_INCHES + 1.6), layout="constrained")
            axes = figure.add_subplot()
            block = _image_block(len(genres))
            _draw_image(axes, _pooled(share_CC, block, block), block, genres, block, genres)
            axes.set_aspect("equal")
            axes.set_xlabel("predicted genre")
            axes.set_ylabel("true genre")
            return svg(figure, f"{description}as shares of the test clips of a true genre", shrinks=False)
    rows = [f"{genre} ({clips})" for genre, clips in zip(genres, support_C, strict=True)]
    texts = [[str(count) if count else "" for count in row] for row in counts_CC.tolist()]
    side_inches = max(3.2, 0.5 * len(genres))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(side_inches + 1.6, side_inches + 1.0), layout="constrained")
        axes = figure.add_subplot()
        _draw_cells(axes, share_CC, texts, rows, genres)
        axes.set_aspect("equal")
        axes.set_xlabel("predicted genre")
        axes.set_ylabel("true genre (test clips)")
        return svg(figure, f"{description}counts of test clips")


def recall_map(recall: ArrayLike, groups: Sequence[str], genres: Sequence[str]) -> str:
    """Draw a matrix of recall (G, C) in [0, 1], for G groups of runs (rows) and C genres; NaN is left blank.

    More than MOST_NUMBERS genres are drawn as one image without numbers.
    """
    recall_GC = np.asarray(recall, dtype=np.float64)
    if len(genres) > MOST_NUMBERS:
        labels = [_shortened(group, 40) for group in groups]
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=(IMAGE_INCHES + 2.0, 1.6 + 0.3 * len(groups)), layout="constrained")
            axes = figure.add_subplot()
            block = _image_block(len(genres))
            _draw_image(axes, _pooled(recall_GC, 1, block), 1, labels, block, genres)
            axes.set_aspect("auto")
            axes.set_xlabel("true genre; the shade is its recall")
            return svg(figure, "Recall of each genre in each group of runs", shrinks=False)
    texts = [["" if math.isnan(share) else f"{100 * share:.0f}" for share in row] for row in recall_GC.tolist()]
    labels = [_wrapped(group) for group in groups]
    with matplotlib.rc_context(STYLE):
        height = 1.2 + sum(_height_inches(label) for label in labels)
        figure = Figure(figsize=(max(5.0, 3.4 + 0.52 * len(genres)), height), layout="constrained")
        axes = figure.add_subplot()
        _draw_cells(axes, recall_GC, texts, labels, genres)
        axes.set_xlabel("true genre; recall in %")
        return svg(figure, "Recall of each genre in each group of runs, in percent")


def _draw_cells(
    axes: Axes, share: NDArray[np.float64], texts: list[list[str]], rows: Sequence[str], columns: Sequence[str]
) -> None:
    """Draw a matrix of shares (rows, columns) in [0, 1] with `texts` in its cells; NaN is drawn as 0.

    The opacity of a cell is its share, so that 0 has the background colour of the page, light or dark.
    """
    for row, column in np.ndindex(*share.shape):
        value = 0.0 if math.isnan(share[row, column]) else float(share[row, column])
        cell = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=BLUE, alpha=value, linewidth=0)
        axes.add_patch(cell)
        # Up to an opacity of 0.7, the text colour of the page is readable; darker cells need white text.
        axes.text(column, row, texts[row][column], ha="center", va="center", color="white" if value > 0.7 else INK)
    axes.set_xlim(-0.5, share.shape[1] - 0.5)
    axes.set_ylim(share.shape[0] - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), list(map(_label, columns)), rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), list(map(_label, rows)))
    axes.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(rows)), minor=True)
    axes.grid(which="minor")
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _image_block(genres: int) -> int:
    """Number of genres to a pixel of an image: 1, or more if the pixels would be too small to be seen."""
    return math.ceil(genres / MOST_PIXELS)


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
    ticks = [range(0, count, math.ceil(count / MOST_LABELS)) for count in (height, width)]
    axes.set_yticks(ticks[0], [_shortened(rows[k]) for k in ticks[0]])
    axes.set_xticks(ticks[1], [_shortened(columns[k]) for k in ticks[1]], rotation=90)
    axes.tick_params(length=2)
    axes.spines[:].set_visible(True)


def _shortened(label: str, most: int = 24) -> str:
    """Cut off a label after `most` characters: "a long name" -> "a long n...". It stays on one line."""
    label = " ".join(label.split())
    return label if len(label) <= most else f"{label[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def curves(
    epoch: Sequence[float],
    train_loss: Sequence[float],
    val_loss: Sequence[float],
    val_accuracy: Sequence[float],
    val_f1_macro: Sequence[float],
    best_epoch: float | None,
) -> str:
    """Draw learning curves over epochs: losses in nats on the left, validation scores on the right.

    A value that was not measured is NaN and not drawn. The best epoch is marked, if there is one.
    """
    marker = "o" if len(epoch) <= 20 else ""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(epoch, train_loss, color=ORANGE, linestyle="--", marker=marker, markersize=3, label="training")
        left.plot(epoch, val_loss, color=BLUE, marker=marker, markersize=3, label="validation")
        left.set_title("loss (nats)")
        percent = [100 * np.asarray(series, dtype=np.float64) for series in (val_accuracy, val_f1_macro)]
        right.plot(epoch, percent[0], color=BLUE, marker=marker, markersize=3, label="accuracy over all clips")
        right.plot(epoch, percent[1], color=GREEN, linestyle=":", marker=marker, markersize=3, label="macro F1")
        right.set_title("validation clips recognized (%)")
        right.set_ylim(0, 100)
        for axes in (left, right):
            if best_epoch is not None:
                axes.axvline(
                    best_epoch, color=INK, linewidth=1, linestyle=(0, (1, 1.5)), label=f"best epoch ({best_epoch:g})"
                )
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.grid(axis="y")
            axes.tick_params(length=0)
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, columnspacing=1.2, handlelength=2.2)
        return svg(figure, "Learning curves: training and validation loss, validation accuracy and macro F1 by epoch")


def per_genre(
    genres: Sequence[str],
    recall: Sequence[float],
    precision: Sequence[float],
    f1: Sequence[float],
    recall_interval: Sequence[tuple[float, float]],
) -> str:
    """Draw recall with its 95 % interval, precision and F1 of each genre, one row per genre.

    All values are shares in [0, 1]; NaN is not drawn.
    """
    row = np.arange(len(genres))
    low, high = 100 * np.array(recall_interval, dtype=np.float64).reshape(-1, 2).T
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 1.1 + 0.34 * len(genres)), layout="constrained")
        axes = figure.add_subplot()
        axes.hlines(row, low, high, color=BLUE, linewidth=5, alpha=0.4, label="95 % interval of recall")
        for shift, values, colour, marker, name in (
            (0.0, recall, BLUE, "o", "recall"),
            (-0.18, precision, ORANGE, "^", "precision"),
            (0.18, f1, GREEN, "s", "F1"),
        ):
            axes.plot(100 * np.asarray(values), row + shift, marker, color=colour, markeredgewidth=0, label=name)
        _format_rows(axes, genres, "% of test clips (recall), of predictions (precision), or their harmonic mean (F1)")
        figure.legend(loc="outside upper center", ncols=4, columnspacing=1.6)
        return svg(figure, "Recall with 95 % interval, precision and F1 of each genre")


def accuracies(groups: Sequence[str], accuracy: Sequence[float], interval: Sequence[tuple[float, float]]) -> str:
    """Draw the accuracy over all clips of each group, in [0, 1], with its 95 % interval, one row per group."""
    labels = [_wrapped(group) for group in groups]
    low, high = 100 * np.array(interval, dtype=np.float64).reshape(-1, 2).T
    row = np.arange(len(groups))
    with matplotlib.rc_context(STYLE):
        height = 0.9 + sum(_height_inches(label) for label in labels)
        figure = Figure(figsize=(8.2, height), layout="constrained")
        axes = figure.add_subplot()
        axes.hlines(row, low, high, color=BLUE, linewidth=5, alpha=0.4)
        axes.plot(100 * np.asarray(accuracy), row, "o", color=BLUE, markeredgewidth=0)
        _format_rows(axes, labels, "accuracy over all test clips (%), with its 95 % interval")
        return svg(figure, "Accuracy of each group of runs with its 95 % interval")


def reliability(bins: Sequence[Bin], interval: Sequence[tuple[float, float]], before: Sequence[Bin]) -> str:
    """Draw a reliability diagram: accuracy of each bin by mean probability on the left, clips of each bin on the right.

    `bins` are the bins of the predictions as stored; `interval` is the 95 % interval, in [0, 1], of the share of correct
    predictions in each of them. `before` are the bins before calibration, empty if the run is not calibrated.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.7), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot([0, 100], [0, 100], color=INK, linewidth=1, linestyle=(0, (1, 1.5)), label="perfect calibration")
        outline = {"facecolor": "none", "edgecolor": ORANGE, "linestyle": "--", "zorder": 2}
        for series, colour, marker, name, bar in (
            (before, ORANGE, "^", "before calibration", outline),
            (bins, BLUE, "o", "calibrated" if before else "not calibrated", {"color": BLUE, "alpha": 0.4}),
        ):
            if series:
                probability = [100 * one_bin.mean_probability for one_bin in series]
                accuracy = [100 * one_bin.correct / one_bin.clips for one_bin in series]
                left.plot(probability, accuracy, marker, color=colour, markeredgewidth=0, label=name)
                edge, clips = [100 * one_bin.low for one_bin in series], [one_bin.clips for one_bin in series]
                right.bar(edge, clips, 100 / ECE_BINS, align="edge", **bar)
        low, high = 100 * np.array(interval, dtype=np.float64).reshape(-1, 2).T
        probability = [100 * one_bin.mean_probability for one_bin in bins]
        left.vlines(probability, low, high, color=BLUE, linewidth=5, alpha=0.4, zorder=1, label="its 95 % interval")
        left.set_title("test clips recognized (%)")
        left.set_ylim(-2, 102)
        left.set_aspect("equal")
        right.set_title("test clips")
        right.set_ylim(bottom=0)
        right.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        for axes in (left, right):
            axes.set_xlim(-2, 102)
            axes.set_xlabel("probability of the predicted genre (%)")
            axes.grid(axis="y")
            axes.tick_params(length=0)
        figure.legend(loc="outside upper center", ncols=4, columnspacing=1.6)
        return svg(
            figure,
            "Reliability: share of recognized test clips, and number of clips, by the probability of the predicted genre",
        )


def _format_rows(axes: Axes, labels: Sequence[str], xlabel: str) -> None:
    """Set up axes with one labelled row for each group or genre, from top to bottom, and 0 to 100 % from left to right."""
    axes.set_yticks(range(len(labels)), list(map(_label, labels)))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlim(-1, 101)
    axes.set_xlabel(xlabel)
    axes.grid(axis="x")
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)


def _label(name: str) -> str:
    """A name as the label of a row or column: valid text, with the middle of a long line left out."""
    lines = displayable(name).splitlines()
    return "\n".join(line if len(line) <= LONGEST_LABEL else f"{line[:30]}…{line[-13:]}" for line in lines)


def _wrapped(label: str) -> str:
    """Break a label into lines of up to 44 characters."""
    return "\n".join(textwrap.wrap(label, 44)) or label


def _height_inches(label: str) -> float:
    """Height of a row of a figure, for a label of one or more lines."""
    return 0.2 + 0.16 * (label.count("\n") + 1)


LONGEST_LABEL = 44  # characters
MOST_NUMBERS = 24  # genres: in a matrix of more, which is as wide as the page, numbers would be too small to be read
IMAGE_INCHES = 9.0  # width and height of a matrix of more genres
MOST_PIXELS = 450  # of such a matrix, so that a pixel is at least 2 pixels wide on a screen
MOST_LABELS = 60  # of such a matrix on one side, so that they do not overlap
LEAST_SHADE = 0.12  # of what is not 0 in such a matrix, so that it can be seen
IMAGE_COLOUR = (0.1, 0.5, 0.76)  # blue, visible on a light and on a dark page; an image has no CSS variables
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
    "svg.hashsalt": "music-genre",  # makes the text of a figure reproducible
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


def svg(figure: Figure, description: str, shrinks: bool = True) -> str:
    """Convert a figure to one <svg> element with the colours of the page; it refers to no other file.

    `description` is read by screen readers. On a narrow screen the figure becomes smaller, or is scrolled if it is not
    readable then (`shrinks` is False). Metadata and ids are removed, so the text is the same for the same figure.
    """
    content, lacks_glyphs = _save(figure)
    if lacks_glyphs:  # e.g. Japanese: write text instead of outlines, since the browser has fonts for it
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            content = _save(figure)[0].replace("'DejaVu Sans'", "'DejaVu Sans', sans-serif")
    text = re.sub(r"<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", text[text.index(">", text.index("<svg")) + 1 :])
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL).replace("xlink:href", "href")
    for colour, css in _CSS.items():
        body = body.replace(colour, css)
    width, height = figure.get_size_inches()
    pixels = f"--figure: {width * PIXELS_PER_INCH:.0f}px{'; overflow: visible' * lacks_glyphs}"
    pixels += "" if shrinks else "; min-width: var(--figure)"
    head = f'<svg viewBox="0 0 {72 * width:g} {72 * height:g}" role="img" style="{pixels}"'
    return f'{head} aria-label="{html.escape(description)}">{body.strip()}'


def _save(figure: Figure) -> tuple[str, bool]:
    """The SVG file of a figure, and True if our font lacks a character in it, of which matplotlib would warn."""
    buffer = io.StringIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")  # names longer than the figure
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    others = [warning for warning in caught if not str(warning.message).startswith("Glyph ")]
    for warning in others:
        warnings.warn(warning.message, warning.category, stacklevel=2)
    return buffer.getvalue(), len(others) < len(caught)
