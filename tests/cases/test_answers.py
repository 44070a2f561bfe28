"""Cases of answers that mislead: noise with a genre, scores on a part of the genres, probabilities made worse."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from rich.console import Console

from src import compare, metrics, predict, rundir
from src.evaluation import selection
from src.inference.recognizer import LOW_CONFIDENCE, NOT_MUSIC, UNSURE, Recognizer
from src.metrics import calibration
from src.reporting import run_page, run_text, sweep_page
from src.reporting.genre_table import genre_table
from src.rundir import RunDir
from tests.cases.noises import NO_MUSIC, Wave, noise, speech
from tests.cases.sounds import RATE, genre_folders, music
from tests.programs import SMALL, train
from tests.reporting.test_pages import Page
from tests.rundirs import config, write_run


@pytest.fixture(scope="module")
def tagger() -> Recognizer:
    return Recognizer.pretrained()


@pytest.mark.parametrize(
    ("name", "seconds"),
    [*((name, 5.0) for name in NO_MUSIC), ("white noise", 1.0), ("hum of 50 Hz", 1.0), ("surf", 26.0), ("wind", 45.0)],
)
def test_the_tagger_gives_no_genre_for_what_is_no_music(name: str, seconds: float, tagger: Recognizer) -> None:
    prediction = tagger.predict(NO_MUSIC[name](seconds), RATE)
    assert (prediction.predicted_genre, prediction.reason) == (UNSURE, NOT_MUSIC)
    assert set(prediction.probabilities.values()) == {1 / 22}
    assert prediction.confidence == 1 / 22
    assert [segment.genre for segment in prediction.segments] == [UNSURE]


@pytest.mark.parametrize("wave_T", [np.zeros(5 * RATE), np.full(5 * RATE, 0.3), noise(0, 2e-4, 5.0), np.zeros(200)])
def test_silence_is_no_music_and_no_error(wave_T: Wave, tagger: Recognizer, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", wave_T, 16000)
    for prediction in (tagger.predict(tmp_path / "a.wav"), *tagger.predict_files([tmp_path / "a.wav"])):
        assert not isinstance(prediction, Exception)
        assert (prediction.predicted_genre, prediction.reason) == (UNSURE, NOT_MUSIC)
        assert prediction.note is not None
        assert prediction.note.startswith("silent (its peak stays below 0.001 of full scale)")


@pytest.mark.parametrize("seed", range(4))
def test_music_gets_a_genre_or_too_low_a_confidence(seed: int, tagger: Recognizer) -> None:
    assert tagger.predict(music(8, seed), RATE).reason in (None, LOW_CONFIDENCE)


def test_music_in_a_quiet_room_and_after_a_pause_is_music(tagger: Recognizer) -> None:
    room_T = noise(-1, 0.01, 30.0)
    room_T[12 * RATE : 24 * RATE] += music(12, 1)
    prediction = tagger.predict(room_T, RATE)
    assert prediction.reason != NOT_MUSIC
    genres = [segment.genre for segment in prediction.segments]
    assert genres[0] == UNSURE
    assert genres[1] != UNSURE


@pytest.mark.parametrize(("seed", "pitch_hz"), [(0, 110), (1, 210), (4, 100)])
def test_speech_is_no_music(seed: int, pitch_hz: float, tagger: Recognizer) -> None:
    """An imitation of speech, of which about half is recognized: docs/results.md has the figures for recorded speech."""
    assert tagger.predict(speech(6, seed, pitch_hz), RATE).reason == NOT_MUSIC


def _predict(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = predict.main([*map(str, arguments), "--threads", "1"])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_the_reason_is_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, wave_T in {"hiss": noise(0, 0.1, 4.0), "silence": np.zeros(4 * RATE), "song": music(6, 3)}.items():
        soundfile.write(tmp_path / f"{name}.wav", wave_T, RATE)
    status, out, _ = _predict(capsys, tmp_path)
    hiss, silence, song = map(json.loads, out.splitlines())
    assert status == 0
    assert (hiss["predicted_genre"], hiss["reason"], silence["reason"]) == ("unsure", "not_music", "not_music")
    assert silence["note"].startswith("silent")
    assert song.get("reason") in (None, "low_confidence")
    _, out, _ = _predict(capsys, tmp_path, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["reason"] for row in rows][:2] == ["not_music", "not_music"]
    assert rows[1]["note"].startswith("silent")
    _, out, _ = _predict(capsys, tmp_path, "--format", "table")
    assert out.count("unsure: not music") == 2
    assert "5 %" not in out.split("hiss.wav")[1].split("\n")[0]  # the equal probabilities are not printed


def test_help_explains_all_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        predict.main(["--help"])
    out = capsys.readouterr().out
    assert all(reason in out for reason in ("not_music", "low_confidence", "unlike_training", "training_data"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run that was trained on synthetic music, and one that was not: on the same few sounds, as the flag says so."""
    folder = tmp_path_factory.mktemp("synthetic")
    genre_folders(folder / "music", ["rock", "jazz"], clips=6, seconds=2)
    with pytest.MonkeyPatch.context() as patch:
        arguments = ("dataset=folder", f"dataset.root={folder / 'music'}", f"data.cache={folder / 'cache'}", *SMALL)
        assert train(patch, *arguments, "model=cnn", "feature=mfcc", f"hydra.run.dir={folder / 'real'}") == 0
    metrics = json.loads((folder / "real" / "metrics.json").read_text())
    (folder / "rule-based").mkdir()
    for path in (folder / "real").iterdir():
        if path.is_file():
            (folder / "rule-based" / path.name).write_bytes(path.read_bytes())
    (folder / "rule-based" / "metrics.json").write_text(json.dumps({**metrics, "synthetic": True}))
    return {"song": folder / "music" / "rock" / "0.wav", **{name: folder / name for name in ("real", "rule-based")}}


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_a_run_trained_on_synthetic_music_says_so_in_each_prediction(
    form: str, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, err = _predict(capsys, runs["song"], "--run", runs["rule-based"], "--format", form)
    assert "synthetic" in out
    assert "Note: rule-based was trained on synthetic music: its predictions for real recordings mean nothing." in err
    _, out, err = _predict(capsys, runs["song"], "--run", runs["real"], "--format", form)
    assert "synthetic" not in (out + err).replace("audio_file,predicted_genre", "").replace(str(runs["song"]), "")
    if form == "json":
        _, out, _ = _predict(capsys, runs["song"], "--run", runs["real"], "--run", runs["rule-based"])
        models: list[dict[str, Any]] = json.loads(out)["models"]
        assert [model.get("training_data") for model in models] == [None, "synthetic"]


def test_python_callers_see_it_too(runs: dict[str, Path]) -> None:
    recognizer = Recognizer.load(runs["rule-based"])
    assert recognizer.predict(runs["song"]).training_data == "synthetic"
    assert any("synthetic" in note for note in recognizer.notes)
    assert Recognizer.load(runs["real"]).predict(runs["song"]).training_data is None


def test_a_silent_file_is_an_error_for_a_run_as_it_is_in_training(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(2 * RATE), RATE)
    status, out, _ = _predict(capsys, tmp_path / "a.wav", "--run", runs["real"])
    assert status == 1
    assert json.loads(out)["error"].startswith("silent")


def _incomplete_run(path: Path, tested: Sequence[str], skill: float = 20.0, clips: int = 12, **changes: Any) -> Path:
    """A run on five genres whose test set has clips of the `tested` ones only."""
    genres = ["ambient", "blues", "folk", "jazz", "metal"]
    run = write_run(path, config(**changes), genres=genres, clips=5 * clips, skill=skill, synthetic=False)
    kept = [row for row in _rows(run / rundir.PREDICTIONS) if row["genre"] in tested]
    _write_rows(run / rundir.PREDICTIONS, kept)
    _write_rows(
        run / rundir.SPLIT, [r for r in _rows(run / rundir.SPLIT) if r["set"] != "test" or r["genre"] in tested]
    )
    probability_KC = torch.tensor([[float(row[f"p_{genre}"]) for genre in genres] for row in kept]).double()
    genre_K = torch.tensor([genres.index(row["genre"]) for row in kept])
    content = json.loads((run / rundir.METRICS).read_text())
    scores = metrics.score(probability_KC.clamp_min(1e-9).log(), genre_K, genres, [row["artist"] for row in kept])
    content["test"] = content["test"] | {**scores, "tracks": None}
    counts_CC = metrics.confusion(probability_KC.argmax(dim=1), genre_K, len(genres)).tolist()
    confusion = [
        dict(zip(["genre", *genres], [g, *row], strict=True)) for g, row in zip(genres, counts_CC, strict=True)
    ]
    _write_rows(run / rundir.CONFUSION, confusion)
    (run / rundir.METRICS).write_text(json.dumps(content))
    return run


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("tested", "absent"),
    [
        (["ambient", "blues", "folk"], "3 of 5 genres; not tested: jazz, metal"),
        (["jazz"], "1 of 5 genres; not tested: ambient, blues, folk, metal"),
        (["ambient", "blues", "jazz", "metal"], "4 of 5 genres; not tested: folk"),
    ],
)
def test_a_headline_names_the_genres_without_test_clips(
    tested: list[str], absent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunDir(_incomplete_run(tmp_path / "sweep" / "a", tested))
    other = _incomplete_run(tmp_path / "sweep" / "b", tested, skill=9.0, model="Cnn")
    assert run.metrics["test"]["accuracy"] == 1
    clips = run.metrics["test"]["clips"]
    page = Page(run_page.html(run)).text
    markdown = run_page.markdown(run)
    runs = [run, RunDir(other)]
    sweep, sweep_markdown = Page(sweep_page.html(runs, [], tmp_path)).text, sweep_page.markdown(runs, [])
    table = io.StringIO()
    Console(width=200, file=table).print(genre_table(run.metrics, "hybrid on mel, test clips"))
    assert compare.main([str(tmp_path / "sweep"), "--format", "markdown"]) == 0
    compared = capsys.readouterr().out
    for text in (page, markdown, sweep, sweep_markdown, table.getvalue(), compared):
        assert absent in text
        assert not re.search(r"recognizes 100|Accuracy over all test clips: 100|accuracy: 100 %", text)
    counted = f"{len(tested)} of 5 genres with clips or predictions"
    for text in (page, markdown, sweep, table.getvalue(), compared):
        assert counted in text
    assert f"Tested on {absent}. The hybrid on mel is right for {clips} of {clips} test clips of composer" in page
    assert f"the best of 2 by validation macro F1, is right for {clips} of {clips} test clips of composer" in sweep
    assert f"test clips of {absent}" in table.getvalue()


def test_a_complete_test_set_is_described_as_before(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config(), clips=40))
    page = Page(run_page.html(run)).text
    assert "not tested" not in page
    assert "with clips or predictions" not in page
    assert not any("validation set" in text for text in run_text.describe_warnings(run.metrics))


def test_a_validation_set_without_a_genre_is_a_warning(tmp_path: Path) -> None:
    run = _incomplete_run(tmp_path / "run", ["ambient", "blues", "folk", "jazz", "metal"])
    content = json.loads((run / rundir.METRICS).read_text())
    content["val"]["genres"]["metal"] |= {"support": 0, "recall": None, "precision": None, "f1": None}
    (run / rundir.METRICS).write_text(json.dumps(content))
    text = "The validation set has only 4 of 5 genres; not tested: metal. Its scores, which select the epoch, leave these out."
    assert text in Page(run_page.html(RunDir(run))).text


@pytest.mark.parametrize(
    ("before", "shown", "hidden"),
    [
        ({"nll_uncalibrated": 0.5, "ece_uncalibrated": 0.9}, ["NLL 0.9", "(NLL 0.500 nats before)"], ["ECE 10.0 % ("]),
        ({"nll_uncalibrated": 9.0, "ece_uncalibrated": 0.001}, ["(ECE 0.1 % before)"], ["(NLL 9.000 nats before)"]),
        ({"nll_uncalibrated": 0.5, "ece_uncalibrated": 0.001}, ["(NLL 0.500", "(ECE 0.1"], []),
    ],
)
def test_calibration_that_does_harm_is_a_warning_on_top(
    before: dict[str, float], shown: list[str], hidden: list[str], tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", config(), clips=40)
    content = json.loads((run / rundir.METRICS).read_text())
    content["test"] |= {"nll": 0.9, "ece": 0.1, **before}
    (run / rundir.METRICS).write_text(json.dumps(content))
    html = run_page.html(RunDir(run))
    top = Page(html).text.split("Learning curves")[1]  # from the table of contents to the first heading
    assert "Calibration made the probabilities of the 40 test clips worse" in top
    assert all(text in top for text in shown)
    assert not any(text in top for text in hidden)
    assert 'class="warning">Calibration made' in html


def test_a_run_states_in_its_metrics_what_calibration_made_worse(runs: dict[str, Path]) -> None:
    content = json.loads((runs["real"] / "metrics.json").read_text())
    assert content["worsened_by_calibration"] == calibration.worsened(content["test"])
    assert set(content["worsened_by_calibration"]) <= {"nll", "ece"}


def test_predict_warns_of_a_run_that_calibration_made_worse(runs: dict[str, Path]) -> None:
    path = runs["real"] / "metrics.json"
    before = path.read_text()
    for worse, expected in ((["nll"], True), ([], False)):
        path.write_text(json.dumps({**json.loads(before), "worsened_by_calibration": worse}))
        assert any("Calibration made" in note for note in Recognizer.load(runs["real"]).notes) == expected
    path.write_text(before)


def test_train_states_the_chance_level_and_its_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All clips of the third genre are by one artist, so two sets lack it."""
    genre_folders(tmp_path / "music", ["rock", "jazz", "folk"], clips=8, seconds=1.5)
    rows = [("path", "genre", "artist")]
    rows += [(f"{genre}/{k}.wav", genre, f"{genre} {k // 2}") for genre in ("rock", "jazz") for k in range(8)]
    rows += [("folk/0.wav", "folk", "folk"), ("folk/1.wav", "folk", "folk")]
    with (tmp_path / "music" / "all.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    arguments = (
        "dataset=manifest",
        f"dataset.path={tmp_path / 'music' / 'all.csv'}",
        f"data.cache={tmp_path / 'cache'}",
    )
    small = [text for text in SMALL if text != "model.width=4"]
    assert train(monkeypatch, *arguments, *small, "model=majority", f"hydra.run.dir={tmp_path / 'run'}") == 0
    out, err = (" ".join(text.split()) for text in capsys.readouterr())
    assert "Always predicting" in err
    assert "do not show that the model is better than that" in err
    assert "2 of 3 genres; not tested: folk" in out
    assert "Warning: The validation set has only 2 of 3 genres; not tested: folk." in err


def _rank_data(folder: Path) -> dict[str, dict[str, Any]]:
    """Kinds of different test data: two configurations of each, and what is said about the second data."""
    genres = ["jazz", "pop", "rock"]
    return {
        "other clips": {"first": 30, "genres": genres},
        "other genres": {"genres": ["folk", "jazz", "rock"]},
        "other data set": {"genres": genres, "dataset": "fma"},
        "other labels": {"genres": genres, "relabelled": True},
    }


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("other clips", "Test data 2 differ from test data 1: other clips, 30 of 60 are among the 60 of test data 1"),
        ("other genres", "other genres, with pop and without folk"),
        ("other data set", "Test data 2 differ from test data 1: another data set, fma"),
        ("other labels", "Test data 2 differ from test data 1: other labels of 1 clip"),
    ],
)
def test_groups_tested_on_different_data_are_never_in_one_table(
    kind: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = _rank_data(tmp_path)[kind]
    dataset, relabelled = changes.pop("dataset", None), changes.pop("relabelled", False)
    for lr in (0.01, 0.001):
        write_run(tmp_path / f"one-{lr}", config(optimizer__lr=lr), genres=["jazz", "pop", "rock"], clips=60, skill=1)
        other = write_run(tmp_path / f"other-{lr}", config(optimizer__lr=lr, model="Cnn"), clips=60, skill=4, **changes)
        if dataset:
            text = (other / rundir.METRICS).read_text().replace('"dataset": "composer"', f'"dataset": "{dataset}"')
            (other / rundir.METRICS).write_text(text)
        if relabelled:
            text = (other / rundir.PREDICTIONS).read_text().replace("artist 0,jazz,", "artist 0,pop,", 1)
            (other / rundir.PREDICTIONS).write_text(text)
    runs, _ = sweep_page.readable_runs(rundir.find_runs(tmp_path), pages=False)
    markdown = sweep_page.markdown(runs, [])
    shown = Page(sweep_page.html(runs, [], tmp_path)).text
    assert said in markdown.replace("\\", "")
    assert said in shown
    assert shown.count(", the best of 2 by validation macro F1, recognizes ") == 2
    _assert_separate_tables(markdown)
    assert compare.main([str(tmp_path), "--format", "markdown"]) == 0
    compared = capsys.readouterr().out
    assert said in compared
    _assert_separate_tables(compared)
    assert compare.main([str(tmp_path), "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [[group["label"].split(" ")[0] for group in each["groups"]] for each in content["comparisons"]] in (
        [["hybrid"] * 2, ["cnn"] * 2],
        [["cnn"] * 2, ["hybrid"] * 2],
    )
    selections = selection.select_by_validation(runs, "val/accuracy")
    assert [len(each.configurations) for each in selections.selections] == [2, 2]
    _assert_separate_tables(sweep_page.markdown(runs, [], selections))


def _assert_separate_tables(markdown: str) -> None:
    """No table has rows of both models, except the list of all runs at the end, which is not ranked."""
    for table in re.split(r"\n\n+", markdown.split("\n## Runs")[0]):
        if table.startswith("|"):
            assert not ("| hybrid" in table and "| cnn" in table), table
            assert not re.search(r"clips \(1\).*\n.*clips \(2\)", table), table  # selections of both data


def test_a_group_that_is_alone_with_its_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("Cnn", "Rnn"):
        write_run(tmp_path / model, config(model=model), clips=40)
    write_run(tmp_path / "alone", config(model="Svm"), clips=40, first=40)
    assert compare.main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Nothing to compare with svm on mel." in out
    assert "A and B are the same" in out  # the other two are compared
    runs, _ = sweep_page.readable_runs(rundir.find_runs(tmp_path), pages=False)
    assert "0 of 40 are among the 40 of test data 1" in sweep_page.markdown(runs, [])


def test_configurations_that_lack_folds_are_not_ranked_with_the_others(tmp_path: Path) -> None:
    genres = ["jazz", "rock"]
    for lr, folds in ((0.01, (0, 1)), (0.001, (0, 1)), (0.1, (1,))):
        for fold in folds:
            settings = config(fold=fold, optimizer__lr=lr)
            write_run(tmp_path / f"{lr}-{fold}", settings, genres=genres, clips=20, first=20 * fold, skill=100 * lr)
    runs, _ = sweep_page.readable_runs(rundir.find_runs(tmp_path), pages=False)
    selections = selection.select_by_validation(runs, "val/accuracy")
    markdown = sweep_page.markdown(runs, [], selections)
    assert "Not ranked, because tested on other clips:" in markdown
    assert "Not ranked, because tested on other clips:" in Page(sweep_page.html(runs, [], tmp_path, selections)).text
    ranked = [table for table in re.split(r"\n\n+", markdown.split("\n## Runs")[0]) if table.startswith("|")]
    for table in ranked:
        if "| fold |" not in table:  # the list of the folds, in their order
            assert not ("lr=0.1 |" in table and "lr=0.001 |" in table), table
