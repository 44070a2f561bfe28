"""Spectral contrast."""

import torch
from torch import Tensor

from src.feature.feature import decibel, number, whole
from src.feature.spectrum import Fourier, Spectral


class Contrast(Spectral):
    """How far peaks stand above valleys in each octave: high for clear tones, low for noise and distortion.

    wave (B, T) -> (B, 1 + octaves, N). Row 0 is the band from 0 to `fmin_hz`, row k the k-th octave above it, the last
    one up to half the sample rate. A row is 10 log10 of the mean of the loudest `percent` of its magnitudes over that
    of the quietest, as librosa.feature.spectral_contrast without its top_db: half the contrast of powers in dB. A
    silent frame reads 0. Source: Jiang et al. 2002.
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
        super().__init__(sample_rate, hop_length, 1 + whole("octaves", octaves), spectrum)
        number("percent", percent, 0, 50)
        self.bands = octave_bands(
            spectrum.frequency_hz, octaves, number("fmin_hz", fmin_hz, 1, sample_rate / 2), percent
        )

    def describe(self, power_BKN: Tensor) -> Tensor:
        row_BN = []
        for first, stop, count in self.bands:
            band_BKN = power_BKN[:, first:stop]
            peak_BN = band_BKN.topk(count, dim=1).values.sqrt().mean(dim=1)
            valley_BN = band_BKN.topk(count, dim=1, largest=False).values.sqrt().mean(dim=1)
            row_BN.append(decibel(peak_BN) - decibel(valley_BN))
        return torch.stack(row_BN, dim=1)


def octave_bands(frequency_hz: Tensor, octaves: int, fmin_hz: float, percent: float) -> list[tuple[int, int, int]]:
    """(first bin, stop bin, how many bins make the peak and the valley) of each band, overlapping as librosa's do."""
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
