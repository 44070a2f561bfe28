"""Decoding of audio files: formats, channels, sample rates, parts of files, and the reason for each unusable file."""

import struct
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from src.audio.decoders import HEADERLESS
from src.audio.reader import AudioError, Stream, read, read_native
from src.clip import AUDIO_SUFFIXES, FFMPEG_SUFFIXES, MPEG_SUFFIXES
from tests.conftest import RATE, tone, write

LOSSY = (*MPEG_SUFFIXES, ".ogg", ".oga", ".opus")


def _sine(hz: float, seconds: float, level: float = 0.5) -> NDArray[np.float64]:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def _level_db(wave_T: NDArray[np.float32], hz: float) -> float:
    """Level of a sine at `hz` in the first second of a sound, in dB re full scale."""
    window_T = np.hanning(RATE)
    bins = np.fft.rfft(wave_T[:RATE] * window_T) / window_T.sum() * 2
    return 20 * np.log10(np.abs(bins[round(hz)]) + 1e-12)


def _ramp(path: Path, seconds: int) -> Path:
    """Write a file at 1000 Hz in which sample k has the value k / 1e6."""
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.arange(1000 * seconds) / 1e6, 1000, subtype="DOUBLE")
    return path


def _sample_numbers(wave_T: NDArray[np.float32]) -> list[int]:
    return np.round(wave_T.astype(np.float64) * 1e6).astype(int).tolist()


@pytest.mark.parametrize(
    ("suffix", "rate"),
    [(suffix, rate) for suffix in AUDIO_SUFFIXES for rate in (RATE, 48000) if (suffix, rate) != (".opus", RATE)],
)
def test_every_format_decodes_to_the_same_tone(suffix: str, rate: int, tmp_path: Path) -> None:
    wave_T = read(tone(tmp_path / f"a{suffix}", seconds=2, rate=rate, channels=2), RATE)
    assert wave_T.dtype == np.float32
    assert len(wave_T) == 2 * RATE
    inner, expected = wave_T[2000:-2000], _sine(440, 2)[2000:-2000]
    assert np.corrcoef(inner, expected)[0, 1] > (0.999 if suffix in LOSSY else 0.9999999)
    assert inner.std() / expected.std() == pytest.approx(1, abs=0.02 if suffix in LOSSY else 1e-4)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left_T, right_T = _sine(440, 1), _sine(1000, 1, level=0.25)
    wave_T = read(write(tmp_path / "a.wav", np.stack([left_T, right_T], axis=1)), RATE)
    np.testing.assert_allclose(wave_T, (left_T + right_T) / 2, atol=1 / 32768)


def test_of_channels_that_cancel_one_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.stack([_sine(440, 1), -_sine(440, 1)], axis=1))
    np.testing.assert_allclose(read(path, RATE), _sine(440, 1), atol=1 / 32768)


@pytest.mark.parametrize(("rate", "channels"), [(44100, 1), (96000, 8), (48000, 2)])
def test_resampling_passes_low_frequencies_and_removes_aliases(rate: int, channels: int, tmp_path: Path) -> None:
    seconds_T = np.arange(2 * rate) / rate
    both_T = 0.4 * np.sin(2 * np.pi * 440 * seconds_T) + 0.4 * np.sin(2 * np.pi * 15000 * seconds_T)
    wave_T = read(write(tmp_path / "a.wav", np.tile(both_T[:, None], channels), rate), RATE)
    middle_T = wave_T[RATE // 2 :]
    assert len(wave_T) == 2 * RATE
    assert np.argmax(np.abs(np.fft.rfft(middle_T[:RATE]))) == 440  # bin number is Hz, as it is one second
    assert _level_db(middle_T, 440) == pytest.approx(20 * np.log10(0.4), abs=0.01)
    assert _level_db(middle_T, RATE - 15000) < -90  # where the alias of 15 kHz would be


@pytest.mark.parametrize(
    ("part", "first", "last"),
    [
        ({}, 0, 10000),
        ({"start_seconds": 2}, 2000, 10000),
        ({"stop_seconds": 3.5}, 0, 3500),
        ({"start_seconds": 2.001, "stop_seconds": 5}, 2001, 5000),
        ({"start_seconds": 9, "stop_seconds": 99}, 9000, 10000),
        ({"max_seconds": 4}, 3000, 7000),
        ({"max_seconds": 30}, 0, 10000),
        ({"start_seconds": 2, "stop_seconds": 5, "max_seconds": 1}, 3000, 4000),
        ({"start_seconds": 2, "max_seconds": 4}, 4000, 8000),
    ],
)
def test_the_requested_part_is_read_or_its_middle_if_it_is_too_long(
    part: dict[str, float], first: int, last: int, tmp_path: Path
) -> None:
    assert _sample_numbers(read(_ramp(tmp_path / "a.wav", 10), 1000, **part)) == list(range(first, last))


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_a_part_is_the_same_as_in_the_whole_file(suffix: str, tmp_path: Path) -> None:
    sweep_T = np.sin(2 * np.pi * np.cumsum(np.linspace(200, 2000, 3 * 48000)) / 48000) / 2
    path = write(tmp_path / f"a{suffix}", sweep_T, 48000)
    part_T, whole_T = read(path, 48000, 1.0, 1.5), read(path, 48000)
    assert len(part_T) == 24000
    assert np.abs(part_T - whole_T[48000:72000]).max() < (0.01 if suffix == ".opus" else 1e-4)


def test_only_the_requested_part_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.r_[np.full(1000, np.nan), np.tile([0.5, -0.5], 500)], 1000, subtype="FLOAT")
    assert read(path, 1000, start_seconds=1).tolist() == [0.5, -0.5] * 500


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_numbers_raise(value: float, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.r_[np.zeros(10), value], 1000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"^samples that are NaN or infinite: export it again$"):
        read(tmp_path / "a.wav", 1000)


def test_an_address_is_not_read() -> None:
    with pytest.raises(AudioError, match="addresses are not read: download the file first"):
        read(Path("https://example.org/a.mp3"), RATE)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.wav", None, "no such file"),
        ("a.raw", None, "no such file"),
        ("a.wav", b"", r"an empty file \(0 bytes\)"),
        ("a.wav", b"not a song", "contains text, not sound"),
        ("a.wav", b"not a song\0", r"not readable as audio \(Format not recognised\)"),
        ("a.mp3", b"not a song\0" * 500, r"not readable as audio \(no sound found in it\)"),
        ("a.raw", b"not a song\0", r"not readable as audio \(Format not recognised\)"),
        ("a.au", b"not a song\0", HEADERLESS),  # which libsndfile takes for 8 kHz mu-law
    ],
)
def test_an_unreadable_file_raises_its_reason(name: str, content: bytes | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError, match=f"^{reason}$"):
        read(tmp_path / name, RATE)


def test_a_sample_rate_of_zero_raises(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.caf")
    content = bytearray(path.read_bytes())
    content[20:28] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(
        AudioError, match="^its header states (a sample rate of 0 Hz|an impossible sample rate or number of channels)$"
    ):
        read(path, RATE)


def test_a_folder_named_like_a_file_raises(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioError, match=r"^not a regular file \(a folder\)$"):
        read(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".ogg", ".opus", ".aiff", ".au"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("max_seconds", [None, 1.0])
def test_a_truncated_file_is_read_as_far_as_possible_or_raises(
    suffix: str, share: float, max_seconds: float | None, tmp_path: Path
) -> None:
    path = tone(tmp_path / f"a{suffix}", seconds=5, rate=48000)
    path.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
    try:
        wave_T = read(path, RATE, max_seconds=max_seconds)
    except AudioError as reason:
        assert str(reason).startswith(("not readable as audio (", "no samples"))  # noqa: PT017  # either is right
        return
    assert 0.02 * RATE < len(wave_T) < 5 * RATE
    if len(wave_T) > RATE // 2:
        assert np.argmax(np.abs(np.fft.rfft(wave_T))) * RATE / len(wave_T) == pytest.approx(440, abs=3)


def test_half_an_mp3_gives_half_the_tone(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.mp3", seconds=5)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    wave_T = read(path, RATE)
    assert len(wave_T) / RATE == pytest.approx(2.5, abs=0.25)
    assert np.corrcoef(wave_T[2000:40000], _sine(440, 2)[2000:40000])[0, 1] > 0.999


def test_a_flac_without_its_length_in_the_header_is_decoded_whole(tmp_path: Path) -> None:
    plain, path = tone(tmp_path / "plain.flac", seconds=2), tmp_path / "a.flac"
    stream = bytearray(plain.read_bytes())
    stream[21] &= 0xF0  # STREAMINFO's 36 bits of total samples: 0 means unknown, as after a pipe
    stream[22:26] = bytes(4)
    path.write_bytes(stream)
    for part in ({}, {"max_seconds": 1.0}, {"start_seconds": 0.7, "stop_seconds": 1.1}):
        np.testing.assert_array_equal(read(path, RATE, **part), read(plain, RATE, **part))
    assert Stream(path, RATE).duration_seconds == 2


def test_a_start_beyond_the_end_raises(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"^starts at 12.5 s, but the file is 10.00 s long$"):
        read(_ramp(tmp_path / "a.wav", 10), 1000, start_seconds=12.5)


def test_a_file_without_samples_raises(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"^no samples$"):
        read(write(tmp_path / "a.wav", np.zeros(0)), RATE)


def test_sound_too_short_for_one_sample_at_the_new_rate_raises(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"^no samples$"):
        read(write(tmp_path / "a.wav", np.full(1, 0.5), rate=96000), RATE)


def test_a_real_recording_is_decoded(music: Path) -> None:
    path = sorted(music.glob("*/*.ogg"))[0]
    wave_T = read(path, RATE, max_seconds=2)
    assert len(wave_T) == 2 * RATE
    assert 0.001 < wave_T.std() < 1
    reference_TK, rate = soundfile.read(path, always_2d=True)
    first = (len(reference_TK) - 2 * rate) // 2
    assert rate == RATE
    np.testing.assert_allclose(wave_T, reference_TK[first : first + 2 * rate].mean(axis=1), atol=1e-4)


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"),
    [(suffix, 48000, 2) for suffix in AUDIO_SUFFIXES] + [(".wav", RATE, 1), (".wav", 96000, 8), (".wav", 8000, 1)],
)
@pytest.mark.parametrize("max_seconds", [None, 1.7])
def test_a_stream_gives_the_same_sound_as_read(
    suffix: str, rate: int, channels: int, max_seconds: float | None, tmp_path: Path
) -> None:
    sweep_T = np.sin(2 * np.pi * np.cumsum(np.linspace(200, 2000, round(3.4 * rate))) / rate) / 2
    path = write(tmp_path / f"a{suffix}", np.tile(sweep_T[:, None], channels), rate)
    stream = Stream(path, RATE, max_seconds)
    blocks = list(stream)
    wave_T = read(path, RATE, max_seconds=max_seconds)
    assert len(blocks) > 1
    assert stream.length == len(wave_T)
    assert stream.start_seconds == pytest.approx(0 if max_seconds is None else 0.85, abs=1e-3)
    assert stream.duration_seconds == pytest.approx(3.4, abs=1e-3)
    assert stream.shortfall is None
    np.testing.assert_allclose(np.concatenate(blocks), wave_T, atol=1e-6)


def test_a_stream_of_an_hour_needs_little_memory(tmp_path: Path) -> None:
    rate = 2000
    path = tone(tmp_path / "a.flac", seconds=3600, rate=rate)
    tracemalloc.start()
    try:
        samples = sum(len(block_T) for block_T in Stream(path, rate))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples == 3600 * rate
    assert peak < 1_000_000  # bytes, for the first 30 s; the whole file would need 28.8 million


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".aiff", ".au"])
def test_a_stream_of_a_truncated_file_gives_its_readable_part_and_the_shortfall(suffix: str, tmp_path: Path) -> None:
    path = tone(tmp_path / f"a{suffix}", seconds=8)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    stream = Stream(path, RATE)
    wave_T = np.concatenate(list(stream))
    assert len(wave_T) / RATE == pytest.approx(4, abs=1.0)
    assert stream.duration_seconds == pytest.approx(len(wave_T) / RATE, abs=1e-3)
    assert stream.shortfall is not None
    assert stream.shortfall.startswith("damaged or cut short: its header states 8.0 s, but only ")
    assert np.corrcoef(wave_T[2000:40000], _sine(440, 2)[2000:40000])[0, 1] > 0.999


def test_a_stream_that_starts_after_the_truncation_raises(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.flac", seconds=20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    with pytest.raises(AudioError, match=r"^no samples from 9.0 s on: cut short$|^not readable as audio"):
        list(Stream(path, RATE, max_seconds=2))


def test_a_header_written_before_the_length_was_known_is_not_a_shortfall(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav", seconds=2)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4  # as ffmpeg writes to a pipe
    path.write_bytes(content)
    stream = Stream(path, RATE)
    assert sum(len(block_T) for block_T in stream) == 2 * RATE
    assert stream.shortfall is None


def _picture_tag(size: int) -> bytes:
    """An ID3v2.3 tag with a cover picture of about `size` bytes."""
    picture = b"\0image/jpeg\0\x03\0" + bytes(range(256)) * (size // 256)
    body = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    return b"ID3\x03\0\0" + bytes((len(body) >> shift) & 127 for shift in (21, 14, 7, 0)) + body


def test_a_cover_picture_is_not_decoded_as_sound(tmp_path: Path) -> None:
    plain, path = tone(tmp_path / "a.mp3", seconds=4), tmp_path / "b.mp3"
    path.write_bytes(_picture_tag(200_000) + plain.read_bytes())
    np.testing.assert_array_equal(read(path, RATE), read(plain, RATE))
    stream = Stream(path, RATE)
    np.testing.assert_allclose(np.concatenate(list(stream)), read(plain, RATE), atol=1e-6)
    assert stream.shortfall is None


def test_a_cover_picture_in_an_ogg_is_not_decoded_as_sound(tmp_path: Path) -> None:
    """libsndfile cannot write pictures, so the test writes a comment of the same kind and size."""
    path = tmp_path / "a.ogg"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        file.comment = "METADATA_BLOCK_PICTURE=" + "A" * 50_000
        file.write(_sine(440, 3))
    stream = Stream(path, RATE)
    wave_T = np.concatenate(list(stream))
    assert len(wave_T) == 3 * RATE
    assert np.corrcoef(wave_T[2000:-2000], _sine(440, 3)[2000:-2000])[0, 1] > 0.999
    assert stream.shortfall is None


def test_samples_that_are_not_numbers_raise_also_late_in_a_stream(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.r_[np.zeros(2500), np.nan], 1000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"^samples that are NaN or infinite: export it again$"):
        list(Stream(tmp_path / "a.wav", 1000))


@pytest.mark.parametrize("suffix", FFMPEG_SUFFIXES)
def test_a_container_without_the_extra_raises_with_the_command_to_install_it(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)  # as if it were not installed
    (tmp_path / f"a{suffix}").write_bytes(b"\0\0\0\x20ftypM4A " * 99)
    for reader in (read, Stream):
        with pytest.raises(AudioError, match=r"^needs FFmpeg: run `make extra-m4a` once$"):
            reader(tmp_path / f"a{suffix}", RATE)


def _encode(path: Path, codec: str, form: str, wave_KT: NDArray[np.float64], rate: int) -> Path:
    """Write samples (channels, T) with FFmpeg; the test is skipped where the extra is not installed."""
    av: Any = pytest.importorskip("av")
    with av.open(str(path), "w", format=form) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "stereo" if len(wave_KT) == 2 else "mono"
        for start in range(0, wave_KT.shape[1], 1024):
            samples = np.ascontiguousarray(wave_KT[:, start : start + 1024], dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=stream.layout.name)
            frame.sample_rate, frame.pts = rate, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "form"), [(".m4a", "aac", "ipod"), (".mp4", "alac", "mp4"), (".wv", "wavpack", "wv")]
)
def test_a_container_is_decoded_with_the_extra(suffix: str, codec: str, form: str, tmp_path: Path) -> None:
    wave_KT = np.stack([_sine(440, 6, level=0.4), _sine(440, 6, level=0.2)])
    path = _encode(tmp_path / f"a{suffix}", codec, form, wave_KT, RATE)
    expected_T = wave_KT.mean(axis=0)
    stream = Stream(path, RATE)
    for wave_T in (read(path, RATE), np.concatenate(list(stream))):
        assert len(wave_T) == 6 * RATE
        assert np.corrcoef(wave_T[2000:-2000], expected_T[2000:-2000])[0, 1] > 0.999
    assert stream.duration_seconds == 6
    assert stream.shortfall is None
    part_T, middle = read(path, RATE, max_seconds=2), Stream(path, RATE, 2)
    np.testing.assert_array_equal(part_T, read(path, RATE)[2 * RATE : 4 * RATE])
    np.testing.assert_allclose(np.concatenate(list(middle)), part_T, atol=1e-6)


def test_the_length_of_a_bare_aac_stream_is_counted_from_its_packets(tmp_path: Path) -> None:
    path = _encode(tmp_path / "a.aac", "aac", "adts", np.tile(_sine(440, 5), (2, 1)), 44100)
    assert len(read(path, RATE)) == pytest.approx(2.5 * RATE, abs=2048)
    assert Stream(path, RATE).duration_seconds == pytest.approx(2.5, abs=0.1)


def test_a_broken_container_raises_its_reason(tmp_path: Path) -> None:
    pytest.importorskip("av")
    (tmp_path / "a.m4a").write_bytes(b"not a song\0" * 99)
    (tmp_path / "a.wav").write_bytes(b"not a song\0" * 99)
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/hostname\n#EXT-X-ENDLIST\n")
    for name, reason in (
        ("a.m4a", r"not readable as audio \(Invalid data"),
        ("a.wav", r"not readable as audio \(Format not recognised"),
        ("list.mp4", r"contains a playlist, not sound"),
    ):
        with pytest.raises(AudioError, match=f"^{reason}"):
            read(tmp_path / name, RATE)


def test_a_whole_container_is_not_called_damaged(tmp_path: Path) -> None:
    """The audit looks at the end of a file after decoding a part of it: a seek counts from the beginning."""
    wave_1T = 0.3 * np.sin(2 * np.pi * 440 * np.arange(5 * 44100) / 44100)[None]
    path = _encode(tmp_path / "a.m4a", "aac", "mp4", wave_1T, 44100)
    for part in (
        read_native(path, 0.0, None, None),
        read_native(path, 1.0, 3.0, None),
        read_native(path, 0.0, None, 1.0),
    ):
        assert part.shortfall is None
    whole_TK, part_TK = read_native(path, 0.0, None, None).wave_TK, read_native(path, 1.0, 3.0, None).wave_TK
    np.testing.assert_array_equal(part_TK, whole_TK[44100 : 3 * 44100])
