"""The program `predict` as a user sees it: predictions in three formats, messages, and exit status."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from src import predict, rundir
from src.classifier import build, precision
from src.classifier.doubt import Doubt
from src.inference.recognizer import MUSICNN_ONLY
from tests.conftest import RATE, tone, write
from tests.programs import help_of, small, train

ROOT = Path(__file__).parents[2]


class StubTagger(nn.Module):
    """In place of the tagger: "high" where a sound crosses zero more than 1000 times a second, else "low"."""

    def __init__(self, genres: list[str] | None, weights: str | None = None) -> None:
        super().__init__()
        self.genres = genres or ["high", "low", "neither"]
        self.model = SimpleNamespace(unsure_below=0.4, notes=["No tag covers polka: never predicted."])
        self.feature = SimpleNamespace(sample_rate=16000)
        self.calibrated = torch.tensor(False)
        self.doubt = Doubt()

    def with_embedding(self, wave_BST: Tensor) -> tuple[Tensor, None]:
        return self.forward(wave_BST), None

    def forward(self, wave_BST: Tensor) -> Tensor:
        above_BST = wave_BST >= 0
        crossings_B = (above_BST[..., 1:] != above_BST[..., :-1]).sum(dim=(1, 2))
        rate_B = crossings_B / wave_BST.shape[2] * 16000
        high_B = (rate_B - 1000) / 100
        return torch.stack([high_B, -high_B, *[torch.zeros_like(high_B)] * (len(self.genres) - 2)], dim=1)


@pytest.fixture(autouse=True)
def _tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "tagger", StubTagger)


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two finished runs of the tiny corpus with different models."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        for name, model in (("one", "cnn"), ("two", "majority")):
            overrides = [
                override
                for override in small(tiny, folder / name, f"model={model}", "trainer.max_epochs=8")
                if model == "cnn" or override != "model.width=4"
            ]
            assert train(patch, *overrides) == 0
    return [str(folder / "one"), str(folder / "two")]


@pytest.fixture
def run_predict(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`python -m src.predict ARGUMENTS...` in this process -> its exit status, standard output and standard error."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = predict.main([*map(str, arguments), "--threads", "1"])
        except SystemExit as stop:
            status = int(stop.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with audio in it and in its subfolders, and with hidden files and other files."""
    folder = tmp_path / "music"
    tone(folder / "b" / "high.wav", hz=2000)
    tone(folder / "a low.mp3", hz=110)
    tone(folder / "b" / "c" / "HIGH.FLAC", hz=3000, seconds=4)
    for name in (".hidden.wav", "b/.trash/x.wav", "cover.jpg", "b/notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no sound")
    return folder


def json_lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def csv_rows(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def test_audio_in_a_folder_and_below_is_predicted_in_order(run_predict: Any, music: Path) -> None:
    status, out, err = run_predict(music)
    predictions = json_lines(out)
    assert status == 0
    assert [prediction["audio_file"] for prediction in predictions] == [
        f"{music}/a low.mp3",
        f"{music}/b/c/HIGH.FLAC",
        f"{music}/b/high.wav",
    ]
    assert [prediction["predicted_genre"] for prediction in predictions] == ["low", "high", "high"]
    for prediction in predictions:
        assert list(prediction["probabilities"]) == ["high", "low", "neither"]
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-6)
        assert prediction["confidence"] == max(prediction["probabilities"].values())
        assert prediction["calibrated"] is False
        assert prediction["model"] == "musicnn tags"
        assert "segments" not in prediction
    assert predictions[1]["duration_seconds"] == 4
    assert "note" not in predictions[1]
    assert predictions[2]["note"] == "shorter than the 3 s that the model needs, so it is repeated"
    assert "Note: No tag covers polka" in err
    assert f"{music}/b/high.wav: shorter than the 3 s" in err


def test_no_file_is_written_into_the_audio_folder(run_predict: Any, music: Path) -> None:
    before = sorted(music.rglob("*"))
    run_predict(music, "--format", "csv")
    assert sorted(music.rglob("*")) == before


def test_file_names_are_printed_as_they_were_given(
    run_predict: Any, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(music)
    status, out, _ = run_predict("./b/", "a low.mp3", ".", "b/high.wav")
    assert status == 0
    names = ["./b/c/HIGH.FLAC", "./b/high.wav", "a low.mp3", "./a low.mp3", "b/high.wav"]
    assert [prediction["audio_file"] for prediction in json_lines(out)] == names


def test_a_named_file_is_tried_whatever_its_suffix_is(run_predict: Any, music: Path) -> None:
    (music / "b" / "high.wav").rename(music / "b" / "high.sound")
    status, out, _ = run_predict(music / "b" / "high.sound", music / "cover.jpg")
    assert status == 1
    assert [prediction.get("predicted_genre") for prediction in json_lines(out)] == ["high", None]
    assert json_lines(out)[1]["error"] == "contains text, not sound"


def test_paths_are_read_from_standard_input(run_predict: Any, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = f"{music}/a low.mp3\r\n\n{music}/b\n-\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    status, out, _ = run_predict("-")
    assert status == 0
    assert [prediction["predicted_genre"] for prediction in json_lines(out)] == ["low", "high", "high"]


@pytest.mark.parametrize("arguments", [["empty"], ["-"], ["empty", "texts"]])
def test_no_audio_gives_one_message(
    arguments: list[str], run_predict: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    Path("empty").mkdir()
    Path("texts").mkdir()
    Path("texts/a.txt").write_text("no sound")
    status, out, err = run_predict(*arguments)
    assert (status, out) == (1, "")
    assert f"predict: no audio in {', '.join(arguments)}: expected files with extension .wav .flac .mp3" in err


def _truncate(path: Path, fraction: float) -> Path:
    path.write_bytes(path.read_bytes()[: round(fraction * path.stat().st_size)])
    return path


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "none.wav", "no such file"),
        (lambda folder: _file(folder / "a.wav", b""), "an empty file (0 bytes)"),
        (lambda folder: _file(folder / "a.wav", b"a text\0" * 99), "not readable as audio (Format not recognised)"),
        (lambda folder: _file(folder / "a.wav", b"a text " * 99), "contains text, not sound"),
        (lambda folder: _file(folder / "a.mp3", b"a text\0" * 999), "not readable as audio (no sound found in it)"),
        (lambda folder: write(folder / "a.flac", np.zeros(9000)), "silent (its peak stays below 0.001 of full scale)"),
        (lambda folder: write(folder / "a.wav", np.zeros(0)), "no samples"),
    ],
)
@pytest.mark.parametrize("format_name", ["json", "csv", "table"])
def test_an_unreadable_file_has_its_reason_and_the_others_are_predicted(
    make: Any, reason: str, format_name: str, run_predict: Any, music: Path, tmp_path: Path
) -> None:
    path = make(tmp_path)
    status, out, err = run_predict(path, music / "b" / "high.wav", "--format", format_name)
    assert status == 1
    assert f"{path}: {reason}" in err.replace("\n", "")
    assert "1 of 2 files failed." in err
    if format_name == "json":
        assert json_lines(out)[0] == {"audio_file": str(path), "error": reason}
        assert json_lines(out)[1]["predicted_genre"] == "high"
    elif format_name == "csv":
        assert [(row["predicted_genre"], row["error"]) for row in csv_rows(out)] == [("", reason), ("high", "")]
    else:
        assert f"{path}: {reason}" in out
        assert "1 file: high 1" in out
        assert "1 file failed" in out


def test_samples_that_are_not_numbers_are_an_error(run_predict: Any, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.r_[np.ones(RATE), np.nan], RATE, subtype="FLOAT")
    status, out, _ = run_predict(tmp_path / "a.wav")
    assert status == 1
    assert json_lines(out)[0]["error"] == "samples that are NaN or infinite: export it again"


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_a_truncated_file_is_predicted_from_the_samples_that_it_has(
    suffix: str, run_predict: Any, tmp_path: Path
) -> None:
    path = _truncate(tone(tmp_path / f"a{suffix}", hz=2000, seconds=20), 0.5)
    status, out, err = run_predict(path)
    prediction = json_lines(out)[0]
    assert status == 0
    assert prediction["predicted_genre"] == "high"
    assert prediction["duration_seconds"] == pytest.approx(10, abs=1.1)
    assert prediction["note"].startswith("damaged or cut short: its header states 20.0 s, but only ")
    assert f"{path}: {prediction['note']}" in err.replace("\n", "")


def test_eight_channels_at_96_khz_are_predicted(run_predict: Any, tmp_path: Path) -> None:
    status, out, _ = run_predict(tone(tmp_path / "a.wav", hz=110, seconds=3, rate=96000, channels=8))
    assert (status, json_lines(out)[0]["predicted_genre"]) == (0, "low")


def test_3_broken_files_of_500_fail_and_the_others_are_predicted(run_predict: Any, tmp_path: Path) -> None:
    sound = tone(tmp_path / "a.wav", hz=2000, seconds=0.1, rate=16000).read_bytes()
    for k in range(500):
        content = {100: b"", 200: b"a text", 300: sound[:40]}.get(k, sound)
        _file(tmp_path / f"{k:03}.wav", content)
    (tmp_path / "a.wav").unlink()
    status, out, err = run_predict(tmp_path)
    predictions = json_lines(out)
    assert status == 1
    assert [prediction["audio_file"] for prediction in predictions] == [f"{tmp_path}/{k:03}.wav" for k in range(500)]
    assert [k for k, prediction in enumerate(predictions) if "error" in prediction] == [100, 200, 300]
    assert "3 of 500 files failed." in err


def test_a_csv_has_one_row_a_file(run_predict: Any, music: Path) -> None:
    status, out, _ = run_predict(music, "--format", "csv", "--genres", "high, low")
    assert status == 0
    assert out.splitlines()[0] == (
        "audio_file,predicted_genre,confidence,calibrated,duration_seconds,model,unlike_training,reason,training_data,note,error,"
        "p_high,p_low"
    )
    for row in csv_rows(out):
        assert float(row["p_high"]) + float(row["p_low"]) == pytest.approx(1, abs=1e-6)
        assert (row["calibrated"], row["error"]) == ("false", "")
        assert float(row["confidence"]) == float(row[f"p_{row['predicted_genre']}"])


def test_top_prints_only_the_most_probable_genres(run_predict: Any, music: Path) -> None:
    _, out, _ = run_predict(music / "a low.mp3", "--top", "2")
    probabilities = json_lines(out)[0]["probabilities"]
    assert list(probabilities) == ["low", "neither"]
    assert probabilities["low"] > probabilities["neither"]
    _, out, _ = run_predict(music / "a low.mp3", "--top", "1", "--format", "csv")
    assert (csv_rows(out)[0]["p_high"], csv_rows(out)[0]["p_neither"]) == ("", "")


def test_a_table_has_genres_a_timeline_and_a_summary(run_predict: Any, music: Path) -> None:
    write(music / "[red] ödd.wav", np.random.default_rng(0).uniform(-1, 1, 4 * RATE))
    status, out, _ = run_predict(music, "--format", "table", "--top", "3", "--timeline")
    assert status == 0
    for text in ("file", "genre", "confidence", "next best", "seconds", "[red] ödd.wav", "not calibrated", "Timeline"):
        assert text in out
    assert "low 0" in out  # the last of the three genres
    assert "0:04" in out
    assert out.splitlines()[-1] == "4 files: high 3, low 1"


def test_a_timeline_has_times_in_seconds(run_predict: Any, tmp_path: Path) -> None:
    times_T = np.arange(40 * RATE) / RATE
    song_T = 0.5 * np.sin(2 * np.pi * np.where(times_T < 20, 110, 2000) * times_T)
    status, out, _ = run_predict(write(tmp_path / "a.wav", song_T), "--timeline")
    first, second = json_lines(out)[0]["segments"]
    assert status == 0
    assert (first["start"], first["genre"], second["stop"], second["genre"]) == (0, "low", 40, "high")
    assert first["stop"] == second["start"] == 20
    assert 0.5 < first["confidence"] <= 1


def test_an_excerpt_is_the_middle_of_the_file(run_predict: Any, tmp_path: Path) -> None:
    times_T = np.arange(40 * RATE) / RATE
    song_T = 0.5 * np.sin(2 * np.pi * np.where(abs(times_T - 20) < 3, 2000, 110) * times_T)
    path = write(tmp_path / "a.wav", song_T)
    assert json_lines(run_predict(path)[1])[0]["predicted_genre"] == "low"
    prediction = json_lines(run_predict(path, "--excerpt", "6")[1])[0]
    assert (prediction["predicted_genre"], prediction["duration_seconds"]) == ("high", 40)


def test_a_low_probability_is_printed_as_unsure(run_predict: Any, tmp_path: Path) -> None:
    """A tone of 500 Hz crosses zero 1000 times a second, so all three genres are equally probable."""
    status, out, _ = run_predict(tone(tmp_path / "a.wav", hz=500, seconds=3), "--format", "table")
    assert status == 0
    assert "unsure" in out
    assert "1 file: unsure 1" in out


def test_a_run_predicts_test_clips_as_in_its_evaluation(run_predict: Any, runs: list[str], tiny: Path) -> None:
    clips = rundir.RunDir(Path(runs[0])).predictions.clips
    status, out, _ = run_predict(*(tiny.parent / clip for clip in clips), "--run", runs[0])
    of_run = rundir.RunDir(Path(runs[0])).predictions
    assert status == 0
    assert [prediction["predicted_genre"] for prediction in json_lines(out)] == of_run.predicted
    for prediction, probability_C in zip(json_lines(out), of_run.probability_KC, strict=True):
        assert list(prediction["probabilities"].values()) == pytest.approx(probability_C, abs=1e-4)
        assert prediction["model"] == "one"


def test_the_agreement_of_two_runs_is_printed(run_predict: Any, runs: list[str], tiny: Path) -> None:
    arguments = [tiny.parent, "--run", runs[0], "--run", runs[1]]
    status, out, err = run_predict(*arguments)
    files = json_lines(out)
    agreements = 0
    assert status == 0
    assert len(files) == 24
    for file in files:
        assert list(file) == ["audio_file", "duration_seconds", "agree", "models"]
        assert [prediction["model"] for prediction in file["models"]] == ["one", "two"]
        one, two = (prediction["predicted_genre"] for prediction in file["models"])
        assert file["agree"] == (one == two)
        assert {"predicted_genre", "confidence", "calibrated", "probabilities"} <= set(file["models"][0])
        agreements += file["agree"]
    assert 0 < agreements < 24
    assert f"The 2 models agree on {agreements} of 24 files." in err
    table = csv_rows(run_predict(*arguments, "--format", "csv")[1])
    assert len(table) == 48
    assert sum(row["agree"] == "true" for row in table) == 2 * agreements
    status, out, _ = run_predict(*arguments, "--format", "table")
    assert "24 files, one: " in out
    assert "24 files, two: " in out


def test_runs_of_the_same_name_are_printed_with_their_paths(
    run_predict: Any, runs: list[str], tmp_path: Path, tiny: Path
) -> None:
    (tmp_path / "one").symlink_to(runs[0])
    status, out, _ = run_predict(tiny.parent / "bell" / "bell-0--0.wav", "--run", runs[0], "--run", tmp_path / "one")
    assert status == 0
    assert [prediction["model"] for prediction in json_lines(out)[0]["models"]] == [runs[0], str(tmp_path / "one")]
    assert json_lines(out)[0]["agree"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: AUDIO"),
        (
            ["a.wav", "--run", "r", "--genres", "gtzan"],
            "--genres is only for the pretrained tagger: a run has the genres",
        ),
        (
            ["a.wav", "--run", "r", "--weights", "none"],
            "--weights is only for the pretrained tagger: a run finds its own weights.",
        ),
        (["a.wav", "--genres", "rock,,pop"], "--genres expects names separated by commas"),
        (["a.wav", "--genres", ""], "--genres expects names separated by commas"),
        (["a.wav", "--timeline", "--format", "csv"], "--timeline does not fit into a csv"),
        (["a.wav", "--top", "0"], "'0': expected a whole number of 1 or more"),
        (["a.wav", "--excerpt", "-3"], "expected"),
        (["a.wav", "--excerpt", "nan"], "'nan': expected a number of seconds, more than 0"),
        (["a.wav", "--format", "xml"], "invalid choice: 'xml'"),
        (["a.wav", "--run", "nowhere"], "predict: nowhere does not exist: expected a run directory"),
        (["a.wav", "--resume", "song.mp3"], "--resume song.mp3: expected JSON lines or CSV"),
    ],
)
def test_wrong_arguments_give_one_message_and_exit_1(
    arguments: list[str], message: str, run_predict: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tone(Path("a.wav"))
    _file(Path("song.mp3"), b"\xff\xfb\x90\xc4")
    status, out, err = run_predict(*arguments)
    assert (status, out) == (1, "")
    assert message in err


def test_options_may_stand_between_files(run_predict: Any, music: Path) -> None:
    status, out, _ = run_predict(music / "a low.mp3", "--top", "1", music / "b")
    assert (status, len(json_lines(out))) == (0, 3)


def test_the_genres_are_passed_to_the_tagger(run_predict: Any, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[tuple[list[str] | None, str | None]] = []
    monkeypatch.setattr(build, "tagger", lambda *settings: (requested.append(settings), StubTagger(None))[1])
    for arguments in ([], ["--genres", "gtzan"], ["--genres", "rock, hip hop,pop", "--weights", "none"]):
        assert run_predict(music / "a low.mp3", *arguments)[0] == 0
    assert requested == [(None, None), (["gtzan"], None), (["rock", "hip hop", "pop"], "none")]


def test_a_note_says_once_that_musicnn_answers_alone(run_predict: Any, music: Path) -> None:
    """A file of weights that the user names or rules out needs no note."""
    assert "python -m src.weights efficientat" in MUSICNN_ONLY
    assert run_predict(music)[2].splitlines().count(f"Note: {MUSICNN_ONLY}") == 1
    for weights in ("none", "efficientat:FILE"):
        assert "EfficientAT" not in run_predict(music, "--weights", weights)[2]


def _append(arguments: list[str], path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """`python -m src.predict ARGUMENTS... --resume PATH >> PATH` in this process -> its exit status."""
    with monkeypatch.context() as patch, open(path, "a", encoding="utf-8") as out:
        patch.setattr(sys, "stdout", out)
        return predict.main([*arguments, "--resume", str(path), "--threads", "1"])


@pytest.mark.parametrize("format_name", ["json", "csv"])
@pytest.mark.parametrize("fraction", [0.4, 0.7, 0.97, 1.0])
def test_a_truncated_output_is_continued(
    format_name: str, fraction: float, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    whole, path = tmp_path / "whole", tmp_path / "out"
    arguments = [str(music), "--format", format_name]
    assert _append(arguments, whole, monkeypatch) == 0
    assert "contains no predictions yet: nothing is skipped" in capsys.readouterr().err
    content = whole.read_bytes()
    path.write_bytes(content[: round(fraction * len(content))])
    assert _append(arguments, path, monkeypatch) == 0
    assert path.read_bytes() == content
    messages = capsys.readouterr().err
    assert "of 3 files: they are skipped." in messages
    assert ("incomplete" in messages) == (fraction < 1)


@pytest.mark.parametrize("format_name", ["json", "csv"])
def test_files_that_failed_are_tried_again(
    format_name: str, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path, arguments = tmp_path / "out", [str(music), "--format", format_name]
    broken = music / "b" / "broken.wav"
    broken.write_bytes(b"")
    assert _append(arguments, path, monkeypatch) == 1
    tone(broken, hz=110)
    assert _append(arguments, path, monkeypatch) == 0
    assert "has predictions for 3 of 4 files" in capsys.readouterr().err
    text = path.read_text(encoding="utf-8")
    predictions = json_lines(text) if format_name == "json" else csv_rows(text)
    assert len(predictions) == 5
    assert (predictions[-1]["audio_file"], predictions[-1]["predicted_genre"]) == (str(broken), "low")
    assert _append(arguments, path, monkeypatch) == 0
    assert path.read_text(encoding="utf-8") == text


def test_a_complete_last_line_without_newline_counts(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    assert _append([str(music / "b")], path, monkeypatch) == 0
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    assert _append([str(music)], path, monkeypatch) == 0
    assert [prediction["predicted_genre"] for prediction in json_lines(path.read_text(encoding="utf-8"))] == [
        "high",
        "high",
        "low",
    ]


def test_predictions_that_do_not_fit_the_earlier_output_are_not_appended(
    run_predict: Any, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path = tmp_path / "out"
    assert _append([str(music / "b"), "--format", "csv"], path, monkeypatch) == 0
    before = path.read_bytes()
    for arguments, message in (
        (["--format", "json"], "contains csv, but --format is json: use --format csv."),
        (
            ["--format", "csv", "--genres", "high,low"],
            "has other columns (p_neither): it was made with another --run, --genres or version",
        ),
    ):
        capsys.readouterr()
        assert _append([str(music), *arguments], path, monkeypatch) == 1
        assert message in capsys.readouterr().err
        assert path.read_bytes() == before
    status, out, _ = run_predict(music, "--resume", path)  # into another file, any format is allowed
    assert (status, len(json_lines(out))) == (0, 1)


@pytest.mark.parametrize("format_name", ["json", "csv"])
def test_predictions_of_another_model_are_not_continued(
    format_name: str, run_predict: Any, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of the tagger with a second network, which may have been downloaded meanwhile."""
    path = tmp_path / "out"
    assert _append([str(music / "b"), "--format", format_name], path, monkeypatch) == 0
    path.write_text(path.read_text(encoding="utf-8").replace("musicnn tags", "other tags"), encoding="utf-8")
    status, out, err = run_predict(music, "--format", format_name, "--resume", path)
    assert (status, out) == (1, "")
    assert f"{path} was computed with other tags, not musicnn tags: use the same --run and --weights" in err


def test_predictions_for_other_genres_are_not_continued(
    run_predict: Any, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    assert _append([str(music / "b"), "--genres", "high,low,polka"], path, monkeypatch) == 0
    status, _, err = run_predict(music, "--genres", "high,low", "--resume", path)
    assert status == 1
    assert f"{path} has probabilities of polka, which are not predicted now: use the same --genres" in err


def test_an_output_of_several_runs_is_continued(
    runs: list[str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, arguments = tmp_path / "out", ["--run", runs[0], "--run", runs[1]]
    assert _append([str(tiny.parent / "bell"), *arguments], path, monkeypatch) == 0
    assert _append([str(tiny.parent / "bell"), str(tiny.parent / "drone"), *arguments], path, monkeypatch) == 0
    assert len(json_lines(path.read_text(encoding="utf-8"))) == 16


@pytest.mark.parametrize("format_name", ["json", "csv"])
def test_a_file_name_that_is_not_valid_text_is_printed_and_resumed(
    format_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    folder, path = tmp_path / "music", tmp_path / "out"
    for name in (b"caf\xe9.wav", "a\u2028b ü.wav".encode(), b'two\nlines, quoted".wav'):
        sound = tone(folder / "x.wav", hz=110, seconds=3)
        os.rename(sound, os.fsencode(folder) + b"/" + name)
    arguments = [str(folder), "--format", format_name]
    assert _append(arguments, path, monkeypatch) == 0
    before = path.read_bytes()
    assert "a\u2028b ü.wav".encode() in before
    assert _append(arguments, path, monkeypatch) == 0
    assert path.read_bytes() == before
    assert "has predictions for 3 of 3 files" in capsys.readouterr().err


def _stub_command(tmp_path: Path, *arguments: str | Path, delay: float = 0.0) -> list[str]:
    """A command that runs the program with a stub tagger, which takes `delay` seconds for each batch of windows."""
    script = tmp_path / "stub.py"
    script.write_text(
        "import sys, time\n"
        "from src import predict\n"
        "from src.classifier import build\n"
        "from tests.integration.test_predict import StubTagger\n"
        "class Slow(StubTagger):\n"
        "    def forward(self, wave_BST):\n"
        f"        time.sleep({delay})\n"
        "        return super().forward(wave_BST)\n"
        "build.tagger = Slow\n"
        "sys.exit(predict.main())\n"
    )
    return [sys.executable, str(script), *map(str, arguments), "--threads", "1"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_ctrl_c_leaves_a_valid_output(tmp_path: Path) -> None:
    for k in range(200):
        tone(tmp_path / "music" / f"{k:03}.wav", seconds=0.1)
    process = subprocess.Popen(
        _stub_command(tmp_path, tmp_path / "music", delay=0.1),
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    interrupted_at = time.monotonic()
    rest, messages = process.communicate(timeout=60)
    assert process.returncode == 130, messages
    assert time.monotonic() - interrupted_at < 15
    assert "Traceback" not in messages
    assert "predict: interrupted; the output so far is complete and usable" in messages
    assert 1 <= len(json_lines(first + rest)) < 200


def test_a_closed_pipe_ends_the_program_without_an_error(tmp_path: Path) -> None:
    for k in range(100):
        tone(tmp_path / "music" / f"{k:03}.wav", seconds=3, rate=8000)
    process = subprocess.Popen(
        _stub_command(tmp_path, tmp_path / "music", delay=0.02),
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == f"Note: No tag covers polka: never predicted.\nNote: {MUSICNN_ONLY}\n"
    process.stderr.close()


def test_help_has_examples_and_loads_no_heavy_library() -> None:
    printed, loaded = help_of("src.predict")
    for text in ("examples:", "--resume out.jsonl >> out.jsonl", "no longer", "exit status: 0; 1"):
        assert text in printed
    assert not loaded & {"torch", "numpy", "soundfile", "omegaconf", "hydra"}


@pytest.mark.slow
def test_an_hour_long_mp3_needs_at_most_a_gigabyte_more_than_a_short_file(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    minute_T = (0.2 * np.sin(np.arange(60 * 44100) / 50) + 0.1 * random.standard_normal(60 * 44100)).astype(np.float32)
    with soundfile.SoundFile(tmp_path / "hour.mp3", "w", 44100, 2) as file:
        for _ in range(60):
            file.write(np.stack((minute_T, minute_T), axis=1))
    soundfile.write(tmp_path / "short.wav", minute_T[:44100], 44100)
    program = (
        "import resource, sys; from src import predict; status = predict.main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(status)"
    )
    peaks = []
    for name in ("short.wav", "hour.mp3"):
        command = [sys.executable, "-c", program, str(tmp_path / name)]
        completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        peaks.append(int(completed.stderr.split()[-1]))
        prediction = json.loads(completed.stdout)
    assert prediction["duration_seconds"] == pytest.approx(3600, abs=1)
    assert peaks[1] - peaks[0] < 1e6  # kilobytes


def test_the_output_names_a_precision_that_is_not_float32(
    music: Path, tmp_path: Path, run_predict: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    default, named = run_predict(music), run_predict(music, "--precision", "32-true")
    assert default == named
    assert "precision" not in default[1]
    lines = run_predict(music, "--precision", "bf16-mixed")[1].splitlines()
    assert {entry["precision"] for entry in map(json.loads, lines) if "error" not in entry} == {"bf16-mixed"}
    header, *rows = csv.reader(io.StringIO(run_predict(music, "--precision", "bf16-mixed", "--format", "csv")[1]))
    assert {row[header.index("precision")] for row in rows if not row[header.index("error")]} == {"bf16-mixed"}
    table = run_predict(music, "--precision", "bf16-mixed", "--format", "table")[1]
    assert "Computed in bfloat16." in " ".join(table.split())
    for has_bf16, output in ((False, default[1]), (True, "\n".join([*lines, ""]))):
        monkeypatch.setattr(precision, "has_bf16", lambda _, has=has_bf16: has)
        assert run_predict(music, "--precision", "auto")[1] == output


@pytest.mark.parametrize("format", ["json", "csv"])
def test_an_output_is_not_continued_in_another_precision(
    music: Path, tmp_path: Path, run_predict: Callable[..., tuple[int, str, str]], format: str
) -> None:
    for before, now in (("32-true", "bf16-mixed"), ("bf16-mixed", "32-true")):
        earlier = tmp_path / f"{before}.{format}"
        earlier.write_text(run_predict(music, "--format", format, "--precision", before)[1], encoding="utf-8")
        arguments = ("--format", format, "--resume", earlier)
        status, output, messages = run_predict(music, *arguments, "--precision", now)
        assert (status, output) == (1, "")
        assert f"--precision {before}, not {now}: use --precision {before}" in messages
        assert run_predict(music, *arguments, "--precision", before)[0] == 0


def test_models_of_an_output_have_one_precision(
    music: Path, tmp_path: Path, runs: list[str], run_predict: Callable[..., tuple[int, str, str]]
) -> None:
    arguments = (music, "--run", runs[0], "--run", runs[1])
    earlier = tmp_path / "out.jsonl"
    earlier.write_text(run_predict(*arguments, "--precision", "bf16-mixed")[1], encoding="utf-8")
    status, _, messages = run_predict(*arguments, "--resume", earlier)
    assert status == 1
    assert "use --precision bf16-mixed" in messages
