"""The Python face: what a run or a network says of files and waveforms, stretch by stretch."""

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
from src.clip import Clip
from src.data.crops import WaveformCrops
from src.data.waveform_cache import WaveformCache
from src.inference.recognizer import UNSURE, Prediction, Recognizer
from src.inference.windows import SoundEnd, Waveform, WindowBatch, iterate_windows, windows
from src.threads import map_in_order, prefetch
from tests.conftest import RATE, tone, write
from tests.programs import small, train

SECOND = 1000  # samples, in the tests of cutting


@pytest.fixture(scope="module")
def done(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny corpus, whose clips of 2 s were judged by two crops of 1 s each."""
    folder = tmp_path_factory.mktemp("done") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *small(tiny, folder)) == 0
    return folder


class Ear(nn.Module):
    """A module that hears how loud a stretch is: "loud" where its root mean square exceeds 0.2, "quiet" elsewhere."""

    genres = ("loud", "quiet")

    def __init__(self, unsure_below: float | None = None) -> None:
        super().__init__()
        self.model = SimpleNamespace() if unsure_below is None else SimpleNamespace(unsure_below=unsure_below)
        self.feature = SimpleNamespace(sample_rate=SECOND)
        self.calibrated = torch.tensor(False)
        self.heard: list[tuple[int, ...]] = []

    def forward(self, wave_BST: Tensor) -> Tensor:
        self.heard.append(tuple(wave_BST.shape))
        loud_B = 20 * (wave_BST.square().mean(dim=(1, 2)).sqrt() - 0.2)
        return torch.stack((loud_B, -loud_B), dim=1)


def _ear(crop_seconds: float = 1.0, unsure_below: float | None = None) -> Recognizer:
    module: Any = Ear(unsure_below)
    return Recognizer(module, SECOND, crop_seconds, "ear")


def _tone(path: Path, *levels: float, seconds: float = 10.0) -> Path:
    """A file of 100 Hz, so many seconds at each level."""
    sine_T = np.sin(2 * np.pi * 100 * np.arange(round(seconds * SECOND)) / SECOND)
    return write(path, np.concatenate([level * sine_T for level in levels]), SECOND)


def _blocks(wave_T: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(wave_T), size):
        yield wave_T[start : start + size]


@pytest.mark.parametrize("block", [1, 333, 1000, 100_000])
@pytest.mark.parametrize("samples", [2, 10, 999, 1000, 1001, 1400, 1499, 1501, 2000, 2499, 3500, 7777])
def test_stretches_are_those_that_runs_are_evaluated_on(samples: int, block: int) -> None:
    wave_T = np.random.default_rng(samples).integers(-32767, 32768, samples).astype(np.int16)
    clip = Clip("a", Path("a"), "rock")
    map = WaveformCache([clip], [], torch.from_numpy(wave_T), np.array([0]), np.array([samples]), [""])
    count = max(1, round(samples / SECOND))
    expected_ST = WaveformCrops(map, SECOND, False).segments(torch.tensor([0]), count)[0]
    sound = Waveform(wave_T.astype(np.float32) / 32767, SECOND)
    stretches = [part_T for _, part_T in iterate_windows(_blocks(sound.wave_T, block), samples, SECOND)]
    np.testing.assert_array_equal(np.stack(stretches), expected_ST.numpy())
    heard = [part for part in windows(sound, SECOND) if isinstance(part, WindowBatch)]
    np.testing.assert_array_equal(np.concatenate([part.wave for part in heard]) / np.float32(32767), expected_ST)


@pytest.mark.parametrize(
    ("come", "starts"), [(10_000, range(0, 10_000, 1000)), (4200, [0, 1000, 2000, 3000]), (4700, [0, 1000, 2000, 3000, 3700]),
                         (1000, [0]), (300, [0])]
)  # fmt: skip
def test_where_fewer_samples_come_than_were_promised_those_are_heard(come: int, starts: list[int]) -> None:
    wave_T = np.arange(come, dtype=np.float32)
    stretches = list(iterate_windows(_blocks(wave_T, 1000), 10_000, SECOND))
    assert [start for start, _ in stretches] == list(starts)
    assert {len(part_T) for _, part_T in stretches} == {SECOND}
    assert come - stretches[-1][0] - SECOND <= SECOND / 2  # not heard: too little to judge by


def test_a_promise_of_one_stretch_that_is_not_kept_still_gives_one() -> None:
    stretches = list(iterate_windows(_blocks(np.arange(1100, dtype=np.float32), 400), 1400, SECOND))
    assert [start for start, _ in stretches] == [100]


def test_a_test_clip_of_a_run_gets_the_numbers_of_its_predictions(done: Path, tiny: Path) -> None:
    predictions = rundir.RunDir(done).predictions
    recognizer = Recognizer.load(done)
    for name, genre, share_C in zip(predictions.clips, predictions.predicted, predictions.probability_KC, strict=True):
        answer = recognizer.predict(tiny.parent / name)
        assert answer.predicted_genre == genre
        assert list(answer.probabilities) == predictions.genres
        assert list(answer.probabilities.values()) == pytest.approx(share_C, abs=1e-4)
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-6)
        assert answer.confidence == max(answer.probabilities.values())
        assert (answer.duration_seconds, answer.model, answer.note) == (2.0, "run", None)
        assert answer.calibrated is bool(build.load_classifier(done).calibrated)


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_a_waveform_is_judged_as_its_file(rate: int, done: Path, tmp_path: Path) -> None:
    noise_KT = np.random.default_rng(0).uniform(-0.5, 0.5, (2, round(3.3 * rate)))
    path = tmp_path / "a.wav"
    soundfile.write(path, noise_KT.T, rate, subtype="FLOAT")
    recognizer = Recognizer.load(str(done))
    from_file = recognizer.predict(str(path))
    for waveform in (noise_KT, noise_KT.astype(np.float32), torch.tensor(noise_KT, requires_grad=True)):
        from_memory = recognizer.predict(waveform, rate)
        assert from_memory.probabilities == pytest.approx(from_file.probabilities, abs=1e-5)
        assert from_memory.duration_seconds == pytest.approx(from_file.duration_seconds, abs=1e-3)
    mono = recognizer.predict(torch.tensor(noise_KT.mean(axis=0)), np.int64(rate))  # type: ignore[call-overload,unused-ignore]
    assert mono.probabilities == pytest.approx(from_file.probabilities, abs=1e-5)


@pytest.mark.parametrize(
    ("waveform", "rate", "words"),
    [
        ([0.0, 0.1], 1000, "Expected a path, a numpy array or a torch tensor; got list"),
        (np.zeros(9, dtype=np.int16), 1000, "type is int16: expected float in [-1, 1]. Divide int16 samples by 32768"),
        (torch.zeros(9, dtype=torch.int32), 1000, "type is int32"),
        (np.zeros((900, 2)), 1000, "shape is (900, 2): expected (samples,) or (channels, samples). Transpose"),
        (np.zeros((1, 2, 900)), 1000, "shape is (1, 2, 900)"),
        (np.zeros(0), 1000, "no samples (shape (0,))"),
        (np.zeros((2, 0)), 1000, "shape is (2, 0)"),
        (np.array([0.1, np.nan]), 1000, "samples that are NaN or infinite"),
        (np.array([0.1, 20000.0]), 1000, "peak is 20000: expected about [-1, 1]"),
        (np.ones(9), None, "sample_rate is None: expected the waveform's samples per second, e.g. 44100"),
        (np.ones(9), 0, "sample_rate is 0"),
        (np.ones(9), "high", "sample_rate is 'high'"),
        (np.array([0.1]), 96000, "too short a waveform"),
        ("a.wav", 44100, "sample_rate is only for a waveform: a file states its own"),
        (np.zeros(999), 1000, "silent (its peak stays below 0.001 of full scale)"),
    ],
)
def test_what_is_no_waveform_is_said(waveform: Any, rate: Any, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # its words are checked
        _ear().predict(waveform, rate)
    assert words in str(caught.value)


def test_an_excerpt_of_a_waveform_is_the_users_work() -> None:
    with pytest.raises(ValueError, match=r"^excerpt_seconds is only for a file: cut the waveform instead.$"):
        _ear().predict(np.ones(9), 1000, excerpt_seconds=3)


def test_the_network_hears_a_few_stretches_at_once(tmp_path: Path) -> None:
    path = _tone(tmp_path / "a.wav", 0.5, seconds=40)
    for crop_seconds, shapes in (
        (1.0, [(8, 1, 1000)] * 5),
        (20.0, [(2, 1, 20000)]),
        (90.0, [(1, 1, 90000)]),
    ):
        recognizer = _ear(crop_seconds)
        recognizer.predict(path)
        module: Any = recognizer.classifier
        assert module.heard == shapes


def test_the_answer_is_the_mean_over_all_stretches(tmp_path: Path) -> None:
    """Loudness changes once, after 10 s of 30: root mean squares of 0.354 and 0.106."""
    answer = _ear().predict(_tone(tmp_path / "a.wav", 0.5, 0.15, 0.15))
    logit = 20 * ((0.5 + 2 * 0.15) / np.sqrt(2) / 3 - 0.2)
    assert answer.probabilities["loud"] == pytest.approx(1 / (1 + np.exp(-2 * logit)), abs=1e-3)
    assert answer.predicted_genre == "quiet"


def test_a_timeline_says_what_prevails_when(tmp_path: Path) -> None:
    answer = _ear().predict(_tone(tmp_path / "a.wav", 0.5, 0.5, 0.1, 0.5))
    assert [(s.start_seconds, s.stop_seconds, s.genre) for s in answer.segments] == [
        (0, 20, "loud"),
        (20, 30, "quiet"),
        (30, 40, "loud"),
    ]
    assert all(0.9 < s.confidence <= 1 for s in answer.segments)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 1.4, 9.0, 14.9, 15.1, 26.0, 61.7])
@pytest.mark.parametrize("crop_seconds", [1.0, 3.0, 25.0])
def test_segments_cover_the_whole_sound(seconds: float, crop_seconds: float) -> None:
    noise_T = np.random.default_rng(round(10 * seconds)).uniform(-1, 1, round(seconds * SECOND))
    noise_T *= np.abs(np.sin(np.arange(len(noise_T)) / 5 / SECOND))
    segments = _ear(crop_seconds).predict(noise_T, SECOND).segments
    assert segments[0].start_seconds == 0
    assert segments[-1].stop_seconds == pytest.approx(seconds, abs=1e-3)
    for before, after in itertools.pairwise(segments):
        assert before.stop_seconds == after.start_seconds
        assert before.genre != after.genre


def test_an_excerpt_is_the_middle_and_its_timeline_counts_from_the_files_beginning(tmp_path: Path) -> None:
    answer = _ear().predict(_tone(tmp_path / "a.wav", 0.1, 0.5, 0.1), excerpt_seconds=8)
    assert answer.predicted_genre == "loud"
    assert answer.duration_seconds == 30
    assert [(s.start_seconds, s.stop_seconds) for s in answer.segments] == [(11, 19)]


def test_a_model_that_knows_when_it_is_unsure_says_so(tmp_path: Path) -> None:
    path = _tone(tmp_path / "a.wav", 0.5, 0.27)  # root mean squares of 0.354 and 0.191
    sure, unsure = _ear().predict(path), _ear(unsure_below=0.97).predict(path)
    assert sure.predicted_genre == "loud"
    assert unsure.predicted_genre == UNSURE
    assert unsure.probabilities == sure.probabilities
    assert unsure.confidence == sure.confidence == max(sure.probabilities.values())
    assert [s.genre for s in sure.segments] == ["loud", "quiet"]
    assert [s.genre for s in unsure.segments] == ["loud", UNSURE]


def test_a_short_sound_is_repeated_and_this_is_said(tmp_path: Path) -> None:
    answer = _ear(3.0).predict(_tone(tmp_path / "a.wav", 0.5, seconds=0.5))
    assert answer.predicted_genre == "loud"
    assert answer.duration_seconds == 0.5
    assert answer.note == "shorter than the 3 s that the model needs, so it is repeated"


def test_a_truncated_file_is_answered_from_what_is_there(tmp_path: Path) -> None:
    path = _tone(tmp_path / "a.wav", 0.5, 0.1)
    path.write_bytes(path.read_bytes()[: 44 + 2 * 12 * SECOND])
    answer = _ear().predict(path)
    assert answer.predicted_genre == "loud"
    assert answer.duration_seconds == 12
    assert answer.note == "damaged or cut short: its header states 20.0 s, but only 12.0 s are there"


def test_a_constant_offset_is_silence(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.full(5000, 0.5), SECOND)
    with pytest.raises(AudioError, match=r"^silent \(its peak stays below 0.001 of full scale\)$"):
        _ear().predict(path)


def test_files_are_answered_in_order_and_what_fails_has_its_reason(tmp_path: Path) -> None:
    paths: list[str | Path] = [
        _tone(tmp_path / f"{k}.wav", 0.5 if k % 2 else 0.1, seconds=0.2 * k) for k in range(1, 40)
    ]
    paths[7:7] = [tmp_path / "none.wav"]
    answers = list(_ear().predict_files(paths))
    assert len(answers) == 40
    assert str(answers.pop(7)) == "no such file"
    for k, answer in enumerate(answers, start=1):
        assert isinstance(answer, Prediction)
        assert answer.predicted_genre == ("loud" if k % 2 else "quiet")
        assert answer.duration_seconds == pytest.approx(0.2 * k, abs=2e-3)


def test_one_object_answers_often(tmp_path: Path) -> None:
    recognizer, path = _ear(), _tone(tmp_path / "a.wav", 0.5)
    assert recognizer.predict(path) == recognizer.predict(path)


def test_the_tagger_needs_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def tagger(genres: list[str] | None) -> Ear:
        asked.append(genres)
        return Ear()

    monkeypatch.setattr(build, "tagger", tagger)
    answer = Recognizer.pretrained(["loud", "quiet"]).predict(_tone(tmp_path / "a.wav", 0.5))
    assert answer.model == "musicnn tags"
    assert answer.predicted_genre == "loud"
    assert Recognizer.pretrained().length == 3 * SECOND
    assert asked == [["loud", "quiet"], None]


def test_the_real_tagger_hears_a_tone(tmp_path: Path) -> None:
    answer = Recognizer.pretrained(["gtzan"]).predict(tone(tmp_path / "a.wav", seconds=4))
    assert len(answer.probabilities) == 10
    assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert answer.calibrated is False


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "does not exist: expected a run directory, as `python -m src.train` writes them"),
        (lambda folder: folder.write_text("a song"), "is not a folder: expected a run directory"),
        (lambda folder: folder.mkdir(), "has no metrics.json: its run has not finished"),
    ],
)
def test_what_is_no_run_is_said(make: Any, words: str, tmp_path: Path) -> None:
    make(tmp_path / "run")
    with pytest.raises(ValueError, match=words):
        Recognizer.load(tmp_path / "run")


def test_a_run_that_this_version_cannot_load_is_said(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(folder: Path) -> None:
        raise TypeError("forward() got an unexpected keyword")

    monkeypatch.setattr(build, "load_classifier", load)
    with pytest.raises(ValueError, match=r"cannot be loaded \(forward\(\) got .*Train the run again\.$"):
        Recognizer.load(done)


def test_a_sound_ends_with_what_is_known_of_it() -> None:
    *_, end = windows(
        Waveform(np.ones(2500, dtype=np.float32) * np.array([1, -1] * 1250, dtype=np.float32), SECOND), 1000
    )
    assert end == SoundEnd(samples=2500, start_seconds=0.0, duration_seconds=2.5, notes=[])


def test_a_thread_works_ahead_a_little_and_no_more() -> None:
    made: list[int] = []
    threads = set()

    def items() -> Iterator[int]:
        for k in range(50):
            made.append(k)
            threads.add(threading.current_thread())
            yield k

    taken = prefetch(items(), 3)
    assert next(taken) == 0
    deadline = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3]
    assert list(taken) == list(range(1, 50))
    assert threading.current_thread() not in threads


def test_an_error_in_the_thread_is_raised_where_its_item_would_be() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    taken = prefetch(items(), 4)
    assert next(taken) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(taken)


def test_nothing_is_left_running_when_the_taker_goes() -> None:
    before = threading.active_count()
    taken = prefetch(itertools.count(), 4)
    next(taken)
    taken.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_an_hour_is_heard_in_little_memory(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.flac", hz=100, seconds=3600, rate=2000)
    recognizer = _ear(3.0)
    recognizer.predict(_tone(tmp_path / "b.wav", 0.5))  # what is imported late is not the sound's
    tracemalloc.start()
    try:
        answer = recognizer.predict(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.duration_seconds == 3600
    assert peak < 3_000_000  # bytes; at the model's rate, the whole is 14.4 million


def test_work_in_threads_comes_in_order_and_as_soon_as_it_is_known() -> None:
    started = threading.Event()

    def work(number: int) -> int:
        if number == 1:
            started.wait(5)
        return number

    done = map_in_order(work, iter(range(50)), 2)
    assert next(done) == 0  # while 1 is under way
    started.set()
    assert list(done) == list(range(1, 50))


def test_an_error_in_a_thread_is_raised_where_its_turn_is() -> None:
    done = map_in_order(lambda number: 1 // number, iter([2, 1, 0, 3]), 2)
    assert [next(done), next(done)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(done)


def test_workers_change_no_answer(tmp_path: Path, music: Path) -> None:
    files = [*sorted((music / "metal").glob("*.ogg"))[:2], tmp_path / "missing.wav"]
    recognizer = Recognizer.pretrained(["rock", "metal"])
    one, two = (list(recognizer.predict_files(files, excerpt_seconds=9, workers=workers)) for workers in (1, 2))
    assert [getattr(each, "probabilities", str(each)) for each in one] == [
        getattr(each, "probabilities", str(each)) for each in two
    ]


def test_the_example_of_the_documentation_runs(
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
