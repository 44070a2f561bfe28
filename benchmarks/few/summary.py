"""Scores of the cells with intervals, as a table and as a figure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.few.draws import CLIPS, EACH, ONE, SEVERAL, Cell
from benchmarks.few.trials import Trial
from src.metrics.intervals import percentiles

RESAMPLES = 2000
# Colours of Okabe and Ito, which colour-blind readers can tell apart, and markers.
LOOKS = {"few": ("#0072B2", "o"), "head": ("#D55E00", "s"), "knn": ("#009E73", "^"), "lda": ("#CC79A7", "D")}
STYLE: Any = {
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "few",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
ROWS = {(ONE,): "k clips by one artist", (EACH, SEVERAL): "k clips by k artists, or by all but one"}  # of the figure
COLUMNS: tuple[str, ...] = (
    "genres",
    "clips by",
    "k",
    "method",
    "draws",
    "test clips",
    "test artists",
    "recall %",
    "low",
    "high",
)
COLUMNS += ("minus few", "low", "high", "NLL nats", "chosen")


@dataclass(frozen=True)
class Score:
    """Macro recall of a method in a cell with its 95 % interval, its difference from `few` on the same draws, and its NLL.

    `test_clips` and `test_artists` are means over the draws; `chosen` counts the methods that `few` chose.
    """

    cell: Cell
    method: str
    draws: int
    test_clips: float
    test_artists: float
    recall: float
    interval: tuple[float, float]
    minus_few: tuple[float, float, float] | None
    nll: float
    chosen: Mapping[str, int]


def score(trials: Sequence[Trial]) -> list[Score]:
    """Score each cell and method.

    Recall of a genre: the share of correct clips among all test clips of all draws; macro recall is its mean over the genres,
    1/C by chance. The intervals are percentiles of a bootstrap that resamples the draws and, independently, the artists of each
    genre: the draws share their artists, so an interval over draws alone would be too narrow.
    Source: Owen 2007, the pigeonhole bootstrap.
    """
    table: dict[Cell, dict[str, dict[int, Trial]]] = {}
    for trial in trials:
        table.setdefault(trial.cell, {}).setdefault(trial.method, {})[trial.draw] = trial
    scored = []
    for cell in sorted(table, key=lambda cell: (-len(cell.genres), cell.genres, cell.by, cell.k)):
        of_few = table[cell].get("few", {})
        for method, by_draw in table[cell].items():
            replicates_R, recall = _replicates(cell, list(by_draw.values()))
            minus_few = None
            paired = sorted(by_draw.keys() & of_few.keys())
            if method != "few" and paired:
                mine_R, mine = _replicates(cell, [by_draw[number] for number in paired])
                few_R, few = _replicates(cell, [of_few[number] for number in paired])
                minus_few = (mine - few, *percentiles(mine_R - few_R))
            tallies = [tally for trial in by_draw.values() for tally in trial.tallies.values()]
            clips = sum(tally.clips for tally in tallies)
            chosen = [re.split(" with|[:,]", trial.fitted)[0] for trial in by_draw.values() if trial.fitted]
            scored.append(
                Score(
                    cell,
                    method,
                    len(by_draw),
                    clips / len(by_draw),
                    len(tallies) / len(by_draw),
                    recall,
                    percentiles(replicates_R),
                    minus_few,
                    sum(tally.nll for tally in tallies) / clips,
                    {name: chosen.count(name) for name in sorted(set(chosen))},
                )
            )
    return scored


def _replicates(cell: Cell, trials: Sequence[Trial]) -> tuple[NDArray[np.float64], float]:
    """Macro recall in R resamples (R,), and in the trials themselves. The same draws are resampled for all methods."""
    artists = sorted({artist for trial in trials for artist in trial.tallies})
    column = {artist: a for a, artist in enumerate(artists)}
    clips_DA, correct_DA = np.zeros((2, len(trials), len(artists)))
    for d, trial in enumerate(sorted(trials, key=lambda trial: trial.draw)):
        for artist, tally in trial.tallies.items():
            clips_DA[d, column[artist]], correct_DA[d, column[artist]] = tally.clips, tally.correct
    random = np.random.default_rng(0)
    weight_RD = random.multinomial(len(trials), [1 / len(trials)] * len(trials), RESAMPLES)
    recall_R, recalls = np.zeros(RESAMPLES), []
    for genre in cell.genres:
        own = [a for a, (name, _) in enumerate(artists) if name == genre]
        weight_RA = random.multinomial(len(own), [1 / len(own)] * len(own), RESAMPLES)
        correct_R, clips_R = ((weight_RD @ count_DA[:, own] * weight_RA).sum(1) for count_DA in (correct_DA, clips_DA))
        recall_R += correct_R / np.maximum(clips_R, 1) / len(cell.genres)
        recalls.append(correct_DA[:, own].sum() / clips_DA[:, own].sum())
    return recall_R, float(np.mean(recalls))


def rows(scored: Sequence[Score]) -> list[list[str]]:
    """The rows of the table, in the order of COLUMNS."""
    return [
        [
            " ".join(each.cell.genres),
            each.cell.by,
            str(each.cell.k),
            each.method,
            str(each.draws),
            f"{each.test_clips:.1f}",
            f"{each.test_artists:.1f}",
            *(f"{100 * value:.1f}" for value in (each.recall, *each.interval)),
            *([f"{100 * value:+.1f}" for value in each.minus_few] if each.minus_few else ["", "", ""]),
            f"{each.nll:.2f}",
            "; ".join(f"{name} {count}" for name, count in each.chosen.items()),
        ]
        for each in scored
    ]


def draw_figure(scored: Sequence[Score], path: Path) -> None:
    """Draw the learning curves: a column of panels for each list of genres, a row for one and one for several artists."""
    genre_lists = list(dict.fromkeys(each.cell.genres for each in scored))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 6.2), layout="constrained")
        panels = figure.subplots(len(ROWS), len(genre_lists), sharex=True, sharey=True, squeeze=False)
        for column, genres in enumerate(genre_lists):
            for row, (kinds, title) in enumerate(ROWS.items()):
                points = [each for each in scored if each.cell.genres == genres]
                chosen = [each for each in points if each.cell.by in kinds or each.cell.k == 1]
                axes = panels[row, column]
                _draw_panel(axes, chosen, 100 / len(genres))
                axes.set_title(title if row else f"{', '.join(genres)}\n{title}", fontsize=9)
        figure.supxlabel("k, training clips of each genre", fontsize=9)
        figure.supylabel("macro recall on other artists, % (bands: 95 % intervals)", fontsize=9)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(handles), frameon=False)
        figure.savefig(path, dpi=200)


def _draw_panel(axes: Axes, points: Sequence[Score], chance: float) -> None:
    """Draw a curve for each method, with the band of its intervals, and a line at chance, in percent."""
    for method, (colour, marker) in LOOKS.items():
        own = sorted((each for each in points if each.method == method), key=lambda each: each.cell.k)
        if not own:
            continue
        k = [each.cell.k for each in own]
        low, high = ([100 * each.interval[end] for each in own] for end in (0, 1))
        axes.fill_between(k, low, high, color=colour, alpha=0.12, linewidth=0)
        for end in (low, high):
            axes.plot(k, end, color=colour, linewidth=0.6, alpha=0.6)
        axes.plot(k, [100 * each.recall for each in own], color=colour, marker=marker, markersize=4, label=method)
    axes.axhline(chance, color="0.4", linestyle=":", linewidth=1, label="chance")
    axes.set_xscale("log")
    axes.set_xticks(CLIPS, [str(k) for k in CLIPS])
    axes.minorticks_off()
    axes.set_ylim(min(axes.get_ylim()[0], max(0, chance - 10)), 100)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
