"""The waveform cache: every clip is decoded once into one int16 memory map, so that training does not decode again."""

import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src import formatting
from src.audio import reader
from src.audio.ffmpeg import has_ffmpeg
from src.clip import Clip, Excluded
from src.console import note, relative_path, track
from src.data.decoding import decode
from src.plain_files import explaining_no_room, format_bytes, open_text, original, stamp, write_csv
from src.rundir import code_digest
from src.threads import map_in_order

FORMAT = 2  # part of every key: increase it when the layout of the cached files changes
DISK_ESTIMATE_CLIPS = 20  # clips whose headers are read to estimate the disk space of a cache
REPORTED_BYTES = 100e6  # the estimated size is reported only if the cache takes at least this much


class ClipNote(NamedTuple):
    """A correction of a clip, or sound that is missing from it; kind and text as in corrections.Note."""

    clip: str
    kind: str
    note: str


@dataclass(frozen=True)
class WaveformCache:
    """Decoded clips, one after another, as int16 samples; clip k is `samples[offset[k] : offset[k] + length[k]]`.

    `digest` is a hash of each clip's samples: equal digests mean identical audio, whatever the files' tags or formats.
    """

    clips: Sequence[Clip]
    excluded: Sequence[Excluded]
    samples: Tensor  # (all samples,) int16, memory-mapped
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    digest: Sequence[str]
    notes: Sequence[ClipNote] = ()  # in the order of the clips


def open_or_decode(
    clips: Sequence[Clip],
    cache: Path,
    sample_rate: int,
    max_seconds: float | None = None,
    strict: bool = False,
) -> WaveformCache:
    """Decode the clips of a corpus if they are not yet in the folder `cache`, then open the cached waveforms.

    Safe to interrupt and to run concurrently. A clip that cannot be used is listed in `excluded` with its reason; with
    `strict`, the first such clip raises ValueError instead. A cache whose files do not fit together is made again. Raises
    NoRoom if the disk is full or read-only. A disk that is clearly too small is reported, as OSError, before anything is
    decoded.
    """
    folder = cache / f"wave-{_key(clips, sample_rate, max_seconds)}"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if folder.exists() and (fault := _fault(folder, len(clips))):
            note(f"The cache {relative_path(folder)} is damaged ({fault}), so the sound is decoded again.")
            shutil.rmtree(folder)
        if not folder.exists():
            _decode_into(folder, clips, sample_rate, max_seconds, strict)
    waveforms = _open(clips, folder)
    if strict and waveforms.excluded:
        first = waveforms.excluded[0]
        raise ValueError(f"{first.clip}: {first.reason}. To leave out such clips, set data.strict=false.")
    return waveforms


def _key(clips: Sequence[Clip], sample_rate: int, max_seconds: float | None) -> str:
    """Hash everything that affects the content of the cache.

    This is: the files as they are on disk, the parts read from them, the sample rate, and the code that decodes them, with
    or without FFmpeg.
    """
    code = code_digest.digest(code_digest.digests_with_imports("src.data.decoding"))
    hashed: list[object] = [FORMAT, code, has_ffmpeg(), sample_rate, max_seconds]
    hashed += [
        (clip.name, str(clip.path.absolute()), stamp(clip.path), clip.start_seconds, clip.stop_seconds)
        for clip in clips
    ]
    return hashlib.sha256(json.dumps(hashed).encode()).hexdigest()[:12]


def _decode_into(
    folder: Path, clips: Sequence[Clip], sample_rate: int, max_seconds: float | None, strict: bool
) -> None:
    """Decode all clips in parallel into a temporary folder, which is renamed to `folder` when it is complete."""
    for stale in folder.parent.glob(f"{folder.name}.part-*"):  # this process has the lock, so no other one writes there
        shutil.rmtree(stale, ignore_errors=True)
    needed_bytes = _check_disk(clips, folder.parent, sample_rate, max_seconds)
    part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
    try:
        with explaining_no_room(folder, needed_bytes):
            _decode_all(clips, part, sample_rate, max_seconds, strict)
            os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_disk(clips: Sequence[Clip], cache: Path, sample_rate: int, max_seconds: float | None) -> float:
    """Report and return the disk space in bytes that the cache will take, estimated from the headers of some clips.

    Raises OSError if there is not enough.
    """
    sampled = (
        {round(k * (len(clips) - 1) / (DISK_ESTIMATE_CLIPS - 1)) for k in range(DISK_ESTIMATE_CLIPS)}
        if clips
        else set()
    )
    seconds = np.array([_seconds(clips[k], max_seconds) for k in sorted(sampled)])
    if not seconds.sum():
        return 0.0
    needed = np.dtype(np.int16).itemsize * sample_rate * len(clips) * seconds.mean()
    # Lower bound of the estimate, 2 standard errors below it: a corpus is refused only if it clearly does not fit.
    margin = 2 * seconds.std() / seconds.mean() / len(seconds) ** 0.5 if len(seconds) < len(clips) else 0.0
    free = shutil.disk_usage(cache).free
    estimate = f"{formatting.count(len(clips), 'clip')} will take about {format_bytes(needed)} in {relative_path(cache)} ({format_bytes(free)} free)"
    if needed * (1 - margin) > free:
        raise OSError(
            f"{estimate}. Choose a folder on a larger disk with data.cache=, less of each file with data.max_seconds=, or "
            "fewer genres with dataset.genres="
        )
    if needed >= REPORTED_BYTES:
        note(f"{estimate}.")
    return float(needed)


def _seconds(clip: Clip, max_seconds: float | None) -> float:
    """Length of a clip in s according to its file's header; 0 if the file cannot be opened."""
    stop = clip.stop_seconds
    if stop is None:
        try:
            stop = reader.Stream(clip.path, 1).duration_seconds
        except reader.AudioError:
            return 0.0
    return min(max(0.0, stop - clip.start_seconds), max_seconds or float("inf"))


def _decode_all(clips: Sequence[Clip], part: Path, sample_rate: int, max_seconds: float | None, strict: bool) -> None:
    rows: list[tuple[int, int, int, str]] = []
    excluded: list[Excluded] = []
    notes: list[tuple[int, str, str]] = []
    offset = 0
    with open(part / "wave.int16", "wb") as file:
        decoded = map_in_order(lambda clip: decode(clip, sample_rate, max_seconds), clips, os.cpu_count() or 1)
        for k, result in enumerate(track(decoded, "Decoding audio, once", len(clips))):
            if isinstance(result, Excluded):
                if strict:
                    raise ValueError(f"{result.clip}: {result.reason}. To leave out such clips, set data.strict=false.")
                excluded.append(result)
                continue
            wave_T = result.wave_T
            notes += [(k, note.kind, note.text) for note in result.notes]
            file.write(wave_T.tobytes())
            rows.append((k, offset, len(wave_T), hashlib.sha256(wave_T.tobytes()).hexdigest()[:16]))
            offset += len(wave_T)
    write_csv(part / "excluded.csv", ("clip", "reason"), ((clip.clip, clip.reason) for clip in excluded))
    write_csv(part / "notes.csv", ClipNote._fields, notes)
    write_csv(part / "index.csv", ("clip", "offset", "length", "digest"), rows)


def _fault(folder: Path, clips: int) -> str | None:
    """Say in which way the files of a cache of `clips` clips do not fit together; None if they do.

    A memory map must never reach beyond its file: reading there would kill the process.
    """
    try:
        with open_text(folder / "excluded.csv") as file:
            table = csv.DictReader(file)
            excluded = sum(None not in (row["clip"], row["reason"]) for row in table)
            if not table.fieldnames:
                return "excluded.csv is empty"
        with open_text(folder / "index.csv") as file:
            rows = [(int(row["clip"]), int(row["offset"]), int(row["length"])) for row in csv.DictReader(file)]
        with open_text(folder / "notes.csv") as file:
            noted = [int(row["clip"]) for row in csv.DictReader(file) if row["kind"] and row["note"]]
        samples = (folder / "wave.int16").stat().st_size / np.dtype(np.int16).itemsize
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        return f"{type(error).__name__}: {error}"
    index_K, offset_K, length_K = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    if (
        len(rows) + excluded != clips
        or not np.array_equal(np.unique(index_K), index_K)
        or any(index_K < 0)
        or any(index_K >= clips)
        or any(k >= clips for k in noted)
    ):
        return f"index.csv and excluded.csv list {len(rows)} and {excluded} of {clips} clips"
    if (length_K <= 0).any() or not np.array_equal(offset_K, np.cumsum(length_K) - length_K):
        return "the positions in index.csv do not follow each other"
    if samples != length_K.sum():
        return f"wave.int16 has {samples:g} samples, expected {length_K.sum()}"
    return None


def _open(clips: Sequence[Clip], folder: Path) -> WaveformCache:
    with open_text(folder / "excluded.csv") as file:
        excluded = [Excluded(original(row["clip"]), original(row["reason"])) for row in csv.DictReader(file)]
    with open_text(folder / "notes.csv") as file:
        notes = [
            ClipNote(clips[int(row["clip"])].name, row["kind"], original(row["note"])) for row in csv.DictReader(file)
        ]
    with open_text(folder / "index.csv") as file:
        rows = list(csv.DictReader(file))
    if rows:
        # Opened copy-on-write, because torch warns about read-only memory. Nothing is ever written.
        samples = torch.from_numpy(np.memmap(folder / "wave.int16", dtype=np.int16, mode="c"))
    else:
        samples = torch.empty(0, dtype=torch.int16)
    return WaveformCache(
        clips=[clips[int(row["clip"])] for row in rows],
        excluded=excluded,
        samples=samples,
        offset=np.array([row["offset"] for row in rows], dtype=np.int64),
        length=np.array([row["length"] for row in rows], dtype=np.int64),
        digest=[row["digest"] for row in rows],
        notes=notes,
    )
