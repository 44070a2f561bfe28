"""Sweeps made of run directories with random predictions, for tests of pages."""

import json
from itertools import product
from pathlib import Path

from src import rundir
from tests.rundirs import config, write_run

PAPER_GENRES = ["classical", "jazz", "pop", "rock"]


def write_page(run: Path) -> None:
    """Write a page of a run, so that the page of a sweep does not have to draw it."""
    (run / rundir.REPORT).write_text("<!DOCTYPE html><title>run</title>", encoding="utf-8")


def set_validation(run: Path, f1_macro: float) -> None:
    """Change the validation macro F1 of a run."""
    metrics = json.loads((run / rundir.METRICS).read_text(encoding="utf-8"))
    metrics["val"] = {**metrics["val"], "f1_macro": f1_macro}
    (run / rundir.METRICS).write_text(json.dumps(metrics), encoding="utf-8")


def write_grid(folder: Path, folds: int = 2) -> dict[tuple[float, int, int], list[Path]]:
    """A grid of twelve configurations in folds: rate 0.001 and 0.005, batch size 32 and 64, 3 to 5 layers -> their runs.

    The best on the test clips is (0.001, 32, 3); on the validation clips it is (0.005, 64, 4), with 90 %; the others have
    40 % and 0.1 points more for each configuration before them.
    """
    runs: dict[tuple[float, int, int], list[Path]] = {}
    for k, (rate, batch, layers) in enumerate(product((0.001, 0.005), (32, 64), (3, 4, 5))):
        for fold in range(folds):
            run = write_run(
                folder / f"cnn_fold{fold}_lr{rate}_batch_size{batch}_layers{layers}",
                config(fold=fold, model="Cnn", optimizer__lr=rate, data__batch_size=batch, model__layers=layers),
                clips=40,
                first=40 * fold,
                skill=2.5 - 0.1 * k,
            )
            write_page(run)
            set_validation(run, 0.9 if (rate, batch, layers) == (0.005, 64, 4) else 0.4 + 0.001 * k)
            runs.setdefault((rate, batch, layers), []).append(run)
    return runs


def write_models(folder: Path, folds: int = 3, clips: int = 48) -> None:
    """The paper's three models in folds, on its four genres."""
    for model, skill in (("Cnn", 2.0), ("Rnn", 0.5), ("Hybrid", 1.9)):
        for fold in range(folds):
            run = write_run(
                folder / f"{model.lower()}_fold{fold}",
                config(fold=fold, model=model, data__batch_size=32),
                genres=PAPER_GENRES,
                clips=clips,
                first=clips * fold,
                skill=skill,
            )
            write_page(run)


def write_note(sweep: Path, number: int, **note: object) -> None:
    """The note of a job, as a sweep writes it."""
    notes = sweep / ".jobs" / "sweep_model-12345678"
    notes.mkdir(parents=True, exist_ok=True)
    content = {"number": number, "label": f"model={number}", "folder": "", "state": "failed", **note}
    (notes / f"{number}.json").write_text(json.dumps(content), encoding="utf-8")
