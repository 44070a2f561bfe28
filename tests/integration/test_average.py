"""An average of runs as a user sees it: `predict --average` and `evaluate --average`."""

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from src import compare, evaluate, predict, report, rundir
from src.rundir import RunDir
from tests.conftest import TINY
from tests.integration.test_evaluate import shelf
from tests.programs import Program, in_process, small, train


@pytest.fixture
def run_predict(capsys: pytest.CaptureFixture[str]) -> Program:
    return in_process(predict.main, capsys)


@pytest.fixture
def run_evaluate(capsys: pytest.CaptureFixture[str]) -> Program:
    return in_process(evaluate.main, capsys)


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished runs of the tiny corpus with one split: other models, sample rates and crops; `pair` knows two genres.

    `fold0` and `fold1` have other splits, `other` another data set; `evaluation` has no model: it is the evaluation of one of them.
    """
    folder = tmp_path_factory.mktemp("runs")
    svm = ("model=svm", "audio.sample_rate=16000", "data.crop_seconds=0.5")
    with pytest.MonkeyPatch.context() as patch:
        for name, more in (
            ("cnn", ("model=cnn", "trainer.max_epochs=6", "optimizer.lr=0.01")),
            ("svm", svm),
            ("pair", (*svm, "dataset.genres=[bell,drone]")),
            ("fold0", (*svm, "split=kfold", "split.folds=4", "split.fold=0")),
            ("fold1", (*svm, "split=kfold", "split.folds=4", "split.fold=1")),
            ("other", (*svm, f"dataset.path={shelf(folder / 'music', tiny, {name: name for name in TINY})}")),
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
    table = run_predict(clip, *average, "--format", "table")[1]
    assert "The average of cnn, svm." in table
    assert "1 file: " in table
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


def on(manifest: Path, folder: Path, runs: dict[str, Path]) -> list[str]:
    """Settings that judge runs on a manifest."""
    cache = runs["cnn"].parent / "cache"
    return ["dataset=manifest", f"dataset.path={manifest}", f"data.cache={cache}", f"hydra.run.dir={folder}"]


def mean_of(paths: list[Path], clips: list[str], genres: list[str]) -> np.ndarray:
    """The mean of the probabilities (K, C) that run directories have for clips, by the names of clips and genres."""
    predictions = [RunDir(path).predictions for path in paths]
    return np.mean(
        [
            each.probability_KC[[each.clips.index(clip) for clip in clips]][:, [each.genres.index(g) for g in genres]]
            for each in predictions
        ],
        axis=0,
    )


def test_on_their_common_test_clips_runs_are_judged_as_one(
    runs: dict[str, Path], tmp_path: Path, run_evaluate: Program
) -> None:
    pair = [runs["cnn"], runs["svm"]]
    status, out, err = run_evaluate(*pair, "--average", f"hydra.run.dir={tmp_path / 'out'}")
    assert status == 0, err
    judged = RunDir(tmp_path / "out")
    predictions, metrics = judged.predictions, judged.metrics
    assert predictions.clips == RunDir(runs["cnn"]).predictions.clips
    expected_KC = mean_of(pair, predictions.clips, predictions.genres)
    assert predictions.probability_KC == pytest.approx(expected_KC, abs=2e-6)  # the files have six decimals
    predicted = np.array(predictions.genres)[expected_KC.argmax(axis=1)]
    assert metrics["test"]["accuracy"] == pytest.approx((predicted == np.array(predictions.true)).mean())
    assert metrics["temperature"] is None
    assert "nll_uncalibrated" not in json.loads((judged.path / rundir.METRICS).read_text(encoding="utf-8"))["test"]
    losses = [RunDir(path).metrics["test"]["nll"] for path in pair]
    assert metrics["test"]["nll"] <= np.mean(losses)
    evaluation = metrics["evaluation"]
    assert evaluation["run"] == "average of cnn, svm"
    assert evaluation["own_test_clips"] is True
    for member, path in zip(evaluation["members"], pair, strict=True):
        alone = RunDir(path).metrics
        assert (member["run"], member["identity"]) == (path.name, alone["identity"])
        assert {key: member[key] for key in ("clips", "accuracy", "f1_macro")} == {
            key: alone["test"][key] for key in ("clips", "accuracy", "f1_macro")
        }
    assert metrics["certificate"]["shared"] == RunDir(runs["cnn"]).metrics["certificate"]["shared"]
    assert metrics["certificate"]["sets"] == RunDir(runs["cnn"]).metrics["certificate"]["sets"]
    assert "model" not in judged.config or "_target_" not in judged.config["model"]
    assert judged.config["split"] == RunDir(runs["cnn"]).config["split"]
    for text in ("Judged on the test clips that all 2 runs have in common.", "cnn alone", "svm alone"):
        assert text in out


def test_on_other_music_genres_and_clips_are_matched_by_name(
    runs: dict[str, Path], tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    manifest = shelf(tmp_path / "music", tiny, {"bell": "Bell", "drone": "drone"}, rate=44100)
    for name in ("cnn", "svm"):
        assert run_evaluate(runs[name], *on(manifest, tmp_path / name, runs))[0] == 0
    status, out, err = run_evaluate(runs["cnn"], runs["svm"], "--average", *on(manifest, tmp_path / "out", runs))
    assert status == 0, err
    judged = RunDir(tmp_path / "out")
    expected_KC = mean_of([tmp_path / "cnn", tmp_path / "svm"], judged.predictions.clips, judged.predictions.genres)
    assert judged.predictions.probability_KC == pytest.approx(expected_KC, abs=2e-6)
    assert judged.metrics["evaluation"]["common_genres"] == ["bell", "drone"]
    assert [member["accuracy"] for member in judged.metrics["evaluation"]["members"]] == [
        RunDir(tmp_path / name).metrics["test"]["accuracy"] for name in ("cnn", "svm")
    ]
    assert "The runs were trained on tiny" in out
    assert "share an artist" not in err


def test_clips_that_any_run_was_trained_on_are_found(
    runs: dict[str, Path], tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    """A clip that only the first run has as a test clip, and one that only the second has."""
    folds = [runs["fold0"], runs["fold1"]]
    tested = [set(RunDir(path).predictions.clips) for path in folds]
    assert not tested[0] & tested[1]
    manifest = shelf(tmp_path / "music", tiny, {"bell": "bell", "drone": "drone"})
    names = {f"{number}.wav": next(clip for clip in sorted(of_fold)) for number, of_fold in enumerate(tested)}
    with open(manifest, "a", newline="", encoding="utf-8") as file:
        for name, clip in names.items():
            wave, rate = soundfile.read(tiny.parent / clip, dtype="int16")
            soundfile.write(tmp_path / "music" / name, wave, rate)
            csv.writer(file).writerow((name, clip.split("/")[0], f"stranger {name}", name))
    shared_by: dict[str, set[str]] = {}
    for words, key in (([folds[0]], "0"), ([folds[1]], "1"), ([*folds, "--average"], "average")):
        assert run_evaluate(*words, *on(manifest, tmp_path / key, runs))[0] == 0
        shared = RunDir(tmp_path / key).metrics["certificate"]["shared"]
        shared_by[key] = {group[-1] for group in [*shared["audio"], *shared["near_copies"]]}
    assert "0.wav" not in shared_by["0"]
    assert "1.wav" not in shared_by["1"]
    assert shared_by["average"] == shared_by["0"] | shared_by["1"] >= {*names}
    metrics = RunDir(tmp_path / "average").metrics
    evaluation = metrics["evaluation"]
    assert evaluation["shared_clips"]["any"] == len(shared_by["average"])
    assert evaluation["without_shared"]["clips"] == metrics["test"]["clips"] - len(shared_by["average"])
    trained = set().union(*({row["clip"] for row in RunDir(path).split if row["set"] == "train"} for path in folds))
    assert sum(evaluation["training_clips"].values()) == len(trained)
    assert metrics["certificate"]["sets"]["train"]["clips"] == len(trained)


def test_on_the_data_set_of_the_training_every_clip_of_folds_is_shared(
    runs: dict[str, Path], tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    """Without dataset= they have no test clips in common, and with it all clips are judged, and said to be known."""
    folds = [runs["fold0"], runs["fold1"]]
    status, out, err = run_evaluate(*folds, "--average", f"hydra.run.dir={tmp_path / 'out'}")
    assert (status, out) == (1, "")
    last = err.strip().splitlines()[-1]
    assert last.startswith(
        f"evaluate: {folds[0]} and {folds[1]} have different test clips (0 of 6 and of 6 are in both)"
    )
    assert last.endswith(
        "Judge the average on other music (dataset=), or average runs of one split, such as a sweep of seeds."
    )
    assert not (tmp_path / "out").exists()
    status, out, err = run_evaluate(*folds, "--average", *on(tiny, tmp_path / "out", runs))
    assert status == 0
    evaluation = RunDir(tmp_path / "out").metrics["evaluation"]
    assert evaluation["own_test_clips"] is False
    assert evaluation["shared_clips"]["any"] == 24
    assert (
        "24 judged clips of 24 share an artist, a track or a recording with the training or validation clips of the runs"
        in err
    )
    assert "Every judged clip is shared, so the scores say nothing about new music." in err


def test_clips_of_the_training_are_found_by_name_in_runs_without_fingerprints(
    runs: dict[str, Path], tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    older = [Path(shutil.copytree(runs[name], tmp_path / "runs" / name)) for name in ("fold0", "fold1")]
    for path in older:
        (path / rundir.FINGERPRINTS).unlink()
    assert run_evaluate(tmp_path / "runs", "--average", *on(tiny, tmp_path / "out", runs))[0] == 0
    metrics = RunDir(tmp_path / "out").metrics
    assert metrics["evaluation"]["shared_clips"]["audio"] == 24
    assert ["bell/bell-0--0.wav"] * 2 in metrics["certificate"]["shared"]["audio"]
    assert metrics["evaluation"]["shared_clips"]["near_copy"] is None


def test_runs_of_two_data_sets_are_judged_on_one_that_is_named(
    runs: dict[str, Path], tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    pair = (runs["cnn"], runs["other"], "--average")
    for words in ([], ["split=kfold"]):
        status, _, err = run_evaluate(*pair, *words, f"hydra.run.dir={tmp_path / 'out'}")
        assert status == 1
        last = err.strip().splitlines()[-1]
        assert f"{runs['cnn']} was trained on tiny, and {runs['other']} on shelf" in last
        assert "name the data set on which their average is judged, with dataset=." in last
    assert run_evaluate(*pair, *on(tiny, tmp_path / "out", runs))[0] == 0
    metrics = RunDir(tmp_path / "out").metrics
    tested = len(RunDir(runs["cnn"]).predictions.clips)
    assert metrics["evaluation"]["trained_on"] == "tiny, shelf"
    assert metrics["test"]["clips"] == 24
    assert metrics["evaluation"]["without_shared"]["clips"] == tested  # the test clips of the first run


def test_compare_and_report_take_an_average(
    runs: dict[str, Path], tiny: Path, tmp_path: Path, run_evaluate: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = shelf(tmp_path / "music", tiny, {"bell": "bell", "drone": "drone"})
    for words, name in (
        (["cnn"], "one"), (["svm"], "two"), (["cnn", "svm"], "both"), (["cnn", "fold0"], "others"),
    ):  # fmt: skip
        more = ["--average"] if len(words) > 1 else []
        assert run_evaluate(*(runs[word] for word in words), *more, *on(manifest, tmp_path / name, runs))[0] == 0
    folders = [str(tmp_path / name) for name in ("one", "two", "both", "others")]
    assert compare.main([*folders, "--format", "json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    labels = {group["label"].split(", trained")[0] for group in compared["groups"]}
    assert len(compared["groups"]) == 4
    assert any(label.startswith("average of cnn on mel, svm on mel") for label in labels), labels
    assert report.main([folders[2], "--format", "markdown"]) == 0
    text = capsys.readouterr().out
    assert "## Evaluation of the average of cnn, svm" in text
    assert "| svm alone | 16 |" in text
    assert "The probabilities are the mean of those of 2 runs" in text
    assert (tmp_path / "both" / rundir.REPORT).read_text(encoding="utf-8").count(
        "Evaluation of the average of cnn, svm"
    ) == 1
    status, _, err = run_evaluate(tmp_path / "both", f"hydra.run.dir={tmp_path / 'again'}")
    assert status == 1
    assert "it has the scores of the average of cnn, svm on other clips, and no model. Name those runs instead." in err


def test_evaluate_refuses_runs_that_cannot_be_averaged(
    runs: dict[str, Path], tmp_path: Path, run_evaluate: Program
) -> None:
    for paths, message in bad_members(runs, tmp_path):
        status, out, err = run_evaluate(*paths, "--average", f"hydra.run.dir={tmp_path / 'out'}")
        assert (status, out) == (1, ""), paths
        assert err.strip().splitlines()[-1].startswith(f"evaluate: {message}"), err
    assert not (tmp_path / "out").exists()
