"""Corrections of samples: a wrong scale, a constant offset, channels that cancel; each with a note for the user."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.audio.decoders import AudioError

SILENCE = 1e-3  # a peak below -60 dB re full scale is silence, not music
SILENT_DETAIL = f"its peak stays below {SILENCE:g} of full scale"
SILENT = f"silent ({SILENT_DETAIL})"
HEAD_SECONDS = 30.0  # offset and channels are judged by the beginning of a part, so that a stream can be corrected too

OVERSHOOT = 1.25  # times full scale, +2 dB: lossy encoders move the peaks of loud masters up to here
HOTTEST = 10.0  # times full scale: a float file that was mastered too loud stays below this
INTEGER_SCALES = {16: 2.0**15, 24: 2.0**23, 32: 2.0**31}  # bits -> full scale

# Real music has offsets too, from synthesizers and samples: up to 0.2 on the recordings that we measured. They drift by 16 %
# of their size and more, while that of a converter or of a faulty export is constant.
OFFSET = 0.02  # of full scale, -34 dB: more than converters add, and less than costs any level
OFFSET_SECONDS = 0.5  # in a shorter sound, an offset cannot be told from a bass note
OFFSET_PARTS = 8  # a constant offset is the same in all parts of the sound,
OFFSET_DRIFT = 0.1  # up to this share of it

# The channels cancel if the power of their mean is below this share of what it is for unrelated channels: two equally loud
# ones then have a correlation below -0.7. Opposite channels come near to it after a lossy encoder has joined their treble.
CANCELLED = 0.3


class Note(NamedTuple):
    """A finding in a sound and its correction, as text for the user."""

    kind: str  # rescaled, offset, channels, truncated, file
    text: str


class Mix(NamedTuple):
    """Mix of the channels to mono: their mean, or only one `channel` (counted from 0), without the `offset`."""

    channel: int | None = None
    offset: float = 0.0
    notes: tuple[Note, ...] = ()

    def mono(self, wave_TK: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix to mono: wave (T, K) -> (T,)."""
        wave_T = mean(wave_TK) if self.channel is None else np.ascontiguousarray(wave_TK[:, self.channel])
        return wave_T - np.float32(self.offset) if self.offset else wave_T


class Meter:
    """Range of a sound that comes block by block, to tell silence from sound."""

    def __init__(self) -> None:
        self.count, self.sum, self.lowest, self.highest = 0, 0.0, np.inf, -np.inf

    def add(self, wave_T: NDArray[np.float32]) -> None:
        """Measure a block (T,)."""
        if len(wave_T):
            self.count += len(wave_T)
            self.sum += float(wave_T.sum())
            self.lowest, self.highest = min(self.lowest, float(wave_T.min())), max(self.highest, float(wave_T.max()))

    @property
    def silent(self) -> bool:
        """True if no sample is SILENCE or further away from the mean: a constant offset is no sound."""
        average = self.sum / max(self.count, 1)
        return max(self.highest - average, average - self.lowest) < SILENCE


def rescale(wave_TK: NDArray[np.float32], divisor: float) -> NDArray[np.float32]:
    """Divide a wave in place, and return it. Raises AudioError on samples that are NaN or infinite."""
    if not np.isfinite(wave_TK).all():
        raise AudioError("samples that are NaN or infinite: export it again")
    if divisor != 1:
        wave_TK /= np.float32(divisor)
    return wave_TK


def peak(blocks: Iterable[NDArray[np.floating]]) -> float:
    """Largest absolute value in the blocks; NaN and infinite samples are ignored."""
    highest = 0.0
    for block in blocks:
        value = max(float(block.max(initial=0)), -float(block.min(initial=0)))
        if not np.isfinite(value):
            value = float(np.abs(block[np.isfinite(block)]).max(initial=0))
        highest = max(highest, value)
    return highest


def scale(peak: float) -> tuple[float, tuple[Note, ...]]:
    """Divisor that brings float samples with this peak to [-1, 1], and the note on it.

    Up to OVERSHOOT, the divisor is 1. Up to HOTTEST it is the peak, as clipping would make square waves. From there on,
    samples are on the scale of 16-, 24- or 32-bit integers. Raises AudioError if the peak fits no scale.
    """
    if peak <= OVERSHOOT:
        return 1.0, ()
    if peak <= HOTTEST:
        return peak, (Note("rescaled", f"samples reach {peak:.2f} times full scale: divided by it instead of clipped"),)
    below = 1.0
    for bits, full_scale in INTEGER_SCALES.items():
        if HOTTEST * below < peak <= OVERSHOOT * full_scale:
            text = f"samples reach {peak:,.0f}, as on the scale of {bits}-bit integers: divided by {full_scale:,.0f}"
            return full_scale, (Note("rescaled", text),)
        below = full_scale
    value = f"{peak:,.0f}" if peak < 1e10 else f"{peak:g}"
    raise AudioError(f"samples reach {value}: expected about [-1, 1], or the scale of integers. Export it again")


def mean(wave_TK: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the channels, wave (T, K) -> (T,)."""
    channels = wave_TK.shape[1]
    if channels > 2:
        mean_T: NDArray[np.float32] = wave_TK.mean(axis=1)
        return mean_T
    # The same to the bit, up to 30 times faster; + 0 makes -0 to 0, as numpy's mean does.
    wave_T: NDArray[np.float32] = wave_TK[:, 0] + np.float32(0)
    if channels == 2:
        wave_T += wave_TK[:, 1]
        wave_T /= 2
    return wave_T


def choose_mix(wave_TK: NDArray[np.float32], rate: float) -> Mix:
    """Decide how to mix a sound to mono, from its first HEAD_SECONDS: wave (T, K) at `rate` Hz.

    The mean of the channels is used, unless they cancel each other (CANCELLED): then the strongest channel. An offset of
    at least OFFSET is removed if it is constant, and if the sound without it stays within full scale: a recording with an
    added constant does, while in a wave that is asymmetric by nature the mean is not an offset.
    """
    head_TK = wave_TK[: round(HEAD_SECONDS * rate)]
    if not len(head_TK):
        return Mix()
    mean_T, notes = mean(head_TK), []
    channel = _strongest_of_cancelling(head_TK, mean_T)
    if channel is not None:
        channels = f"{head_TK.shape[1]} channels"
        notes.append(Note("channels", f"its {channels} cancel each other: only channel {channel + 1} is used"))
        mean_T = head_TK[:, channel]
    offset = _constant_offset(mean_T) if len(mean_T) >= OFFSET_SECONDS * rate else 0.0
    if offset:
        notes.append(Note("offset", f"a constant offset of {offset:.2f} of full scale was removed"))
    return Mix(channel, offset, tuple(notes))


def _strongest_of_cancelling(wave_TK: NDArray[np.float32], mean_T: NDArray[np.float32]) -> int | None:
    """Index of the channel with the highest power if the channels cancel each other in their mean, else None."""
    channels = wave_TK.shape[1]
    if channels == 1:
        return None
    # First without copies and for the sum over channels: few sounds come close to the limit.
    flat = wave_TK.ravel(order="K")
    power = float(np.einsum("t,t->", flat, flat)) / len(mean_T)
    mean_power = float(np.einsum("t,t->", mean_T, mean_T)) / len(mean_T) - float(mean_T.mean()) ** 2
    if mean_power * channels**2 >= CANCELLED * power:
        return None
    power_K = wave_TK.astype(np.float64).var(axis=0)
    if mean_T.astype(np.float64).var() * channels**2 >= CANCELLED * power_K.sum():
        return None
    return int(np.argmax(power_K > 0.99 * power_K.max()))  # the first of equally strong ones


def _constant_offset(wave_T: NDArray[np.float32]) -> float:
    """Constant offset of a wave (T,), 0 if there is none that must be removed."""
    length = len(wave_T) // OFFSET_PARTS
    mean_P = wave_T[: OFFSET_PARTS * length].reshape(OFFSET_PARTS, length).mean(axis=1).astype(np.float64)
    offset = float(mean_P.mean())
    if abs(offset) < OFFSET or np.abs(mean_P - offset).max() > OFFSET_DRIFT * abs(offset):
        return 0.0
    return offset if max(float(wave_T.max()) - offset, offset - float(wave_T.min())) <= OVERSHOOT else 0.0
