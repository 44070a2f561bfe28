"""Spectral mean."""

from torch import Tensor

from src.feature.feature import decibel
from src.feature.spectrum import Fourier, Spectral


class SpectralMean(Spectral):
    """Mean of each frame's magnitude spectrum over its K bins, in dB: 20 log10(sum_k |X_k| / K), no lower than -100 dB.

    wave (B, T) in [-1, 1] -> (B, 1, N) in dB. A click of height 1 at a frame's centre gives 0 dB, silence -100 dB.
    Energy depends mostly on the loudest partials; this feature rises with the number of bins that sound.
    Source: Peeters 2004.
    """

    def __init__(self, sample_rate: int, hop_length: int, n_fft: int, backend: str = "auto") -> None:
        super().__init__(sample_rate, hop_length, 1, Fourier(sample_rate, n_fft, hop_length, backend))

    def from_power(self, power_BKN: Tensor) -> Tensor:
        return decibel(power_BKN.sqrt().mean(dim=1, keepdim=True).square())
