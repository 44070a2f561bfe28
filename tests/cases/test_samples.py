"""Odd samples: files on another scale, too hot, with an offset, with channels that cancel, damaged in the middle.

Every door (training, audit, prediction, arrays) must use the same sound, and say what was done to it.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from src import predict
from src.audio import reader
from src.audio.reader import AudioError
from src.classifier import build
from src.clip import Clip, Excluded
from src.data.decoding import decode
from src.inference.recognizer import Recognizer
from src.quality.measures import measure
from tests.cases.sounds import RATE, genre_folders, music
from tests.programs import audit, train

INT16 = "samples reach 22,938, as on the scale of 16-bit integers: divided by 32,768"
WAVE_T = music(6, 3)


class LevelTagger(nn.Module):
    """In place of the tagger: its logits are the level of the sound, so that two equal predictions mean equal sound."""

    genres = ("loud", "quiet")
    calibrated = torch.tensor(False)

    def __init__(self, genres: list[str] | None = None) -> None:
        super().__init__()
        self.model = SimpleNamespace()
        self.feature = SimpleNamespace(sample_rate=16000)

    def forward(self, wave_BST: Tensor) -> Tensor:
        level_B = 20 * (wave_BST.square().mean(dim=(1, 2)).sqrt() - 0.1)
        return torch.stack((level_B, -level_B), dim=1)


@pytest.fixture(autouse=True)
def _tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "tagger", LevelTagger)


def save(path: Path, wave: NDArray[np.floating], rate: int = RATE, **settings: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, **settings)
    return path


class Doors(NamedTuple):
    """What each door uses of a file, at RATE, and the texts of its notes."""

    training: NDArray[np.float64]
    stream: NDArray[np.float32]
    audit: NDArray[np.float32]
    notes: list[str]


def doors(path: Path) -> Doors:
    """Open a file at all doors. They must agree in their notes, in the prediction too."""
    clip = decode(Clip("a", path, "g"), RATE, None)
    assert not isinstance(clip, Excluded)
    stream = reader.Stream(path, RATE)
    stream_T = np.concatenate(list(stream))
    native = reader.read_native(path, 0.0, None, None)
    notes = [note.text for note in clip.notes]
    assert [note.text for note in stream.notes] == notes
    assert [note.text for note in native.notes] + [native.shortfall] * bool(native.shortfall) == notes
    prediction = Recognizer.pretrained().predict(path)
    assert (prediction.note or "").split("; ") == (notes or [""])
    audit_T = reader.resample(native.wave_T, native.sample_rate, RATE)
    return Doors(clip.wave_T / 32767, stream_T, audit_T, notes)


def refusals(path: Path) -> set[str]:
    """The messages of all doors for a file that cannot be used."""
    excluded = decode(Clip("a", path, "g"), RATE, None)
    assert isinstance(excluded, Excluded)
    messages = {excluded.reason}
    with pytest.raises(AudioError) as raised:
        Recognizer.pretrained().predict(path)
    messages.add(str(raised.value))
    try:
        measured = measure(Clip("a", path, "g"), None)
        messages.add(f"silent ({'its peak stays below 0.001 of full scale' if measured.fault else measured})")
    except AudioError as error:
        messages.add(str(error))
    return messages


def check_all_doors(path: Path, expected_T: NDArray[np.floating], notes: list[str], atol: float = 2e-5) -> None:
    result = doors(path)
    assert result.notes == notes
    for wave_T in (result.training, result.stream, result.audit):
        np.testing.assert_allclose(wave_T, expected_T, atol=atol)


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


def damage(path: Path, seconds: float, how: str, place: float = 0.5, rate: int = 44100) -> Path:
    """Write music of some seconds, and damage the file at a place, a share of its bytes."""
    rate = 48000 if path.suffix == ".opus" else rate
    opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    save(path, music(seconds, 1, rate), rate, **opus)
    content = bytearray(path.read_bytes())
    first = round(place * len(content))
    last = first + len(content) // 10
    if how == "cut out":
        del content[first:last]
    elif how == "single bytes":
        for k in range(first, last, max(1, (last - first) // 9)):
            content[k] ^= 0x55
    else:
        filling = {"zeros": bytes(last - first), "ones": b"\xff" * (last - first)}
        content[first:last] = filling.get(how) or np.random.default_rng(0).bytes(last - first)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "opus", "wav"])
@pytest.mark.parametrize("how", ["zeros", "ones", "noise", "cut out", "single bytes"])
def test_of_a_damaged_middle_every_door_uses_the_same_part_and_says_which(
    suffix: str, how: str, tmp_path: Path
) -> None:
    path = damage(tmp_path / f"a.{suffix}", 12, how)
    result = doors(path)
    np.testing.assert_allclose(result.training, result.stream.clip(-1, 1), atol=2e-5)
    np.testing.assert_allclose(result.audit, result.stream, atol=1e-5)
    seconds = len(result.stream) / RATE
    if seconds < 11.8:
        [note] = result.notes
        assert note.startswith("damaged or cut short: its header states 1")
        assert f"{seconds:.1f}" in note or f"{seconds - 0.05:.1f}" in note or f"{seconds + 0.05:.1f}" in note
    if suffix in ("mp3", "flac") and how in ("zeros", "ones", "noise"):
        assert 5.0 < seconds < 6.6  # all that comes before the damage
        reference_T = music(12, 1, 44100)
        wave_T = reader.resample(reference_T, 44100, RATE)[: len(result.stream)]
        assert np.corrcoef(wave_T[: 4 * RATE], result.stream[: 4 * RATE])[0, 1] > 0.99


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg"])
@pytest.mark.parametrize("place", [0.03, 0.2, 0.45, 0.8])
def test_the_middle_of_a_damaged_file_is_the_same_at_every_door(suffix: str, place: float, tmp_path: Path) -> None:
    """The part in use begins before the damage, contains it, or begins after it."""
    path = damage(tmp_path / f"a.{suffix}", 20, "noise", place)

    def attempt(door: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32] | str:
        try:
            return door()
        except AudioError as error:
            return str(error)

    first, *others = (
        attempt(lambda: reader.read_sound(path, RATE, max_seconds=5).wave_T),
        attempt(lambda: np.concatenate(list(reader.Stream(path, RATE, 5)))),
        attempt(lambda: reader.resample(reader.read_native(path, 0.0, None, 5).wave_T, 44100, RATE)),
    )
    for other in others:
        if isinstance(first, str):
            assert other == first
        else:
            np.testing.assert_allclose(other, first, atol=1e-5)


def _folders(root: Path) -> Path:
    """Two genres; rock has four files on int16's scale, one with an offset, one of opposite channels, three unusable."""
    genre_folders(root, ["jazz", "rock"], clips=8)
    for k in range(4):
        save(root / "rock" / f"{k}.wav", music(4, k) * 32768, subtype="FLOAT")
    save(root / "rock" / "5.wav", 0.4 * music(4, 5) + 0.5)
    save(root / "rock" / "6.wav", np.stack([music(4, 6), -music(4, 6)], axis=1))
    for name, value in (("huge", 1e30), ("nan", np.nan), ("inf", np.inf)):
        wave_T = music(4, 9)
        wave_T[9999] = value
        save(root / "rock" / f"{name}.wav", wave_T, subtype="FLOAT")
    damage(root / "rock" / "torn.flac", 8, "noise", rate=RATE)
    return root


def test_training_corrects_and_says_so_once_for_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = _folders(tmp_path / "songs"), tmp_path / "run"
    settings = ("dataset=folder", f"dataset.root={root}", "model=majority", "logger=none", "trainer.threads=1")
    assert train(monkeypatch, *settings, f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={run}") == 0
    messages = capsys.readouterr().err
    with open(run / "notes.csv", newline="", encoding="utf-8") as file:
        notes = {row["clip"]: row["note"] for row in csv.DictReader(file)}
    assert set(notes) == {
        f"rock/{name}" for name in ("0.wav", "1.wav", "2.wav", "3.wav", "5.wav", "6.wav", "torn.flac")
    }
    assert f"Note: rock/0.wav: {notes['rock/0.wav']} (also 3 other clips, see notes.csv)" in messages
    assert messages.count("on the scale of 16-bit integers") == 1
    assert f"Note: rock/5.wav: {notes['rock/5.wav']}\n" in messages
    with open(run / "excluded.csv", newline="", encoding="utf-8") as file:
        excluded = {row["clip"]: row["reason"] for row in csv.DictReader(file)}
    assert set(excluded) == {"rock/huge.wav", "rock/nan.wav", "rock/inf.wav"}


def test_training_without_notes_writes_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, run = genre_folders(tmp_path / "songs", ["jazz", "rock"]), tmp_path / "run"
    settings = ("dataset=folder", f"dataset.root={root}", "model=majority", "logger=none", "trainer.threads=1")
    assert train(monkeypatch, *settings, f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={run}") == 0
    assert not (run / "notes.csv").exists()


def test_the_audit_goes_on_and_lists_each_correction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = _folders(tmp_path / "songs"), tmp_path / "audit"
    settings = ("dataset=folder", f"dataset.root={root}", f"data.cache={tmp_path / 'cache'}")
    for _ in range(2):  # measured first, then read from the cache
        assert audit(monkeypatch, *settings, f"hydra.run.dir={out}") == 1
        content = json.loads((out / "audit.json").read_text(encoding="utf-8"))
        faults = {(row["clip"], row["fault"]): row["detail"] for row in content["files"]}
        assert set(faults) == {
            *((f"rock/{k}.wav", "rescaled") for k in range(4)),
            ("rock/5.wav", "offset"),
            ("rock/6.wav", "channels"),
            ("rock/torn.flac", "truncated"),
            *((f"rock/{name}.wav", "unreadable") for name in ("huge", "nan", "inf")),
        }
        assert "1e+30" in faults["rock/huge.wav", "unreadable"]
        level = dict(zip(content["clips"], content["measures"]["level_db"], strict=True))
        for k in range(4):
            assert level[f"rock/{k}.wav"] == pytest.approx(20 * np.log10(music(4, k).std()), abs=0.01)
        assert level["rock/6.wav"] == pytest.approx(20 * np.log10(music(4, 6).std()), abs=0.01)
        page = (out / "audit.html").read_text(encoding="utf-8")
        assert "as on the scale of 16-bit integers" in page
        assert "4 clips on another scale than [-1, 1], and divided to fit." in page
        printed = capsys.readouterr().out
        assert "rescaled" in printed
        assert "samples reach 22,938, as on the scale of" in printed
    excluded = (out / "exclude.txt").read_text(encoding="utf-8").splitlines()
    assert {"rock/huge.wav", "rock/torn.flac", "# rock/0.wav", "# rock/5.wav", "# rock/6.wav"} <= set(excluded)


def test_predictions_have_the_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = _folders(tmp_path / "songs")
    assert predict.main([str(root / "rock"), "--threads", "1"]) == 1
    printed = capsys.readouterr()
    rows = {Path(row["audio_file"]).name: row for row in map(json.loads, printed.out.splitlines())}
    assert rows["0.wav"]["note"].endswith("as on the scale of 16-bit integers: divided by 32,768")
    assert "offset of 0.50" in rows["5.wav"]["note"]
    assert "only channel 1" in rows["6.wav"]["note"]
    assert "can be decoded" in rows["torn.flac"]["note"]
    assert {name for name, row in rows.items() if "error" in row} == {"huge.wav", "nan.wav", "inf.wav"}
