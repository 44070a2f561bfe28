"""Equalization: every example through its own smooth curve of gain over frequency."""

import math

import torch
from torch import Tensor

KNOTS = 5  # from half the sample rate down
OCTAVES = 2.0  # between two knots: at 22,050 Hz they lie at 11,025, 2,756, 689, 172 and 43 Hz


def equalize(wave_BT: Tensor, knot_db_BK: Tensor) -> Tensor:
    """Multiply the spectrum by the gains at KNOTS frequencies, joined by half cosines over the logarithm of frequency.

    wave (B, T), gains (B, KNOTS) in dB, the first at half the sample rate -> (B, T). No gain lies outside its two knots',
    no phase moves, and below the last knot its gain goes on. The stretch counts as a loop: the filter's few milliseconds
    of echo run over its ends.
    """
    spectrum_BF = torch.fft.rfft(wave_BT)
    octave_F = -torch.linspace(0, 1, spectrum_BF.shape[1], device=wave_BT.device, dtype=wave_BT.dtype).log2()
    place_F = (octave_F / OCTAVES).clamp(max=KNOTS - 1)
    distance_KF = (place_F - torch.arange(KNOTS, device=wave_BT.device)[:, None]).abs()
    weight_KF = 0.5 + 0.5 * torch.cos(torch.pi * distance_KF.clamp(max=1))  # at each frequency they sum to 1
    spectrum_BF *= ((math.log(10) / 20 * knot_db_BK) @ weight_KF).exp_()
    equalized_BT: Tensor = torch.fft.irfft(spectrum_BF, n=wave_BT.shape[1])
    return equalized_BT
