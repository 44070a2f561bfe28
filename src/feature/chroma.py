"""Chroma: the twelve pitch classes."""

import torch
from torch import Tensor

from src.feature.cqt import ConstantQ
from src.feature.feature import check_choice
from src.feature.spectrum import Fourier, Spectral, Spectrum

C1_HZ = 440 * 2 ** (-45 / 12)  # 32.70 Hz, three octaves and nine semitones below A4
OCTAVES = 7  # C1 to B7: the piano without its lowest and highest keys


class Chroma(Spectral):
    """Strength of each pitch class C, C#, ..., B, summed over octaves and divided by the strongest of the frame.

    wave (B, T) -> (B, 12, N) in [0, 1]; row 9 is A, tuned to 440 Hz. A silent frame is 0 in all rows.

    source  stft  power of the Fourier bins, weighted by a Gaussian around each pitch class and by a Gaussian over the
                  octaves around 880 Hz (D. Ellis 2007; as librosa.feature.chroma_stft with tuning=0)
            cqt   magnitude of the constant-Q bins, one per semitone, C1 to B7: sharper in the bass, but slower
    Source: Fujishima 1999.
    """

    fold_FK: Tensor

    def __init__(
        self, sample_rate: int, hop_length: int, n_fft: int, source: str = "stft", backend: str = "auto"
    ) -> None:
        self.source = check_choice("source", source, "stft", "cqt")
        spectrum: Spectrum
        if source == "stft":
            spectrum = Fourier(sample_rate, n_fft, hop_length, backend)
            fold_FK = pitch_class_weights(sample_rate, n_fft)
        else:
            spectrum = ConstantQ(sample_rate, hop_length, C1_HZ, n_bins=12 * OCTAVES, bins_per_octave=12)
            fold_FK = torch.eye(12).repeat(1, OCTAVES)
        super().__init__(sample_rate, hop_length, 12, spectrum)
        self.register_buffer("fold_FK", fold_FK, persistent=False)

    def from_power(self, power_BKN: Tensor) -> Tensor:
        chroma_BFN = self.fold_FK @ (power_BKN if self.source == "stft" else power_BKN.sqrt())
        strongest_B1N = chroma_BFN.amax(dim=1, keepdim=True)
        return chroma_BFN / strongest_B1N.clamp(min=torch.finfo(chroma_BFN.dtype).tiny)


def pitch_class_weights(sample_rate: int, n_fft: int) -> Tensor:
    """Weight of each Fourier bin in each pitch class, C first: (12, 1 + n_fft // 2), as in librosa.filters.chroma."""
    bin_K = torch.arange(1, n_fft, dtype=torch.float64)
    pitch_K = 12 * torch.log2(bin_K * sample_rate / n_fft / 27.5)  # semitones above A0
    pitch_K = torch.cat([pitch_K[:1] - 18, pitch_K])  # 0 Hz has no pitch: put it far below bin 1
    width_K = torch.cat([pitch_K.diff().clamp(min=1), torch.ones(1, dtype=torch.float64)])  # bin width in semitones
    class_F = torch.arange(12, dtype=torch.float64)[:, None]
    distance_FK = (pitch_K - class_F + 6).remainder(12) - 6
    weight_FK = torch.exp(-0.5 * (2 * distance_FK / width_K) ** 2)
    weight_FK /= torch.linalg.vector_norm(weight_FK, dim=0)
    weight_FK *= torch.exp(-0.5 * ((pitch_K / 12 - 5) / 2) ** 2)  # centred five octaves above A0, 880 Hz
    weight_FK = weight_FK.roll(-3, dims=0)[:, : 1 + n_fft // 2]  # rolled from A first to C first
    return weight_FK.to(torch.float32)
