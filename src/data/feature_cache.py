"""Cached features: a frozen feature of every clip's segments, computed once and stored on disk."""

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
    """Features of S segments of each clip in place of their sound: `value` (clips, S, F, N).

    A CropSource: a random crop is one of the S segments.
    """

    def __init__(self, value: Tensor) -> None:
        self.value = value

    def crops(self, crop_B: Tensor, seed: int, epoch: int) -> Tensor:
        """One random segment each, decided by (seed, epoch, crop number) alone: crop n * clips + k is of clip k."""
        clips, segments = self.value.shape[:2]
        segment_B = [int(np.random.default_rng([seed, epoch, number]).integers(segments)) for number in crop_B.tolist()]
        return self.value[crop_B.cpu() % clips, segment_B][:, None].to(crop_B.device)

    def segments(self, clip_B: Tensor, segments: int) -> Tensor:
        """All S = `segments` segments of each clip."""
        assert segments == self.value.shape[1]
        return self.value[clip_B.cpu()].to(clip_B.device)


def prepare(
    source: WaveformCrops,
    segments: int,
    feature: Callable[[Tensor], Tensor],
    key: Mapping[str, Any],
    cache: Path,
    device: torch.device,
) -> CachedFeature:
    """Open the cached features of a corpus in `cache`, and compute what is missing first.

    Safe to interrupt, and to run twice at once. `key` is all that decides the features beside the sound: settings and
    code. Raises OSError where the disk is full or read-only.
    """
    identity = {**key, "sound": list(source.waveforms.digest), "length": source.length, "segments": segments}
    folder = cache / f"feature-{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "lock"):
        _complete(folder, source, segments, feature, device)
    # Copy-on-write, since torch warns of read-only memory; nothing ever writes.
    return CachedFeature(torch.from_numpy(np.load(folder / "value.npy", mmap_mode="c")))


def _complete(
    folder: Path, source: WaveformCrops, segments: int, feature: Callable[[Tensor], Tensor], device: torch.device
) -> None:
    """Compute from where an earlier process stopped; the file `done` counts the clips whose features are on disk."""
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
