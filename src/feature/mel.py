"""The mel spectrogram."""

import warnings

from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from src.feature.feature import check_integer, check_number, decibel
from src.feature.spectrum import Fourier, Spectral


class Mel(Spectral):
    """Mel spectrogram in dB: power in `n_mels` overlapping triangular bands, equally wide on Slaney's mel scale.

    wave (B, T) in [-1, 1] -> (B, n_mels, N) in dB; silence is -100 dB. Each band has unit area. `fmax_hz` None is half
    the sample rate. `trainable` trains nnAudio's Fourier kernels and the bands.
    Source: Stevens, Volkmann and Newman 1937; Slaney 1998.
    """

    bands_FK: Tensor

    def __init__(
        self,
        sample_rate: int,
        hop_length: int,
        n_fft: int,
        n_mels: int,
        fmin_hz: float = 0.0,
        fmax_hz: float | None = None,
        backend: str = "auto",
        trainable: bool = False,
    ) -> None:
        spectrum = Fourier(sample_rate, n_fft, hop_length, backend, trainable)
        super().__init__(sample_rate, hop_length, check_integer("n_mels", n_mels), spectrum)
        bands_FK = mel_bands(sample_rate, n_fft, n_mels, fmin_hz, fmax_hz)
        if trainable:
            self.bands_FK = nn.Parameter(bands_FK)
        else:
            self.register_buffer("bands_FK", bands_FK, persistent=False)

    def from_power(self, power_BKN: Tensor) -> Tensor:
        # Training can make the weights of a band, and so its power, negative: such a power becomes the floor, -100 dB.
        return decibel(self.bands_FK @ power_BKN)


def mel_bands(sample_rate: int, n_fft: int, n_mels: int, fmin_hz: float, fmax_hz: float | None) -> Tensor:
    """Weight of each frequency bin in each mel band: (n_mels, 1 + n_fft // 2), as in librosa.filters.mel."""
    nyquist_hz = sample_rate / 2
    top_hz = check_number("fmax_hz", nyquist_hz if fmax_hz is None else fmax_hz, 0, nyquist_hz, "half the sample rate")
    check_number("fmin_hz", fmin_hz, 0, top_hz, "feature.fmax_hz")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "At least one mel filterbank", UserWarning)  # an error is raised below
        bands_KF: Tensor = melscale_fbanks(
            1 + n_fft // 2, fmin_hz, top_hz, n_mels, sample_rate, norm="slaney", mel_scale="slaney"
        )
    empty = int((bands_KF.amax(dim=0) == 0).sum())
    if empty:
        raise ValueError(
            f"feature.n_mels is {n_mels}: {empty} of the bands between {fmin_hz:g} and {top_hz:g} Hz would be narrower "
            f"than the frequency bins of feature.n_fft {n_fft} and stay empty. Lower n_mels or raise audio.n_fft."
        )
    return bands_KF.T.contiguous()
