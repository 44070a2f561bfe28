"""Power spectra with two back ends, and the base class of spectral features."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torchaudio.functional import spectrogram

from src.feature.feature import Feature, check_choice, check_even_length, check_integer


class Spectrum(nn.Module):
    """Power in K bins at `frequency_hz`: wave (B, T) -> (B, K, N).

    Objects of one class with equal `settings` compute the same, so that features can share one.
    """

    frequency_hz: Tensor

    def __init__(self, frequency_hz: Tensor, settings: tuple[object, ...], trainable: bool) -> None:
        super().__init__()
        self.register_buffer("frequency_hz", frequency_hz, persistent=False)
        self.settings = settings
        self.trainable = trainable


class Fourier(Spectrum):
    """Short-time Fourier transform with a periodic Hann window w: |sum_t w[t] x[t] exp(-2 pi i k t / n_fft)|^2.

    wave (B, T) -> (B, K, N), K = 1 + n_fft // 2 bins at k * sample_rate / n_fft Hz. Silence is 0.

    backend  nnaudio     a convolution with the Fourier kernels: fast on a GPU, and the kernels can be trained
             torchaudio  the fast Fourier transform: 4 to 9 times faster on a CPU
             auto        nnAudio if the wave is on CUDA, else torchaudio

    `trainable` makes nnAudio's kernels parameters, which are then used on every device. Otherwise nothing is saved in
    checkpoints. Source: nnAudio, Cheuk et al. 2020.
    """

    window: Tensor

    def __init__(self, sample_rate: int, n_fft: int, hop_length: int, backend: str, trainable: bool = False) -> None:
        check_even_length("n_fft", n_fft, hop_length)
        frequency_hz = torch.arange(1 + n_fft // 2) * (check_integer("sample_rate", sample_rate) / n_fft)
        super().__init__(frequency_hz, (sample_rate, n_fft, hop_length, backend), trainable)
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.backend = check_choice("backend", backend, "auto", "nnaudio", "torchaudio")
        if trainable and backend == "torchaudio":
            raise ValueError(
                "feature.backend is 'torchaudio' and feature.trainable is true: expected auto or nnaudio, because only "
                "nnAudio's kernels can be trained."
            )
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.kernels = _kernels(n_fft, hop_length, trainable=True) if trainable else None  # None: built at first use

    def forward(self, wave_BT: Tensor) -> Tensor:
        if self.backend == "nnaudio" or self.trainable or (self.backend == "auto" and wave_BT.is_cuda):
            return self._convolve(wave_BT)
        power_BKN: Tensor = spectrogram(
            wave_BT,
            pad=0,
            window=self.window,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            win_length=self.n_fft,
            power=2.0,
            normalized=False,
            pad_mode="constant",
        )
        return power_BKN

    def _convolve(self, wave_BT: Tensor) -> Tensor:
        if self.kernels is None:
            with torch.inference_mode(False):  # the first use may be in validation; training needs normal tensors
                self.kernels = _kernels(self.n_fft, self.hop_length, trainable=False).to(wave_BT.device)
        with exact_convolution():
            spectrum_BKN2: Tensor = self.kernels(wave_BT)  # real and imaginary part
        return spectrum_BKN2.square().sum(dim=-1)


class Spectral(Feature):
    """Base class of features computed from a power spectrum, Fourier or constant-Q."""

    def __init__(self, sample_rate: int, hop_length: int, rows: int, spectrum: Spectrum) -> None:
        super().__init__(sample_rate, hop_length, rows)
        self.spectrum = spectrum

    def extract(self, wave_BT: Tensor) -> Tensor:
        return self.from_power(self.spectrum(wave_BT))

    @abstractmethod
    def from_power(self, power_BKN: Tensor) -> Tensor:
        """Compute the feature from the power spectrum: (B, K, N) -> (B, rows, N)."""


def _kernels(n_fft: int, hop_length: int, trainable: bool) -> nn.Module:
    from nnAudio.features.stft import STFT  # imported here: it takes seconds, and the CPU rarely needs it

    kernels: nn.Module = STFT(
        n_fft=n_fft,
        hop_length=hop_length,
        pad_mode="constant",
        output_format="Complex",  # "Magnitude" adds 1e-8 to the power if kernels are trainable
        trainable=trainable,
        verbose=False,
    )
    return exclude_from_checkpoint(kernels)


def exclude_from_checkpoint(layer: nn.Module) -> nn.Module:
    """Exclude the buffers of nnAudio's layer from checkpoints (17 MB at n_fft 2048): they follow from the config."""
    for name, buffer in list(layer.named_buffers()):
        layer.register_buffer(name, buffer, persistent=False)
    return layer


@contextmanager
def exact_convolution() -> Iterator[None]:
    """Convolve in full float32 on CUDA: cuDNN's default, TF32 (10 bits), hides quiet bins under rounding errors."""
    convolution: Any = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    previous = convolution.fp32_precision
    convolution.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolution.fp32_precision = previous


def magnitude_share(power_BKN: Tensor) -> Tensor:
    """Share of each bin in the magnitude of its frame. The shares of a frame sum to 1, or to 0 if it is silent."""
    magnitude_BKN = power_BKN.sqrt()
    return magnitude_BKN / magnitude_BKN.sum(dim=1, keepdim=True).clamp(min=torch.finfo(power_BKN.dtype).tiny)
