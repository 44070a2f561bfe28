"""Describe how far the doubt of a run can be trusted: errors by confidence, sets of genres, sounds unlike training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src import formatting
from src.metrics import selective
from src.metrics.conformal import LEAST_ARTISTS
from src.metrics.intervals import wilson
from src.rundir import RunDir

NO_SETS = "There are no prediction sets (genres that hold the true one with a given probability)"
MORE = "`split.calibration=0.25` sets artists aside for this"


def risk(run: RunDir) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The risk-coverage curve of the test clips and that of a perfect order of them -> (K,), (K,): see `selective`."""
    predictions = run.predictions
    correct_K = np.array(predictions.true) == np.array(predictions.predicted)
    return selective.risk_coverage(predictions.probability_KC.max(axis=1), correct_K), selective.risk_coverage(
        correct_K, correct_K
    )


def risk_lines(run: RunDir) -> list[str]:
    """Describe the risk-coverage curve: its area, and the errors among the most confident half."""
    risk_K, perfect_K = risk(run)
    half = max(1, round(len(risk_K) / 2))
    errors = round(float(risk_K[half - 1]) * half)
    return [
        f"Among the {formatting.percent(half / len(risk_K))} of test clips with the highest confidence, "
        f"{formatting.percent(float(risk_K[half - 1]))} of the predictions are wrong ({errors} of {half}; 95 % interval "
        f"{formatting.cell_interval(wilson(errors, half))} %); among all, {formatting.percent(float(risk_K[-1]))}.",
        f"The area under the curve (AURC) is the mean error over all shares of clips: {risk_K.mean():.3f}. If each wrong prediction had a "
        f"lower confidence than all right ones, it would be {perfect_K.mean():.3f}; with confidence by chance, {risk_K[-1]:.3f}.",
    ]


def set_lines(doubt: Mapping[str, Any] | None) -> list[str]:
    """Describe the sets of genres, or why there are none. `doubt` is the object of this name in metrics.json."""
    if doubt is None:
        return [f"{NO_SETS}: the run was made with an earlier version, which did not measure them. Train it again."]
    if doubt["calibration"] is None:
        return [f"{NO_SETS}, as the run has no calibration artists: {MORE}."]
    artists = formatting.count(doubt["calibration"]["artists"], "calibration artist")
    sets = doubt["sets"]
    if sets is None:
        return [f"{NO_SETS}, as the run has {artists}: {LEAST_ARTISTS} are needed. {MORE}."]
    by_artist = sets["coverage_interval_by_artist"]
    interval = (
        f"{formatting.cell_interval(by_artist)} % by artist"
        if by_artist
        else f"{formatting.cell_interval(sets['coverage_interval'])} % over clips"
    )
    return [
        f"{100 * sets['level']:.0f} % sets, with limits from {artists}: {formatting.cell(sets['coverage'])} % of {formatting.count(sets['clips'], 'set')} hold the true genre "
        f"(95 % interval {interval}). A set has {sets['mean_size']:.1f} of {len(sets['genres'])} genres on average.",
        "The promise is an average over all clips by new artists like those of the training. It holds for no single genre, nor for other "
        "music: see the table.",
    ]


def abstention_rows(doubt: Mapping[str, Any] | None) -> list[list[str]]:
    """The rows of the table of abstention: limit of confidence, bound of the errors, clips predicted, errors among them.

    Limits at which the same clips are answered are one row, the first.
    """
    rows: list[list[str]] = []
    before = None
    for each in (doubt or {}).get("abstention") or []:
        key = (each["error_bound"], each["answered"])
        if key == before or not each["answered"]:
            continue
        before = key
        rows.append(
            [
                f"{each['confidence']:.2f}",
                formatting.cell(each["error_bound"]),
                f"{each['answered']:,}",
                f"{formatting.cell(each['errors'] / each['answered'])} ({each['errors']:,})",
            ]
        )
    return rows


def set_rows(doubt: Mapping[str, Any] | None) -> list[list[str]]:
    """The rows of the table of sets, one for each genre with clips: clips, coverage, its interval, mean size."""
    sets = (doubt or {}).get("sets")
    return [
        [
            genre,
            f"{row['clips']:,}",
            formatting.cell(row["coverage"]),
            formatting.cell_interval(row["coverage_interval"]),
            f"{row['mean_size']:.1f}",
        ]
        for genre, row in (sets["genres"] if sets else {}).items()
        if row["clips"] and row["coverage_interval"] and row["mean_size"] is not None
    ]


def unlike_lines(doubt: Mapping[str, Any] | None) -> list[str]:
    """Describe the share of test clips that are called unlike training."""
    unlike = (doubt or {}).get("unlike_training")
    if not unlike:
        return []
    low_high = formatting.cell_interval(wilson(min(unlike["unlike"], unlike["clips"]), unlike["clips"]))
    return [
        f"{unlike['unlike']:,} of {formatting.count(unlike['clips'], 'test clip')} (95 % interval {low_high} %) are called unlike "
        "training: further from the training clips than 99 % of the validation clips."
    ]


def terminal_lines(doubt: Mapping[str, Any] | None) -> list[str]:
    """Sentences for a terminal about sets and sounds unlike training; none for a run without calibration artists."""
    lines = set_lines(doubt)[:1] if doubt and doubt["calibration"] else []
    return [*lines, *unlike_lines(doubt)]
