"""The waveform cache: each corpus is decoded once, even where decoding was interrupted or killed."""

import errno
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from src.audio import reader
from src.clip import Clip, Excluded
from src.data import decoding, store, waveform_cache
from src.data.waveform_cache import WaveformCache, open_or_decode
from src.dataset.manifest import Manifest
from tests.conftest import RATE, ROOT, tone, write

# A process that opens the waveform cache of a manifest, decoding it where needed. argv: the manifest, the cache folder, and
# the number of clips that it reads before it blocks forever, and the time between two saves in s. It prints "ready" and waits
# for a line before it begins.
CHILD = """
import itertools, json, sys, threading
from pathlib import Path
from src.audio import reader
from src.data import store, waveform_cache
from src.dataset.manifest import Manifest

read_sound, number, limit = reader.read_sound, itertools.count(), int(sys.argv[3])
def counted(*arguments):
    k = next(number)
    if k == limit:
        print("blocked", flush=True)
    if k >= limit:
        threading.Event().wait()
    return read_sound(*arguments)
reader.read_sound = counted
store.SAVE_SECONDS = float(sys.argv[4])

clips = Manifest(sys.argv[1], None).corpus().clips
print("ready", flush=True)
sys.stdin.readline()
waveforms = waveform_cache.open_or_decode(clips, Path(sys.argv[2]), 22050)
total = sum(int(waveforms.samples(k).sum()) for k in range(len(waveforms.clips)))
print(json.dumps([next(number), list(waveforms.digest), total]))
"""


def _child(manifest: Path, cache: Path, reads: int, save_seconds: float = 2.0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CHILD, str(manifest), str(cache), str(reads), str(save_seconds)]
    child = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def _begin(child: "subprocess.Popen[str]") -> None:
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()


@pytest.fixture
def clips(tiny: Path) -> list[Clip]:
    return list(Manifest(str(tiny), None).corpus().clips)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def _samples(waveforms: WaveformCache, k: int) -> NDArray[np.int16]:
    samples: NDArray[np.int16] = waveforms.samples(k).numpy()
    return samples


def _fail(*arguments: object) -> None:
    raise AssertionError(f"must not be decoded: {arguments}")


def _check_complete(waveforms: WaveformCache, clips: Sequence[Clip]) -> None:
    """Check that the cache holds all clips, each with the samples of its file."""
    assert list(waveforms.clips) == list(clips)
    assert waveforms.excluded == []
    for k, clip in enumerate(clips):
        expected_T = soundfile.read(clip.path, dtype="int16")[0]
        assert np.abs(_samples(waveforms, k).astype(int) - expected_T).max() <= 1


def _clip(path: Path) -> Clip:
    return Clip(path.name, path, "genre")


def _folders(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


def _piece(cache: Path) -> Path:
    """The only file of samples in a cache."""
    [path] = cache.glob("sound-*/*.piece")
    return path


class Reads:
    """Counts the paths that are decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[Path] = []
        self.read_sound = reader.read_sound
        monkeypatch.setattr(reader, "read_sound", self)

    def __call__(self, path: Path, *arguments: Any) -> reader.Sound:
        self.paths.append(path)
        return self.read_sound(path, *arguments)


def test_cached_samples_are_the_decoded_ones_rounded_to_16_bits(tmp_path: Path, cache: Path) -> None:
    paths = [tone(tmp_path / "a.mp3", rate=44100), tone(tmp_path / "b.wav", hz=99, level=0.01, channels=2)]
    waveforms = open_or_decode([_clip(path) for path in paths], cache, RATE)
    for k, path in enumerate(paths):
        assert np.abs(_samples(waveforms, k) / 32767 - reader.read(path, RATE)).max() <= 0.5 / 32767 + 1e-6


def test_samples_beyond_full_scale_are_clipped_and_not_wrapped(tmp_path: Path, cache: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.linspace(-1.2, 1.2, 1001), RATE, subtype="FLOAT")
    waveforms = open_or_decode([_clip(tmp_path / "a.wav")], cache, RATE)
    assert (np.diff(_samples(waveforms, 0).astype(int)) >= 0).all()
    assert _samples(waveforms, 0)[[0, -1]].tolist() == [-32767, 32767]


def test_clips_follow_one_another_without_gap_or_overlap(clips: list[Clip], cache: Path) -> None:
    waveforms = open_or_decode(clips, cache, RATE)
    _check_complete(waveforms, clips)
    assert waveforms.offset.tolist() == np.r_[0, np.cumsum(waveforms.length)[:-1]].tolist()
    assert len(waveforms.pieces[1]) == waveforms.length.sum() == 24 * 2 * RATE


def test_only_the_requested_part_of_a_file_is_cached_up_to_max_seconds(tmp_path: Path, cache: Path) -> None:
    ramp_T = np.arange(-15000, 15000) / 32768
    path = write(tmp_path / "a.wav", ramp_T, 1000)
    whole = Clip("a", path, "g")
    part = replace(whole, name="a#5-9", start_seconds=5, stop_seconds=9)
    waveforms = open_or_decode([whole, part], cache, 1000, max_seconds=10)
    assert _samples(waveforms, 0).tolist() == list(range(-5000, 5000))
    assert _samples(waveforms, 1).tolist() == list(range(-10000, -6000))


def test_a_second_call_decodes_nothing(clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_or_decode(clips, cache, RATE)
    monkeypatch.setattr(reader, "read_sound", _fail)
    second = open_or_decode(clips, cache, RATE)
    _check_complete(second, clips)
    assert (list(second.digest), second.offset.tolist()) == (list(first.digest), first.offset.tolist())


def test_new_labels_decode_nothing(clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_or_decode(clips, cache, RATE)
    monkeypatch.setattr(reader, "read_sound", _fail)
    relabelled = [replace(clip, genre="another", artist=None) for clip in clips]
    assert list(open_or_decode(relabelled, cache, RATE).clips) == relabelled


def test_every_change_of_the_sound_is_decoded(tmp_path: Path, cache: Path) -> None:
    path = tone(tmp_path / "a.wav", seconds=3)
    caches = [open_or_decode([_clip(path)], cache, RATE)]
    caches.append(open_or_decode([_clip(path)], cache, RATE // 2))
    caches.append(open_or_decode([_clip(path)], cache, RATE, max_seconds=1))
    caches.append(open_or_decode([replace(_clip(path), start_seconds=1)], cache, RATE))
    caches.append(open_or_decode([replace(_clip(path), stop_seconds=1.5)], cache, RATE))
    tone(path, seconds=4)
    caches.append(open_or_decode([_clip(path)], cache, RATE))
    modified_ns = path.stat().st_mtime_ns
    tone(path, seconds=4, hz=300)  # the same size
    os.utime(path, ns=(modified_ns, modified_ns + 1))
    caches.append(open_or_decode([_clip(path)], cache, RATE))
    lengths = [3 * RATE, 3 * RATE // 2, RATE, 2 * RATE, 1.5 * RATE, 4 * RATE, 4 * RATE]
    assert [int(waveforms.length[0]) for waveforms in caches] == lengths
    assert len({waveforms.digest[0] for waveforms in caches}) == len(caches)
    assert [name.rpartition("-")[0] for name in _folders(cache)] == [f"sound-{RATE // 2}", f"sound-{RATE}"]


def test_unusable_files_are_listed_with_their_reasons_and_the_others_are_decoded(tmp_path: Path, cache: Path) -> None:
    good = tone(tmp_path / "good.wav")
    (tmp_path / "text.wav").write_text("not a song")
    (tmp_path / "empty.mp3").write_bytes(b"")
    write(tmp_path / "zeros.wav", np.zeros(1000))
    write(tmp_path / "constant.wav", np.full(1000, 0.5))
    write(tmp_path / "one.wav", np.full(1, 0.5), 96000)
    quiet = tone(tmp_path / "quiet.wav", level=0.0011)  # just above -60 dB
    names = ["text.wav", "good.wav", "gone.wav", "empty.mp3", "zeros.wav", "constant.wav", "quiet.wav", "one.wav"]
    all_clips = [_clip(tmp_path / name) for name in names]
    silent = "silent (its peak stays below 0.001 of full scale)"
    for _ in range(2):  # decoded first, then read from the cache
        waveforms = open_or_decode(all_clips, cache, RATE)
        assert [clip.path for clip in waveforms.clips] == [good, quiet]
        assert waveforms.length.tolist() == [RATE, RATE]
        assert waveforms.excluded == [
            Excluded("text.wav", "contains text, not sound"),
            Excluded("gone.wav", "no such file"),
            Excluded("empty.mp3", "an empty file (0 bytes)"),
            Excluded("zeros.wav", silent),
            Excluded("constant.wav", silent),
            Excluded("one.wav", "no samples"),
        ]


def test_a_corpus_without_usable_files_gives_an_empty_cache(tmp_path: Path, cache: Path) -> None:
    waveforms = open_or_decode([_clip(tmp_path / "gone.wav")], cache, RATE)
    assert (len(waveforms.clips), len(waveforms.pieces), len(waveforms.offset)) == (0, 0, 0)
    assert waveforms.excluded == [Excluded("gone.wav", "no such file")]


@pytest.mark.parametrize("prepared", [False, True])
def test_strict_raises_an_error_for_the_first_unusable_file(prepared: bool, tmp_path: Path, cache: Path) -> None:
    tone(tmp_path / "good.wav")
    all_clips = [_clip(tmp_path / name) for name in ("good.wav", "gone.wav", "lost.wav")]
    if prepared:
        open_or_decode(all_clips, cache, RATE)
    with pytest.raises(ValueError, match=r"^gone.wav: no such file. To leave out such clips, set data.strict=false\.$"):
        open_or_decode(all_clips, cache, RATE, strict=True)
    assert len(open_or_decode(all_clips, cache, RATE).clips) == 1


def test_digests_are_equal_only_for_identical_audio_in_any_format(tmp_path: Path, cache: Path) -> None:
    wave_T = np.random.default_rng(0).integers(-9000, 9000, 5000).astype(np.int16)
    almost_T = wave_T.copy()
    almost_T[2500] += 1
    soundfile.write(tmp_path / "a.wav", wave_T, RATE)
    soundfile.write(tmp_path / "a.flac", wave_T, RATE)
    with soundfile.SoundFile(tmp_path / "tagged.flac", "w", RATE, 1) as file:
        file.title, file.artist = "Another name", "Somebody"
        file.write(wave_T)
    soundfile.write(tmp_path / "almost.wav", almost_T, RATE)
    soundfile.write(tmp_path / "shorter.wav", wave_T[:-1], RATE)
    names = ["a.wav", "a.flac", "tagged.flac", "almost.wav", "shorter.wav"]
    digest = open_or_decode([_clip(tmp_path / name) for name in names], cache, RATE).digest
    assert digest[0] == digest[1] == digest[2]
    assert len({digest[0], digest[3], digest[4]}) == 3


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_after_an_interruption_the_next_call_decodes_only_the_other_clips(
    interruption: type[BaseException], clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_sound = reader.read_sound

    def interrupted(path: Path, *arguments: Any) -> reader.Sound:
        if path == clips[15].path:
            raise interruption
        return read_sound(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(reader, "read_sound", interrupted)
        with pytest.raises(interruption):
            open_or_decode(clips, cache, RATE)
    reads = Reads(monkeypatch)
    _check_complete(open_or_decode(clips, cache, RATE), clips)
    assert sorted(reads.paths) == sorted(clip.path for clip in clips[15:])


def test_a_killed_decoding_goes_on_where_it_stopped(
    tiny: Path, clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The killed process saves after every clip. It also leaves bytes that the index does not list."""
    child = _child(tiny, cache, reads=20, save_seconds=-1)
    try:
        _begin(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "blocked\n"
        deadline = time.monotonic() + 30
        while len(list(waveform_cache.sound_store(cache, RATE).entries())) < 20 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        child.kill()
        child.communicate()
    with open(_piece(cache), "ab") as file:
        file.write(b"torn" * 1001)
    reads = Reads(monkeypatch)
    _check_complete(open_or_decode(clips, cache, RATE), clips)
    assert len(reads.paths) == 4
    assert _piece(cache).stat().st_size == 24 * 2 * RATE * 2 + 4004  # what is not listed stays: it is never overwritten


def test_new_files_alone_are_decoded_and_removed_ones_are_left_out(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_or_decode(clips[:15], cache, RATE)
    reads = Reads(monkeypatch)
    _check_complete(open_or_decode(clips, cache, RATE), clips)
    assert sorted(reads.paths) == sorted(clip.path for clip in clips[15:])
    _check_complete(open_or_decode(clips[20:] + clips[3:7], cache, RATE), clips[20:] + clips[3:7])
    assert len(reads.paths) == 9


def test_a_moved_file_is_not_decoded_again(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [_clip(tone(tmp_path / f"{k}.wav", hz=100 + k)) for k in range(3)]
    parts = [replace(clip, name=f"{clip.name}#1-2", start_seconds=0.25) for clip in before]
    first = open_or_decode([*before, *parts], cache, RATE)
    (tmp_path / "new").mkdir()
    after = [_clip(clip.path.rename(tmp_path / "new" / f"other{clip.name}")) for clip in before]
    parts = [replace(clip, name=f"{clip.name}#1-2", start_seconds=0.25) for clip in after]
    with monkeypatch.context() as patch:
        patch.setattr(reader, "read_sound", _fail)
        moved = open_or_decode([*after, *parts], cache, RATE)
        assert moved.digest == first.digest
        open_or_decode([*after, *parts], cache, RATE)
    _check_complete(open_or_decode(after, cache, RATE), after)


def test_a_similar_file_beside_the_decoded_one_is_decoded(tmp_path: Path, cache: Path) -> None:
    """Of equal size and time, and with equal samples where the content is compared, as archives may unpack files."""
    wave_T = np.random.default_rng(0).integers(-9000, 9000, 400_000).astype(np.int16)
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path in paths:
        soundfile.write(path, wave_T, RATE)
        os.utime(path, (10**9, 10**9))
        wave_T[100_000] += 1
    waveforms = [open_or_decode([_clip(path)], cache, RATE) for path in paths]
    assert waveforms[0].digest != waveforms[1].digest
    _check_complete(waveforms[1], [_clip(paths[1])])


def test_a_file_that_replaces_another_is_decoded(tmp_path: Path, cache: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.arange(5000, dtype=np.int16), RATE)
    open_or_decode([_clip(tmp_path / "a.wav")], cache, RATE)
    (tmp_path / "a.wav").rename(tmp_path / "b.wav")
    soundfile.write(tmp_path / "a.wav", np.arange(5000, 0, -1, dtype=np.int16), RATE)
    clips = [_clip(tmp_path / "a.wav"), _clip(tmp_path / "b.wav")]
    _check_complete(open_or_decode(clips, cache, RATE), clips)


def test_a_file_that_could_not_be_read_is_tried_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file does not change, as when its disk was away for a moment."""
    clips = [_clip(tone(tmp_path / "a.wav")), _clip(tone(tmp_path / "b.wav", hz=300))]
    read_sound = reader.read_sound

    def away(path: Path, *arguments: Any) -> reader.Sound:
        if path == clips[1].path:
            raise reader.AudioError("Input/output error")
        return read_sound(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(reader, "read_sound", away)
        waveforms = open_or_decode(clips, cache, RATE)
        assert waveforms.excluded == [Excluded("b.wav", "Input/output error")]
    _check_complete(open_or_decode(clips, cache, RATE), clips)


def test_a_lost_piece_is_noticed_although_new_clips_are_appended_first(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_or_decode(clips[:15], cache, RATE)
    os.truncate(_piece(cache), 10 * 2 * RATE * 2)
    _check_complete(open_or_decode(clips[15:], cache, RATE), clips[15:])
    reads = Reads(monkeypatch)
    _check_complete(open_or_decode(clips, cache, RATE), clips)
    assert sorted(reads.paths) == sorted(clip.path for clip in clips[10:15])


def test_whole_and_fractional_seconds_are_the_same_part(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_or_decode(clips, cache, RATE, max_seconds=1)
    monkeypatch.setattr(reader, "read_sound", _fail)
    open_or_decode(clips, cache, RATE, max_seconds=1.0)


def test_samples_go_on_in_another_piece_and_only_what_is_cut_off_is_decoded_again(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "PIECE_BYTES", 10 * 2 * RATE * 2)  # of 10 clips
    waveforms = open_or_decode(clips, cache, RATE)
    _check_complete(waveforms, clips)
    assert waveforms.piece.tolist() == [1] * 10 + [2] * 10 + [3] * 4
    second = next(cache.glob("sound-*/2.piece"))
    os.truncate(second, second.stat().st_size // 2)
    next(cache.glob("sound-*/3.piece")).unlink()
    reads = Reads(monkeypatch)
    _check_complete(open_or_decode(clips, cache, RATE), clips)
    assert sorted(reads.paths) == sorted(clip.path for clip in clips[15:])
    message = capsys.readouterr().err
    assert "is damaged (2.piece has 220,500 of 441,000 values): what is missing is computed again." in message
    assert "3.piece has 0 of 176,400 values" in message


def test_an_index_that_is_no_database_is_made_again(
    clips: list[Clip], cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_or_decode(clips, cache, RATE)
    [index] = cache.glob("sound-*/index.sqlite")
    index.write_bytes(b"torn" * 1000)
    _check_complete(open_or_decode(clips, cache, RATE), clips)
    assert "is damaged (file is not a database), so all of it is computed again." in capsys.readouterr().err


def test_of_two_processes_at_once_one_decodes_and_both_open_the_same_samples(tiny: Path, cache: Path) -> None:
    children = [_child(tiny, cache, reads=10**6) for _ in range(2)]
    for child in children:  # both have imported everything and wait for this line
        _begin(child)
    (reads_a, digest_a, sum_a), (reads_b, digest_b, sum_b) = (json.loads(child.communicate()[0]) for child in children)
    assert sorted([reads_a, reads_b]) == [0, 24]
    assert (digest_a, sum_a) == (digest_b, sum_b)
    assert len(digest_a) == 24
    assert len(_folders(cache)) == 1


def test_a_full_disk_is_an_error_and_what_was_decoded_stays(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SAVE_SECONDS", -1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))  # half of what the cache needs
    try:
        with pytest.raises(OSError) as raised:  # noqa: PT011  # errno is checked below
            open_or_decode(clips, cache, RATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno == errno.EFBIG
    assert _piece(cache).stat().st_size == 11 * 2 * RATE * 2  # whole clips only
    reads = Reads(monkeypatch)
    _check_complete(open_or_decode(clips, cache, RATE), clips)
    assert len(reads.paths) == 13


def _set_free_bytes(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))


def test_the_disk_space_of_a_cache_is_reported_once(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waveform_cache, "REPORTED_BYTES", 2e6)
    _set_free_bytes(monkeypatch, 54e9)
    # Decoded first, then read from the cache.
    for message in (f"24 clips will take about 2.1 MB in {cache} (54.0 GB free).", ""):
        waveforms = open_or_decode(clips, cache, RATE)
        assert capsys.readouterr().err.partition("\n")[0] == message
    assert waveforms.length.sum() * 2 == 24 * 2 * RATE * 2 == 2116800


def test_the_disk_space_of_a_small_cache_is_not_reported(
    clips: list[Clip], cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_or_decode(clips, cache, RATE)
    assert "clips will take" not in capsys.readouterr().err


def test_disk_space_is_estimated_from_the_headers_of_sampled_clips(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of files and max_seconds count with their length, files that cannot be opened with 0 s."""
    path, gone = tone(tmp_path / "a.mp3", seconds=10, rate=44100), tmp_path / "gone.mp3"
    whole, part = _clip(path), replace(_clip(path), start_seconds=2, stop_seconds=5)
    end, beyond_end = replace(_clip(path), start_seconds=8), replace(_clip(path), start_seconds=11)
    clips = [whole, part, end, beyond_end, _clip(gone)]
    assert [waveform_cache._seconds(clip, None) for clip in clips] == pytest.approx([10, 3, 2, 0, 0], abs=0.1)
    assert [waveform_cache._seconds(clip, 2.5) for clip in clips] == pytest.approx([2.5, 2.5, 2, 0, 0], abs=0.1)
    sampled: list[Path] = []
    monkeypatch.setattr(waveform_cache, "_seconds", lambda clip, max_seconds: sampled.append(clip.path) or 30.0)
    monkeypatch.setattr(reader, "read_sound", _fail)
    _set_free_bytes(monkeypatch, 10e9)
    many_clips = [_clip(tmp_path / f"{k:04d}.mp3") for k in range(8000)]
    with pytest.raises(OSError, match=r"^8,000 clips will take about 10\.6 GB in .*\(10\.0 GB free\)\. Choose "):
        open_or_decode(many_clips, cache, RATE)
    assert [int(path.stem) for path in sampled] == [round(k * 7999 / 19) for k in range(20)]


def test_too_little_disk_space_is_refused_before_anything_is_decoded(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set_free_bytes(monkeypatch, 2e6)
    with monkeypatch.context() as patch:
        patch.setattr(reader, "read_sound", _fail)
        message = (
            f"24 clips will take about 2.1 MB in {cache} (2.0 MB free). Choose a folder on a larger disk with data.cache=, "
            "less of each file with data.max_seconds=, or fewer genres with dataset.genres="
        )
        with pytest.raises(OSError, match=f"^{re.escape(message)}$") as raised:
            open_or_decode(clips, cache, RATE)
    assert raised.value.errno is None  # the message is our own and is shown to the user unchanged
    assert not list(cache.glob("*/*.piece"))
    assert len(open_or_decode(clips, cache, RATE, max_seconds=1).clips) == 24


def test_an_uncertain_estimate_of_disk_space_refuses_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waveform_cache, "DISK_ESTIMATE_CLIPS", 2)
    _set_free_bytes(monkeypatch, 0.3e6)
    seconds = (1, 1, 1, 9)  # estimated from the first and the last: 20 s and 0.9 MB; in fact 12 s and 0.5 MB
    all_clips = [_clip(tone(tmp_path / f"{k}.wav", seconds=length)) for k, length in enumerate(seconds)]
    assert len(open_or_decode(all_clips, cache, RATE).clips) == 4


def test_a_cache_path_that_is_a_file_is_an_error(clips: list[Clip], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        open_or_decode(clips, tmp_path / "file", RATE)


def test_open_samples_can_be_read_after_the_cache_is_removed(clips: list[Clip], cache: Path) -> None:
    waveforms = open_or_decode(clips, cache, RATE)
    shutil.rmtree(cache)
    _check_complete(waveforms, clips)


def test_caches_of_an_older_format_are_not_opened(
    clips: list[Clip], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_or_decode(clips, cache, RATE)
    monkeypatch.setattr(waveform_cache, "FORMAT", waveform_cache.FORMAT + 1)
    open_or_decode(clips, cache, RATE)
    assert len(_folders(cache)) == 2


def test_a_constant_signal_is_silent_at_another_sample_rate_too(tmp_path: Path) -> None:
    clips = [Clip("a", write(tmp_path / "a.wav", np.full(2 * RATE, 0.3)), "genre")]
    waveforms = waveform_cache.open_or_decode(clips, tmp_path / "cache", 16000)
    assert [excluded.reason for excluded in waveforms.excluded] == [decoding.SILENT]
