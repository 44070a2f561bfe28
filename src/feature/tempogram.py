"""The tempogram."""

import torch
from torch import Tensor

from src.feature.autocorrelation import autocorrelate
from src.feature.feature import POWER_FLOOR, check_even_length
from src.feature.onset import Onset


class Tempogram(Onset):
    """Local tempo: normalized autocorrelation of the onset strength in a Hann window around each frame.

    wave (B, T) in [-1, 1] -> (B, window_frames, N) in [0, 1]. The row is the lag in frames: b beats per minute give a
    peak at row 60 sample_rate / (b hop_length) and at its multiples. Row 0 is 1. All rows are 0 where the Hann window
    contains no onsets. Beyond the ends the onset strength falls linearly to 0, as in librosa.feature.tempogram.
    Source: Grosche, Mueller and Kurth 2010.
    """

    window_L: Tensor

    def __init__(
        self,
        sample_rate: int,
        hop_length: int,
        n_fft: int,
        n_mels: int,
        window_frames: int,
        backend: str = "auto",
    ) -> None:
        super().__init__(sample_rate, hop_length, n_fft, n_mels, backend=backend)
        self.rows = check_even_length("window_frames", window_frames, 1)
        self.register_buffer("window_L", torch.hann_window(window_frames), persistent=False)

    def from_power(self, power_BKN: Tensor) -> Tensor:
        onset_BN = super().from_power(power_BKN)[:, 0]
        ramp = torch.arange(self.rows // 2, device=onset_BN.device) / (self.rows // 2)
        padded = torch.cat([onset_BN[:, :1] * ramp, onset_BN, onset_BN[:, -1:] * ramp.flip(0)], dim=1)
        frame_BNL = padded.unfold(-1, self.rows, 1)[:, : onset_BN.shape[1]] * self.window_L
        correlation_BNL = autocorrelate(frame_BNL)
        return (correlation_BNL / correlation_BNL[..., :1].clamp(min=POWER_FLOOR)).transpose(1, 2)
