"""Spectral contrast."""

import torch
from torch import Tensor

from src.feature.feature import check_integer, check_number, decibel
from src.feature.spectrum import Fourier, Spectral


class Contrast(Spectral):
    """Level of the peaks above the valleys in each octave: high for clear tones, low for noise and distortion.

    wave (B, T) -> (B, 1 + octaves, N). Row 0 is the band from 0 to `fmin_hz`. Row k is the k-th octave above it; the
    last octave reaches up to half the sample rate. Each row is 10 log10 of a ratio: the mean of the largest `percent`
    of the band's magnitudes over the mean of the smallest `percent`. This equals librosa.feature.spectral_contrast
    without its top_db, and is half the contrast of powers in dB. A silent frame gives 0. Source: Jiang et al. 2002.
    """

    def __init__(
        self,
        sample_rate: int,
        hop_length: int,
        n_fft: int,
        octaves: int = 6,
        fmin_hz: float = 200.0,
        percent: float = 2.0,
        backend: str = "auto",
    ) -> None:
        spectrum = Fourier(sample_rate, n_fft, hop_length, backend)
        super().__init__(sample_rate, hop_length, 1 + check_integer("octaves", octaves), spectrum)
        check_number("percent", percent, 0, 50)
        self.bands = octave_bands(
            spectrum.frequency_hz, octaves, check_number("fmin_hz", fmin_hz, 1, sample_rate / 2), percent
        )

    def from_power(self, power_BKN: Tensor) -> Tensor:
        contrasts = []
        for first, stop, count in self.bands:
            band_BKN = power_BKN[:, first:stop]
            peak_BN = band_BKN.topk(count, dim=1).values.sqrt().mean(dim=1)
            valley_BN = band_BKN.topk(count, dim=1, largest=False).values.sqrt().mean(dim=1)
            contrasts.append(decibel(peak_BN) - decibel(valley_BN))
        return torch.stack(contrasts, dim=1)


def octave_bands(frequency_hz: Tensor, octaves: int, fmin_hz: float, percent: float) -> list[tuple[int, int, int]]:
    """Frequency bins of each band: (first, stop, number of bins averaged as peak and as valley).

    `stop` is the bin after the last one. Bands overlap as in librosa. Raises ValueError on a band without bins.
    """
    bands = []
    for octave in range(octaves + 1):
        low_hz = fmin_hz * 2 ** (octave - 1) if octave else 0.0
        inside = ((frequency_hz >= low_hz) & (frequency_hz <= fmin_hz * 2**octave)).nonzero().flatten().tolist()
        if not inside or low_hz >= frequency_hz[-1]:
            raise ValueError(
                f"feature.octaves is {octaves} with feature.fmin_hz {fmin_hz:g}: octave {octave}, from {low_hz:g} Hz, "
                f"has no frequency bin. Bins are {float(frequency_hz[1]):.1f} Hz apart and end at "
                f"{float(frequency_hz[-1]):g} Hz: lower octaves, or change fmin_hz or audio.n_fft."
            )
        first = inside[0] - (octave > 0)
        last = len(frequency_hz) - 1 if octave == octaves else inside[-1]
        count = max(1, round(percent / 100 * (last + 1 - first)))
        bands.append((first, last + (octave == octaves), count))
    return bands
