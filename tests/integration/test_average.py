"""An average of runs as a user sees it: `predict --average` and `evaluate --average`."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from src import evaluate, predict, rundir
from tests.programs import small, train

Program = Callable[..., tuple[int, str, str]]


def program(main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> Program:
    """A program in this process: its arguments -> exit status, standard output and standard error."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = main(list(map(str, arguments)))
        except SystemExit as stop:
            status = int(stop.code or 0)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return status, printed.out, printed.err

    return call


@pytest.fixture
def run_predict(capsys: pytest.CaptureFixture[str]) -> Program:
    return program(predict.main, capsys)


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished runs of the tiny corpus with one split: other models, sample rates and crops; `pair` knows two genres.

    `evaluation` has no model: it is the evaluation of one of them.
    """
    folder = tmp_path_factory.mktemp("runs")
    svm = ("model=svm", "audio.sample_rate=16000", "data.crop_seconds=0.5")
    with pytest.MonkeyPatch.context() as patch:
        for name, more in (
            ("cnn", ("model=cnn", "trainer.max_epochs=6", "optimizer.lr=0.01")),
            ("svm", svm),
            ("pair", (*svm, "dataset.genres=[bell,drone]")),
        ):
            words = [word for word in small(tiny, folder / name, *more) if name == "cnn" or word != "model.width=4"]
            assert train(patch, *words) == 0
    assert evaluate.main([str(folder / "cnn"), f"hydra.run.dir={folder / 'evaluation'}"]) == 0
    return {path.name: path for path in folder.iterdir()}


def of(*paths: Path) -> list[str | Path]:
    """--run RUN for each path, and --average."""
    return [word for path in paths for word in ("--run", path)] + ["--average"]


def test_the_prediction_is_the_mean_of_those_of_the_runs(
    runs: dict[str, Path], tiny: Path, run_predict: Program
) -> None:
    each = [
        {
            line["audio_file"]: line
            for line in map(json.loads, run_predict(tiny.parent, "--run", runs[name])[1].splitlines())
        }
        for name in ("cnn", "svm")
    ]
    status, out, err = run_predict(tiny.parent, *of(runs["cnn"], runs["svm"]))
    assert status == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 24
    for line in lines:
        alone = [answers[line["audio_file"]] for answers in each]
        for genre, probability in line["probabilities"].items():
            assert probability == pytest.approx(sum(one["probabilities"][genre] for one in alone) / 2, abs=1e-6)
        assert line["confidence"] == max(line["probabilities"].values())
        assert line["runs"] == ["cnn", "svm"]
        assert line["model"] == "average of cnn, svm"
        assert line["calibrated"] is True
        assert line["duration_seconds"] == alone[0]["duration_seconds"]


def test_other_options_work_with_an_average(
    runs: dict[str, Path], tiny: Path, tmp_path: Path, run_predict: Program
) -> None:
    clip, average = tiny.parent / "bell" / "bell-0--0.wav", of(runs["cnn"], runs["svm"])
    line = json.loads(run_predict(clip, *average, "--timeline", "--top", "1", "--excerpt", "1")[1])
    assert len(line["probabilities"]) == 1
    assert [segment["genre"] for segment in line["segments"]] == [line["predicted_genre"]]
    (row,) = csv.DictReader(io.StringIO(run_predict(clip, *average, "--format", "csv")[1]))
    assert row["model"] == "average of cnn, svm"
    assert "agree" not in row
    assert "1 file: " in run_predict(clip, *average, "--format", "table")[1]
    earlier = tmp_path / "out.jsonl"
    earlier.write_text(run_predict(clip, *average)[1], encoding="utf-8")
    status, out, err = run_predict(clip, *average, "--resume", earlier)
    assert (status, out) == (0, "")
    assert "has predictions for 1 of 1 file" in err
    status, out, err = run_predict(tiny.parent / "drone", *of(runs["svm"], runs["cnn"]), "--resume", earlier)
    assert (status, out) == (1, "")
    assert "was computed with average of cnn, svm, not average of svm, cnn" in err


def test_a_folder_of_runs_is_averaged(runs: dict[str, Path], tiny: Path, tmp_path: Path, run_predict: Program) -> None:
    for name in ("cnn", "svm"):
        shutil.copytree(runs[name], tmp_path / "sweep" / name)
    shutil.copytree(runs["cnn"], tmp_path / "sweep" / "unfinished")
    (tmp_path / "sweep" / "unfinished" / rundir.METRICS).unlink()
    clip = tiny.parent / "bell" / "bell-0--0.wav"
    status, out, err = run_predict(clip, *of(tmp_path / "sweep"))
    assert status == 0
    assert (
        json.loads(out)["probabilities"]
        == json.loads(run_predict(clip, *of(runs["cnn"], runs["svm"]))[1])["probabilities"]
    )
    assert f"{tmp_path / 'sweep'}: 1 unfinished run left out." in err


def bad_members(runs: dict[str, Path], folder: Path) -> list[tuple[list[Path], str]]:
    """Runs that cannot be averaged, and the message."""
    copy = Path(shutil.copytree(runs["cnn"], folder / "copy"))
    unfinished = Path(shutil.copytree(runs["cnn"], folder / "unfinished"))
    (unfinished / rundir.METRICS).unlink()
    (folder / "empty").mkdir()
    cnn, evaluation = runs["cnn"], runs["evaluation"]
    return [
        ([cnn], f"--average joins several runs: expected two or more, got one, {cnn}."),
        ([cnn, runs["svm"], cnn], f"{cnn} is named twice: in the average it would count twice."),
        ([cnn, copy], f"{cnn} and {copy} are one run: in the average it would count twice."),
        ([cnn, runs["pair"]], f"{cnn} and {runs['pair']} have different genres: only {cnn} has snare."),
        ([runs["pair"], cnn], f"{runs['pair']} and {cnn} have different genres: only {cnn} has snare."),
        ([cnn, evaluation], f"{evaluation} is an evaluation: it has the scores of the run cnn on other clips, and no model."),
        ([cnn, folder / "nothing"], f"{folder / 'nothing'} does not exist: expected a run directory or a folder of runs."),
        ([cnn, folder / "empty"], f"{folder / 'empty'} contains no run"),
        ([cnn, unfinished], f"{unfinished} has no metrics.json: its run has not finished"),
    ]  # fmt: skip


def test_predict_refuses_runs_that_cannot_be_averaged(
    runs: dict[str, Path], tiny: Path, tmp_path: Path, run_predict: Program
) -> None:
    for paths, message in bad_members(runs, tmp_path):
        status, out, err = run_predict(tiny.parent / "bell", *of(*paths))
        assert (status, out) == (1, ""), paths
        assert err.strip().splitlines()[-1].startswith(f"predict: {message}"), err
    for words, message in (
        (["--average"], "predict: --average joins several runs: name each with --run"),
        ([*of(runs["cnn"], runs["svm"]), "--genres", "bell"], "--genres is only for the pretrained tagger"),
        ([*of(runs["cnn"], runs["svm"]), "--weights", "none"], "--weights is only for the pretrained tagger"),
        (["--tagger", "clap:x", "--genres", "a,b", "--average"], "predict: --average joins several runs"),
    ):
        status, out, err = run_predict(tiny.parent / "bell", *words)
        assert (status, out) == (1, ""), words
        assert message in err.splitlines()[-1]
