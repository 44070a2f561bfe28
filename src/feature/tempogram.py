"""The tempogram."""

import torch
from torch import Tensor

from src.feature.autocorrelation import self_product
from src.feature.feature import POWER_FLOOR, even
from src.feature.onset import Onset


class Tempogram(Onset):
    """Likeness of the onset strength around each frame to itself `lag` frames later, in a Hann window: the local tempo.

    wave (B, T) in [-1, 1] -> (B, window_frames, N) in [0, 1], row = lag: a beat of b per minute peaks at row
    60 sample_rate / (b hop_length) and its multiples. Row 0 is 1, and a stretch without onsets is 0 throughout. Beyond
    the ends onset strength falls linearly to 0, as in librosa.feature.tempogram.
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
        self.rows = even("window_frames", window_frames, 1)
        self.register_buffer("window_L", torch.hann_window(window_frames), persistent=False)

    def describe(self, power_BKN: Tensor) -> Tensor:
        onset_BN = super().describe(power_BKN)[:, 0]
        ramp = torch.arange(self.rows // 2, device=onset_BN.device) / (self.rows // 2)
        padded = torch.cat([onset_BN[:, :1] * ramp, onset_BN, onset_BN[:, -1:] * ramp.flip(0)], dim=1)
        frame_BNL = padded.unfold(-1, self.rows, 1)[:, : onset_BN.shape[1]] * self.window_L
        product_BNL = self_product(frame_BNL)
        return (product_BNL / product_BNL[..., :1].clamp(min=POWER_FLOOR)).transpose(1, 2)
