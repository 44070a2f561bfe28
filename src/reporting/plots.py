"""Draw the figures of the reports. Each function returns one <svg> element as text, to be put into a page.

With `narrow`, it is drawn for a phone or one of two columns; `both` draws it for both places.
"""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from src.metrics.scores import ECE_BINS, Bin
from src.reporting.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    LONGEST_NARROW_LABEL,
    NARROW_INCHES,
    ORANGE,
    STYLE,
    Drawings,
    both,
    height_inches,
    label,
    name_rows,
    shortened,
    svg,
    wrapped,
)
from src.reporting.matrices import confusion, recall_map

__all__ = [
    "BLUE",
    "FAINT",
    "GREEN",
    "INK",
    "ORANGE",
    "STYLE",
    "Drawings",
    "accuracies",
    "both",
    "confusion",
    "curves",
    "per_genre",
    "recall_map",
    "reliability",
    "svg",
]

WIDE_INCHES = 8.2


def curves(
    epoch: Sequence[float],
    train_loss: Sequence[float],
    val_loss: Sequence[float],
    val_accuracy: Sequence[float],
    val_f1_macro: Sequence[float],
    best_epoch: float | None,
    narrow: bool = False,
) -> str:
    """Draw learning curves over epochs: losses in nats, and validation scores.

    A value that was not measured is NaN and not drawn. The best epoch is marked, if there is one.
    """
    marker = "o" if len(epoch) <= 20 else ""
    percent = [100 * np.asarray(series, dtype=np.float64) for series in (val_accuracy, val_f1_macro)]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 5.6) if narrow else (WIDE_INCHES, 2.9), layout="constrained")
        first, second = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
        first.plot(epoch, train_loss, color=ORANGE, linestyle="--", marker=marker, markersize=3, label="training")
        first.plot(epoch, val_loss, color=BLUE, marker=marker, markersize=3, label="validation")
        first.set_title("loss (nats)")
        second.plot(epoch, percent[0], color=BLUE, marker=marker, markersize=3, label="accuracy over all clips")
        second.plot(epoch, percent[1], color=GREEN, linestyle=":", marker=marker, markersize=3, label="macro F1")
        second.set_title("validation clips recognized (%)")
        second.set_ylim(0, 100)
        for axes in (first, second):
            if best_epoch is not None:
                axes.axvline(
                    best_epoch, color=INK, linewidth=1, linestyle=(0, (1, 1.5)), label=f"best epoch ({best_epoch:g})"
                )
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.grid(axis="y")
            axes.tick_params(length=0)
            axes.legend(
                loc="upper center",
                bbox_to_anchor=(0.5, -0.2),
                ncols=2 if narrow else 3,
                columnspacing=1.2,
                handlelength=2.2,
            )
        text = f"{len(epoch)} epochs. The last validation accuracy is {percent[0][-1]:.0f} %." if len(epoch) else ""
        return svg(
            figure, "Learning curves: training and validation loss, validation accuracy and macro F1 by epoch", text
        )


def per_genre(
    genres: Sequence[str],
    recall: Sequence[float],
    precision: Sequence[float],
    f1: Sequence[float],
    recall_interval: Sequence[tuple[float, float]],
    narrow: bool = False,
) -> str:
    """Draw recall with its 95 % interval, precision and F1 of each genre, one row per genre.

    All values are shares in [0, 1]; NaN is not drawn.
    """
    row = np.arange(len(genres))
    low, high = 100 * np.array(recall_interval, dtype=np.float64).reshape(-1, 2).T
    names = [shortened(genre, LONGEST_NARROW_LABEL) if narrow else label(genre) for genre in genres]
    with matplotlib.rc_context(STYLE):
        width, margin = (NARROW_INCHES, 1.5) if narrow else (WIDE_INCHES, 1.1)
        figure = Figure(figsize=(width, margin + 0.34 * len(genres)), layout="constrained")
        axes = figure.add_subplot()
        axes.hlines(row, low, high, color=BLUE, linewidth=5, alpha=0.4, label="95 % interval of recall")
        for shift, values, colour, marker, name in (
            (0.0, recall, BLUE, "o", "recall"),
            (-0.18, precision, ORANGE, "^", "precision"),
            (0.18, f1, GREEN, "s", "F1"),
        ):
            axes.plot(100 * np.asarray(values), row + shift, marker, color=colour, markeredgewidth=0, label=name)
        name_rows(axes, names)
        meaning = ("% of test clips (recall), of predictions", "(precision), or their harmonic mean (F1)")
        _percent_axis(axes, ("\n" if narrow else " ").join(meaning))
        figure.legend(loc="outside upper center", ncols=2 if narrow else 4, columnspacing=1.6)
        return svg(figure, "Recall with 95 % interval, precision and F1 of each genre")


def accuracies(
    groups: Sequence[str], accuracy: Sequence[float], interval: Sequence[tuple[float, float]], narrow: bool = False
) -> str:
    """Draw the accuracy over all clips of each group, in [0, 1], with its 95 % interval, one row per group.

    A narrow figure has the names above the rows.
    """
    names = [shortened(group, 46) if narrow else label(wrapped(group)) for group in groups]
    low, high = 100 * np.array(interval, dtype=np.float64).reshape(-1, 2).T
    row = np.arange(len(groups))
    with matplotlib.rc_context(STYLE):
        rows_inches = 0.45 * len(groups) if narrow else sum(height_inches(name) for name in names)
        figure = Figure(figsize=(NARROW_INCHES if narrow else WIDE_INCHES, 0.9 + rows_inches), layout="constrained")
        axes = figure.add_subplot()
        axes.hlines(row, low, high, color=BLUE, linewidth=5, alpha=0.4)
        axes.plot(100 * np.asarray(accuracy), row, "o", color=BLUE, markeredgewidth=0)
        name_rows(axes, names, above=narrow)
        meaning = ("accuracy over all test clips (%),", "with its 95 % interval")
        _percent_axis(axes, ("\n" if narrow else " ").join(meaning))
        return svg(figure, "Accuracy of each group of runs with its 95 % interval")


def reliability(
    bins: Sequence[Bin], interval: Sequence[tuple[float, float]], before: Sequence[Bin], narrow: bool = False
) -> str:
    """Draw a reliability diagram: accuracy of each bin by mean probability, and clips of each bin.

    `bins` are the bins of the predictions as stored; `interval` is the 95 % interval, in [0, 1], of the share of correct
    predictions in each of them. `before` are the bins before calibration, empty if the run is not calibrated.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 6.6) if narrow else (WIDE_INCHES, 3.7), layout="constrained")
        if narrow:
            first, second = figure.subplots(2, 1, height_ratios=(3, 2))
        else:
            first, second = figure.subplots(1, 2)
        first.plot([0, 100], [0, 100], color=INK, linewidth=1, linestyle=(0, (1, 1.5)), label="perfect calibration")
        outline = {"facecolor": "none", "edgecolor": ORANGE, "linestyle": "--", "zorder": 2}
        for series, colour, marker, name, bar in (
            (before, ORANGE, "^", "before calibration", outline),
            (bins, BLUE, "o", "calibrated" if before else "not calibrated", {"color": BLUE, "alpha": 0.4}),
        ):
            if series:
                probability = [100 * one_bin.mean_probability for one_bin in series]
                accuracy = [100 * one_bin.correct / one_bin.clips for one_bin in series]
                first.plot(probability, accuracy, marker, color=colour, markeredgewidth=0, label=name)
                edge, clips = [100 * one_bin.low for one_bin in series], [one_bin.clips for one_bin in series]
                second.bar(edge, clips, 100 / ECE_BINS, align="edge", **bar)
        low, high = 100 * np.array(interval, dtype=np.float64).reshape(-1, 2).T
        probability = [100 * one_bin.mean_probability for one_bin in bins]
        first.vlines(probability, low, high, color=BLUE, linewidth=5, alpha=0.4, zorder=1, label="its 95 % interval")
        first.set_title("test clips recognized (%)")
        first.set_ylim(-2, 102)
        first.set_aspect("equal")
        second.set_title("test clips")
        second.set_ylim(bottom=0)
        second.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        for axes in (first, second):
            axes.set_xlim(-2, 102)
            axes.set_xlabel("probability of the predicted genre (%)")
            axes.grid(axis="y")
            axes.tick_params(length=0)
        figure.legend(loc="outside upper center", ncols=2 if narrow else 4, columnspacing=1.6)
        return svg(
            figure,
            "Reliability: share of recognized test clips, and number of clips, by the probability of the predicted genre",
        )


def _percent_axis(axes: Axes, xlabel: str) -> None:
    """Set up axes of rows with 0 to 100 % from left to right."""
    axes.set_xlim(-1, 101)
    axes.set_xlabel(xlabel)
    axes.grid(axis="x")
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
