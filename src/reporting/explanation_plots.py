"""Draw maps of relevance: over the picture of a sound, by row, and the curves of their faithfulness."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from src.explanation import Explanation
from src.explanation.feature_map import DIMENSION
from src.reporting.drawing import BLUE, FAINT, GREEN, INK, NARROW_INCHES, ORANGE, STYLE, label, name_rows, svg

WIDE_INCHES = 9.0
MOST_COLUMNS, MOST_ROWS = 420, 96  # of a picture: more would make a page of megabytes
NARROW_COLUMNS = 200
RANGE_DB = 60.0  # from full grey down to nothing
MOST_NAMED_ROWS = 12
FOR, AGAINST, GREY = (0.835, 0.369, 0.0), (0.0, 0.447, 0.698), (0.5, 0.5, 0.5)  # Okabe and Ito 2008: for all eyes
TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def picture(explanation: Explanation, narrow: bool = False) -> str:
    """Draw the first map over the spectrogram, with its sum in each band at the right and at each time below.

    Orange speaks for the genre, blue against it, grey is the level of the sound.
    """
    first = explanation.maps[0]
    assert first.relevance_FN is not None
    assert explanation.value_FN is not None
    assert explanation.row_hz is not None
    columns = NARROW_COLUMNS if narrow else MOST_COLUMNS
    relevance = shrink(first.relevance_FN, MOST_ROWS, columns)
    value_FN = blank_gaps(explanation.value_FN, first.relevance_FN)
    image = colours(shrink(value_FN, MOST_ROWS, columns), relevance)
    first_second, last_second = _seconds(explanation)
    rows = len(first.relevance_FN)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 3.4) if narrow else (WIDE_INCHES, 3.6), layout="constrained")
        grid = figure.add_gridspec(2, 2, width_ratios=(5 if narrow else 8, 1), height_ratios=(5, 1))
        axes: Axes = figure.add_subplot(grid[0, 0])
        axes.imshow(
            image,
            aspect="auto",
            origin="lower",
            interpolation="none",
            extent=(first_second, last_second, -0.5, rows - 0.5),
        )
        _frequency_ticks(axes, explanation.row_hz)
        bands = figure.add_subplot(grid[0, 1])
        _bars(bands, np.arange(rows), first.relevance_FN.sum(axis=1), vertical=True)
        bands.set_ylim(-0.5, rows - 0.5)
        bands.set_yticks([])
        bands.set_xticks([])
        bands.set_title("by band" if not narrow else "", fontsize=8)
        times = figure.add_subplot(grid[1, 0], sharex=axes)
        _time(times, first.relevance_FN, (first_second, last_second), columns)
        axes.tick_params(labelbottom=False)
        return svg(
            figure,
            f"Relevance for {explanation.predicted} over time and frequency, of {explanation.clip}",
            _describe(explanation),
        )


def rows_figure(explanation: Explanation, narrow: bool = False) -> str:
    """Draw the rows whose relevance is largest in absolute value, and the relevance of all rows over time.

    Nameless rows are not drawn.
    """
    first = explanation.maps[0]
    assert first.relevance_FN is not None
    if nameless(explanation):
        return _time_figure(explanation, narrow)
    total_F = np.asarray(first.row_relevance)
    chosen = sorted(np.argsort(-np.abs(total_F))[:MOST_NAMED_ROWS].tolist(), key=lambda row: -total_F[row])
    names = [label(explanation.row_names[row]) for row in chosen]
    with matplotlib.rc_context(STYLE):
        figure = Figure(
            figsize=(NARROW_INCHES if narrow else WIDE_INCHES, 1.9 + 0.27 * len(chosen)), layout="constrained"
        )
        axes, times = figure.subplots(2, 1, height_ratios=(len(chosen), 3))
        _bars(axes, np.arange(len(chosen)), total_F[chosen], vertical=True)
        name_rows(axes, names)
        axes.set_xlabel("relevance (nats)")
        _time(times, first.relevance_FN, _seconds(explanation), NARROW_COLUMNS)
        return svg(
            figure, f"Relevance for {explanation.predicted} by row, of {explanation.clip}", _describe(explanation)
        )


def nameless(explanation: Explanation) -> bool:
    """True if the rows are dimensions of a network's embedding, which mean nothing to people."""
    return bool(explanation.row_names) and explanation.row_names[0].startswith(DIMENSION)


def _time_figure(explanation: Explanation, narrow: bool) -> str:
    relevance_FN = explanation.maps[0].relevance_FN
    assert relevance_FN is not None
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES if narrow else WIDE_INCHES, 1.5), layout="constrained")
        _time(figure.subplots(), relevance_FN, _seconds(explanation), NARROW_COLUMNS)
        return svg(
            figure,
            f"Relevance for {explanation.predicted} over time, of {explanation.clip}",
            "Bars above the line speak for the genre.",
        )


def curves(mean: Mapping[str, Any], names: Mapping[str, str], narrow: bool = False) -> str:
    """Draw the mean curves of deletion and insertion over the explained sounds; `names` are those of the rankings."""
    styles = {"map": (ORANGE, "-", "o"), "random": (BLUE, "--", "s")}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES, 5.4) if narrow else (WIDE_INCHES, 2.9), layout="constrained")
        both = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
        shares = 100 * np.asarray(mean["shares"])
        for axes, curve in zip(both, ("deletion", "insertion"), strict=True):
            for key, name in names.items():
                colour, line, marker = styles.get(key, (GREEN, ":", "^"))
                axes.plot(
                    shares,
                    100 * np.asarray(mean[key][curve]),
                    color=colour,
                    linestyle=line,
                    marker=marker,
                    markersize=3.5,
                    label=name,
                )
            axes.set_title(f"{curve}: probability of the predicted genre (%)")
            axes.set_xlabel("share of the map that is " + ("deleted (%)" if curve == "deletion" else "inserted (%)"))
            axes.set_ylim(0, 100)
        figure.legend(
            *both[0].get_legend_handles_labels(), loc="outside upper center", ncols=1 if narrow else len(names)
        )
        return svg(
            figure,
            "Deletion and insertion curves",
            "Mean probability of the predicted genre over the explained sounds.",
        )


def by_genre(rows: Sequence[tuple[str, NDArray[np.float64]]], hz_F: Sequence[float], narrow: bool = False) -> str:
    """Draw the mean relevance of the bands for each predicted genre, one line of bars each."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(
            figsize=(NARROW_INCHES if narrow else WIDE_INCHES, 0.5 + 0.75 * len(rows)), layout="constrained"
        )
        all_axes = np.atleast_1d(np.asarray(figure.subplots(len(rows), 1, sharex=True)))
        for axes, (name, value_F) in zip(all_axes, rows, strict=True):
            _bars(axes, np.arange(len(value_F)), value_F)
            axes.set_title(name, fontsize=8)
            axes.set_yticks([])
        _frequency_ticks(all_axes[-1], hz_F, along_x=True)
        return svg(
            figure,
            "Relevance by band for each predicted genre",
            "Orange bands speak for the genre, blue ones against it.",
        )


def shrink(value_FN: NDArray[Any], rows: int, columns: int) -> NDArray[np.float64]:
    """Average an array over blocks, so that it has at most `rows` x `columns` values."""
    result: NDArray[np.float64] = np.asarray(value_FN, dtype=np.float64)
    for axis, most in ((0, rows), (1, columns)):
        size = result.shape[axis]
        if size > most:
            edges = np.linspace(0, size, most + 1).round().astype(int)
            shape = [-1 if k == axis else 1 for k in (0, 1)]
            result = np.add.reduceat(result, edges[:-1], axis=axis) / np.diff(edges).reshape(shape)
    return result


def blank_gaps(value_FN: NDArray[Any], relevance_FN: NDArray[Any]) -> NDArray[Any]:
    """Levels (F, N) in dB with the gaps between windows far below all sound: there, both arrays are 0, and 0 dB is loud."""
    gap_N = ~(value_FN.any(axis=0) | relevance_FN.any(axis=0))
    return np.where(gap_N, value_FN.min() - RANGE_DB, value_FN)


def colours(level_FN: NDArray[np.float64], relevance_FN: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours (F, N, 4) of levels in dB and of a map: the opacity is the level, or the relevance where that is larger."""
    level_FN = 0.6 * np.clip(1 + (level_FN - level_FN.max()) / RANGE_DB, 0, 1)
    limit = float(np.quantile(np.abs(relevance_FN), 0.995)) or 1.0
    strength_FN = np.clip(np.abs(relevance_FN) / limit, 0, 1) ** 0.8
    image_FN4 = np.empty((*level_FN.shape, 4))
    for channel in range(3):
        own_FN = np.where(relevance_FN > 0, FOR[channel], AGAINST[channel])
        image_FN4[..., channel] = GREY[channel] * (1 - strength_FN) + own_FN * strength_FN
    image_FN4[..., 3] = np.maximum(level_FN, strength_FN)
    return np.round(image_FN4 * 31) / 31  # fewer colours make a smaller file


def _bars(axes: Axes, place: NDArray[Any], value: NDArray[Any], vertical: bool = False) -> None:
    """Bars of relevance, orange above 0 and blue below; `vertical`: along the y axis."""
    fill: Any = axes.fill_betweenx if vertical and len(place) > 2 * MOST_NAMED_ROWS else axes.fill_between
    if len(place) <= 2 * MOST_NAMED_ROWS:
        draw: Any = axes.barh if vertical else axes.bar
        width = 0.8 * float(np.diff(place).min()) if len(place) > 1 else 0.8
        draw(place, value, width, color=[ORANGE if each > 0 else BLUE for each in value])
    else:
        fill(place, np.maximum(value, 0), color=ORANGE, linewidth=0)
        fill(place, np.minimum(value, 0), color=BLUE, linewidth=0)
    line: Any = axes.axvline if vertical else axes.axhline
    line(0, color=FAINT, linewidth=0.8)


def _time(axes: Axes, relevance_FN: NDArray[Any], seconds: tuple[float, float], columns: int) -> None:
    value_N = shrink(relevance_FN, len(relevance_FN), min(columns, 120)).sum(axis=0)
    step = (seconds[1] - seconds[0]) / len(value_N)
    place = seconds[0] + step * (np.arange(len(value_N)) + 0.5)
    _bars(axes, place, value_N)
    axes.set_xlabel("seconds in the file")
    axes.set_yticks([])


def _frequency_ticks(axes: Axes, hz_F: Sequence[float], along_x: bool = False) -> None:
    shown = [float(hz) for hz in TICKS_HZ if hz_F[0] <= hz <= hz_F[-1]] or [hz_F[0]]
    places = np.interp(shown, hz_F, np.arange(len(hz_F)))
    apart = [k for k in range(len(shown)) if k == 0 or places[k] - places[k - 1] > len(hz_F) / 25]
    names = [f"{shown[k] / 1000:g}" for k in apart]
    set_ticks, set_label = (axes.set_xticks, axes.set_xlabel) if along_x else (axes.set_yticks, axes.set_ylabel)
    set_ticks(places[apart], names)
    set_label("kHz", color=INK)


def _seconds(explanation: Explanation) -> tuple[float, float]:
    return explanation.start_seconds, explanation.start_seconds + explanation.seconds


def _describe(explanation: Explanation) -> str:
    total_F = np.asarray(explanation.maps[0].row_relevance)
    names = [explanation.row_names[row] for row in np.argsort(-total_F)[:3].tolist()]
    return f"The rows that speak most for {explanation.predicted}: {', '.join(names)}."
