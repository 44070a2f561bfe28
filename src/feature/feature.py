"""What all features share: the contract, the framing and the decibel.

Shapes: B clips, T samples, F rows, N frames, L samples of one frame, K frequency bins.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POWER_FLOOR = 1e-10  # -100 dB: below the quantization noise of 16-bit audio (-98 dB), and librosa's `amin`


class Feature(nn.Module, ABC):
    """The contract: wave (B, T) in about [-1, 1] -> feature (B, rows, N) in float32, on the wave's device.

    A frame-wise feature has N = 1 + T // hop_length frames. Frame n is centred on sample n * hop_length, and beyond the
    ends of the wave are zeros (librosa's center=True, pad_mode="constant"): features of one hop stack, and a clip may
    be shorter than a frame. A clip's numbers do not depend on its batch. Gradients stop before the feature; only
    trainable kernels get any. `row_names` says what rows mean, where each means something by itself. A feature is
    `kept`, computed once for each stretch of music, where it costs much more to compute than to read.
    """

    row_names: tuple[str, ...] = ()
    kept: bool = False
    pretrained: str | None = None  # on what, in words

    def __init__(self, sample_rate: int, hop_length: int, rows: int) -> None:
        super().__init__()
        self.sample_rate = whole("sample_rate", sample_rate)
        self.hop_length = whole("hop_length", hop_length)
        self.rows = rows

    def forward(self, wave_BT: Tensor) -> Tensor:
        if wave_BT.dim() != 2 or not wave_BT.is_floating_point():
            raise ValueError(
                f"The wave has shape {tuple(wave_BT.shape)} and type {wave_BT.dtype}: expected (clips, samples) "
                "in float. Average the channels first, and divide integer samples by their full scale."
            )
        if wave_BT.shape[1] == 0:
            raise ValueError("The wave has 0 samples: expected at least 1. Leave empty clips out.")
        # Autocast would round spectra to bfloat16. Gradients stop here: none of the wave's are used, and those of roots
        # and logarithms are infinite on silence.
        with torch.autocast(wave_BT.device.type, enabled=False):
            return self.extract(wave_BT.detach().float())

    def frames(self, samples: int) -> int:
        """N, the frames of a wave of so many samples."""
        return 1 + samples // self.hop_length

    @abstractmethod
    def extract(self, wave_BT: Tensor) -> Tensor:
        """The feature itself: wave (B, T) in float32 -> (B, rows, N)."""


def frame(wave_BT: Tensor, length: int, hop_length: int, padding: str = "constant") -> Tensor:
    """Cut (B, T) into N = 1 + T // hop_length overlapping frames centred on n * hop_length -> (B, N, L), a view.

    `length` is even. `padding` is "constant" (zeros) or "replicate" (the first and the last sample).
    """
    return F.pad(wave_BT[:, None], (length // 2, length // 2), padding)[:, 0].unfold(-1, length, hop_length)


def decibel(power: Tensor) -> Tensor:
    """10 log10(max(power, 1e-10)), in dB: silence is -100 dB, whatever else is in the clip or the batch."""
    return 10 * power.clamp(min=POWER_FLOOR).log10()


def whole(key: str, value: int, least: int = 1, most: int | None = None, most_is: str = "") -> int:
    """`value` if it is a whole number from `least` to `most` (`most_is` says what the limit is), else ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        limit = "or more" if most is None else f"to {most}" + (f" ({most_is})" if most_is else "")
        raise ValueError(f"feature.{key} is {value!r}: expected a whole number from {least} {limit}.")
    return value


def even(key: str, value: int, hop_length: int) -> int:
    """`value` if it is an even whole number no smaller than the hop, else ValueError."""
    whole(key, value, least=2)
    if value % 2:
        raise ValueError(f"feature.{key} is {value}: expected an even number, so that a frame has a centre.")
    if whole("hop_length", hop_length) > value:
        raise ValueError(
            f"feature.hop_length is {hop_length}: expected at most feature.{key}, {value}, or samples between frames "
            "are never seen. Lower audio.hop_length or raise audio.n_fft."
        )
    return value


def number(key: str, value: float, least: float, most: float, most_is: str = "") -> float:
    """`value` if it is a number from `least` to `most` (`most_is` says what the limit is), else ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        limit = f" ({most_is})" if most_is else ""
        raise ValueError(f"feature.{key} is {value!r}: expected a number from {least:g} to {most:g}{limit}.")
    return float(value)


def choice(key: str, value: str, *choices: str) -> str:
    """`value` if it is one of `choices`, else ValueError."""
    if value not in choices:
        raise ValueError(f"feature.{key} is {value!r}: expected {', '.join(choices[:-1])} or {choices[-1]}.")
    return value
