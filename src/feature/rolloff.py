"""Spectral rolloff."""

from torch import Tensor

from src.feature.feature import check_number
from src.feature.spectrum import Fourier, Spectral


class Rolloff(Spectral):
    """Lowest frequency below which `percent` of each frame's magnitude spectrum lies, to the precision of one bin.

    wave (B, T) -> (B, 1, N) in Hz. A silent frame gives 0 Hz. Source: Scheirer and Slaney 1997.
    """

    def __init__(
        self, sample_rate: int, hop_length: int, n_fft: int, percent: float = 85.0, backend: str = "auto"
    ) -> None:
        super().__init__(sample_rate, hop_length, 1, Fourier(sample_rate, n_fft, hop_length, backend))
        self.percent = check_number("percent", percent, 0, 100)

    def from_power(self, power_BKN: Tensor) -> Tensor:
        sum_BKN = power_BKN.sqrt().cumsum(dim=1)
        bin_BN = (sum_BKN < self.percent / 100 * sum_BKN[:, -1:]).sum(dim=1)
        return self.spectrum.frequency_hz[bin_BN][:, None]
