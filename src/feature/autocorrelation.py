"""Autocorrelation of the waveform."""

import torch
from torch import Tensor

from src.feature.feature import POWER_FLOOR, Feature, check_even_length, check_integer, check_number, frame


class Autocorrelation(Feature):
    """Normalized autocorrelation of each frame: r[lag] / r[0], where r[lag] = sum_t x[t] x[t + lag].

    wave (B, T) -> (B, lags, N) in [-1, 1]. The lags are periods from 1 / fmax_hz to 1 / fmin_hz, in equal musical
    steps and rounded to samples. A pitch gives peaks at the row of its period and at multiples of this period. A silent
    frame gives 0, and a frame below -100 dB is scaled towards 0. Source: Rabiner 1977.
    """

    lag_F: Tensor

    def __init__(
        self, sample_rate: int, hop_length: int, frame_length: int, lags: int, fmin_hz: float, fmax_hz: float
    ) -> None:
        super().__init__(sample_rate, hop_length, rows=check_integer("lags", lags, minimum=2))
        self.frame_length = check_even_length("frame_length", frame_length, hop_length)
        lowest_hz = 2 * sample_rate / frame_length  # so that the longest lag is at most half a frame
        check_number("fmax_hz", fmax_hz, lowest_hz, sample_rate / 2, "half the sample rate")
        check_number("fmin_hz", fmin_hz, lowest_hz, fmax_hz, "feature.fmax_hz")
        lag_F = torch.logspace(0, 1, lags, fmax_hz / fmin_hz, dtype=torch.float64) * (sample_rate / fmax_hz)
        self.register_buffer("lag_F", lag_F.round().long(), persistent=False)
        if int(self.lag_F.diff().min()) == 0:
            raise ValueError(
                f"feature.lags is {lags}: between {fmin_hz:g} and {fmax_hz:g} Hz some lags would round to the same "
                "number of samples. Decrease feature.lags or feature.fmax_hz."
            )

    def extract(self, wave_BT: Tensor) -> Tensor:
        frame_BNL = frame(wave_BT, self.frame_length, self.hop_length)
        correlation_BNL = autocorrelate(frame_BNL)
        energy_BN1 = correlation_BNL[..., :1].clamp(min=self.frame_length * POWER_FLOOR)
        return (correlation_BNL[..., self.lag_F] / energy_BN1).transpose(1, 2)


def autocorrelate(frame_BNL: Tensor) -> Tensor:
    """Compute r[lag] = sum_t x[t] x[t + lag] at every lag of each frame, by FFT: (..., L) -> (..., L)."""
    length = frame_BNL.shape[-1]
    spectrum = torch.fft.rfft(frame_BNL, 2 * length)  # padded to 2 L, so that the end does not wrap to the start
    correlation_BNL: Tensor = torch.fft.irfft(spectrum.abs().square(), 2 * length)[..., :length]
    return correlation_BNL
