"""The feature cache: a frozen feature of the segments of every clip, computed once and stored on disk."""

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import torch
from torch import Tensor

from src.console import note, relative_path, track
from src.data.crops import WaveformCrops
from src.plain_files import explaining_no_room, replacing, reserve, write_text

BATCH = 32  # segments that go through the feature at once


class CachedFeature:
    """A CropSource that returns features of segments in place of their sound: `value` (clips, S, F, N).

    A random crop is one of the S segments of its clip.
    """

    def __init__(self, value: Tensor) -> None:
        self.value = value

    def crops(self, crop_B: Tensor, seed: int, epoch: int) -> Tensor:
        """Draw one segment per crop id (see `src.data.crops`). The draw depends on (seed, epoch, crop id) only."""
        clips, segments = self.value.shape[:2]
        segment_B = [
            int(np.random.default_rng([seed, epoch, crop_id]).integers(segments)) for crop_id in crop_B.tolist()
        ]
        return self.value[crop_B.cpu() % clips, segment_B][:, None].to(crop_B.device)

    def segments(self, clip_B: Tensor, segments: int) -> Tensor:
        """Return all S = `segments` segments of each clip."""
        assert segments == self.value.shape[1]
        return self.value[clip_B.cpu()].to(clip_B.device)


def open_or_compute(
    source: WaveformCrops,
    segments: int,
    feature: Callable[[Tensor], Tensor],
    key: Mapping[str, Any],
    cache: Path,
    device: torch.device,
) -> CachedFeature:
    """Compute the features of a corpus that are missing in the folder `cache`, then open all of them.

    Safe to interrupt and to run concurrently. `key` is everything that affects the features except the sound: settings
    and code. A cache whose files do not fit together is made again. Raises NoRoom if the disk is full or read-only.
    """
    identity = {**key, "sound": list(source.waveforms.digest), "length": source.length, "segments": segments}
    folder = cache / f"feature-{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "lock"):
        _complete(folder, source, segments, feature, device)
    # Opened copy-on-write, because torch warns about read-only memory. Nothing is ever written.
    return CachedFeature(torch.from_numpy(np.load(folder / "value.npy", mmap_mode="c")))


def _complete(
    folder: Path, source: WaveformCrops, segments: int, feature: Callable[[Tensor], Tensor], device: torch.device
) -> None:
    """Continue where an earlier process stopped. The file `done` contains the number of clips whose features are on disk.

    They are written as to any file, not through a memory map: on a full disk that would kill the process.
    """
    clips, path = len(source.waveforms.clips), folder / "value.npy"
    first = _finished_clips(folder, clips, segments)
    if first == clips:
        return
    step = max(1, BATCH // segments)
    starts = range(first, clips, step)
    for start in track(starts, "Computing the frozen feature, once", len(starts)):
        clip_B = torch.arange(start, min(start + step, clips), device=device)
        with torch.no_grad():
            wave_BST = source.segments(clip_B, segments)
            value_BSFN = torch.unflatten(feature(wave_BST.flatten(0, 1)), 0, (-1, segments)).cpu().numpy()
        if not start:
            _create(path, (clips, *value_BSFN.shape[1:]))
        with explaining_no_room(path), open(path, "r+b") as file:
            clip_bytes = value_BSFN[0].size * np.dtype(np.float32).itemsize
            file.seek(-(clips - start) * clip_bytes, os.SEEK_END)
            file.write(value_BSFN.astype(np.float32).tobytes())
            file.flush()
            os.fsync(file.fileno())  # a batch counts as done only when it is on the disk
        write_text(folder / "done", str(start + len(value_BSFN)))


def _create(path: Path, shape: tuple[int, ...]) -> None:
    """Write a .npy file of float32 zeros. All of its space is reserved first, so that a full disk is found at once."""
    value_bytes = math.prod(shape) * np.dtype(np.float32).itemsize
    with replacing(path, value_bytes) as part:
        with open(part, "wb") as file:
            descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
            np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
            header_bytes = file.tell()
        reserve(part, header_bytes + value_bytes)


def _finished_clips(folder: Path, clips: int, segments: int) -> int:
    """The number of clips whose features are on disk; 0, with a note, if the files of the cache do not fit together."""
    done, path = folder / "done", folder / "value.npy"
    if not done.exists():
        return 0
    try:
        finished = int(done.read_text(encoding="utf-8"))
        value = np.load(path, mmap_mode="r")  # refuses a file that is shorter than its header says
        fits = value.dtype == np.float32 and value.ndim >= 3 and value.shape[:2] == (clips, segments)
        fits = fits and value.offset + value.nbytes == path.stat().st_size
        if fits and 0 < finished <= clips:
            return finished
        fault = f"{finished} of {clips} clips are done, value.npy has the shape {value.shape}"
    except (OSError, ValueError, EOFError) as error:
        fault = str(error)
    note(f"The cache {relative_path(folder)} is damaged ({fault}), so the feature is computed again.")
    done.unlink()
    return 0
