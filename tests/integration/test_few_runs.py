"""Runs of experiment=few: what they say about the chosen method, prediction, evaluation, sweeps and bad input."""

import csv
import json
from pathlib import Path

import pytest
import soundfile
import torch

from src import evaluate, predict, rundir
from tests.conftest import TINY, write
from tests.programs import small, train

FEW = ("experiment=few", "feature.network=msd")


def _overrides(manifest: Path, folder: Path, *overrides: str) -> list[str]:
    return [word for word in small(manifest, folder, *FEW, *overrides) if word != "model.width=4"]


def _rows(manifest: Path) -> list[dict[str, str]]:
    """The rows of a manifest, with absolute paths."""
    with open(manifest, newline="", encoding="utf-8") as file:
        return [{**row, "path": str(manifest.parent / row["path"])} for row in csv.DictReader(file)]


def _manifest(rows: list[dict[str, str]], folder: Path) -> Path:
    """Write a manifest into a folder."""
    with open(folder / "clips.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "clips.csv"


@pytest.fixture(scope="module")
def few(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of experiment=few on clips of two training artists per genre; its cache is in the same parent folder."""
    folder = tmp_path_factory.mktemp("few") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, *_overrides(tiny, folder)) == 0
    return folder


def test_a_run_says_which_method_was_used_and_why(
    few: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "nearest mean by cosine, because bell has 4 training clips, fewer than 5"
    assert rundir.RunDir(few).metrics["fitted"] == reason
    assert reason in (few / rundir.REPORT).read_text(encoding="utf-8")
    again = few.parent / "again"
    assert train(monkeypatch, *_overrides(tiny, again, "seed=1")) == 0
    assert f"Method: {reason}." in capsys.readouterr().err
    # The seed changes nothing.
    assert (again / rundir.PREDICTIONS).read_bytes() == (few / rundir.PREDICTIONS).read_bytes()


def test_more_clips_give_a_logistic_regression_with_a_chosen_penalty(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten clips of five artists a genre: six clips of three artists are for training."""
    rows = _rows(tiny)
    for genre in TINY:
        for t in range(2):
            wave, rate = soundfile.read(tiny.parent / genre / f"{genre}-3--{t}.wav")
            path = write(tmp_path / f"{genre}-4--{t}.wav", 0.5 * wave[::-1], rate)
            rows.append({"path": str(path), "genre": genre, "artist": f"{genre}-4", "track": f"track {t}"})
    assert train(monkeypatch, *_overrides(_manifest(rows, tmp_path), tmp_path / "run")) == 0
    fitted = rundir.RunDir(tmp_path / "run").metrics["fitted"]
    assert fitted.startswith("logistic regression with C = ")
    assert "chosen by 3 inner folds" in fitted
    state = torch.load(tmp_path / "run" / rundir.BEST, weights_only=True)["state_dict"]
    assert f"C = {float(state['model.c_1']):.3g}," in fitted


def test_predict_and_evaluate_give_the_scores_of_the_run(
    few: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = rundir.RunDir(few)
    paths = [str(tiny.parent / clip) for clip in run.predictions.clips]
    capsys.readouterr()
    assert predict.main([*paths, "--run", str(few)]) == 0
    predictions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for prediction, expected_C in zip(predictions, run.predictions.probability_KC, strict=True):
        probability_C = [prediction["probabilities"][genre] for genre in run.predictions.genres]
        assert probability_C == pytest.approx(list(expected_C), abs=1e-3)
    monkeypatch.setattr("sys.argv", ["src/evaluate.py", str(few), f"hydra.run.dir={few.parent / 'evaluated'}"])
    assert evaluate.main() in (0, None)
    assert rundir.RunDir(few.parent / "evaluated").metrics["test"] == run.metrics["test"]


def test_a_genre_may_have_a_single_training_clip(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        row
        for row in _rows(tiny)
        if row["genre"] != "snare" or (row["track"] == "track 0" and row["artist"] != "snare-3")
    ]
    assert train(monkeypatch, *_overrides(_manifest(rows, tmp_path), tmp_path / "run")) == 0
    assert "snare has 1 training clip, fewer than 5" in rundir.RunDir(tmp_path / "run").metrics["fitted"]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["feature.trainable=true"], "feature.trainable is true, but this model is fitted"),
        (["dataset.genres=[bell]"], "at least two genres are needed"),
        (["dataset.genres=[bell,polka]"], "dataset.genres asks for polka"),
        (["feature=waveform", "~feature.network"], "choose a feature with frames"),
        (["trainer.devices=2", "trainer.accelerator=cpu"], "this model is fitted in one step"),
        (["model.c=1"], "model.c: there is no such key"),
    ],
)
def test_bad_input_gets_one_message(
    overrides: list[str],
    expected: str,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = _overrides(tiny, tmp_path / "run", *overrides)
    if "feature=waveform" in words:
        words = [word for word in words if "feature.network" not in word]
    assert train(monkeypatch, *words) == 1
    errors = capsys.readouterr().err
    assert expected in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_sweep_over_folds_says_the_method_of_each_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word for word in _overrides(tiny, tmp_path / "run") if not word.startswith("hydra.run.dir")]
    sweep = ("sweep=folds", "split.folds=4", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert train(monkeypatch, *words, *sweep) == 0
    runs = rundir.find_runs(tmp_path / "sweep")
    assert len(runs) == 4
    assert all("nearest mean" in run.metrics["fitted"] for run in runs)
