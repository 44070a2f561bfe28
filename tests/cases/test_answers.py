"""Cases of answers that mislead: noise with a genre, scores on a part of the genres, probabilities made worse."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from src import predict
from src.inference.recognizer import LOW_CONFIDENCE, NOT_MUSIC, UNSURE, Recognizer
from tests.cases.noises import NO_MUSIC, Wave, noise, speech
from tests.cases.sounds import RATE, genre_folders, music
from tests.programs import SMALL, train


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


def test_the_imitation_of_speech_is_not_told_from_music(tagger: Recognizer) -> None:
    """A known limit, stated in docs/pretrained.md: if this test fails because speech is refused, correct the page."""
    assert all(tagger.predict(speech(6, seed, pitch), RATE).reason != NOT_MUSIC for seed, pitch in ((0, 110), (1, 210)))


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
