"""What a model hears of a sound: stretches as long as its crops, spread_evenly from beginning to end, a few at a time."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.audio import reader
from src.audio.reader import SILENCE
from src.data.crops import spread_evenly
from src.data.decoding import SILENT

BATCH = 8  # stretches that a network hears at once
BATCH_SECONDS = 60.0  # or fewer, where they are long: a network's memory grows with both


class Stretches(NamedTuple):
    """S stretches of one sound: `start` (S,) their first samples, `wave` (S, T) int16, as the wave map holds sound."""

    start: list[int]
    wave: NDArray[np.int16]


@dataclass(frozen=True)
class End:
    """What is known of a sound once it was heard. Samples, at the model's rate, are counted from `start_seconds` on."""

    samples: int
    start_seconds: float
    duration_seconds: float
    notes: list[str]


@dataclass(frozen=True)
class Waveform:
    """Sound in memory, mono (T,) at the model's rate, taken as an audio.Stream is."""

    wave_T: NDArray[np.float32]
    sample_rate: int
    start_seconds: float = 0.0
    shortfall: None = None

    @property
    def length(self) -> int:
        return len(self.wave_T)

    @property
    def duration_seconds(self) -> float:
        return self.length / self.sample_rate

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        yield self.wave_T


def hear(sound: reader.Stream | Waveform, length: int) -> Iterator[Stretches | End]:
    """Stretches of `length` samples, a batch at a time, then the end. Raises AudioError on silence, and as Stream does."""
    level = Level()
    most = max(1, min(BATCH, int(BATCH_SECONDS * sound.sample_rate / length)))
    batch: list[tuple[int, NDArray[np.int16]]] = []
    for start, wave_T in cut(level.watch(sound), sound.length, length):
        batch.append((start, np.round(wave_T.clip(-1, 1) * 32767).astype(np.int16)))
        if len(batch) == most:
            yield _joined(batch)
            batch = []
    if batch:
        yield _joined(batch)
    if level.peak < SILENCE:
        raise reader.AudioError(SILENT)
    notes = [sound.shortfall] if sound.shortfall else []
    if level.samples < length:
        seconds = length / sound.sample_rate
        notes.append(f"shorter than the {seconds:g} s that the model hears at once: repeated to fill them")
    yield End(level.samples, sound.start_seconds, sound.duration_seconds, notes)


def hear_files(
    paths: Iterable[Path], sample_rate: int, length: int, max_seconds: float | None
) -> Iterator[Stretches | End | reader.AudioError]:
    """What `hear` yields of each file, one after another; a file that cannot be heard ends with its error."""
    for path in paths:
        try:
            yield from hear(reader.Stream(path, sample_rate, max_seconds), length)
        except reader.AudioError as error:
            yield error


def cut(blocks: Iterable[NDArray[np.float32]], promised: int, length: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Stretches of `length` samples, each with the number of its first: (start, wave (T,)), while the blocks come.

    As many as fit, by rounding, into the `promised` number of samples, spread_evenly from its beginning to its end; a single
    one is the middle (the same as cutting.WaveformCrops.segments cuts). A sound that is shorter than one is repeated to fill
    it. Where fewer samples come than were promised, the last stretch ends with them.
    """
    count = max(1, round(promised / length))
    starts = deque(spread_evenly(max(0, promised - length), count))
    held_T, origin = np.empty(0, dtype=np.float32), 0  # what a stretch may still need, and its first sample's number
    stop = 0  # of the last stretch
    for block_T in blocks:
        held_T = np.concatenate((held_T, block_T))
        come = origin + len(held_T)
        while starts and starts[0] + length <= come:
            start = starts.popleft()
            stop = start + length
            yield start, held_T[start - origin : stop - origin]
        spare = max(0, min(starts[0] if starts else come, come - length) - origin)
        held_T, origin = held_T[spare:], origin + spare
    come = origin + len(held_T)
    if come < length:
        yield 0, np.tile(held_T, math.ceil(length / len(held_T)))[:length]
    elif starts and come - stop > length / 2:
        yield come - length, held_T[-length:]


class Level:
    """The loudest sample of a sound that passes by, relative to the sound's mean, which a microphone may displace."""

    def __init__(self) -> None:
        self.samples, self.sum, self.least, self.most = 0, 0.0, math.inf, -math.inf

    def watch(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for block_T in blocks:
            if len(block_T):
                self.samples += len(block_T)
                self.sum += float(block_T.sum(dtype=np.float64))
                self.least, self.most = min(self.least, float(block_T.min())), max(self.most, float(block_T.max()))
            yield block_T

    @property
    def peak(self) -> float:
        mean = self.sum / self.samples
        return max(self.most - mean, mean - self.least)


def _joined(batch: list[tuple[int, NDArray[np.int16]]]) -> Stretches:
    return Stretches([start for start, _ in batch], np.stack([wave_T for _, wave_T in batch]))
