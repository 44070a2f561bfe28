"""Base class of all features, framing, decibels and checks of settings.

Shapes: B clips, T samples, F rows, N frames, L samples of one frame, K frequency bins.
"""

import math
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POWER_FLOOR = 1e-10  # -100 dB: below the quantization noise of 16-bit audio (-98 dB), and librosa's `amin`


class Feature(nn.Module, ABC):
    """Base class: wave (B, T) in about [-1, 1] -> feature (B, rows, N) in float32, on the wave's device.

    A frame-wise feature has N = 1 + T // hop_length frames. Frame n is centred on sample n * hop_length, and the wave
    is padded with zeros at both ends (librosa's center=True, pad_mode="constant"). So features with the same hop can be
    stacked, and a clip may be shorter than a frame. The values of a clip do not depend on its batch. Gradients stop
    before the feature; only trainable kernels receive gradients. `row_names` names the rows if each row has a meaning
    of its own. If `cached` is true, the feature is cached on disk: it is computed once for each segment of the music,
    because computing it takes much longer than reading it from the cache. `part_rows` are the numbers of rows of parts
    that weigh equally after normalization, however many rows each has: see `scale_F`.
    """

    row_names: tuple[str, ...] = ()
    cached: bool = False
    pretrained: str | None = None  # training data of the pretrained network, as text
    patch_length: int | None = None  # samples of the patches that a pretrained network describes, one a frame

    def __init__(self, sample_rate: int, hop_length: int, rows: int) -> None:
        super().__init__()
        self.sample_rate = check_integer("sample_rate", sample_rate)
        self.hop_length = check_integer("hop_length", hop_length)
        self.rows = rows

    def forward(self, wave_BT: Tensor) -> Tensor:
        if wave_BT.dim() != 2 or not wave_BT.is_floating_point():
            raise ValueError(
                f"The wave has shape {tuple(wave_BT.shape)} and type {wave_BT.dtype}: expected (clips, samples) "
                "in float. Average the channels first, and divide integer samples by their full scale."
            )
        if wave_BT.shape[1] == 0:
            raise ValueError("The wave has 0 samples: expected at least 1. Leave out empty clips.")
        # Autocast would round spectra to bfloat16. Gradients stop here: nothing uses gradients of the wave, and the
        # gradients of roots and logarithms are infinite on silence.
        with torch.autocast(wave_BT.device.type, enabled=False):
            return self.extract(wave_BT.detach().float())

    @property
    def part_rows(self) -> tuple[int, ...]:
        return (self.rows,)

    @property
    def scale_F(self) -> Tensor:
        """Factors of the standardized rows, (F,), with which the parts of the feature weigh equally: sqrt(F / (P F_p)).

        P parts have F_p rows each, F in all. With these factors, the variances of the rows of each part sum to F / P.
        Without them, they would sum to F_p, and the part with the most rows would decide distances and kernels. All rows
        together have the same sum, F. With a single part, all factors are 1.
        """
        share = self.rows / len(self.part_rows)
        return torch.cat([torch.full((rows,), math.sqrt(share / rows)) for rows in self.part_rows])

    def frames(self, samples: int) -> int:
        """N, the number of frames of a wave with `samples` samples."""
        return 1 + samples // self.hop_length

    @abstractmethod
    def extract(self, wave_BT: Tensor) -> Tensor:
        """Compute the feature: wave (B, T) in float32 -> (B, rows, N)."""


def frame(wave_BT: Tensor, length: int, hop_length: int, padding: str = "constant") -> Tensor:
    """Cut (B, T) into N = 1 + T // hop_length overlapping frames, centred on n * hop_length -> (B, N, L), a view.

    `length` is even. `padding` is "constant" (zeros) or "replicate" (the first and the last sample).
    """
    return F.pad(wave_BT[:, None], (length // 2, length // 2), padding)[:, 0].unfold(-1, length, hop_length)


def decibel(power: Tensor) -> Tensor:
    """10 log10(max(power, 1e-10)), in dB. Silence is -100 dB, independently of the rest of the clip or batch."""
    return 10 * power.clamp(min=POWER_FLOOR).log10()


def check_integer(key: str, value: int, minimum: int = 1, maximum: int | None = None, maximum_name: str = "") -> int:
    """Return `value`. Raises ValueError if it is not a whole number from `minimum` to `maximum`.

    `maximum_name` describes the upper limit in the message.
    """
    too_large = maximum is not None and isinstance(value, int) and value > maximum
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum or too_large:
        name = f" ({maximum_name})" if maximum_name else ""
        limits = f"of {minimum} or more" if maximum is None else f"from {minimum} to {maximum}{name}"
        raise ValueError(f"feature.{key} is {value!r}: expected a whole number {limits}.")
    return value


def check_even_length(key: str, value: int, hop_length: int) -> int:
    """Return `value`. Raises ValueError if it is not an even whole number, or if it is smaller than the hop."""
    check_integer(key, value, minimum=2)
    if value % 2:
        raise ValueError(f"feature.{key} is {value}: expected an even number, so that a frame has a centre.")
    if check_integer("hop_length", hop_length) > value:
        raise ValueError(
            f"feature.hop_length is {hop_length}: expected at most feature.{key}, {value}, because frames would "
            "otherwise leave samples out. Lower audio.hop_length or raise audio.n_fft."
        )
    return value


def check_number(key: str, value: float, minimum: float, maximum: float, maximum_name: str = "") -> float:
    """Return `value`. Raises ValueError if it is not a number from `minimum` to `maximum`.

    `maximum_name` describes the upper limit in the message.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        name = f" ({maximum_name})" if maximum_name else ""
        raise ValueError(f"feature.{key} is {value!r}: expected a number from {minimum:g} to {maximum:g}{name}.")
    return float(value)


def check_choice(key: str, value: str, *choices: str) -> str:
    """Return `value`. Raises ValueError if it is not one of `choices`."""
    if value not in choices:
        raise ValueError(f"feature.{key} is {value!r}: expected {', '.join(choices[:-1])} or {choices[-1]}.")
    return value


def freeze(network: nn.Module) -> None:
    """Turn all weights of a network into buffers that are neither trained nor saved; changes the network in place.

    Batch normalization is meant to run in evaluation mode, with its stored mean and variance.
    """
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):
            module.track_running_stats = False  # else loading a checkpoint adds its counter, which is not saved
        for name, weight in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if name in module._parameters:
                del module._parameters[name]
            module.register_buffer(name, weight.detach(), persistent=False)
