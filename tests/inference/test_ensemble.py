"""The average of several runs: the mean of their probabilities, whatever their genres' order, rates and windows are."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from src.audio import reader
from src.audio.reader import AudioError
from src.classifier.doubt import Doubt
from src.classifier.precision import BF16
from src.inference.ensemble import Ensemble
from src.inference.recognizer import LOW_CONFIDENCE, NOT_MUSIC, SYNTHETIC, UNSURE, Prediction, Recognizer
from tests.conftest import tone, write

RATE = 8000


class Level(nn.Module):
    """In place of a classifier: logits that grow with the root mean square of a window, by `slope_C`."""

    def __init__(self, genres: tuple[str, ...], slope_C: tuple[float, ...], unsure_below: float = 0.0) -> None:
        super().__init__()
        self.genres, self.slope_C = genres, torch.tensor(slope_C)
        self.model = nn.Module()
        self.model.unsure_below = unsure_below  # type: ignore[assignment]
        self.calibrated, self.doubt = torch.tensor(True), Doubt()

    def with_embedding(self, wave_BST: Tensor) -> tuple[Tensor, Tensor]:
        level_B1 = wave_BST.square().mean(dim=(1, 2)).sqrt()[:, None]
        return level_B1 * self.slope_C, level_B1


def member(
    name: str, genres: str = "loud mid quiet", slopes: tuple[float, ...] = (5, 0, -5), **settings: Any
) -> Recognizer:
    rate, seconds = settings.pop("rate", RATE), settings.pop("seconds", 1.0)
    training_data, calibrated = settings.pop("training_data", None), settings.pop("calibrated", True)
    classifier: Any = Level(tuple(genres.split()), slopes, **settings)
    classifier.calibrated = torch.tensor(calibrated)
    return Recognizer(classifier, rate, seconds, name, training_data)


def music(path: Path, *levels: float) -> Path:
    """Write a sine of 200 Hz: 10 s at each level."""
    sine_T = np.sin(2 * np.pi * 200 * np.arange(10 * 44100) / 44100)
    return write(path, np.concatenate([level * sine_T for level in levels]), 44100)


def mean_of(predictions: list[Prediction], genre: str) -> float:
    return sum(prediction.probabilities[genre] for prediction in predictions) / len(predictions)


@pytest.mark.parametrize("through", ["predict", "predict_files"])
def test_it_is_the_mean_of_what_each_run_says(through: str, tmp_path: Path) -> None:
    """Runs with genres in another order and spelling, at other rates, with other windows."""
    members = [
        member("a"),
        member("b", "Quiet LOUD mid", (3, -4, 1)),
        member("c", "mid quiet loud", (0, 9, 2), seconds=3.0),
        member("d", slopes=(-1, 2, 0), rate=16000, seconds=2.5),
    ]
    path = music(tmp_path / "a.wav", 0.5, 0.1, 0.8)
    alone = [each.predict(path) for each in members]
    ensemble = Ensemble(members)
    (joined,) = [ensemble.predict(path)] if through == "predict" else ensemble.predict_files([path], workers=2)
    assert isinstance(joined, Prediction)
    assert list(joined.probabilities) == ["loud", "mid", "quiet"]
    spelling = {"Quiet": "quiet", "LOUD": "loud"}
    for prediction in alone:
        prediction.probabilities.update({spelling.get(g, g): p for g, p in prediction.probabilities.items()})
    for genre, probability in joined.probabilities.items():
        assert probability == pytest.approx(mean_of(alone, genre), abs=1e-6)
    assert joined.confidence == max(joined.probabilities.values())
    assert sum(joined.probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert joined.runs == ("a", "b", "c", "d")
    assert joined.model == "average of a, b, c, d"
    assert joined.calibrated is True


def test_one_member_answers_as_alone(tmp_path: Path) -> None:
    path = music(tmp_path / "a.wav", 0.5, 0.01, 0.02, 0.9)
    for seconds in (1.0, 3.0, 25.0):
        alone, joined = (
            member("a", seconds=seconds).predict(path),
            Ensemble([member("a", seconds=seconds)]).predict(path),
        )
        assert joined.probabilities == alone.probabilities
        assert joined.segments == alone.segments


def test_a_waveform_is_averaged_too() -> None:
    wave_T = 0.3 * np.sin(np.arange(5 * RATE) / 10)
    members = [member("a"), member("b", slopes=(1, 2, 3), rate=16000)]
    alone = [each.predict(wave_T, RATE) for each in members]
    joined = Ensemble(members).predict(wave_T, RATE)
    for genre in joined.probabilities:
        assert joined.probabilities[genre] == pytest.approx(mean_of(alone, genre), abs=1e-6)


def test_a_file_is_decoded_once_for_each_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: Counter[int] = Counter()
    opened = reader.Stream.__init__

    def count(self: reader.Stream, path: Path, sample_rate: int, max_seconds: float | None = None) -> None:
        rates[sample_rate] += 1
        opened(self, path, sample_rate, max_seconds)

    monkeypatch.setattr(reader.Stream, "__init__", count)
    members = [member("a"), member("b", seconds=4.0), member("c", seconds=4.0), member("d", rate=16000)]
    files = [music(tmp_path / "a.wav", 0.5), music(tmp_path / "b.wav", 0.2, 0.3)]
    assert len(list(Ensemble(members).predict_files(files))) == 2
    assert rates == {RATE: 2, 16000: 2}


def test_files_come_in_order_and_failures_have_their_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    silent = write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    files = [music(tmp_path / "a.wav", 0.9), tmp_path / "broken.wav", silent, music(tmp_path / "b.wav", 0.9)]
    ensemble = Ensemble([member("a"), member("b", rate=16000, seconds=2.0)])
    results = list(ensemble.predict_files(files, workers=2))
    assert [type(result) for result in results] == [Prediction, AudioError, AudioError, Prediction]
    assert "silent" in str(results[2])
    assert [prediction for prediction in results if isinstance(prediction, Prediction)] == [
        ensemble.predict(files[0]),
        ensemble.predict(files[3]),
    ]


def test_the_timeline_is_the_mean_in_each_step(tmp_path: Path) -> None:
    """The windows of the second run are as long as two steps, and count in both."""
    path = music(tmp_path / "a.wav", 0.8, 0.0001, 0.8, 0.8)
    joined = Ensemble([member("a", slopes=(9, 3, 0)), member("b", slopes=(-2, 0, 0), seconds=20.0)]).predict(path)
    root_mean_square = 0.8 / np.sqrt(2)
    loud, quiet = (_probability(9 * level, 3 * level, 0) for level in (root_mean_square, 0.0))
    first, second = (_probability(-2 * level, 0, 0) for level in (root_mean_square / np.sqrt(2), root_mean_square))
    assert [(each.genre, each.start_seconds, each.stop_seconds) for each in joined.segments] == [
        ("loud", 0, 10),
        ("mid", 10, 20),
        ("loud", 20, 40),
    ]
    expected = [(loud + first)[0] / 2, (quiet + first)[1] / 2, (loud + second)[0] / 2]
    assert [each.confidence for each in joined.segments] == pytest.approx(expected, abs=1e-3)


def _probability(*logits: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.exp(logits) / np.exp(logits).sum()


def test_a_run_that_checks_decides_that_a_sound_is_no_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = music(tmp_path / "a.wav", 0.5, 0.4)
    members = [member("a"), member("b", slopes=(1, 0, 0))]
    for music_steps, reasons in (({0, 1}, (None, None)), ({1}, (NOT_MUSIC, None)), (set[int](), (NOT_MUSIC,) * 2)):
        # Only the first run checks.
        monkeypatch.setattr(
            Recognizer,
            "_music_steps",
            lambda self, steps, *_, found=music_steps: found if self.name == "a" else set(steps),
        )
        joined = Ensemble(members).predict(path)
        assert joined.reason == (None if music_steps else NOT_MUSIC)
        unsure = {segment.start_seconds for segment in joined.segments if segment.genre == UNSURE}
        assert unsure == ({0.0} if NOT_MUSIC in reasons else set())
        if not music_steps:
            assert joined.predicted_genre == UNSURE
            assert list(joined.probabilities.values()) == pytest.approx([1 / 3] * 3)


def test_it_is_unsure_below_the_lowest_limit_of_the_runs(tmp_path: Path) -> None:
    path = music(tmp_path / "a.wav", 0.5)
    assert Ensemble([member("a", unsure_below=0.99), member("b")]).predict(path).predicted_genre == "loud"
    unsure = Ensemble([member("a", unsure_below=0.99), member("b", unsure_below=0.98)]).predict(path)
    assert (unsure.predicted_genre, unsure.reason) == (UNSURE, LOW_CONFIDENCE)


def test_it_is_calibrated_only_if_each_run_is_and_synthetic_if_one_is(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav")
    ensemble = Ensemble([member("a"), member("b", calibrated=False, training_data=SYNTHETIC)])
    ensemble.precision = BF16
    joined = ensemble.predict(path)
    assert joined.calibrated is False
    assert joined.training_data == SYNTHETIC
    assert joined.precision == BF16
    assert ensemble.notes == ["b was trained on synthetic music: its predictions for real recordings mean nothing."]


@pytest.mark.parametrize(
    ("genres", "message"),
    [
        ("loud mid rock", "a and b have different genres: only a has quiet; only b has rock."),
        ("loud mid quiet jazz", "a and b have different genres: only b has jazz."),
        ("loud mid mid- quiet", "a has loud, mid, quiet; b has loud, mid, mid-, quiet."),
    ],
)
def test_runs_with_other_genres_are_refused(genres: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ensemble([member("a"), member("b", genres, (1.0,) * len(genres.split()))])
