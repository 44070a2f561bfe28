"""Tiny trainings whose losses are stored in golden.json, so that a refactor can show that no number changed."""

import json
from pathlib import Path

import pytest

from src.rundir import RunDir
from tests.programs import small, train

# fp32, one thread, x86-64. Where new numbers are intended: delete the file, run the tests, and explain the difference
# in the commit.
GOLDEN = Path(__file__).parent / "golden.json"
TOLERANCE = 2e-3  # another processor sums in another order; a change of seed, order or formula changes much more


@pytest.mark.parametrize("model", ["cnn", "rnn", "hybrid"])
def test_losses_are_unchanged(model: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = (f"model={model}", "trainer.max_epochs=3", "feature=mfcc")
    assert train(monkeypatch, *small(tiny, tmp_path / "run", *overrides)) == 0
    history = RunDir(tmp_path / "run").history
    losses = {key: [row[key] for row in history] for key in ("train_loss", "val_loss")}
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if model not in golden:
        GOLDEN.write_text(json.dumps({**golden, model: losses}, indent=2) + "\n", encoding="utf-8")
        pytest.fail(f"{GOLDEN.name} had no losses of {model}; they are written now: commit them with their reason.")
    for key, expected in golden[model].items():
        assert losses[key] == pytest.approx(expected, abs=TOLERANCE), f"{key} was {expected}, is {losses[key]}"
