"""A tiny training whose losses are kept here, so that a refactor can prove that nothing moved."""

import csv
import json
from pathlib import Path

import pytest

from tests.programs import small, train

# Made by this test on x86-64 with AVX2, fp32 and one thread: new numbers are to be explained in their commit.
GOLDEN = Path(__file__).parent / "golden.json"
TOLERANCE = 2e-3  # another processor sums in another order; a changed seed, order or formula moves much more


def test_nothing_moved(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    assert train(monkeypatch, *small(tiny, folder, "trainer.max_epochs=3")) == 0
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    losses = {key: [float(row[key]) for row in rows] for key in ("train_loss", "val_loss")}
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    for key, expected in golden.items():
        assert losses[key] == pytest.approx(expected, abs=TOLERANCE), f"{key} was {expected}, is {losses[key]}"
