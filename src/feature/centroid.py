"""Spectral centroid."""

from torch import Tensor

from src.feature.spectrum import Fourier, Spectral, magnitude_share


class Centroid(Spectral):
    """Centre of mass of each frame's magnitude spectrum, sum_k f_k |X_k| / sum_k |X_k|: brightness.

    wave (B, T) -> (B, 1, N) in Hz. A silent frame gives 0 Hz. Source: Tzanetakis and Cook 2002.
    """

    def __init__(self, sample_rate: int, hop_length: int, n_fft: int, backend: str = "auto") -> None:
        super().__init__(sample_rate, hop_length, 1, Fourier(sample_rate, n_fft, hop_length, backend))

    def from_power(self, power_BKN: Tensor) -> Tensor:
        return (self.spectrum.frequency_hz @ magnitude_share(power_BKN))[:, None]
