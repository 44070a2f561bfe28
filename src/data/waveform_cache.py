"""The waveform cache: every clip is decoded once, to int16 samples in a store that grows, so that training does not decode."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src import formatting
from src.audio import reader
from src.audio.corrections import SILENT
from src.audio.ffmpeg import has_ffmpeg
from src.clip import Clip, Excluded
from src.console import note, relative_path, track
from src.data.decoding import decode
from src.data.store import Store
from src.plain_files import explaining_no_room, format_bytes, stamp
from src.rundir import code_digest
from src.threads import map_in_order

FORMAT = 3  # part of the folder's name: increase it when the layout of the cached files changes
DISK_ESTIMATE_CLIPS = 20  # clips whose headers are read to estimate the disk space of a cache
REPORTED_BYTES = 100e6  # the estimated size is reported only if the cache takes at least this much
KEY_LENGTH = 24  # hexadecimal digits
LOOKED_UP = 10_000  # clips that are looked up at once, to save memory
SAMPLED_BYTES = 2**16  # read at the beginning, the middle and the end of a file to recognize it after it was moved


class ClipNote(NamedTuple):
    """A correction of a clip, or sound that is missing from it; kind and text as in corrections.Note."""

    clip: str
    kind: str
    note: str


@dataclass(frozen=True)
class WaveformCache:
    """Decoded clips as int16 samples: clip k is `pieces[piece[k]][offset[k] : offset[k] + length[k]]`.

    `digest` is a hash of each clip's samples: equal digests mean identical audio, whatever the files' tags or formats.
    """

    clips: Sequence[Clip]
    excluded: Sequence[Excluded]
    pieces: Mapping[int, Tensor]  # each (samples,) int16, memory-mapped
    piece: NDArray[np.int64]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    digest: Sequence[str]
    notes: Sequence[ClipNote] = ()  # in the order of the clips

    def samples(self, k: int) -> Tensor:
        """The samples of clip k, (T,) int16, not copied."""
        start = int(self.offset[k])
        return self.pieces[int(self.piece[k])][start : start + int(self.length[k])]

    def copied_to(self, device: torch.device) -> "WaveformCache":
        """The same clips with all samples in one piece, number 0, in the memory of a device."""
        offset = self.length.cumsum() - self.length
        samples = torch.empty(int(self.length.sum()), dtype=torch.int16, device=device)
        for k, (start, length) in enumerate(zip(offset.tolist(), self.length.tolist(), strict=True)):
            samples[start : start + length].copy_(self.samples(k))
        return replace(self, pieces={0: samples}, piece=np.zeros_like(self.piece), offset=offset)


def open_or_decode(
    clips: Sequence[Clip],
    cache: Path,
    sample_rate: int,
    max_seconds: float | None = None,
    strict: bool = False,
) -> WaveformCache:
    """Decode those clips of a corpus that are not yet in the folder `cache`, then open the cached waveforms.

    A clip is known by the path, size and modification time of its file, and a file that was moved by its size, time and
    content. Safe to interrupt: what is decoded stays cached. Safe to run concurrently. A clip that cannot be used is listed in
    `excluded` with its reason; with `strict`, the first such clip raises ValueError instead. What is damaged in the cache is
    decoded again. Raises NoRoom if the disk is full or read-only. A disk that is clearly too small is reported, as OSError,
    before anything is decoded.
    """
    cache.mkdir(parents=True, exist_ok=True)
    store = sound_store(cache, sample_rate)
    # As an array of bytes: a corpus may have a million clips, and strings need three times the memory.
    keys = np.fromiter((_key(clip, max_seconds) for clip in clips), f"S{KEY_LENGTH}", len(clips))
    table = _Table(clips)
    with store.lock(keys.tobytes()):
        missing = table.fill(keys, store)
        if missing:
            table.refuse_excluded(strict)
            failed = _decode_missing(clips, missing, keys, store, cache, sample_rate, max_seconds, strict)
            left = [k for k in table.fill(keys, store) if k not in failed]
            if left:  # another process has found the index damaged and made it anew
                raise OSError(f"{store.folder} lost {clips[left[0]].name} while it was used. Give the command again.")
            table.reason.update(failed)
        table.refuse_excluded(strict)
        return table.opened(store)


def sound_store(cache: Path, sample_rate: int) -> Store:
    """The store of waveforms of a sample rate, decoded by the present code, with or without FFmpeg."""
    about = {"kind": "sound", "sample_rate": sample_rate, "ffmpeg": has_ffmpeg(), "code": decoding_code()}
    return Store(cache / f"sound-{sample_rate}-{_hash(about)[:12]}", torch.int16, about)


def decoding_code() -> str:
    """A digest of the code that decodes, and of the layout of the cache."""
    code = code_digest.digest(code_digest.digests_with_imports("src.data.decoding"))
    return f"{FORMAT}-{code}"


class _Table:
    """Entries of the store for each clip of a corpus; the numbers in arrays, as there may be a million clips."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.clips = clips
        self.place_K3 = np.zeros((len(clips), 3), np.int64)  # piece, offset, length
        self.digest: list[str] = [""] * len(clips)
        self.reason: dict[int, str] = {}
        self.notes: dict[int, list[list[str]]] = {}
        self.known_K = np.zeros(len(clips), bool)

    def fill(self, keys: NDArray[np.bytes_], store: Store) -> list[int]:
        """Look up the clips that are not known yet -> the indices of those that the store lacks."""
        unknown = np.flatnonzero(~self.known_K)
        parts = (unknown[first : first + LOOKED_UP] for first in range(0, len(unknown), LOOKED_UP))
        return [k for part in parts for k in self._fill(part.tolist(), keys, store)]

    def _fill(self, clips: Sequence[int], keys: NDArray[np.bytes_], store: Store) -> list[int]:
        clips_of: dict[str, list[int]] = {}
        for k in clips:
            clips_of.setdefault(keys[k].decode(), []).append(k)
        for entry in store.find(list(clips_of)):
            detail = json.loads(entry.detail)
            for k in clips_of.pop(entry.key):
                self.known_K[k] = True
                self.place_K3[k] = entry.piece, entry.start, entry.items
                self.digest[k] = detail["digest"]
                if detail["reason"]:
                    self.reason[k] = detail["reason"]
                if detail["notes"]:
                    self.notes[k] = detail["notes"]
        return [k for indices in clips_of.values() for k in indices]

    def refuse_excluded(self, strict: bool) -> None:
        if strict and self.reason:
            k = min(self.reason)
            raise _refusal(Excluded(self.clips[k].name, self.reason[k]))

    def opened(self, store: Store) -> WaveformCache:
        """Open the samples of all clips that can be used."""
        usable = [k for k in range(len(self.clips)) if k not in self.reason]
        piece_K, offset_K, length_K = self.place_K3[usable].reshape(-1, 3).T
        ends = {int(piece): int((offset_K + length_K)[piece_K == piece].max()) for piece in np.unique(piece_K)}
        return WaveformCache(
            clips=[self.clips[k] for k in usable],
            excluded=[Excluded(self.clips[k].name, self.reason[k]) for k in sorted(self.reason)],
            pieces={piece: store.map(piece, end) for piece, end in ends.items()},
            piece=piece_K,
            offset=offset_K,
            length=length_K,
            digest=[self.digest[k] for k in usable],
            notes=[ClipNote(self.clips[k].name, *pair) for k in sorted(self.notes) for pair in self.notes[k]],
        )


def _refusal(excluded: Excluded) -> ValueError:
    return ValueError(f"{excluded.clip}: {excluded.reason}. To leave out such clips, set data.strict=false.")


def _key(clip: Clip, max_seconds: float | None) -> str:
    """Identify what is decoded: the file as it is on disk, and the part of it that is read."""
    return _hash([str(clip.path.absolute()), stamp(clip.path), *_part(clip, max_seconds)])[:KEY_LENGTH]


def _part(clip: Clip, max_seconds: float | None) -> list[float | None]:
    """The part of the file that is read: start, stop and longest duration in s."""
    return [
        None if seconds is None else float(seconds) for seconds in (clip.start_seconds, clip.stop_seconds, max_seconds)
    ]


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _twin(clip: Clip, max_seconds: float | None) -> str | None:
    """As `_key`, but with a sample of the file's content in place of its path; None if the file cannot be read."""
    try:
        with open(clip.path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            sampled = hashlib.sha256()
            for start in sorted({0, max(0, (size - SAMPLED_BYTES) // 2), max(0, size - SAMPLED_BYTES)}):
                file.seek(start)
                sampled.update(file.read(SAMPLED_BYTES))
            return _hash([stamp(clip.path), sampled.hexdigest(), *_part(clip, max_seconds)])[:KEY_LENGTH]
    except OSError:
        return None


class _Decoded(NamedTuple):
    """Samples of a clip as bytes, empty if it cannot be used; its details and second key for the store."""

    excluded: Excluded | None
    samples: bytes
    detail: str
    twin: str | None = None


def _decode_missing(
    clips: Sequence[Clip],
    missing: Sequence[int],
    keys: NDArray[np.bytes_],
    store: Store,
    cache: Path,
    sample_rate: int,
    max_seconds: float | None,
    strict: bool,
) -> dict[int, str]:
    """Decode clips in parallel into the store -> the reasons of those that cannot be decoded, by their index.

    Clips whose files were moved are only renamed in the store. A failure is not stored: its cause may go away while the file
    stays the same, e.g. missing permissions or a disk that was away.
    """
    # In an empty store, no file can be one that was moved: the second key is then computed when the file is decoded.
    twins: dict[int, str | None] = {}
    if not store.empty:
        found = map_in_order(lambda k: _twin(clips[k], max_seconds), missing)
        twins = dict(zip(missing, found, strict=True))
    moved = _rename_moved(clips, twins, keys, store)
    unknown = [k for k in missing if k not in moved]
    if not unknown:
        return {}
    failed: dict[int, str] = {}
    needed_bytes = _check_disk([clips[k] for k in unknown], cache, sample_rate, max_seconds)

    def work(k: int) -> _Decoded:
        decoded = _decode(clips[k], sample_rate, max_seconds)
        return decoded._replace(twin=twins[k] if k in twins else _twin(clips[k], max_seconds))

    with (
        explaining_no_room(store.folder, needed_bytes),
        store.appending() as appender,
        closing(map_in_order(work, unknown)) as decoded,
    ):
        for k, result in zip(unknown, track(decoded, "Decoding audio, once", len(unknown)), strict=True):
            if result.excluded and strict:
                raise _refusal(result.excluded)
            if result.excluded and result.excluded.reason != SILENT:
                failed[k] = result.excluded.reason
            else:
                appender.append(keys[k].decode(), result.samples, result.detail, result.twin)
    return failed


def _decode(clip: Clip, sample_rate: int, max_seconds: float | None) -> _Decoded:
    result = decode(clip, sample_rate, max_seconds)
    if isinstance(result, Excluded):
        return _Decoded(result, b"", _detail(clip, result.reason, "", []))
    samples = result.wave_T.tobytes()
    notes = [[note.kind, note.text] for note in result.notes]
    return _Decoded(None, samples, _detail(clip, "", hashlib.sha256(samples).hexdigest()[:16], notes))


def _detail(clip: Clip, reason: str, digest: str, notes: Sequence[Sequence[str]]) -> str:
    """The details of a clip in the store. `path` and `stamp` tell whether its file still exists."""
    content = {"path": str(clip.path.absolute()), "stamp": stamp(clip.path), "reason": reason, "digest": digest}
    return json.dumps({**content, "notes": notes})


def _rename_moved(
    clips: Sequence[Clip], twins: Mapping[int, str | None], keys: NDArray[np.bytes_], store: Store
) -> set[int]:
    """Find clips that the store has under the path that their file had before it was moved -> their indices.

    `twins` are the second keys of the missing clips, by their index.
    """
    index_of = {twin: k for k, twin in twins.items() if twin}
    renamed = {}
    for twin, entry in store.find_twins(list(index_of)):
        detail = json.loads(entry.detail)
        # A file that still stands at its old place was not moved: this one is decoded, however similar it is.
        if stamp(Path(detail["path"])) != tuple(detail["stamp"]):
            k = index_of[twin]
            renamed[k] = (entry, keys[k].decode(), json.dumps({**detail, "path": str(clips[k].path.absolute())}))
    store.rename(renamed.values())
    return set(renamed)


def _check_disk(clips: Sequence[Clip], cache: Path, sample_rate: int, max_seconds: float | None) -> float:
    """Report and return the disk space in bytes that the cache will take, estimated from the headers of some clips.

    Raises OSError if there is not enough.
    """
    sampled = {round(k * (len(clips) - 1) / (DISK_ESTIMATE_CLIPS - 1)) for k in range(DISK_ESTIMATE_CLIPS)}
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
