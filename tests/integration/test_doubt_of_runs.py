"""Calibration artists from the split to the programs: what a run stores, `predict --set`, and what is refused."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from src import evaluate, predict, rundir
from src.reporting import run_page
from tests.programs import Program, in_process, small, train


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny corpus with few calibration artists."""
    folder = tmp_path_factory.mktemp("doubt") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *small(tiny, folder, "model=cnn", "split.calibration=0.5", "report.sounds=0")) == 0
    return folder


@pytest.fixture
def run_predict(capsys: pytest.CaptureFixture[str]) -> Program:
    """`python -m src.predict ARGUMENTS...` in this process -> its exit status, standard output and standard error."""
    return in_process(predict.main, capsys)


def with_artists(trained: Path, folder: Path, artists: int | None) -> Path:
    """A copy of the run whose calibration clips are by so many artists, four clips each; None: of an old version."""
    run = Path(shutil.copytree(trained, folder))
    checkpoint: dict[str, Any] = torch.load(run / rundir.BEST, weights_only=True)
    if artists is None:
        del checkpoint["doubt"]
    else:
        old = checkpoint["doubt"]["calibration"]
        rows = torch.arange(4 * artists) % len(old["clips"])
        checkpoint["doubt"]["calibration"] = {
            "clips": [f"clip {k}" for k in range(4 * artists)],
            "artist": [f"artist: {k // 4}" for k in range(4 * artists)],
            **{key: old[key][rows] for key in ("genre_K", "probability_KC", "unlike_K")},
        }
    torch.save(checkpoint, run / rundir.BEST)
    return run


def some_file(tiny: Path) -> Path:
    return next(iter(sorted(tiny.parent.rglob("*.wav"))))


def test_split_certificate_and_metrics_know_the_set(trained: Path) -> None:
    run = rundir.RunDir(trained)
    artists: dict[str, set[str | None]] = {}
    for row in run.split:
        artists.setdefault(str(row["set"]), set()).add(row["artist"])
    assert set(artists) == {"train", "val", "test", "calibration"}
    assert run.metrics["certificate"]["sets"]["calibration"]["artists"] == len(artists["calibration"])
    assert run.metrics["doubt"]["calibration"]["artists"] == len(artists["calibration"])
    assert run.metrics["doubt"]["sets"] is None  # fewer than 10 artists
    warning = run.metrics["certificate"]["warnings"][-1]
    together = len(artists["train"] | artists["calibration"])
    assert "calibration artists, and predict --set and --abstain need 10: no split.calibration reaches this" in warning
    assert f"training and calibration have {together} artists together" in warning
    assert "calibration" in run_page.html(run)
    assert len(run.predictions.clips) == sum(row["set"] == "test" for row in run.split)


def test_the_scores_do_not_depend_on_calibration_clips_as_validation_does_not_get_them(trained: Path) -> None:
    """The validation and test clips are those of the same split without calibration."""
    metrics = rundir.RunDir(trained).metrics
    assert metrics["val"]["clips"] == metrics["certificate"]["sets"]["val"]["clips"]
    assert metrics["test"]["clips"] == metrics["certificate"]["sets"]["test"]["clips"]


def test_a_run_with_few_artists_and_an_old_one_are_refused(
    trained: Path, tiny: Path, tmp_path: Path, run_predict: Program
) -> None:
    status, out, err = run_predict(some_file(tiny), "--run", trained, "--set", "0.9")
    assert (status, out) == (1, "")
    assert "--set: run has" in err
    assert "and 10 are needed. Train again with a larger split.calibration" in err
    old = with_artists(trained, tmp_path / "old", None)
    status, out, err = run_predict(some_file(tiny), "--run", old, "--abstain", "0.1")
    assert (status, out) == (1, "")
    assert "--abstain: old has no calibration artists. Train it with split.calibration=0.25" in err
    status, out, err = run_predict(some_file(tiny), "--run", old)
    assert status == 0
    assert json.loads(out)["unlike_training"] is None
    for lines in (err,):
        assert "Traceback" not in lines


def test_sets_abstention_and_timeline_of_a_run(trained: Path, tiny: Path, tmp_path: Path, run_predict: Program) -> None:
    run = with_artists(trained, tmp_path / "many", 60)
    status, out, _ = run_predict(some_file(tiny), "--run", run, "--set", "0.9", "--timeline")
    assert status == 0
    line = json.loads(out)
    assert line["set_level"] == 0.9
    assert line["genre_set"][0] == line["predicted_genre"]
    assert set(line["genre_set"]) <= set(line["probabilities"])
    assert {segment["genre"] for segment in line["segments"]} <= set(line["probabilities"])
    (tmp_path / "earlier.jsonl").write_text(out, encoding="utf-8")
    words = (some_file(tiny), "--run", run, "--resume", tmp_path / "earlier.jsonl", "--set", "0.8")
    status, out, err = run_predict(*words)
    assert (status, out) == (1, "")
    assert "was computed with --set 0.9, not --set 0.8" in err
    assert "skipped" not in err
    status, out, _ = run_predict(some_file(tiny), "--run", run, "--set", "0.9", "--format", "csv")
    (row,) = csv.DictReader(out.splitlines())
    assert row["genre_set"].split("|") == line["genre_set"]
    status, out, err = run_predict(some_file(tiny), "--run", run, "--abstain", "0.001")
    assert (status, out) == (1, "")
    assert "many cannot promise so few errors with 60 calibration artists. The lowest is" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "0.9"], "--set needs a run with calibration artists: the tagger has none"),
        (["--abstain", "0.1"], "--abstain needs a run"),
        (["--set", "1.5", "--run", "x"], "expected a probability, more than 0 and less than 1"),
        (["--set", "nan", "--run", "x"], "expected a probability"),
        (["--abstain", "many", "--run", "x"], "expected a probability"),
    ],
)
def test_wrong_options_are_refused(words: list[str], message: str, tiny: Path, run_predict: Program) -> None:
    status, out, err = run_predict(some_file(tiny), *words)
    assert (status != 0, out) == (True, "")
    assert message in " ".join(err.split())


def test_an_evaluation_has_the_doubt_of_its_run(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the own test clips: the same sounds are unlike training, the same errors remain."""
    folder = tmp_path / "again"
    assert evaluate.main([str(trained), f"hydra.run.dir={folder}"]) == 0
    capsys.readouterr()
    again, before = (rundir.RunDir(path).metrics["doubt"] for path in (folder, trained))
    assert again == before


def test_the_sets_of_a_run_can_be_used_again(trained: Path, tiny: Path, tmp_path: Path) -> None:
    """`dataset.split_file` takes the calibration clips over."""
    folder = tmp_path / "again"
    with pytest.MonkeyPatch.context() as patch:
        words = ("model=majority", "split=official", f"dataset.split_file={trained / rundir.SPLIT}", "report.sounds=0")
        arguments = [word for word in small(tiny, folder, *words) if not word.startswith("model.width")]
        assert train(patch, *arguments) == 0
    sets = [{str(row["clip"]): row["set"] for row in rundir.RunDir(path).split} for path in (trained, folder)]
    assert sets[0] == sets[1]
    assert rundir.RunDir(folder).metrics["doubt"]["unlike_training"] is None  # majority has no embedding
