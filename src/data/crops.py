"""Crops and segments of sound, cut from the waveform cache or from a copy of it on the accelerator.

A crop has an id: crop id = n * clip count + clip index, for crop n of that clip. `crop id % clip count` is the clip index.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from src.data.waveform_cache import WaveformCache


class CropSource(Protocol):
    """Source of batches: the sound (`WaveformCrops`) or a cached feature of it (`feature_cache.CachedFeature`)."""

    def crops(self, crop_B: Tensor, seed: int, epoch: int) -> Tensor:
        """Cut one random crop per crop id, S = 1. Its position depends on (seed, epoch, crop id) only."""

    def segments(self, clip_B: Tensor, segments: int) -> Tensor:
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

    The result is on the device of the index tensor. `resident`: copy the samples of all clips to this device if they fit
    on a GPU ("auto"), always (True) or never (False).
    """

    def __init__(self, waveforms: WaveformCache, length: int, resident: bool | str) -> None:
        self.waveforms, self.length, self.resident = waveforms, length, resident
        self.samples_of: dict[torch.device, Tensor] = {}  # the samples that are used for each device

    def crops(self, crop_B: Tensor, seed: int, epoch: int) -> Tensor:
        """Cut one random crop per crop id, S = 1. Its position depends on (seed, epoch, crop id) only."""
        clip_B = crop_B % len(self.waveforms.length)
        start_B1 = []
        for crop_id, k in zip(crop_B.tolist(), clip_B.tolist(), strict=True):
            start_B1.append([int(np.random.default_rng([seed, epoch, crop_id]).integers(self._last_start(k) + 1))])
        return self._cut(clip_B, start_B1)

    def segments(self, clip_B: Tensor, segments: int) -> Tensor:
        """Cut S = `segments` segments per clip, spread evenly from its beginning to its end; a single one is the middle."""
        return self._cut(clip_B, [spread_evenly(self._last_start(k), segments) for k in clip_B.tolist()])

    def _last_start(self, k: int) -> int:
        """Last sample of clip k at which a crop may start; 0 if the clip is shorter than a crop."""
        return max(0, int(self.waveforms.length[k]) - self.length)

    def _cut(self, clip_B: Tensor, start_BS: list[list[int]]) -> Tensor:
        samples, offset, length = self._samples(clip_B.device), self.waveforms.offset, self.waveforms.length
        cuts = [
            _crop(samples[offset[k] : offset[k] + length[k]], start, self.length)
            for k, starts in zip(clip_B.tolist(), start_BS, strict=True)
            for start in starts
        ]
        wave_BST = torch.stack(cuts).to(clip_B.device).float().div_(32767)
        return wave_BST.reshape(len(clip_B), -1, self.length)

    def _samples(self, device: torch.device) -> Tensor:
        if device not in self.samples_of:
            samples = self.waveforms.samples
            resident = self.resident
            if resident == "auto":
                resident = device.type == "cuda" and 2 * samples.nbytes < torch.cuda.mem_get_info(device)[0]
            self.samples_of[device] = samples.to(device, copy=True) if resident else samples
        return self.samples_of[device]


def spread_evenly(last_start: int, segments: int) -> list[int]:
    """First samples of `segments` segments, spread evenly from 0 to `last_start`; a single one starts in the middle."""
    positions = np.linspace(0, 1, segments) if segments > 1 else (0.5,)
    return [round(last_start * position) for position in positions]


def _crop(clip_T: Tensor, start: int, length: int) -> Tensor:
    """Cut `length` samples from `start`. A shorter clip is repeated: a model could learn a genre from padding."""
    if len(clip_T) >= length:
        return clip_T[start : start + length]
    return clip_T.repeat(math.ceil(length / len(clip_T)))[:length]
