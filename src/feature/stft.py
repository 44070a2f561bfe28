"""The spectrogram."""

from torch import Tensor

from src.feature.feature import decibel
from src.feature.spectrum import Fourier, Spectral


class Stft(Spectral):
    """Power spectrogram in dB: 10 log10(max(|STFT|^2, 1e-10)).

    wave (B, T) in [-1, 1] -> (B, 1 + n_fft // 2, N) in dB; silence is -100 dB. `trainable` trains nnAudio's
    Fourier kernels. Source: Allen and Rabiner 1977.
    """

    def __init__(
        self, sample_rate: int, hop_length: int, n_fft: int, backend: str = "auto", trainable: bool = False
    ) -> None:
        spectrum = Fourier(sample_rate, n_fft, hop_length, backend, trainable)
        super().__init__(sample_rate, hop_length, 1 + n_fft // 2, spectrum)

    def from_power(self, power_BKN: Tensor) -> Tensor:
        return decibel(power_BKN)
