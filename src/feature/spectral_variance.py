"""Spectral variance."""

from torch import Tensor

from src.feature.spectrum import Fourier, Spectral, magnitude_share


class SpectralVariance(Spectral):
    """Bandwidth: square root of the variance of each frame's magnitude spectrum around its centroid c.

        sqrt(sum_k (f_k - c)^2 |X_k| / sum_k |X_k|)

    wave (B, T) -> (B, 1, N) in Hz. The square root gives it the unit of centroid and rolloff, and makes it equal to
    librosa.feature.spectral_bandwidth. A silent frame gives 0 Hz. Source: Peeters 2004.
    """

    def __init__(self, sample_rate: int, hop_length: int, n_fft: int, backend: str = "auto") -> None:
        super().__init__(sample_rate, hop_length, 1, Fourier(sample_rate, n_fft, hop_length, backend))

    def from_power(self, power_BKN: Tensor) -> Tensor:
        share_BKN = magnitude_share(power_BKN)
        frequency_K1 = self.spectrum.frequency_hz[:, None]
        centroid_B1N = (frequency_K1 * share_BKN).sum(dim=1, keepdim=True)
        return ((frequency_K1 - centroid_B1N).square() * share_BKN).sum(dim=1, keepdim=True).sqrt()
