"""Crops and segments of sound, cut out of the waveform cache or out of the accelerator's own copy of it."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from src.data.waveform_cache import WaveformCache


class CropSource(Protocol):
    """What a batch is made from: sound (`WaveformCrops`) or a cached feature of it (`feature_cache.CachedFeature`)."""

    def crops(self, crop_B: Tensor, seed: int, epoch: int) -> Tensor:
        """One random crop each, S = 1, decided by (seed, epoch, crop number) alone: crop n * clips + k is of clip k."""

    def segments(self, clip_B: Tensor, segments: int) -> Tensor:
        """S = `segments` fixed segments of each clip."""


def check_resident(resident: bool | str) -> bool | str:
    """Return `resident` if it is auto, true or false. Raises ValueError otherwise."""
    if resident not in (True, False, "auto"):
        raise ValueError(f"data.resident is {resident!r}: expected auto, true or false.")
    return resident


def check_count(key: str, count: int | str) -> int | None:
    """Return the number that was asked for; None for auto. Raises ValueError on anything else."""
    if count == "auto":
        return None
    if isinstance(count, str | bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"data.{key} is {count!r}: expected auto, or a whole number of 1 or more.")
    return count


class CropNumbers:
    """The numbers of an epoch's training crops: item i is crop i // K of the i % K-th of K `clips`.

    Its number is crop * `all_clips` + clip. Each clip has as many crops as are asked for, though an epoch of `count`
    crops may not reach all of them.
    """

    def __init__(self, clips: Sequence[int], all_clips: int, count: int) -> None:
        self.clips, self.all_clips, self.count = clips, all_clips, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: int) -> int:
        return item // len(self.clips) * self.all_clips + self.clips[item % len(self.clips)]


class WaveformCrops:
    """Cuts S crops or segments of `length` samples from each of B clips -> wave (B, S, T) in [-1, 1], on the clips' device.

    `resident`: the samples are copied to the accelerator: where they fit ("auto"), always (True) or never (False).
    """

    def __init__(self, waveforms: WaveformCache, length: int, resident: bool | str) -> None:
        self.waveforms, self.length, self.resident = waveforms, length, resident
        self.copies: dict[torch.device, Tensor] = {}  # the samples, as each device reads them

    def crops(self, crop_B: Tensor, seed: int, epoch: int) -> Tensor:
        """One random crop each, S = 1, decided by (seed, epoch, crop number) alone: crop n * clips + k is of clip k."""
        clip_B = crop_B % len(self.waveforms.length)
        start_B1 = []
        for number, k in zip(crop_B.tolist(), clip_B.tolist(), strict=True):
            start_B1.append([int(np.random.default_rng([seed, epoch, number]).integers(self._room(k) + 1))])
        return self._cut(clip_B, start_B1)

    def segments(self, clip_B: Tensor, segments: int) -> Tensor:
        """S = `segments` segments, spread evenly from the beginning of each clip to its end; a single one is the middle."""
        return self._cut(clip_B, [spread_evenly(self._room(k), segments) for k in clip_B.tolist()])

    def _room(self, k: int) -> int:
        """The last sample of clip k at which a crop may start."""
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
        if device not in self.copies:
            samples = self.waveforms.samples
            resident = self.resident
            if resident == "auto":
                resident = device.type == "cuda" and 2 * samples.nbytes < torch.cuda.mem_get_info(device)[0]
            self.copies[device] = samples.to(device, copy=True) if resident else samples
        return self.copies[device]


def spread_evenly(room: int, segments: int) -> list[int]:
    """First samples of `segments` segments, spread evenly over 0 to `room`; a single one starts in the middle."""
    places = np.linspace(0, 1, segments) if segments > 1 else (0.5,)
    return [round(room * place) for place in places]


def _crop(clip_T: Tensor, start: int, length: int) -> Tensor:
    """`length` samples from `start`; a shorter clip is repeated, so that padding cannot become a mark of its genre."""
    if len(clip_T) >= length:
        return clip_T[start : start + length]
    return clip_T.repeat(math.ceil(length / len(clip_T)))[:length]
