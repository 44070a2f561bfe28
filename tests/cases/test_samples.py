"""Odd samples: files on another scale, too hot, with an offset, with channels that cancel, silent.

Every door (training, audit, prediction, arrays) must use the same sound, and say what was done to it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from src.audio import reader
from src.audio.reader import AudioError
from src.classifier import build
from src.inference.recognizer import Recognizer
from tests.cases.doors import LevelTagger, check_all_doors, doors, refusals, save
from tests.cases.sounds import RATE, music

INT16 = "samples reach 22,938, as on the scale of 16-bit integers: divided by 32,768"
WAVE_T = music(6, 3)


@pytest.fixture(autouse=True)
def _tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "tagger", LevelTagger)


INTEGERS = [
    (2.0**15, "FLOAT", "wav", INT16),
    (2.0**15, "DOUBLE", "wav", INT16),
    (2.0**15, "FLOAT", "caf", INT16),
    (2.0**15, "FLOAT", "au", INT16),
    (2.0**23, "FLOAT", "aiff", "samples reach 5,872,026, as on the scale of 24-bit integers: divided by 8,388,608"),
    (2.0**31, "DOUBLE", "w64", "samples reach 1,503,238,528, as on the scale of 32-bit integers: divided by 2,147,483,648"),
]  # fmt: skip


@pytest.mark.parametrize(("scale", "subtype", "suffix", "note"), INTEGERS)
def test_floats_on_the_scale_of_integers_are_divided_by_it(
    scale: float, subtype: str, suffix: str, note: str, tmp_path: Path
) -> None:
    path = save(tmp_path / f"a.{suffix}", WAVE_T.astype(np.float64) * scale, subtype=subtype)
    check_all_doors(path, WAVE_T, [note])


@pytest.mark.parametrize(
    ("suffix", "codec", "form", "layout"),
    [("wv", "wavpack", "wv", "fltp"), ("mka", "pcm_f32le", "matroska", "flt"), ("mov", "pcm_f32le", "mov", "flt")],
)
def test_floats_in_a_container_are_divided_too(suffix: str, codec: str, form: str, layout: str, tmp_path: Path) -> None:
    av: Any = pytest.importorskip("av")
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w", format=form) as file:
        stream = file.add_stream(codec, rate=RATE)
        stream.layout, stream.codec_context.format = "mono", layout
        for start in range(0, len(WAVE_T), 1024):
            samples = np.ascontiguousarray(32768 * WAVE_T[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(samples, format=layout, layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    check_all_doors(path, WAVE_T, [INT16])


def test_a_quiet_part_has_the_scale_of_its_file(tmp_path: Path) -> None:
    """The first two seconds alone would look like floats that are merely too hot."""
    wave_T = WAVE_T.copy()
    wave_T[: 2 * RATE] *= 3e-4
    path = save(tmp_path / "a.wav", wave_T * 32768, subtype="FLOAT")
    np.testing.assert_allclose(reader.read(path, RATE, 0.0, 2.0), wave_T[: 2 * RATE], atol=1e-6)


@pytest.mark.parametrize("gain", [2.0, 4.0, 9.0])
def test_a_hot_float_master_is_scaled_to_its_peak_and_not_clipped(gain: float, tmp_path: Path) -> None:
    path = save(tmp_path / "a.wav", WAVE_T * gain / 0.7, subtype="FLOAT")
    check_all_doors(
        path, WAVE_T / 0.7, [f"samples reach {gain:.2f} times full scale: divided by it instead of clipped"]
    )


def test_a_slight_overshoot_stays_as_it_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.wav", WAVE_T * 1.1 / 0.7, subtype="FLOAT")
    result = doors(path)
    assert result.notes == []
    np.testing.assert_allclose(result.training, (WAVE_T * 1.1 / 0.7).clip(-1, 1), atol=2e-5)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1e30, "samples reach 1e+30: expected about [-1, 1], or the scale of integers. Export it again"),
        (1e6 / 8, "samples reach 125,000: expected about [-1, 1], or the scale of integers. Export it again"),
        (np.nan, "samples that are NaN or infinite: export it again"),
        (-np.inf, "samples that are NaN or infinite: export it again"),
    ],
)
def test_impossible_samples_are_refused_with_one_message_everywhere(value: float, message: str, tmp_path: Path) -> None:
    wave_T = WAVE_T.copy()
    wave_T[5 * RATE] = value
    assert refusals(save(tmp_path / "a.wav", wave_T, subtype="FLOAT")) == {message}
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the message is checked below
        Recognizer.pretrained().predict(wave_T, RATE)
    assert str(raised.value) == message


@pytest.mark.parametrize(("suffix", "atol"), [("wav", 1e-4), ("flac", 1e-4), ("ogg", 0.2), ("mp3", 0.2)])
@pytest.mark.parametrize("offset", [0.5, -0.3, 0.1])
def test_an_offset_is_removed(offset: float, suffix: str, atol: float, tmp_path: Path) -> None:
    path = save(tmp_path / f"a.{suffix}", 0.5 * WAVE_T + offset)
    [note] = doors(path).notes
    assert note == f"a constant offset of {offset:.2f} of full scale was removed"
    check_all_doors(path, 0.5 * WAVE_T, [note], atol)


@pytest.mark.parametrize("offset", [0.005, -0.01])
def test_a_small_offset_is_untouched(offset: float, tmp_path: Path) -> None:
    path = save(tmp_path / "a.wav", 0.5 * WAVE_T + offset)
    result = doors(path)
    assert result.notes == []
    np.testing.assert_array_equal(result.stream, soundfile.read(path, dtype="float32")[0])


CHANNELS = {
    "opposite": (1, -1),
    "nearly opposite": (-0.9, 1),
    "four of them": (0.5, -0.5, 1, -1),
    "with a silent third": (1, -1, 0),
}


@pytest.mark.parametrize("gains", CHANNELS.values(), ids=CHANNELS.keys())
def test_of_channels_that_cancel_one_is_used(gains: tuple[float, ...], tmp_path: Path) -> None:
    path = save(tmp_path / "a.wav", WAVE_T[:, None] * np.array(gains))
    strongest = int(np.argmax(np.abs(gains)))
    notes = [f"its {len(gains)} channels cancel each other: only channel {strongest + 1} is used"]
    check_all_doors(path, gains[strongest] * WAVE_T, notes, 7e-5)


@pytest.mark.parametrize("suffix", ["ogg", "flac"])
def test_channels_that_cancel_are_found_in_other_formats(suffix: str, tmp_path: Path) -> None:
    path = save(tmp_path / f"a.{suffix}", np.stack([WAVE_T, -WAVE_T], axis=1))
    assert doors(path).notes == ["its 2 channels cancel each other: only channel 1 is used"]


@pytest.mark.parametrize("channels", [3, 4, 6, 8])
def test_more_than_two_channels_are_averaged_everywhere(channels: int, tmp_path: Path) -> None:
    wave_TK = np.stack([music(4, k) for k in range(channels)], axis=1)
    check_all_doors(save(tmp_path / "a.wav", wave_TK), wave_TK.mean(axis=1), [], 7e-5)


@pytest.mark.parametrize(("rate", "channels"), [(RATE, 1), (44100, 2), (48000, 6)])
@pytest.mark.parametrize("offset", [0.0, 0.005, 0.3])
def test_silence_has_one_message_everywhere(rate: int, channels: int, offset: float, tmp_path: Path) -> None:
    wave_TK = np.full((3 * rate, channels), offset)
    silent = "silent (its peak stays below 0.001 of full scale)"
    assert refusals(save(tmp_path / "a.wav", wave_TK, rate)) == {silent}
    with pytest.raises(AudioError) as raised:
        Recognizer.pretrained().predict(wave_TK.T, rate)
    assert str(raised.value) == silent


ARRAYS: dict[str, tuple[Callable[[NDArray[np.float32]], NDArray[np.floating]], str | None]] = {
    "int16's scale": (lambda wave_T: wave_T * 32768, INT16),
    "hot": (lambda wave_T: wave_T * 2 / 0.7, "samples reach 2.00 times full scale: divided by it instead of clipped"),
    "offset": (lambda wave_T: 0.5 * wave_T + 0.4, "a constant offset of 0.40 of full scale was removed"),
    "opposite": (lambda wave_T: np.stack([wave_T, -wave_T]), "its 2 channels cancel each other: only channel 1 is used"),
    "four channels": (lambda wave_T: np.stack([wave_T] * 4), None),
    "float64": (lambda wave_T: wave_T.astype(np.float64), None),
}  # fmt: skip


@pytest.mark.parametrize(("make", "note"), ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_is_corrected_like_its_file(
    make: Callable[[NDArray[np.float32]], NDArray[np.floating]], note: str | None, tmp_path: Path
) -> None:
    wave_KT = make(WAVE_T)
    before = wave_KT.copy()
    from_file = Recognizer.pretrained().predict(save(tmp_path / "a.wav", wave_KT.T, subtype="FLOAT"))
    from_array = Recognizer.pretrained().predict(wave_KT, RATE)
    assert from_array.note == from_file.note == note
    assert from_array.probabilities == pytest.approx(from_file.probabilities, abs=1e-5)
    np.testing.assert_array_equal(wave_KT, before)  # the user's array is not changed
