"""Equalization with a smooth gain curve over frequency, one per example."""

import math

import torch
from torch import Tensor

KNOTS = 5  # frequencies with a given gain, the first at half the sample rate, the others below it
OCTAVES = 2.0  # between two knots: at 22,050 Hz they lie at 11,025, 2,756, 689, 172 and 43 Hz


def equalize(wave_BT: Tensor, knot_db_BK: Tensor) -> Tensor:
    """Multiply the spectrum by gains given at KNOTS frequencies and joined by half cosines over log frequency.

    wave (B, T), gains (B, KNOTS) in dB, the first at half the sample rate -> (B, T). Between two knots the gain stays
    between their gains; below the last knot it stays constant. The phase does not change. The wave is treated as a
    loop: the echo of the filter, a few milliseconds long, wraps around at the ends.
    """
    spectrum_BF = torch.fft.rfft(wave_BT)
    octave_F = -torch.linspace(0, 1, spectrum_BF.shape[1], device=wave_BT.device, dtype=wave_BT.dtype).log2()
    position_F = (octave_F / OCTAVES).clamp(max=KNOTS - 1)
    distance_KF = (position_F - torch.arange(KNOTS, device=wave_BT.device)[:, None]).abs()
    weight_KF = 0.5 + 0.5 * torch.cos(torch.pi * distance_KF.clamp(max=1))  # the weights at each frequency sum to 1
    spectrum_BF *= ((math.log(10) / 20 * knot_db_BK) @ weight_KF).exp_()
    equalized_BT: Tensor = torch.fft.irfft(spectrum_BF, n=wave_BT.shape[1])
    return equalized_BT
