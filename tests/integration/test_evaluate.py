"""The program `evaluate` as a user sees it: runs judged on other data sets, and again on their own test clips."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from src import compare, evaluate, predict, report, rundir
from src.rundir import RunDir
from src.training import run_writer
from tests.conftest import TINY, tone, write
from tests.programs import Program, help_of, in_process, small, train


@pytest.fixture
def run_evaluate(capsys: pytest.CaptureFixture[str]) -> Program:
    """`python -m src.evaluate ARGUMENTS...` in this process -> its exit status, standard output and standard error."""
    return in_process(evaluate.main, capsys)


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny corpus; the cache is beside it."""
    folder = tmp_path_factory.mktemp("trained") / "cnn_run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *small(tiny, folder, "model=cnn", "trainer.max_epochs=6", "optimizer.lr=0.01")) == 0
    return folder


def shelf(folder: Path, tiny: Path, genres: dict[str, str], rate: int = 22050, artist: str = "other") -> Path:
    """Copy the clips of some genres of the tiny corpus under other names, artists and a sample rate -> the manifest.

    `genres` maps a genre to its name here. The sound is turned around in time, so that no clip is a copy.
    """
    rows = []
    for genre, name in genres.items():
        for path in sorted((tiny.parent / genre).glob("*.wav")):
            wave, own_rate = soundfile.read(path)
            positions = np.arange(0, len(wave) - 1, own_rate / rate)
            other = np.interp(positions, np.arange(len(wave)), wave[::-1])
            clip = write(folder / name / f"{path.stem}.flac", other, rate)
            rows.append((f"{name}/{clip.name}", name, f"{artist} {path.stem[:-3]}", f"song {path.stem}"))
    with open(folder / "shelf.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "genre", "artist", "track"), *rows])
    return folder / "shelf.csv"


def on(manifest: Path, trained: Path, folder: Path, *more: str) -> list[str | Path]:
    """Arguments that judge a run on a manifest."""
    data = ("dataset=manifest", f"dataset.path={manifest}", f"data.cache={trained.parent / 'cache'}")
    return [trained, *data, f"hydra.run.dir={folder}", *more]


def message(err: str) -> str:
    """The last line of standard error, the error; no traceback is above it."""
    assert "Traceback" not in err
    return err.strip().splitlines()[-1]


def test_on_its_own_test_clips_a_run_gets_its_own_scores(trained: Path, tmp_path: Path, run_evaluate: Program) -> None:
    status, out, _ = run_evaluate(trained, f"hydra.run.dir={tmp_path / 'again'}")
    assert status == 0
    assert "The scores are those of the run itself." in out
    again, before = RunDir(tmp_path / "again"), RunDir(trained)
    assert again.metrics["test"] == before.metrics["test"]
    assert again.metrics["evaluation"]["scores_of_run"] is True
    assert again.metrics["val"] is None
    assert again.metrics["certificate"] == before.metrics["certificate"]
    for name in (rundir.PREDICTIONS, rundir.CONFUSION, rundir.SPLIT):
        assert (again.path / name).read_bytes() == (trained / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices",
    [
        ("model=svm",),
        ("model=knn", "normalization=none"),
        ("model=cnn", "augmentation=wave", "data.segments=auto"),
        ("model=majority",),
        ("model=hybrid", "trainer.precision=bf16-mixed"),
        ("feature=musicnn", "feature.network=msd", "augmentation=none", "model=head"),
        ("feature=musicnn", "feature.network=msd", "augmentation=wave", "model=head"),
        ("feature=musicnn", "feature.network=msd", "augmentation=none", "model=head", "feature.trainable=true"),
        ("feature=musicnn", "feature.network=msd", "augmentation=none", "model=svm"),
    ],
    ids=" ".join,
)
def test_every_kind_of_run_gets_its_own_scores(
    choices: Sequence[str], tiny: Path, tmp_path: Path, run_evaluate: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_width = any(model in choices for model in ("model=svm", "model=knn", "model=majority", "model=head"))
    words = [word for word in small(tiny, tmp_path / "run") if not (without_width and word == "model.width=4")]
    assert train(monkeypatch, *words, *choices) == 0
    assert run_evaluate(tmp_path / "run", f"hydra.run.dir={tmp_path / 'again'}")[0] == 0
    assert RunDir(tmp_path / "again").metrics["test"] == RunDir(tmp_path / "run").metrics["test"]


def test_other_data_at_another_rate_are_scored_twice(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    manifest = shelf(tmp_path / "music", tiny, {"bell": "Bell", "drone": "drone"}, rate=44100)
    for k in range(3):
        tone(tmp_path / "music" / "polka" / f"{k}.wav", hz=300 + k)
    with open(manifest, "a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((f"polka/{k}.wav", "polka", "a band", f"dance {k}") for k in range(3))
    status, out, err = run_evaluate(*on(manifest, trained, tmp_path / "out"))
    assert status == 0
    run = RunDir(tmp_path / "out")
    metrics, evaluation = run.metrics, run.metrics["evaluation"]
    assert evaluation["common_genres"] == ["bell", "drone"]
    assert evaluation["other_genres"] == {"polka": 3}
    assert evaluation["untested_genres"] == ["snare"]
    assert evaluation["chance"] == {"all_genres": pytest.approx(1 / 3), "common_genres": 0.5}
    assert metrics["test"]["clips"] == evaluation["among_common"]["clips"] == 16
    assert set(metrics["test"]["genres"]) == set(TINY)
    assert set(evaluation["among_common"]["genres"]) == {"bell", "drone"}
    assert [reason for _, reason in run.excluded] == ["genre polka, which the run does not know"] * 3
    assert "3 clips (polka: 3)" in out

    # The scores follow from predictions.csv.
    predictions = run.predictions
    true, predicted = np.array(predictions.true), np.array(predictions.predicted)
    recalls = [float((predicted == true)[true == genre].mean()) for genre in ("bell", "drone")]
    assert metrics["test"]["recall_macro"] == pytest.approx(np.mean(recalls))
    assert metrics["test"]["accuracy"] == pytest.approx((predicted == true).mean())
    common = [predictions.genres.index(genre) for genre in ("bell", "drone")]
    among = np.array(["bell", "drone"])[predictions.probability_KC[:, common].argmax(axis=1)]
    assert evaluation["among_common"]["accuracy"] == pytest.approx((among == true).mean())
    assert evaluation["among_common"]["accuracy"] >= metrics["test"]["accuracy"]

    settings = RunDir(trained).config
    assert run.config["audio"] == settings["audio"]
    assert run.config["data"]["crop_seconds"] == settings["data"]["crop_seconds"]
    assert run.config["model"] == settings["model"]
    assert not (tmp_path / "out" / rundir.BEST).exists()
    assert "Warning" not in err  # no artist, track or copy is shared


def test_a_genre_map_gives_the_genres_of_the_run(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    manifest = shelf(tmp_path / "music", tiny, {"bell": "chimes", "drone": "hum", "snare": "noise-music"})
    renamed = ["dataset.genre_map.chimes=bell", "dataset.genre_map.hum=drone", "dataset.genre_map.noise-music=null"]
    status, _, err = run_evaluate(*on(manifest, trained, tmp_path / "out", *renamed))
    assert status == 0, err
    run = RunDir(tmp_path / "out")
    assert run.metrics["evaluation"]["common_genres"] == ["bell", "drone"]
    assert run.config["dataset"]["genre_map"] == {"chimes": "bell", "hum": "drone", "noise-music": None}
    assert {reason for _, reason in run.excluded} == {"genre noise-music: left out by dataset.genre_map"}


def test_one_common_genre_is_recall_only(trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program) -> None:
    manifest = shelf(tmp_path / "music", tiny, {"bell": "bell"})
    status, out, err = run_evaluate(*on(manifest, trained, tmp_path / "out"))
    assert status == 0
    metrics = RunDir(tmp_path / "out").metrics
    assert metrics["evaluation"]["among_common"] is None
    assert metrics["test"]["accuracy"] == metrics["test"]["genres"]["bell"]["recall"]
    assert "With one common genre, the accuracy is the recall of this genre." in out
    assert "Only bell is common to the run and the data set" in err


def test_only_the_test_clips_of_a_split_are_judged(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    manifest = shelf(tmp_path / "music", tiny, {name: name for name in TINY})
    asked = ("split=kfold", "split.folds=4", "split.fold=1")
    status, _, err = run_evaluate(*on(manifest, trained, tmp_path / "out", *asked))
    assert status == 0, err
    run = RunDir(tmp_path / "out")
    assert 0 < run.metrics["test"]["clips"] < 24
    assert run.metrics["certificate"]["split"] == "test clips of fold 1 of 4, seed 0"
    assert run.config["split"]["fold"] == 1


def test_of_its_own_data_set_only_the_test_clips_are_judged(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    status, out, _ = run_evaluate(*on(tiny, trained, tmp_path / "out"))
    assert status == 0
    assert "Judged on the run's own test clips." in out
    assert RunDir(tmp_path / "out").metrics["test"] == RunDir(trained).metrics["test"]


def test_its_own_clips_are_found_where_they_were_moved(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    moved = shutil.copytree(tiny.parent, tmp_path / "moved") / tiny.name
    words = (f"dataset.path={moved}", f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={tmp_path / 'out'}")
    assert run_evaluate(trained, *words)[0] == 0
    assert RunDir(tmp_path / "out").metrics["evaluation"]["scores_of_run"] is True


def test_several_runs_are_judged_at_once_and_compared(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = shelf(tmp_path / "music", tiny, {"bell": "bell", "drone": "drone"})
    runs = [Path(shutil.copytree(trained, tmp_path / "runs" / name)) for name in ("one", "two")]
    arguments = [*on(manifest, trained, tmp_path / "out")[1:], *runs]
    assert run_evaluate(*arguments)[0] == 0
    judged = [tmp_path / "out" / name for name in ("one", "two")]
    assert [RunDir(path).metrics["evaluation"]["run"] for path in judged] == ["one", "two"]
    assert compare.main(list(map(str, judged))) == 0
    assert "A and B" in capsys.readouterr().out
    # The folder of the runs and of their evaluations: only the runs are judged.
    assert run_evaluate(tmp_path / "runs", *on(manifest, trained, tmp_path / "again")[1:])[0] == 0
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == ["one", "two"]


def test_report_takes_an_evaluation(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = shelf(tmp_path / "music", tiny, {"bell": "bell", "drone": "drone"})
    run_evaluate(*on(manifest, trained, tmp_path / "out"))
    assert (tmp_path / "out" / rundir.REPORT).read_text(encoding="utf-8").count("Evaluation of the run cnn_run") == 1
    assert report.main([str(tmp_path / "out"), "--format", "markdown"]) == 0
    text = capsys.readouterr().out
    assert "| any of 3 genres | 16 |" in text
    assert "| 2 common genres | 16 |" in text
    assert report.main([str(trained), str(tmp_path / "out"), "--format", "markdown"]) == 0
    assert "2 different test data" in capsys.readouterr().out


def test_shared_artists_tracks_and_copies_are_named(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    rows = [row for row in RunDir(trained).split if row["set"] == "train"]
    copied, cut, namesake = rows[0], rows[1], rows[2]
    manifest = shelf(tmp_path / "music", tiny, {"bell": "bell", "drone": "drone"})
    for name, row, start in (("copy.wav", copied, 0), ("cut.wav", cut, 3000)):
        wave, rate = soundfile.read(tiny.parent / str(row["clip"]), dtype="int16")
        soundfile.write(tmp_path / "music" / name, wave[start:], rate)
    with open(manifest, "a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ("copy.wav", copied["genre"], "a cover band", "one"),
                ("cut.wav", cut["genre"], "another band", "two"),
            ]
        )
    text = manifest.read_text(encoding="utf-8").replace("other bell-0,song bell-0--0", "BELL_9,x")
    text = text.replace("other drone-0,song drone-0--0", f"{str(namesake['artist']).upper()},{namesake['track']}")
    manifest.write_text(text, encoding="utf-8")
    status, out, err = run_evaluate(*on(manifest, trained, tmp_path / "out"))
    assert status == 0
    metrics = RunDir(tmp_path / "out").metrics
    shared, counts = metrics["certificate"]["shared"], metrics["evaluation"]["shared_clips"]
    assert shared["artists"] == [str(namesake["artist"]).upper()]
    assert shared["tracks"] == [f"{str(namesake['artist']).upper()} - {namesake['track']}"]
    assert [copied["clip"], "copy.wav"] in shared["audio"]
    assert counts["artist"] == counts["track"] == counts["audio"] == 1
    assert counts["near_copy"] == len({pair[1] for pair in shared["near_copies"]})
    assert counts["any"] == 2 + counts["near_copy"]
    assert metrics["evaluation"]["without_shared"]["clips"] == metrics["test"]["clips"] - counts["any"]
    assert "without shared clips" in out
    assert (
        f"share an artist, a track or a recording with the training or validation clips of the run (1 artist: {namesake['artist'].upper()}"
        in err
    )


def test_copies_are_unknown_for_a_run_without_fingerprints(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program
) -> None:
    older = Path(shutil.copytree(trained, tmp_path / "older"))
    (older / rundir.FINGERPRINTS).unlink()
    manifest = shelf(tmp_path / "music", tiny, {"bell": "bell", "drone": "drone"})
    status, _, err = run_evaluate(older, *on(manifest, trained, tmp_path / "out")[1:])
    assert status == 0
    metrics = RunDir(tmp_path / "out").metrics
    assert metrics["certificate"]["shared"]["near_copies"] is None
    assert metrics["evaluation"]["shared_clips"]["near_copy"] is None
    assert "copies of training clips is unknown" in err


def test_an_evaluation_has_no_model(
    trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    run_evaluate(trained, f"hydra.run.dir={tmp_path / 'out'}")
    expected = f"{tmp_path / 'out'} is an evaluation: it has the scores of the run cnn_run on other clips, and no model. Name that run instead."
    status, _, err = run_evaluate(tmp_path / "out")
    assert status == 1
    assert message(err) == f"evaluate: {expected}"
    assert predict.main([str(tiny.parent / "bell"), "--run", str(tmp_path / "out")]) == 1
    assert message(capsys.readouterr().err) == f"predict: {expected}"


def changed(run: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a run with a change in its metrics.json."""
    copy = Path(shutil.copytree(run, folder))
    content = json.loads((copy / rundir.METRICS).read_text(encoding="utf-8"))
    change(content)
    (copy / rundir.METRICS).write_text(json.dumps(content), encoding="utf-8")
    return copy


def test_bad_input_is_one_message(trained: Path, tiny: Path, tmp_path: Path, run_evaluate: Program) -> None:
    manifest = shelf(tmp_path / "music", tiny, {"bell": "bell", "drone": "drone"})
    strange = shelf(tmp_path / "strange", tiny, {"bell": "waltz"})
    unfinished = Path(shutil.copytree(trained, tmp_path / "unfinished"))
    (unfinished / rundir.METRICS).unlink()
    other_version = changed(trained, tmp_path / "version", lambda content: content.update(schema=99))
    broken = Path(shutil.copytree(trained, tmp_path / "broken"))
    (broken / rundir.FINGERPRINTS).write_bytes(b"no zip")
    words = on(manifest, trained, tmp_path / "out")[1:]
    cases: list[tuple[list[str | Path], str]] = [
        ([tmp_path / "nothing", *words], f"{tmp_path / 'nothing'} does not exist: expected a run directory or a folder of runs."),
        ([tmp_path / "music", *words], f"{tmp_path / 'music'} contains no run"),
        ([unfinished, *words], f"{unfinished} has no metrics.json: its run has not finished"),
        ([other_version, *words], "has schema 99, expected 2: another version of this project wrote it"),
        ([broken, *words], f"{broken / rundir.FINGERPRINTS} cannot be read"),
        (on(strange, trained, tmp_path / "out"), "No genre is common: shelf has waltz, and the run knows bell, drone, snare."),
        (on(tmp_path / "no.csv", trained, tmp_path / "out"), "no.csv"),
        ([trained, "dataset=folder", f"dataset.root={tmp_path / 'gone'}"], "gone, which is not a folder"),
        ([trained, "dataset=folder"], "dataset.root is missing"),
        ([trained, *words, "dataset.genre_map.Bel=bell"], "dataset.genre_map: no clip has the genre 'Bel'. Did you mean 'bell'?"),
        ([trained, *words, "dataset.genre_map.bell=chime"], "renames a genre to 'chime', which the run does not know: expected one of bell, drone, snare"),
        ([trained, *words, "feature=mel"], "feature=mel: the run decides this"),
        ([trained, *words, "data.crop_seconds=3"], "data.crop_seconds: the run decides this (1"),
        ([trained, *words, "data.segmnts=3"], "segmnts"),
        ([trained, *words, "dataset.genre=x"], "dataset.genre"),
        ([trained, "dataset.rot=x"], "dataset.rot: there is no such key"),
        ([trained, *words, "split.seed=1"], "split.seed=1: name the split that it belongs to"),
        ([trained, "dataset=gtzn"], "gtzn"),
        ([trained, "dataset=folder,fma"], "expected one"),
        (["dataset=folder", "dataset.root=x"], "evaluate: expected at least one run"),
        ([trained, f"hydra.run.dir={trained}"], f"{trained} contains a run. Choose another hydra.run.dir."),
    ]  # fmt: skip
    for arguments, expected in cases:
        status, _, err = run_evaluate(*arguments)
        assert status == 1, arguments
        assert expected in message(err), arguments
        assert message(err).startswith("evaluate: ")
    assert not (tmp_path / "out").exists()


def test_a_strangers_run_is_loaded_as_predict_does(trained: Path, tmp_path: Path, run_evaluate: Program) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "run"))
    text = (copy / rundir.CONFIG).read_text(encoding="utf-8")
    (copy / rundir.CONFIG).write_text(text.replace("src.dataset.Manifest", "os.system"), encoding="utf-8")
    status, _, err = run_evaluate(copy, f"hydra.run.dir={tmp_path / 'out'}")
    assert status == 1
    assert "which is no dataset that this project knows" in message(err)


def test_ctrl_c_leaves_finished_evaluations_and_nothing_half_written(trained: Path, tmp_path: Path) -> None:
    runs = [shutil.copytree(trained, tmp_path / "runs" / name) for name in ("one", "two", "three")]
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "src.evaluate", *map(str, runs), f"hydra.run.dir={out}"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job of a shell ignores Ctrl-C
    )
    deadline = time.monotonic() + 120
    while not (out / "one" / rundir.METRICS).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130, messages
    assert message(messages) == "Interrupted. Finished evaluations are saved; decoded sound stays cached."
    finished = sorted(path.name for path in out.iterdir())
    assert "one" in finished
    assert "three" not in finished
    for name in finished:
        assert RunDir(out / name).metrics["test"] == RunDir(trained).metrics["test"]
        assert RunDir(out / name).predictions.clips == RunDir(trained).predictions.clips


@pytest.mark.parametrize("there_before", [True, False])
def test_what_is_half_written_is_removed(
    there_before: bool, trained: Path, tmp_path: Path, run_evaluate: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the files are written; other files of the user in the folder stay."""

    def interrupt(folder: Path, *_: Any) -> None:
        assert (folder / rundir.PREDICTIONS).exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(run_writer, "write_confusion", interrupt)
    out = tmp_path / "out"
    if there_before:
        out.mkdir()
        (out / "notes.txt").write_text("mine", encoding="utf-8")
    status, printed, err = run_evaluate(trained, f"hydra.run.dir={out}")
    assert (status, printed) == (130, "")
    assert message(err) == "Interrupted. Finished evaluations are saved; decoded sound stays cached."
    left = {path.name for path in out.iterdir()} - {rundir.LOCK} if out.exists() else set()
    assert left == ({"notes.txt"} if there_before else set())
    assert out.exists() == there_before


def test_a_sweep_trains_on_each_data_set_and_judges_on_all(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    music = shelf(tmp_path / "music", tiny, {"bell": "Bell", "drone": "drone", "snare": "polka"})
    words = [word for word in small(tiny, tmp_path / "run", "model=svm") if word != "model.width=4"]
    words = [word for word in words if not word.startswith(("hydra.run.dir", "dataset.path"))]
    sweep = tmp_path / "sweep"
    command = (*words, "sweep=transfer", f"dataset.path={tiny},{music}", f"hydra.sweep.dir={sweep}")
    assert train(monkeypatch, *command) == 0
    content = json.loads((sweep / "transfer.json").read_text(encoding="utf-8"))
    (matrix,) = content["matrices"]
    assert matrix["data_sets"] == ["shelf", "tiny"]
    cells = matrix["rows"]
    assert cells["tiny"]["shelf"]["genres"] == ["bell", "drone"]
    assert cells["shelf"]["tiny"]["genres"] == ["Bell", "drone"]
    # A column has the same test clips, except those of genres that only the column knows.
    assert cells["shelf"]["shelf"]["clips"] > cells["tiny"]["shelf"]["clips"] > 0
    assert cells["tiny"]["tiny"]["chance"] == pytest.approx(1 / 3)
    assert cells["tiny"]["shelf"]["chance_common"] == 0.5
    evaluations = sorted((sweep / "transfer").iterdir())
    assert len(evaluations) == 2
    page = (sweep / rundir.REPORT).read_text(encoding="utf-8")
    assert page.count(">Transfer between data sets</h2>") == 1
    assert "no matrix" not in capsys.readouterr().err

    # The same command continues: what is judged is not judged again.
    times = [(path / rundir.METRICS).stat().st_mtime_ns for path in evaluations]
    shutil.rmtree(evaluations[0])
    assert train(monkeypatch, *command) == 0
    now = [(path / rundir.METRICS).stat().st_mtime_ns for path in evaluations]
    assert now[1] == times[1]
    assert now[0] != times[0]
    assert capsys.readouterr().err.count("evaluating it on the test clips") == 1


def test_help_has_examples_and_imports_no_heavy_library() -> None:
    text, modules = help_of("src.evaluate")
    assert "python -m src.evaluate outputs/my_run dataset=folder dataset.root=DIR" in text
    assert "dataset.genre_map" in text
    assert not {"torch", "pytorch_lightning", "hydra"} & modules
