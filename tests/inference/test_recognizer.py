"""The Python interface: predictions for files and waveforms, made window by window, and the threads behind them."""

import itertools
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from src import rundir
from src.audio.reader import AudioError
from src.classifier import build
from src.classifier.doubt import Doubt
from src.classifier.precision import BF16, FP32
from src.clip import Clip
from src.data.crops import WaveformCrops
from src.data.waveform_cache import WaveformCache
from src.inference.recognizer import NOT_MUSIC, UNSURE, Prediction, Recognizer
from src.inference.windows import SoundEnd, Waveform, WindowBatch, iterate_windows, windows
from src.threads import map_in_order, prefetch
from tests.conftest import RATE, tone, write
from tests.programs import small, train

SECOND = 1000  # samples: the model of most tests here works at 1000 Hz


@pytest.fixture(scope="module")
def finished_run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny corpus, evaluated on two segments of 1 s of each 2 s clip."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *small(tiny, folder)) == 0
    return folder


class LevelClassifier(nn.Module):
    """In place of a trained classifier: "loud" where a clip's root mean square exceeds 0.2, else "quiet".

    It records the shapes of its inputs.
    """

    genres = ("loud", "quiet")

    def __init__(self, unsure_below: float | None = None) -> None:
        super().__init__()
        self.model = SimpleNamespace() if unsure_below is None else SimpleNamespace(unsure_below=unsure_below)
        self.feature = SimpleNamespace(sample_rate=SECOND)
        self.calibrated = torch.tensor(False)
        self.shapes: list[tuple[int, ...]] = []
        self.doubt = Doubt()

    def with_embedding(self, wave_BST: Tensor) -> tuple[Tensor, None]:
        return self.forward(wave_BST), None

    def forward(self, wave_BST: Tensor) -> Tensor:
        self.shapes.append(tuple(wave_BST.shape))
        loud_B = 20 * (wave_BST.square().mean(dim=(1, 2)).sqrt() - 0.2)
        return torch.stack((loud_B, -loud_B), dim=1)


def _recognizer(crop_seconds: float = 1.0, unsure_below: float | None = None) -> Recognizer:
    classifier: Any = LevelClassifier(unsure_below)
    return Recognizer(classifier, SECOND, crop_seconds, "level")


def _tone(path: Path, *levels: float, seconds: float = 10.0) -> Path:
    """Write a sine of 100 Hz: `seconds` at each level."""
    sine_T = np.sin(2 * np.pi * 100 * np.arange(round(seconds * SECOND)) / SECOND)
    return write(path, np.concatenate([level * sine_T for level in levels]), SECOND)


def _blocks(wave_T: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(wave_T), size):
        yield wave_T[start : start + size]


@pytest.mark.parametrize("block", [1, 333, 1000, 100_000])
@pytest.mark.parametrize("samples", [2, 10, 999, 1000, 1001, 1400, 1499, 1501, 2000, 2499, 3500, 7777])
def test_windows_are_cut_like_the_segments_of_evaluation(samples: int, block: int) -> None:
    wave_T = np.random.default_rng(samples).integers(-32767, 32768, samples).astype(np.int16)
    clip = Clip("a", Path("a"), "rock")
    pieces, zero = {0: torch.from_numpy(wave_T)}, np.array([0])
    waveforms = WaveformCache([clip], [], pieces, zero, zero, np.array([samples]), [""])
    count = max(1, round(samples / SECOND))
    expected_ST = WaveformCrops(waveforms, SECOND, False).segments(torch.tensor([0]), count)[0]
    sound = Waveform(wave_T.astype(np.float32) / 32767, SECOND)
    window_ST = np.stack([window_T for _, window_T in iterate_windows(_blocks(sound.wave_T, block), samples, SECOND)])
    np.testing.assert_array_equal(window_ST, expected_ST.numpy())
    batches = [part for part in windows(sound, SECOND) if isinstance(part, WindowBatch)]
    np.testing.assert_array_equal(np.concatenate([batch.wave for batch in batches]) / np.float32(32767), expected_ST)


@pytest.mark.parametrize(
    ("arriving", "starts"), [(10_000, range(0, 10_000, 1000)), (4200, [0, 1000, 2000, 3000]), (4700, [0, 1000, 2000, 3000, 3700]),
                         (1000, [0]), (300, [0])]
)  # fmt: skip
def test_if_fewer_samples_arrive_than_promised_windows_cover_those(arriving: int, starts: list[int]) -> None:
    wave_T = np.arange(arriving, dtype=np.float32)
    cuts = list(iterate_windows(_blocks(wave_T, 1000), 10_000, SECOND))
    assert [start for start, _ in cuts] == list(starts)
    assert {len(window_T) for _, window_T in cuts} == {SECOND}
    assert arriving - cuts[-1][0] - SECOND <= SECOND / 2  # a rest of up to half a window is left out


def test_a_single_window_is_cut_from_fewer_samples_than_promised() -> None:
    cuts = list(iterate_windows(_blocks(np.arange(1100, dtype=np.float32), 400), 1400, SECOND))
    assert [start for start, _ in cuts] == [100]


def test_a_test_clip_gets_the_probabilities_that_the_run_wrote(finished_run: Path, tiny: Path) -> None:
    predictions = rundir.RunDir(finished_run).predictions
    recognizer = Recognizer.load(finished_run)
    for name, genre, probability_C in zip(
        predictions.clips, predictions.predicted, predictions.probability_KC, strict=True
    ):
        prediction = recognizer.predict(tiny.parent / name)
        assert prediction.predicted_genre == genre
        assert list(prediction.probabilities) == predictions.genres
        assert list(prediction.probabilities.values()) == pytest.approx(probability_C, abs=1e-4)
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-6)
        assert prediction.confidence == max(prediction.probabilities.values())
        assert (prediction.duration_seconds, prediction.model, prediction.note) == (2.0, "run", None)
        assert prediction.calibrated is bool(build.load_classifier(finished_run).calibrated)


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_a_waveform_gets_the_prediction_of_its_file(rate: int, finished_run: Path, tmp_path: Path) -> None:
    noise_KT = np.random.default_rng(0).uniform(-0.5, 0.5, (2, round(3.3 * rate)))
    path = tmp_path / "a.wav"
    soundfile.write(path, noise_KT.T, rate, subtype="FLOAT")
    recognizer = Recognizer.load(str(finished_run))
    from_file = recognizer.predict(str(path))
    for waveform in (noise_KT, noise_KT.astype(np.float32), torch.tensor(noise_KT, requires_grad=True)):
        from_memory = recognizer.predict(waveform, rate)
        assert from_memory.probabilities == pytest.approx(from_file.probabilities, abs=1e-5)
        assert from_memory.duration_seconds == pytest.approx(from_file.duration_seconds, abs=1e-3)
    mono = recognizer.predict(torch.tensor(noise_KT.mean(axis=0)), np.int64(rate))  # type: ignore[call-overload,unused-ignore]
    assert mono.probabilities == pytest.approx(from_file.probabilities, abs=1e-5)


@pytest.mark.parametrize(
    ("waveform", "rate", "message"),
    [
        ([0.0, 0.1], 1000, "Expected a path, a numpy array or a torch tensor; got list"),
        (np.zeros(9, dtype=np.int16), 1000, "type is int16: expected float in [-1, 1]. Divide int16 samples by 32768"),
        (torch.zeros(9, dtype=torch.int32), 1000, "type is int32"),
        (np.zeros((900, 2)), 1000, "shape is (900, 2): expected (samples,) or (channels, samples). Transpose"),
        (np.zeros((1, 2, 900)), 1000, "shape is (1, 2, 900)"),
        (np.zeros(0), 1000, "no samples (shape (0,))"),
        (np.zeros((2, 0)), 1000, "shape is (2, 0)"),
        (np.array([0.1, np.nan]), 1000, "samples that are NaN or infinite"),
        (np.array([0.1, 1e5]), 1000, "samples reach 100,000: expected about [-1, 1], or the scale of integers"),
        (np.ones(9), None, "sample_rate is None: expected the waveform's samples per second, e.g. 44100"),
        (np.ones(9), 0, "sample_rate is 0"),
        (np.ones(9), "high", "sample_rate is 'high'"),
        (np.array([0.1]), 96000, "too short a waveform"),
        ("a.wav", 44100, "sample_rate is only for a waveform: a file states its own"),
        (np.zeros(999), 1000, "silent (its peak stays below 0.001 of full scale)"),
    ],
)
def test_an_invalid_waveform_is_refused(waveform: Any, rate: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the message is checked below
        _recognizer().predict(waveform, rate)
    assert message in str(raised.value)


def test_an_excerpt_of_a_waveform_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^excerpt_seconds is only for a file: cut the waveform instead.$"):
        _recognizer().predict(np.ones(9), 1000, excerpt_seconds=3)


def test_the_network_computes_a_few_windows_at_once(tmp_path: Path) -> None:
    path = _tone(tmp_path / "a.wav", 0.5, seconds=40)
    for crop_seconds, shapes in (
        (1.0, [(8, 1, 1000)] * 5),
        (20.0, [(2, 1, 20000)]),
        (90.0, [(1, 1, 90000)]),
    ):
        recognizer = _recognizer(crop_seconds)
        recognizer.predict(path)
        classifier: Any = recognizer.classifier
        assert classifier.shapes == shapes


def test_the_prediction_is_the_mean_over_all_windows(tmp_path: Path) -> None:
    """The level changes after 10 of 30 s: root mean squares of 0.354 and 0.106."""
    prediction = _recognizer().predict(_tone(tmp_path / "a.wav", 0.5, 0.15, 0.15))
    logit = 20 * ((0.5 + 2 * 0.15) / np.sqrt(2) / 3 - 0.2)
    assert prediction.probabilities["loud"] == pytest.approx(1 / (1 + np.exp(-2 * logit)), abs=1e-3)
    assert prediction.predicted_genre == "quiet"


def test_a_timeline_gives_the_prevailing_genres_with_their_times(tmp_path: Path) -> None:
    prediction = _recognizer().predict(_tone(tmp_path / "a.wav", 0.5, 0.5, 0.1, 0.5))
    assert [(s.start_seconds, s.stop_seconds, s.genre) for s in prediction.segments] == [
        (0, 20, "loud"),
        (20, 30, "quiet"),
        (30, 40, "loud"),
    ]
    assert all(0.9 < s.confidence <= 1 for s in prediction.segments)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 1.4, 9.0, 14.9, 15.1, 26.0, 61.7])
@pytest.mark.parametrize("crop_seconds", [1.0, 3.0, 25.0])
def test_segments_cover_the_whole_sound(seconds: float, crop_seconds: float) -> None:
    noise_T = np.random.default_rng(round(10 * seconds)).uniform(-1, 1, round(seconds * SECOND))
    noise_T *= np.abs(np.sin(np.arange(len(noise_T)) / 5 / SECOND))
    segments = _recognizer(crop_seconds).predict(noise_T, SECOND).segments
    assert segments[0].start_seconds == 0
    assert segments[-1].stop_seconds == pytest.approx(seconds, abs=1e-3)
    for before, after in itertools.pairwise(segments):
        assert before.stop_seconds == after.start_seconds
        assert before.genre != after.genre


def test_an_excerpt_is_the_middle_and_its_times_count_from_the_beginning_of_the_file(tmp_path: Path) -> None:
    prediction = _recognizer().predict(_tone(tmp_path / "a.wav", 0.1, 0.5, 0.1), excerpt_seconds=8)
    assert prediction.predicted_genre == "loud"
    assert prediction.duration_seconds == 30
    assert [(s.start_seconds, s.stop_seconds) for s in prediction.segments] == [(11, 19)]


def test_a_probability_below_the_models_threshold_is_predicted_as_unsure(tmp_path: Path) -> None:
    path = _tone(tmp_path / "a.wav", 0.5, 0.27)  # root mean squares of 0.354 and 0.191
    sure, unsure = _recognizer().predict(path), _recognizer(unsure_below=0.97).predict(path)
    assert sure.predicted_genre == "loud"
    assert unsure.predicted_genre == UNSURE
    assert unsure.probabilities == sure.probabilities
    assert unsure.confidence == sure.confidence == max(sure.probabilities.values())
    assert [s.genre for s in sure.segments] == ["loud", "quiet"]
    assert [s.genre for s in unsure.segments] == ["loud", UNSURE]


def test_a_short_sound_is_repeated_and_gets_a_note(tmp_path: Path) -> None:
    prediction = _recognizer(3.0).predict(_tone(tmp_path / "a.wav", 0.5, seconds=0.5))
    assert prediction.predicted_genre == "loud"
    assert prediction.duration_seconds == 0.5
    assert prediction.note == "shorter than the 3 s that the model needs, so it is repeated"


def test_a_truncated_file_is_predicted_from_the_samples_that_it_has(tmp_path: Path) -> None:
    path = _tone(tmp_path / "a.wav", 0.5, 0.1)
    path.write_bytes(path.read_bytes()[: 44 + 2 * 12 * SECOND])
    prediction = _recognizer().predict(path)
    assert prediction.predicted_genre == "loud"
    assert prediction.duration_seconds == 12
    assert prediction.note == "damaged or cut short: its header states 20.0 s, but only 12.0 s are there"


def test_a_constant_signal_is_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.full(5000, 0.5), SECOND)
    with pytest.raises(AudioError, match=r"^silent \(its peak stays below 0.001 of full scale\)$"):
        _recognizer().predict(path)


def test_files_are_predicted_in_order_and_failures_have_their_reason(tmp_path: Path) -> None:
    paths: list[str | Path] = [
        _tone(tmp_path / f"{k}.wav", 0.5 if k % 2 else 0.1, seconds=0.2 * k) for k in range(1, 40)
    ]
    paths[7:7] = [tmp_path / "none.wav"]
    results = list(_recognizer().predict_files(paths))
    assert len(results) == 40
    assert str(results.pop(7)) == "no such file"
    for k, result in enumerate(results, start=1):
        assert isinstance(result, Prediction)
        assert result.predicted_genre == ("loud" if k % 2 else "quiet")
        assert result.duration_seconds == pytest.approx(0.2 * k, abs=2e-3)


def test_a_recognizer_can_predict_repeatedly(tmp_path: Path) -> None:
    recognizer, path = _recognizer(), _tone(tmp_path / "a.wav", 0.5)
    assert recognizer.predict(path) == recognizer.predict(path)


def test_the_tagger_predicts_without_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requested = []

    def tagger(genres: list[str] | None, weights: str | None) -> LevelClassifier:
        requested.append(genres)
        return LevelClassifier()

    monkeypatch.setattr(build, "tagger", tagger)
    prediction = Recognizer.pretrained(["loud", "quiet"]).predict(_tone(tmp_path / "a.wav", 0.5))
    assert prediction.model == "musicnn tags"
    assert prediction.predicted_genre == "loud"
    assert Recognizer.pretrained().length == 3 * SECOND
    assert requested == [["loud", "quiet"], None]


def test_the_real_tagger_predicts_a_tone(tmp_path: Path) -> None:
    prediction = Recognizer.pretrained(["gtzan"]).predict(tone(tmp_path / "a.wav", seconds=4))
    assert len(prediction.probabilities) == 10
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert prediction.calibrated is False


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "does not exist: expected a run directory, as `python -m src.train` writes them"),
        (lambda folder: folder.write_text("a song"), "is not a folder: expected a run directory"),
        (lambda folder: folder.mkdir(), "has no metrics.json: its run has not finished"),
    ],
)
def test_a_path_without_a_finished_run_is_refused(make: Any, message: str, tmp_path: Path) -> None:
    make(tmp_path / "run")
    with pytest.raises(ValueError, match=message):
        Recognizer.load(tmp_path / "run")


def test_a_run_that_this_version_cannot_load_is_refused(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(folder: Path, trust: object) -> None:
        raise TypeError("forward() got an unexpected keyword")

    monkeypatch.setattr(build, "load_classifier", load)
    with pytest.raises(ValueError, match=r"cannot be loaded \(forward\(\) got .*Train the run again\.$"):
        Recognizer.load(finished_run)


def test_windows_end_with_the_facts_of_the_sound() -> None:
    *_, end = windows(
        Waveform(np.ones(2500, dtype=np.float32) * np.array([1, -1] * 1250, dtype=np.float32), SECOND), 1000
    )
    assert end == SoundEnd(samples=2500, start_seconds=0.0, duration_seconds=2.5, notes=[], silent=False)


def test_a_thread_computes_a_limited_number_of_items_ahead() -> None:
    computed: list[int] = []
    threads = set()

    def items() -> Iterator[int]:
        for k in range(50):
            computed.append(k)
            threads.add(threading.current_thread())
            yield k

    results = prefetch(items(), 3)
    assert next(results) == 0
    deadline = time.monotonic() + 10
    while len(computed) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert computed == [0, 1, 2, 3]
    assert list(results) == list(range(1, 50))
    assert threading.current_thread() not in threads


def test_an_error_in_the_thread_is_raised_in_place_of_its_item() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    results = prefetch(items(), 4)
    assert next(results) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)


def test_the_genre_of_a_file_is_that_of_its_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that are no music, here the quiet ones, have no say."""
    path = _tone(tmp_path / "a.wav", 0.1, 0.5, 0.1, 0.1)
    for music, genre, reason in (
        ({0, 1, 2, 3}, "quiet", None),
        ({1}, "loud", None),
        ({0, 3}, "quiet", None),
        (set[int](), UNSURE, NOT_MUSIC),
    ):
        monkeypatch.setattr(Recognizer, "_music_steps", lambda *_, music=music: music)
        prediction = _recognizer().predict(path)
        assert (prediction.predicted_genre, prediction.reason) == (genre, reason)


def test_no_thread_goes_on_after_the_iterator_is_closed() -> None:
    before = threading.active_count()
    results = prefetch(itertools.count(), 4)
    next(results)
    results.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_an_hour_of_audio_is_predicted_in_little_memory(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.flac", hz=100, seconds=3600, rate=2000)
    recognizer = _recognizer(3.0)
    recognizer.predict(_tone(tmp_path / "b.wav", 0.5))  # so that late imports are not measured
    tracemalloc.start()
    try:
        prediction = recognizer.predict(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert prediction.duration_seconds == 3600
    assert peak < 3_000_000  # bytes; the whole hour at the model's rate is 14.4 million


def test_results_of_threads_come_in_order_and_as_soon_as_possible() -> None:
    started = threading.Event()

    def work(number: int) -> int:
        if number == 1:
            started.wait(5)
        return number

    results = map_in_order(work, iter(range(50)), 2)
    assert next(results) == 0  # while item 1 is being computed
    started.set()
    assert list(results) == list(range(1, 50))


def test_an_error_in_threads_is_raised_in_the_order_of_the_items() -> None:
    results = map_in_order(lambda number: 1 // number, iter([2, 1, 0, 3]), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_predictions_do_not_depend_on_the_number_of_workers(tmp_path: Path, music: Path) -> None:
    files = [*sorted((music / "metal").glob("*.ogg"))[:2], tmp_path / "missing.wav"]
    recognizer = Recognizer.pretrained(["rock", "metal"])
    one, two = (list(recognizer.predict_files(files, excerpt_seconds=9, workers=workers)) for workers in (1, 2))
    assert [getattr(result, "probabilities", str(result)) for result in one] == [
        getattr(result, "probabilities", str(result)) for result in two
    ]


def test_the_python_example_of_the_documentation_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "pretrained.md").read_text(encoding="utf-8")
    code = page.split("## Predictions from Python\n")[1].split("```python\n")[1].split("```")[0]
    soundfile.write(tmp_path / "song.mp3", np.random.default_rng(0).uniform(-0.3, 0.3, 64000), 16000)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[0] in ("rock", "jazz", "classical", "unsure")
    assert second in ("rock", "jazz", "classical", "unsure")


def clip_of_music(seed: int, rate: int, seconds: float = 6.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A chord of decaying tones, struck twice a second, with noise on every beat."""
    random = np.random.default_rng(seed)
    time_T = np.arange(round(seconds * rate)) / rate
    decay_T = np.exp(-6 * (time_T % 0.5))
    tones = [np.sin(2 * np.pi * 110 * 2 ** (step / 12) * time_T) for step in random.integers(0, 36, 4)]
    wave_T = 0.15 * decay_T * np.sum(tones, axis=0) + 0.1 * decay_T**4 * random.normal(size=len(time_T))
    return wave_T.clip(-1, 1).astype(np.float32)


def differences(recognizer: Recognizer) -> list[float]:
    """The largest difference of a probability between float32 and bfloat16, of each of six clips."""
    found = []
    for seed in range(6):
        wave_T = clip_of_music(seed, recognizer.sample_rate)
        by_precision = {}
        for precision in (FP32, BF16, FP32):
            recognizer.precision = precision
            prediction = recognizer.predict(wave_T, recognizer.sample_rate)
            assert prediction.precision == (BF16 if precision == BF16 else None)
            before = by_precision.setdefault(precision, prediction.probabilities)
            assert prediction.probabilities == before  # float32 again gives the same numbers
        pairs = zip(by_precision[FP32].values(), by_precision[BF16].values(), strict=True)
        found.append(max(abs(one - other) for one, other in pairs))
    return found


def test_the_tagger_in_bfloat16_gives_nearly_the_same_probabilities() -> None:
    found = differences(Recognizer.pretrained())
    assert 0 < max(found) <= 0.02


def test_a_run_in_bfloat16_gives_nearly_the_same_probabilities(finished_run: Path) -> None:
    found = differences(Recognizer.load(finished_run))
    assert 0 < max(found) <= 0.02


def test_another_precision_is_refused(finished_run: Path) -> None:
    with pytest.raises(ValueError, match="The precision is '16-true': expected 32-true or bf16-mixed"):
        Recognizer.load(finished_run).precision = "16-true"
