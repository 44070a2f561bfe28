"""What a report says about doubt, for runs with and without calibration artists."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src import rundir
from src.metrics import conformal
from src.reporting import doubt_text
from src.reporting.risk_plot import risk_coverage
from tests import rundirs

GENRES = ["blues", "jazz"]


def doubt(artists: int | None = 30) -> dict[str, Any]:
    """The object of metrics.json for 40 clips, a tenth of whose sets lack the true genre."""
    probability_KC = np.tile([[0.8, 0.2]], (40, 1))
    genre_K = np.array([0] * 36 + [1] * 4)
    sets = {"level": 0.9, **conformal.coverage(probability_KC, genre_K, GENRES, [f"{k % 25}" for k in range(40)], 0.3)}
    return {
        "calibration": artists and {"clips": 4 * artists, "artists": artists},
        "sets": sets if artists and artists >= 10 else None,
        "abstention": [
            {"confidence": 0.0, "error_bound": 0.4, "answered": 40, "errors": 10},
            {"confidence": 0.2, "error_bound": 0.4, "answered": 40, "errors": 10},
            {"confidence": 0.5, "error_bound": 0.2, "answered": 20, "errors": 1},
            {"confidence": 0.9, "error_bound": 1.0, "answered": 0, "errors": 0},
        ]
        if artists
        else None,
        "unlike_training": {"clips": 40, "unlike": 2, "limit": 1.0},
    }


def test_sets_are_described_with_their_interval_and_size() -> None:
    first, second = doubt_text.set_lines(doubt())
    assert first.startswith("90 % sets, with limits from 30 calibration artists: 90.0 % of 40 sets hold the true genre")
    assert "by artist" in first
    assert "1.0 of 2 genres on average" in first
    assert "no single genre" in second
    assert [row[:3] for row in doubt_text.set_rows(doubt())] == [["blues", "36", "100.0"], ["jazz", "4", "0.0"]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "made with an earlier version"),
        (doubt(None), "no calibration artists: `split.calibration=0.25`"),
        (doubt(3), "has 3 calibration artists: 10 are needed"),
    ],
)
def test_missing_sets_are_explained(given: dict[str, Any] | None, message: str) -> None:
    (line,) = doubt_text.set_lines(given)
    assert message in line
    assert doubt_text.set_rows(given) == []


def test_limits_that_change_nothing_are_one_row() -> None:
    assert doubt_text.abstention_rows(doubt()) == [
        ["0.00", "40.0", "40", "25.0 (10)"],
        ["0.50", "20.0", "20", "5.0 (1)"],
    ]


def test_a_terminal_shows_sets_only_where_there_is_a_calibration() -> None:
    assert len(doubt_text.terminal_lines(doubt())) == 2
    assert doubt_text.terminal_lines(doubt(None)) == doubt_text.unlike_lines(doubt())
    assert doubt_text.terminal_lines(None) == []


def test_the_page_of_an_old_run_has_the_curve(tmp_path: Path) -> None:
    folder = rundirs.write_run(tmp_path / "run", rundirs.config())
    run = rundir.RunDir(folder)
    assert run.metrics["doubt"] is None
    risk_K, perfect_K = doubt_text.risk(run)
    assert risk_K[-1] == pytest.approx(1 - run.metrics["test"]["accuracy"])
    assert (perfect_K <= risk_K + 1e-9).all()
    assert "<svg" in risk_coverage(risk_K, perfect_K, narrow=True)
    assert f"{risk_K.mean():.3f}" in doubt_text.risk_lines(run)[1]
