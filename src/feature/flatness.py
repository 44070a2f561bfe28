"""Spectral flatness."""

from torch import Tensor

from src.feature.feature import POWER_FLOOR
from src.feature.spectrum import Fourier, Spectral


class Flatness(Spectral):
    """Geometric mean over arithmetic mean of each frame's power spectrum.

    wave (B, T) -> (B, 1, N) in (0, 1]: 1 for a click, about 0.56 for white noise, near 0 for tones. Powers below
    1e-10 count as 1e-10, so a silent frame is flat and gives 1.
    Source: Gray and Markel 1974; Dubnov 2004.
    """

    def __init__(self, sample_rate: int, hop_length: int, n_fft: int, backend: str = "auto") -> None:
        super().__init__(sample_rate, hop_length, 1, Fourier(sample_rate, n_fft, hop_length, backend))

    def from_power(self, power_BKN: Tensor) -> Tensor:
        floored_BKN = power_BKN.clamp(min=POWER_FLOOR)
        return floored_BKN.log().mean(dim=1, keepdim=True).exp() / floored_BKN.mean(dim=1, keepdim=True)
