"""A frozen feature of every clip's stretches, computed once and kept on disk, so that training never computes it again."""

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
from src.data.crops import Cutter

AT_ONCE = 32  # stretches through the feature


class Kept:
    """Features of S stretches of each clip in place of their sound: `value` (clips, S, F, N).

    It answers as a Cutter does. A random crop is one of the S stretches.
    """

    def __init__(self, value: Tensor) -> None:
        self.value = value

    def crops(self, crop_B: Tensor, seed: int, epoch: int) -> Tensor:
        """Crop number n * clips + k is of clip k: one of its stretches, which (seed, epoch, number) alone decides."""
        clips, stretches = self.value.shape[:2]
        chosen = [int(np.random.default_rng([seed, epoch, number]).integers(stretches)) for number in crop_B.tolist()]
        return self.value[crop_B.cpu() % clips, chosen][:, None].to(crop_B.device)

    def segments(self, clip_B: Tensor, segments: int) -> Tensor:
        """All stretches of each clip: S = `segments`."""
        assert segments == self.value.shape[1]
        return self.value[clip_B.cpu()].to(clip_B.device)


def prepare(
    cutter: Cutter,
    segments: int,
    feature: Callable[[Tensor], Tensor],
    words: Mapping[str, Any],
    cache: Path,
    device: torch.device,
) -> Kept:
    """Open what is kept of a corpus in `cache`, computing first what is missing. Safe to interrupt, and to run twice at once.

    `words` are what the feature's numbers follow from, beside the sound: its settings and its source. Raises OSError
    where the disk is full or read-only.
    """
    what = {**words, "sound": list(cutter.map.digest), "length": cutter.length, "segments": segments}
    folder = cache / f"feature-{hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "lock"):
        _complete(folder, cutter, segments, feature, device)
    # Copy-on-write, since torch warns of read-only memory; nothing ever writes.
    return Kept(torch.from_numpy(np.load(folder / "value.npy", mmap_mode="c")))


def _complete(
    folder: Path, cutter: Cutter, segments: int, feature: Callable[[Tensor], Tensor], device: torch.device
) -> None:
    """Compute from where an earlier process stopped; `done` counts the clips whose features are on disk."""
    clips, done = len(cutter.map.clips), folder / "done"
    first = int(done.read_text()) if done.exists() else 0
    if first == clips:
        return
    step = max(1, AT_ONCE // segments)
    value: np.memmap[Any, Any] | None = np.load(folder / "value.npy", mmap_mode="r+") if first else None
    starts = range(first, clips, step)
    for start in track(starts, "Computing the frozen feature, once", len(starts)):
        clip_B = torch.arange(start, min(start + step, clips), device=device)
        with torch.no_grad():
            sound_BST = cutter.segments(clip_B, segments)
            value_BSFN = torch.unflatten(feature(sound_BST.flatten(0, 1)), 0, (-1, segments)).cpu().numpy()
        if value is None:
            shape = (clips, *value_BSFN.shape[1:])
            value = np.lib.format.open_memmap(folder / "value.npy", mode="w+", dtype=np.float32, shape=shape)
        value[start : start + len(value_BSFN)] = value_BSFN
        value.flush()
        done.write_text(str(start + len(value_BSFN)))
