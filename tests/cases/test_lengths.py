"""Lengths, contents and kinds of files: what a user expects of headers that lie, of joined files and of wrong names."""

import contextlib
import csv
import io
import json
import os
import socket
import struct
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from src.audio.decoders import as_audio_errors, open_file
from src.audio.reader import AudioError, Stream, read, read_native
from src.predict import main as predict_main
from tests.cases import mpeg
from tests.cases.sounds import RATE, genre_folders, music
from tests.programs import audit, train

FRAME_SECONDS = 1152 / mpeg.RATE


def decode(path: Path) -> tuple[NDArray[np.float32], list[str]]:
    """Decode a file in blocks -> (wave (T, K), notes), and check that its length is the one that was promised."""
    with as_audio_errors(path):
        file = open_file(path)
        blocks = []
        while len(block_TK := file.read(10_000, dtype="float32", always_2d=True)):
            blocks.append(block_TK)
    wave_TK = np.concatenate(blocks)
    assert len(wave_TK) == file.frames
    notes = list(file.notes)
    file.close()
    return wave_TK, notes


def seconds_of(path: Path, rate: int = mpeg.RATE) -> float:
    return len(decode(path)[0]) / rate


def similarity(wave_T: NDArray[np.float32], expected_T: NDArray[np.float32]) -> float:
    """Correlation of two waves, after the best of some shifts: an encoder delays the sound by some hundred samples."""
    length = min(len(wave_T), len(expected_T)) - 2500
    return max(
        float(np.corrcoef(wave_T[k : k + length], expected_T[:length])[0, 1]) for k in (0, 529, 576, 1105, 1681, 2257)
    )


# Length of an MP3


@pytest.mark.parametrize("level", [0.0, 0.5, 0.9])
def test_c01_a_variable_bit_rate_without_a_header_is_decoded_to_the_last_frame(level: float, tmp_path: Path) -> None:
    path = mpeg.bare(mpeg.mp3(tmp_path / "a.mp3", level=level))
    wave_TK, notes = decode(path)
    assert len(wave_TK) == mpeg.VBR_FRAMES * 1152
    assert notes == []
    assert similarity(wave_TK[:, 0], music(30, 1, mpeg.RATE)) > 0.9
    assert Stream(path, RATE).shortfall is None


def test_the_count_of_frames_equals_that_of_ffmpeg(tmp_path: Path) -> None:
    av: Any = pytest.importorskip("av")
    path = mpeg.bare(mpeg.mp3(tmp_path / "a.mp3"))
    with av.open(str(path)) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) == len(decode(path)[0])


def test_a_first_frame_of_another_size_does_not_decide_the_length(tmp_path: Path) -> None:
    """The opposite error of c01: a small first frame promises far too much."""
    quiet_T = np.concatenate([np.zeros(mpeg.RATE, np.float32), music(20, 2, mpeg.RATE)])
    path = mpeg.bare(mpeg.mp3(tmp_path / "a.mp3", quiet_T))
    assert seconds_of(path) == pytest.approx(21, abs=3 * FRAME_SECONDS)
    assert Stream(path, RATE).duration_seconds == pytest.approx(21, abs=3 * FRAME_SECONDS)
    loud, path = mpeg.bare(mpeg.mp3(tmp_path / "320.mp3", 1.0, mode="CONSTANT", level=0.0)), tmp_path / "b.mp3"
    rest = mpeg.bare(mpeg.mp3(tmp_path / "64.mp3", 20.0, mode="CONSTANT", level=0.9))
    mpeg.joined(path, loud.read_bytes()[:1044], rest)  # one frame of 320 kbit/s, then others
    assert seconds_of(path) == pytest.approx(20, abs=4 * FRAME_SECONDS)


def test_parts_of_a_file_without_a_header_equal_those_of_the_whole(tmp_path: Path) -> None:
    path = mpeg.bare(mpeg.mp3(tmp_path / "a.mp3"))
    whole_T = read(path, mpeg.RATE)
    np.testing.assert_array_equal(read(path, mpeg.RATE, 20.0, 21.0), whole_T[20 * mpeg.RATE : 21 * mpeg.RATE])
    np.testing.assert_allclose(np.concatenate(list(Stream(path, mpeg.RATE))), whole_T, atol=1e-6)


@pytest.mark.parametrize("frames", [3, 400, 5000])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_a_header_with_a_wrong_count_is_not_believed(frames: int, mode: str, tmp_path: Path) -> None:
    path = mpeg.state(mpeg.mp3(tmp_path / "a.mp3", mode=mode), frames)
    stream = Stream(path, RATE)
    wave_T = np.concatenate(list(stream))
    assert len(wave_T) / RATE == pytest.approx(30, abs=2 * FRAME_SECONDS)
    assert (stream.shortfall is not None) == (frames == 5000)


def test_a_vbri_header_is_no_sound_and_the_frames_are_counted(tmp_path: Path) -> None:
    path = mpeg.vbri(mpeg.mp3(tmp_path / "a.mp3"), mpeg.VBR_FRAMES)
    assert len(decode(path)[0]) == mpeg.VBR_FRAMES * 1152


def test_a_truncated_file_is_as_long_as_it_is_and_has_a_shortfall(tmp_path: Path) -> None:
    path = mpeg.mp3(tmp_path / "a.mp3")
    whole_TK = decode(path)[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    wave_TK, _ = decode(path)
    assert 15 < len(wave_TK) / mpeg.RATE < 25
    np.testing.assert_allclose(wave_TK[:-2304], whole_TK[: len(wave_TK) - 2304], atol=1e-4)
    missing = f"damaged or cut short: its header states 30.0 s, but only {len(wave_TK) / mpeg.RATE:.1f} s are there"
    stream = Stream(path, RATE)
    assert list(stream)
    assert stream.shortfall == missing
    assert read_native(path, 0.0, None, None).shortfall == missing


@pytest.mark.parametrize("headed", [True, False])
def test_tags_and_padding_around_the_frames_change_nothing(headed: bool, tmp_path: Path) -> None:
    plain = mpeg.mp3(tmp_path / "plain.mp3", 6.0)
    if not headed:
        mpeg.bare(plain)
    expected_TK = decode(plain)[0]
    tail = [mpeg.ape(), mpeg.lyrics3(), mpeg.id3v1()]
    for name, parts in {
        "zeros": [bytes(700_000), plain],
        "footer": [mpeg.id3(3000, footer=True), plain],
        "two tags": [mpeg.id3(3000), mpeg.id3(10), plain],
        "ape first": [mpeg.ape(), plain],
        "picture": [mpeg.id3(300_000), plain],
        "short tag": [mpeg.id3(100), bytes(3000), plain],
        "junk": [np.random.default_rng(0).bytes(70_000), plain],
        "tail": [plain, *tail],
        "zeros after": [plain, bytes(50_000), mpeg.id3v1()],
    }.items():
        path = mpeg.joined(tmp_path / f"{name}.mp3", *parts)
        wave_TK, notes = decode(path)
        np.testing.assert_array_equal(wave_TK, expected_TK, err_msg=name)
        assert notes == [], name


def test_frames_after_bytes_that_are_none_are_found_again_and_the_gap_is_noted(tmp_path: Path) -> None:
    content = mpeg.bare(mpeg.mp3(tmp_path / "a.mp3")).read_bytes()
    path = mpeg.joined(tmp_path / "b.mp3", content[:60_000], np.random.default_rng(1).bytes(100_000), content[60_000:])
    wave_TK, notes = decode(path)
    assert len(wave_TK) / mpeg.RATE == pytest.approx(30, abs=4 * FRAME_SECONDS)
    assert "bytes after" in notes[0]
    assert notes[0].endswith("which are no frames of sound, are skipped")


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 48000])
def test_frames_of_every_sample_rate_are_counted(rate: int, tmp_path: Path) -> None:
    """MPEG-1, MPEG-2 and MPEG-2.5 have frames of different lengths."""
    path = mpeg.bare(mpeg.mp3(tmp_path / "a.mp3", 12.0, rate))
    assert len(decode(path)[0]) / rate == pytest.approx(12, abs=3 * 1152 / rate)


def test_layer_two_is_counted_too(tmp_path: Path) -> None:
    av: Any = pytest.importorskip("av")
    path = tmp_path / "a.mp2"
    with av.open(str(path), "w", format="mp2") as file:
        stream = file.add_stream("mp2", rate=mpeg.RATE, layout="mono")
        wave_1T = (music(8, 1, mpeg.RATE)[None] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave_1T, format="s16", layout="mono")
        frame.sample_rate = mpeg.RATE
        file.mux([*stream.encode(frame), *stream.encode(None)])
    mpeg.joined(tmp_path / "b.mp2", mpeg.id3(200_000), path)
    for name in ("a.mp2", "b.mp2"):
        assert seconds_of(tmp_path / name) == pytest.approx(8, abs=3 * FRAME_SECONDS)


def test_mp3_in_a_wav_file_is_decoded(tmp_path: Path) -> None:
    content = mpeg.bare(mpeg.mp3(tmp_path / "a.mp3", 9.0)).read_bytes()
    path = mpeg.in_wav(tmp_path / "b.wav", content)
    np.testing.assert_array_equal(decode(path)[0], decode(tmp_path / "a.mp3")[0])


# Joined files


def _parts(folder: Path, suffix: str, *seconds: int, rates: tuple[int, ...] = (48000, 48000, 48000)) -> list[Path]:
    paths = []
    for k, length in enumerate(seconds):
        path = folder / f"{k}{suffix}"
        form, subtype = {".mp3": ("MP3", None), ".ogg": ("OGG", "VORBIS"), ".opus": ("OGG", "OPUS")}[suffix]
        soundfile.write(path, music(length, k + 1, rates[k]), rates[k], format=form, subtype=subtype)
        paths.append(path)
    return paths


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus"])
def test_c03_joined_files_are_decoded_whole(suffix: str, tmp_path: Path) -> None:
    parts = _parts(tmp_path, suffix, 12, 20, 3)
    path = mpeg.joined(tmp_path / f"joined{suffix}", *parts)
    wave_TK, notes = decode(path)
    np.testing.assert_array_equal(wave_TK, np.concatenate([decode(part)[0] for part in parts]))
    assert notes == ["3 files joined (12.0 s, 20.0 s, 3.0 s), decoded as one"]
    whole_T = read(path, 48000)
    assert len(whole_T) == 35 * 48000
    part_T = read(path, 48000, 11.9, 12.3)  # across the seam
    np.testing.assert_allclose(part_T, whole_T[round(11.9 * 48000) : round(12.3 * 48000)], atol=0.01)
    stream = Stream(path, 48000, max_seconds=25)
    np.testing.assert_allclose(np.concatenate(list(stream)), whole_T[5 * 48000 : 30 * 48000], atol=0.01)


def test_joined_files_without_headers_and_with_tags_are_decoded_whole(tmp_path: Path) -> None:
    first, second = _parts(tmp_path, ".mp3", 5, 6)
    mpeg.bare(second)
    path = mpeg.joined(
        tmp_path / "a.mp3", mpeg.id3(500), first, mpeg.id3v1(), mpeg.id3(500), second, mpeg.ape(), mpeg.id3v1()
    )
    assert seconds_of(path, 48000) == pytest.approx(11, abs=4 * 1152 / 48000)


def test_two_copies_of_one_ogg_are_two_streams(tmp_path: Path) -> None:
    """Both have the same serial number."""
    [part] = _parts(tmp_path, ".ogg", 5)
    path = mpeg.joined(tmp_path / "a.ogg", part, part)
    assert seconds_of(path, 48000) == 10


def test_a_short_stream_after_a_long_one_is_found(tmp_path: Path) -> None:
    noise_TK = np.random.default_rng(0).uniform(-0.5, 0.5, (48000 * 90, 2)).astype(np.float32)
    with soundfile.SoundFile(tmp_path / "long.ogg", "w", 48000, 2) as file:
        for start in range(0, len(noise_TK), 48000):  # libsndfile fails to write long parts of an ogg at once
            file.write(noise_TK[start : start + 48000])
    assert (tmp_path / "long.ogg").stat().st_size > 2**20  # of which not all pages are looked at
    [part] = _parts(tmp_path, ".ogg", 2)
    assert seconds_of(tmp_path / "long.ogg", 48000) == 90
    for name, parts in {"a": ("long", part), "b": (part, "long"), "c": ("long", "long")}.items():
        files = [tmp_path / "long.ogg" if item == "long" else Path(item) for item in parts]
        assert seconds_of(mpeg.joined(tmp_path / f"{name}.ogg", *files), 48000) == (180 if name == "c" else 92)


def test_mono_and_stereo_joined_are_decoded_whole(tmp_path: Path) -> None:
    mono = mpeg.mp3(tmp_path / "mono.mp3", 4.0)
    stereo = mpeg.mp3(tmp_path / "stereo.mp3", np.stack([music(5, 2, mpeg.RATE)] * 2, axis=1))
    for parts, channels in (((mono, stereo), 1), ((stereo, mono), 2)):
        wave_TK, _ = decode(mpeg.joined(tmp_path / "a.mp3", *parts))
        assert wave_TK.shape == (9 * mpeg.RATE, channels)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg"])
def test_a_part_with_another_sample_rate_is_named(suffix: str, tmp_path: Path) -> None:
    parts = _parts(tmp_path, suffix, 12, 20, rates=(44100, 48000))
    wave_TK, notes = decode(mpeg.joined(tmp_path / f"a{suffix}", *parts))
    assert len(wave_TK) == 12 * 44100
    assert notes == [
        "2 files joined (12.0 s, 20.0 s)",
        "number 2 of its 2 joined files, 20.0 s at 48 kHz instead of 44.1 kHz, is not decoded",
    ]


@pytest.mark.parametrize(("first", "second", "name"), [(".mp3", ".ogg", "Ogg"), (".ogg", ".mp3", "MPEG audio")])
def test_another_format_at_the_end_is_named(first: str, second: str, name: str, tmp_path: Path) -> None:
    [part] = _parts(tmp_path, first, 12)
    content = _parts(tmp_path / "..", second, 5)[0].read_bytes()
    wave_TK, notes = decode(mpeg.joined(tmp_path / f"a{first}", part, content))
    assert len(wave_TK) == 12 * 48000
    assert notes == [f"{len(content):,} bytes after 12.0 s, which are {name}, are not decoded"]


# Codecs that cannot seek


@pytest.mark.parametrize(
    ("name", "form", "subtype", "rate"),
    [
        ("gsm.wav", "WAV", "GSM610", RATE),
        ("g721.wav", "WAV", "G721_32", RATE),
        ("g723.au", "AU", "G723_24", 8000),
        ("g723_40.au", "AU", "G723_40", RATE),
        ("gsm.aiff", "AIFF", "GSM610", RATE),
        ("nms.wav", "WAV", "NMS_ADPCM_32", 8000),
        ("gsm.w64", "W64", "GSM610", RATE),
    ],
)
def test_c04_codecs_that_cannot_seek_are_decoded_from_their_start(
    name: str, form: str, subtype: str, rate: int, tmp_path: Path
) -> None:
    expected_T = music(12, 1, rate)
    soundfile.write(tmp_path / name, expected_T, rate, format=form, subtype=subtype)
    whole_T = read(tmp_path / name, rate)
    assert len(whole_T) / rate == pytest.approx(12, abs=0.05)
    assert np.corrcoef(whole_T[: len(expected_T)], expected_T)[0, 1] > 0.8
    np.testing.assert_array_equal(read(tmp_path / name, rate, 7.0, 8.5), whole_T[7 * rate : round(8.5 * rate)])
    np.testing.assert_allclose(np.concatenate(list(Stream(tmp_path / name, rate))), whole_T, atol=1e-6)
    assert read_native(tmp_path / name, 1.0, 3.0, None).shortfall is None


# Content, not names


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text")
    return file.getvalue()


NOT_SOUND = {
    "HTML": b"<!DOCTYPE html>\n<html><body>404 not found</body></html>" * 40,
    "a zip archive": _zip(),
    "a JPEG picture": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 20,
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 20,
    "text": "Ein Märchen über Bäume, länger als ein Kopf. ".encode() * 200,
    "a playlist": b"#EXTM3U\n#EXTINF:9,\nsong.mp3\n",
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
}


@pytest.mark.parametrize("suffix", [".au", ".mp3", ".wav", ".snd", ".vox", ".ogg", ".m4a"])
@pytest.mark.parametrize("name", NOT_SOUND)
def test_what_is_not_sound_is_named_whatever_its_suffix_is(name: str, suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a{suffix}").write_bytes(NOT_SOUND[name])
    with pytest.raises(AudioError, match=f"^contains {name}, not sound$"):
        read(tmp_path / f"a{suffix}", RATE)


def test_text_in_latin_1_is_not_sound(tmp_path: Path) -> None:
    (tmp_path / "a.au").write_bytes("Ein Märchen über Bäume und Vögel im Wald. ".encode("latin-1") * 200)
    with pytest.raises(AudioError, match=r"^contains text, not sound$"):
        read(tmp_path / "a.au", RATE)


@pytest.mark.parametrize("suffix", [".au", ".snd", ".vox", ".gsm", ".raw"])
def test_sound_without_a_header_is_never_guessed(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a{suffix}").write_bytes(np.random.default_rng(0).bytes(50_000))
    with pytest.raises(AudioError, match=r"without a header|Format not recognised|Invalid data"):
        read(tmp_path / f"a{suffix}", RATE)


def test_a_git_lfs_pointer_is_named_with_what_to_do(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
    for name in ("a.wav", "b.mp3"):
        (tmp_path / name).write_bytes(pointer)
        with pytest.raises(AudioError, match=r"^a Git LFS pointer, not the sound itself: run `git lfs pull`"):
            read(tmp_path / name, RATE)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".au", ".raw", ".m4a", ".xyz"])
@pytest.mark.parametrize(("form", "subtype"), [("WAV", "PCM_16"), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None)])
def test_sound_under_another_sounds_name_is_decoded(
    form: str, subtype: str | None, suffix: str, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / f"a{suffix}", music(3, 1), RATE, format=form, subtype=subtype)
    assert len(read(tmp_path / f"a{suffix}", RATE)) == 3 * RATE


def _ffmpeg(path: Path, codec: str, form: str, seconds: float = 4.0, rate: int = 44100) -> Path:
    av: Any = pytest.importorskip("av")
    with av.open(str(path), "w", format=form) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono", bit_rate=64000)
        frame = av.AudioFrame.from_ndarray(music(seconds, 1, rate)[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        planes = av.AudioResampler(
            stream.codec_context.format.name, "mono", rate, stream.codec_context.frame_size or 4096
        )
        for part in [*planes.resample(frame), *planes.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


CONTAINERS = {
    "aac.mp3": ("aac", "mp4"),
    "alac.mp3": ("alac", "mp4"),
    "aac.wav": ("aac", "mp4"),
    "adts.mp3": ("aac", "adts"),
    "a.m4b": ("aac", "ipod"),
    "a.tta": ("tta", "tta"),
    "a.mka": ("libopus", "matroska"),
    "a.webm": ("libopus", "webm"),
    "a.wma": ("wmav2", "asf"),
    "wavpack.ogg": ("wavpack", "wv"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_needs_ffmpeg_is_recognized_by_its_content(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec, form = CONTAINERS[name]
    path = _ffmpeg(tmp_path / name, codec, form, rate=48000)
    assert len(read(path, 48000)) / 48000 == pytest.approx(4, abs=0.1)
    monkeypatch.setitem(sys.modules, "av", None)  # as if it were not installed
    known = path.suffix in (".m4b", ".tta", ".mka", ".webm", ".wma")
    with pytest.raises(AudioError, match="^needs FFmpeg: run" if known else "^contains .*, which needs FFmpeg: run"):
        read(path, 48000)


# What is no regular file


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


KINDS: dict[str, Callable[[Path], None]] = {
    "a FIFO": _fifo,
    "a socket": _socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_never_opened(kind: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / "a.wav")
    for reader in (read, Stream):
        with pytest.raises(AudioError, match=rf"^not a regular file \({kind}\)$"):
            reader(tmp_path / "a.wav", RATE)


# Messages of the decoder


def test_messages_of_the_decoder_become_one_note_of_their_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In threads, while another thread writes to standard error itself."""
    good, bad = mpeg.mp3(tmp_path / "good.mp3", 20.0), mpeg.mp3(tmp_path / "bad.mp3", 20.0)
    content = bytearray(bad.read_bytes())
    for k in range(20_000, len(content) - 20_000, 5000):
        content[k : k + 1500] = bytes(1500)
    bad.write_bytes(content)
    notes: dict[str, list[list[str]]] = {"good": [], "bad": []}

    def decode_often(path: Path) -> None:
        for _ in range(5):
            file = open_file(path)
            with contextlib.suppress(soundfile.LibsndfileError):  # decoding ends at the damage
                while len(file.read(44100, dtype="float32", always_2d=True)):
                    pass
            notes[path.stem].append(list(file.notes))
            file.close()

    threads = [threading.Thread(target=decode_often, args=(path,)) for path in (good, bad, good, bad)]
    for thread in threads:
        thread.start()
    for k in range(100):
        print(f"line {k}", file=sys.stderr)
    os.write(2, b"a line of another library\n")
    for thread in threads:
        thread.join()
    assert notes["good"] == [[]] * 10
    assert len(notes["bad"]) == 10
    assert all(len(found) == 1 and found[0].startswith("damaged: the decoder reports") for found in notes["bad"])
    lines = capfd.readouterr().err.splitlines()
    assert lines == [*(f"line {k}" for k in range(100)), "a line of another library"]


def test_repeated_id3_headers_cost_no_line_at_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plain = mpeg.mp3(tmp_path / "plain.mp3", 5.0)
    content = plain.read_bytes()
    path = mpeg.joined(tmp_path / "a.mp3", mpeg.id3(10) * 20_000, plain)
    np.testing.assert_array_equal(decode(path)[0], decode(plain)[0])
    between = b"".join(mpeg.id3(10) * 50 + content[k : k + 4000] for k in range(0, len(content), 4000))
    path.write_bytes(between)
    assert len(decode(path)[0]) > 0
    assert capfd.readouterr().err == ""


# Through the programs


@pytest.fixture
def predict(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[dict[str, Any]], str]]:
    def call(*arguments: object) -> tuple[int, list[dict[str, Any]], str]:
        capfd.readouterr()
        status = predict_main([*map(str, arguments), "--format", "json"])
        out, err = capfd.readouterr()
        return status, [json.loads(line) for line in out.splitlines()], err

    return call


def _cases(root: Path) -> Path:
    """A folder of two genres with c01, c03, c04 and c07 in it, and files that are no sound."""
    genre_folders(root, ["rock", "jazz"], 6, 4)
    mpeg.bare(mpeg.mp3(root / "rock" / "vbr.mp3"))
    first, second = (mpeg.mp3(root / f"{k}.mp3", float(k)) for k in (12, 20))
    mpeg.joined(root / "jazz" / "joined.mp3", first, second)
    first.rename(root / "jazz" / "first.mp3")
    second.unlink()
    soundfile.write(root / "rock" / "gsm.wav", music(12, 1), RATE, subtype="GSM610")
    soundfile.write(root / "rock" / "g721.wav", music(12, 2), RATE, subtype="G721_32")
    soundfile.write(root / "jazz" / "g723.au", music(12, 3, 8000), 8000, format="AU", subtype="G723_24")
    forms = {"oga": "OGG", "aifc": "AIFF", "wave": "WAV", "caf": "CAF", "w64": "W64", "rf64": "RF64", "snd": "AU"}
    for k, (suffix, form) in enumerate(forms.items()):
        soundfile.write(root / "jazz" / f"x{k}.{suffix}", music(4, 50 + k), RATE, format=form)
    for suffix in ("dsf", "tta", "m4b", "webm"):
        (root / "rock" / f"y.{suffix}").write_bytes(b"x" * 1000)
    (root / "rock" / "page.au").write_bytes(NOT_SOUND["HTML"])
    (root / "rock" / "notes.mid").write_bytes(b"MThd" + bytes(20))
    os.mkfifo(root / "rock" / "pipe.wav")
    (root / "jazz" / "round").symlink_to(root)
    return root


LEFT_OUT = {
    "rock/y.dsf": "contains text, not sound",
    "rock/y.tta": "contains text, not sound",
    "rock/y.m4b": "contains text, not sound",
    "rock/y.webm": "contains text, not sound",
    "rock/page.au": "contains HTML, not sound",
    "rock/notes.mid": "notes, not recorded sound",
    "rock/pipe.wav": "not a regular file (a FIFO)",
    "jazz/round": "a link to a folder that contains it (a loop)",
}


@pytest.mark.slow
def test_the_cases_through_train_and_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")  # without it, LEFT_OUT has other reasons
    root = _cases(tmp_path / "music")
    data = ("dataset=folder", f"dataset.root={root}", f"data.cache={tmp_path / 'cache'}")
    run = tmp_path / "run"
    assert train(monkeypatch, "model=majority", "logger=none", *data, f"hydra.run.dir={run}") == 0
    with open(run / "excluded.csv", newline="", encoding="utf-8") as file:
        assert {row["clip"]: row["reason"] for row in csv.DictReader(file)} == LEFT_OUT
    err = capfd.readouterr().err
    assert err.count("not sound") == 2  # one line for each reason, not for each file
    assert "Illegal" not in err
    assert audit(monkeypatch, *data, f"hydra.run.dir={tmp_path / 'audit'}", "labels=false") in (0, 1)
    content = json.loads((tmp_path / "audit" / "audit.json").read_text())
    seconds = dict(zip(content["clips"], content["measures"]["seconds"], strict=True))
    assert len(seconds) == 12 + 3 + 3 + 7
    assert seconds["rock/vbr.mp3"] == pytest.approx(30, abs=0.1)
    assert not [copies for copies in content["copies"] if "jazz/joined.mp3" in copies]


@pytest.mark.slow
def test_the_cases_through_predict(
    predict: Callable[..., tuple[int, list[dict[str, Any]], str]], tmp_path: Path
) -> None:
    pytest.importorskip("av")
    root = _cases(tmp_path / "music")
    status, rows, err = predict(root, root / "rock" / "pipe.wav")
    assert status == 1
    by_name = {Path(row["audio_file"]).relative_to(root).as_posix(): row for row in rows}
    errors = {name: row["error"] for name, row in by_name.items() if row.get("error")}
    listed = ("rock/notes.mid", "jazz/round")
    assert errors == {name: reason for name, reason in LEFT_OUT.items() if name not in listed}
    assert by_name["rock/vbr.mp3"]["duration_seconds"] == pytest.approx(30.04, abs=0.01)
    assert by_name["jazz/joined.mp3"]["duration_seconds"] == pytest.approx(32, abs=0.01)
    assert by_name["rock/gsm.wav"]["duration_seconds"] == pytest.approx(12, abs=0.05)
    assert f"{root}: left out: jazz/round: a link to a folder that contains it (a loop)" in err.splitlines()
    assert "Illegal" not in err


def test_tags_of_a_fifo_are_not_waited_for(tmp_path: Path) -> None:
    from src.dataset import file_tags

    os.mkfifo(tmp_path / "a.mp3")
    assert file_tags.read([tmp_path / "a.mp3"]) == [file_tags.Tags(error="not a regular file (a FIFO)")]


def test_an_iff_picture_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "a.iff").write_bytes(b"FORM" + struct.pack(">I", 100) + b"ILBMBMHD" + bytes(99))
    with pytest.raises(AudioError, match="^not readable as audio"):
        read(tmp_path / "a.iff", RATE)
