"""The feature cache: a frozen feature of the segments of every clip, computed once and stored on disk."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import torch
from torch import Tensor

from src.console import track
from src.data.crops import WaveformCrops

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
    and code. Raises OSError if the disk is full or read-only.
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
    """Continue where an earlier process stopped. The file `done` contains the number of clips whose features are on disk."""
    clips, done = len(source.waveforms.clips), folder / "done"
    first = int(done.read_text()) if done.exists() else 0
    if first == clips:
        return
    step = max(1, BATCH // segments)
    value: np.memmap[Any, Any] | None = np.load(folder / "value.npy", mmap_mode="r+") if first else None
    starts = range(first, clips, step)
    for start in track(starts, "Computing the frozen feature, once", len(starts)):
        clip_B = torch.arange(start, min(start + step, clips), device=device)
        with torch.no_grad():
            wave_BST = source.segments(clip_B, segments)
            value_BSFN = torch.unflatten(feature(wave_BST.flatten(0, 1)), 0, (-1, segments)).cpu().numpy()
        if value is None:
            shape = (clips, *value_BSFN.shape[1:])
            value = np.lib.format.open_memmap(folder / "value.npy", mode="w+", dtype=np.float32, shape=shape)
        value[start : start + len(value_BSFN)] = value_BSFN
        value.flush()
        done.write_text(str(start + len(value_BSFN)))
