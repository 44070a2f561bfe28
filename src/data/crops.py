"""Crops and segments of sound, cut from the waveform cache or from a copy of it on the accelerator.

A crop has an id: crop id = n * clip count + clip index, for crop n of that clip. `crop id % clip count` is the clip index.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.data.waveform_cache import WaveformCache

FULL_SCALE = 32767  # of the cached samples
CPU = torch.device("cpu")


class CropSource(Protocol):
    """Source of batches, on a device, for ids on the processor: the sound (`WaveformCrops`) or values computed from it (`feature_cache.SegmentValues`)."""

    def crops(self, crop_B: Tensor, seed: int, epoch: int, device: torch.device) -> Tensor:
        """Cut one random crop per crop id, S = 1. Its position depends on (seed, epoch, crop id) only."""

    def segments(self, clip_B: Tensor, segments: int, device: torch.device) -> Tensor:
        """Cut S = `segments` fixed segments per clip."""


def check_resident(resident: bool | str) -> bool | str:
    """Return `resident` if it is auto, true or false. Raises ValueError otherwise."""
    if resident not in (True, False, "auto"):
        raise ValueError(f"data.resident is {resident!r}: expected auto, true or false.")
    return resident


def check_count(key: str, count: int | str) -> int | None:
    """Return the value of `data.crops` or `data.segments`, and None for auto. Raises ValueError on any other value."""
    if count == "auto":
        return None
    if isinstance(count, str | bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"data.{key} is {count!r}: expected auto, or a whole number of 1 or more.")
    return count


class CropIds:
    """The crop ids of an epoch of `count` training crops: item i is crop i // K of the training clip i % K.

    `clips` are the indices of the K training clips among all `clip_count` clips of the data. Items beyond `count` are
    valid too: the sampler Balanced uses them.
    """

    def __init__(self, clips: Sequence[int], clip_count: int, count: int) -> None:
        self.clips, self.clip_count, self.count = clips, clip_count, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: int) -> int:
        return item // len(self.clips) * self.clip_count + self.clips[item % len(self.clips)]


class WaveformCrops:
    """Cut S crops or segments of `length` samples from each of B clips -> wave (B, S, T) in [-1, 1].

    The ids are on the processor, the result is on `device`. `resident`: copy the samples of all clips to this device always
    (True), never (False), or if it is a GPU and they take less than half of its free memory ("auto"). Without a copy, only what is cut is read from the disk.
    """

    def __init__(self, waveforms: WaveformCache, length: int, resident: bool | str) -> None:
        self.waveforms, self.length, self.resident = waveforms, length, resident
        self.waveforms_for: dict[torch.device, WaveformCache] = {}

    def crops(self, crop_B: Tensor, seed: int, epoch: int, device: torch.device = CPU) -> Tensor:
        """Cut one random crop per crop id, S = 1. Its position depends on (seed, epoch, crop id) only."""
        clip_B = crop_B % len(self.waveforms.length)
        start_B1 = []
        for crop_id, k in zip(crop_B.tolist(), clip_B.tolist(), strict=True):
            start_B1.append([draw(seed, epoch, crop_id, self._last_start(k) + 1)])
        return self._cut(clip_B.tolist(), start_B1, device)

    def segments(self, clip_B: Tensor, segments: int, device: torch.device = CPU) -> Tensor:
        """Cut S = `segments` segments per clip, spread evenly from its beginning to its end; a single one is the middle."""
        clips = clip_B.tolist()
        return self._cut(clips, [spread_evenly(self._last_start(k), segments) for k in clips], device)

    def _last_start(self, k: int) -> int:
        """Last sample of clip k at which a crop may start; 0 if the clip is shorter than a crop."""
        return max(0, int(self.waveforms.length[k]) - self.length)

    def _cut(self, clips: Sequence[int], start_BS: list[list[int]], device: torch.device) -> Tensor:
        waveforms = self._on(device)
        if waveforms is not self.waveforms and device.type != "cpu":
            return gather(waveforms, clips, start_BS, self.length)
        wave_BST = torch.empty(len(clips), len(start_BS[0]), self.length)
        # By numpy, on one thread: a crop is too short for several, which would wait for each other.
        for wave_ST, k, starts in zip(wave_BST.numpy(), clips, start_BS, strict=True):
            clip_T = waveforms.samples(k).numpy()
            for wave_T, start in zip(wave_ST, starts, strict=True):
                wave_T[:] = _crop(clip_T, start, self.length)  # to float in the same pass
        return wave_BST.to(device, non_blocking=True).div_(FULL_SCALE)

    def _on(self, device: torch.device) -> WaveformCache:
        """The waveforms from which batches for a device are cut: with a copy of their samples there, or as they are."""
        if device not in self.waveforms_for:
            resident = self.resident
            if resident == "auto":
                size_bytes = int(self.waveforms.length.sum()) * torch.int16.itemsize
                resident = device.type == "cuda" and 2 * size_bytes < torch.cuda.mem_get_info(device)[0]
            self.waveforms_for[device] = self.waveforms.copied_to(device) if resident else self.waveforms
        return self.waveforms_for[device]


def gather(waveforms: WaveformCache, clips: Sequence[int], start_BS: Sequence[Sequence[int]], length: int) -> Tensor:
    """Cut S crops of `length` samples from each of B clips of a copy on a device -> wave (B, S, T) there.

    The processor only sends a table of positions and does not wait. Short clips are repeated.
    """
    rows = [
        (waveforms.offset[k], waveforms.length[k], start)
        for k, starts in zip(clips, start_BS, strict=True)
        for start in starts
    ]
    samples = waveforms.pieces[0]
    table_M3 = torch.from_numpy(np.array(rows, np.int64)).to(samples.device, non_blocking=True)
    offset_M1, length_M1, start_M1 = table_M3.T[:, :, None]
    position_T = torch.arange(length, device=samples.device)
    wave_MT = samples[offset_M1 + (start_M1 + position_T) % length_M1].float().div_(FULL_SCALE)
    return wave_MT.reshape(len(clips), -1, length)


def draw(seed: int, epoch: int, crop_id: int, count: int) -> int:
    """A random whole number from 0 to `count` - 1, which depends on the other arguments only."""
    # An array, because numpy takes half as long again for a list of the same numbers.
    return int(np.random.default_rng(np.array([seed, epoch, crop_id], np.uint32)).integers(count))


def spread_evenly(last_start: int, segments: int) -> list[int]:
    """First samples of `segments` segments, spread evenly from 0 to `last_start`; a single one starts in the middle."""
    positions = np.linspace(0, 1, segments) if segments > 1 else (0.5,)
    return [round(last_start * position) for position in positions]


def _crop(clip_T: NDArray[np.int16], start: int, length: int) -> NDArray[np.int16]:
    """Cut `length` samples from `start`. A shorter clip is repeated: a model could learn a genre from padding."""
    if len(clip_T) >= length:
        return clip_T[start : start + length]
    return np.resize(clip_T, length)
