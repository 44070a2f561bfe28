"""The constant-Q transform."""

import torch
from torch import Tensor

from src.feature.feature import check_integer, check_number, decibel
from src.feature.spectrum import Spectral, Spectrum, exact_convolution, exclude_from_checkpoint


class ConstantQ(Spectrum):
    """Power in bins of equal width in pitch: |sum_t w_k[t] x[t] exp(-2 pi i f_k t)|^2, f_k = fmin_hz 2^(k / b).

    wave (B, T) -> (B, n_bins, N), b = bins_per_octave. The Hann window w_k spans the same number of periods
    in every bin, 17 at 12 bins per octave. Silence is 0. nnAudio's convolutions compute it on every device.
    Source: Brown and Puckette 1992; nnAudio, Cheuk et al. 2020.
    """

    def __init__(
        self,
        sample_rate: int,
        hop_length: int,
        fmin_hz: float,
        n_bins: int,
        bins_per_octave: int,
        trainable: bool = False,
    ) -> None:
        from nnAudio.features.cqt import CQT1992v2  # imported here because it takes seconds

        nyquist_hz = check_integer("sample_rate", sample_rate) / 2
        octaves = (check_integer("n_bins", n_bins) - 1) / check_integer("bins_per_octave", bins_per_octave)
        check_number("fmin_hz", fmin_hz, 1, nyquist_hz, "half the sample rate")
        if fmin_hz * 2**octaves > nyquist_hz:
            raise ValueError(
                f"feature.n_bins is {n_bins}: the top bin, {fmin_hz * 2**octaves:.0f} Hz, is above half the sample "
                f"rate, {nyquist_hz:g} Hz. Lower n_bins or fmin_hz, or raise bins_per_octave or sample_rate."
            )
        settings = (sample_rate, hop_length, fmin_hz, n_bins, bins_per_octave)
        super().__init__(fmin_hz * 2 ** (torch.arange(n_bins) / bins_per_octave), settings, trainable)
        self.kernels = exclude_from_checkpoint(
            CQT1992v2(
                sr=sample_rate,
                hop_length=check_integer("hop_length", hop_length),
                fmin=fmin_hz,
                n_bins=n_bins,
                bins_per_octave=bins_per_octave,
                pad_mode="constant",
                output_format="Complex",  # "Magnitude" adds 1e-8 to the power if kernels are trainable
                trainable=trainable,
                verbose=False,
            )
        )

    def forward(self, wave_BT: Tensor) -> Tensor:
        with exact_convolution():
            spectrum_BKN2: Tensor = self.kernels(wave_BT)  # real and imaginary part
        return spectrum_BKN2.square().sum(dim=-1)


class Cqt(Spectral):
    """Constant-Q power spectrogram in dB. At 12 bins per octave a row is a semitone and a transposition is a shift.

    wave (B, T) in [-1, 1] -> (B, n_bins, N) in dB; silence is -100 dB. `trainable` trains nnAudio's kernels.
    Follows librosa.cqt up to a scale factor per bin. Source: Brown and Puckette 1992.
    """

    def __init__(
        self,
        sample_rate: int,
        hop_length: int,
        fmin_hz: float,
        n_bins: int,
        bins_per_octave: int,
        trainable: bool = False,
    ) -> None:
        spectrum = ConstantQ(sample_rate, hop_length, fmin_hz, n_bins, bins_per_octave, trainable)
        super().__init__(sample_rate, hop_length, n_bins, spectrum)

    def from_power(self, power_BKN: Tensor) -> Tensor:
        return decibel(power_BKN)
