"""Stretches of sound cut out of the wave map, or out of the accelerator's own copy of it."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from src.data.waveform_cache import WaveMap


def check_resident(resident: bool | str) -> bool | str:
    """`resident` if it is auto, true or false, else ValueError."""
    if resident not in (True, False, "auto"):
        raise ValueError(f"data.resident is {resident!r}: expected auto, true or false.")
    return resident


def check_count(key: str, count: int | str) -> int | None:
    """The number that was asked for; None for auto. Raises ValueError on anything else."""
    if count == "auto":
        return None
    if isinstance(count, str | bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"data.{key} is {count!r}: expected auto, or a whole number of 1 or more.")
    return count


class Crops:
    """The numbers of the training crops: item i is cut i // K of the i % K-th of K `clips`, number cut * `all` + clip.

    There are as many cuts as are asked for, though an epoch of `count` crops may not come to them.
    """

    def __init__(self, clips: Sequence[int], all: int, count: int) -> None:
        self.clips, self.all, self.count = clips, all, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: int) -> int:
        return item // len(self.clips) * self.all + self.clips[item % len(self.clips)]


class Cutter:
    """Cuts S stretches of `length` samples from each of B clips -> wave (B, S, T) in [-1, 1], on the clips' device.

    `resident`: the samples live on the accelerator itself: where they fit ("auto"), always (True) or never (False).
    """

    def __init__(self, map: WaveMap, length: int, resident: bool | str) -> None:
        self.map, self.length, self.resident = map, length, resident
        self.copies: dict[torch.device, Tensor] = {}  # the samples, as each device reads them

    def crops(self, crop_B: Tensor, seed: int, epoch: int) -> Tensor:
        """Crop number n * clips + k is the n-th of clip k: S = 1, at random, which (seed, epoch, number) alone decides."""
        clip_B = crop_B % len(self.map.clips)
        starts = []
        for number, k in zip(crop_B.tolist(), clip_B.tolist(), strict=True):
            starts.append([int(np.random.default_rng([seed, epoch, number]).integers(self._room(k) + 1))])
        return self._cut(clip_B, starts)

    def segments(self, clip_B: Tensor, segments: int) -> Tensor:
        """S = `segments` stretches, evenly from each clip's beginning to its end; a single one is the middle."""
        return self._cut(clip_B, [evenly(self._room(k), segments) for k in clip_B.tolist()])

    def _room(self, k: int) -> int:
        """How far into clip k a stretch may start."""
        return max(0, int(self.map.length[k]) - self.length)

    def _cut(self, clip_B: Tensor, start_BS: list[list[int]]) -> Tensor:
        samples = self._samples(clip_B.device)
        stretches = [
            _stretch(samples[self.map.offset[k] : self.map.offset[k] + self.map.length[k]], start, self.length)
            for k, starts in zip(clip_B.tolist(), start_BS, strict=True)
            for start in starts
        ]
        wave_BST = torch.stack(stretches).to(clip_B.device).float().div_(32767)
        return wave_BST.reshape(len(clip_B), -1, self.length)

    def _samples(self, device: torch.device) -> Tensor:
        if device not in self.copies:
            samples = self.map.samples
            resident = self.resident
            if resident == "auto":
                resident = device.type == "cuda" and 2 * samples.nbytes < torch.cuda.mem_get_info(device)[0]
            self.copies[device] = samples.to(device, copy=True) if resident else samples
        return self.copies[device]


def evenly(room: int, segments: int) -> list[int]:
    """Where `segments` stretches start in a sound that leaves `room` for their starts: evenly; a single one in the middle."""
    places = np.linspace(0, 1, segments) if segments > 1 else (0.5,)
    return [round(room * place) for place in places]


def _stretch(clip_T: Tensor, start: int, length: int) -> Tensor:
    """`length` samples from `start`; a clip that is shorter is repeated, so that padding is no mark of its genre."""
    if len(clip_T) >= length:
        return clip_T[start : start + length]
    return clip_T.repeat(math.ceil(length / len(clip_T)))[:length]
