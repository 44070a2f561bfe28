"""The power spectrum, in two back ends, and the features that are read off it."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torchaudio.functional import spectrogram

from src.feature.feature import Feature, choice, even, whole


class Spectrum(nn.Module):
    """Power in K bins at `frequency_hz`: wave (B, T) -> (B, K, N). Two of one class and one `settings` are the same."""

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
             auto        nnAudio where the wave is on CUDA, torchaudio elsewhere

    `trainable` makes nnAudio's kernels parameters, which are then used on every device. Otherwise nothing is kept in
    checkpoints. Source: nnAudio, Cheuk et al. 2020.
    """

    window: Tensor

    def __init__(self, sample_rate: int, n_fft: int, hop_length: int, backend: str, trainable: bool = False) -> None:
        even("n_fft", n_fft, hop_length)
        frequency_hz = torch.arange(1 + n_fft // 2) * (whole("sample_rate", sample_rate) / n_fft)
        super().__init__(frequency_hz, (sample_rate, n_fft, hop_length, backend), trainable)
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.backend = choice("backend", backend, "auto", "nnaudio", "torchaudio")
        if trainable and backend == "torchaudio":
            raise ValueError(
                "feature.backend is 'torchaudio' and feature.trainable is true: expected auto or nnaudio, because only "
                "nnAudio's kernels can be trained."
            )
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.kernels = _kernels(n_fft, hop_length, trainable=True) if trainable else None  # else made where first used

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
            with torch.inference_mode(False):  # the first use may be a validation, and a training must follow it
                self.kernels = _kernels(self.n_fft, self.hop_length, trainable=False).to(wave_BT.device)
        with exact_convolution():
            spectrum_BKN2: Tensor = self.kernels(wave_BT)  # real and imaginary part
        return spectrum_BKN2.square().sum(dim=-1)


class Spectral(Feature):
    """A feature that is read off a power spectrum: Fourier's, or for some the constant-Q one."""

    def __init__(self, sample_rate: int, hop_length: int, rows: int, spectrum: Spectrum) -> None:
        super().__init__(sample_rate, hop_length, rows)
        self.spectrum = spectrum

    def extract(self, wave_BT: Tensor) -> Tensor:
        return self.describe(self.spectrum(wave_BT))

    @abstractmethod
    def describe(self, power_BKN: Tensor) -> Tensor:
        """The feature itself: power (B, K, N) -> (B, rows, N)."""


def _kernels(n_fft: int, hop_length: int, trainable: bool) -> nn.Module:
    from nnAudio.features.stft import STFT  # here, because the import takes seconds and a CPU never needs it

    kernels: nn.Module = STFT(
        n_fft=n_fft,
        hop_length=hop_length,
        pad_mode="constant",
        output_format="Complex",  # its magnitude adds 1e-8 to the power where kernels are trainable
        trainable=trainable,
        verbose=False,
    )
    return forget(kernels)


def forget(layer: nn.Module) -> nn.Module:
    """Keep the buffers of nnAudio's layer out of checkpoints (17 MB at n_fft 2048): they follow from the config."""
    for name, buffer in list(layer.named_buffers()):
        layer.register_buffer(name, buffer, persistent=False)
    return layer


@contextmanager
def exact_convolution() -> Iterator[None]:
    """Convolutions in full float32 on CUDA: cuDNN's default, TF32, drowns quiet bins in rounding (10 bits)."""
    convolution: Any = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    before = convolution.fp32_precision
    convolution.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolution.fp32_precision = before


def share(power_BKN: Tensor) -> Tensor:
    """Each bin's share of its frame's magnitude, which sum to 1, or to 0 where the frame is silent."""
    magnitude_BKN = power_BKN.sqrt()
    return magnitude_BKN / magnitude_BKN.sum(dim=1, keepdim=True).clamp(min=torch.finfo(power_BKN.dtype).tiny)
