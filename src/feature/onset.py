"""Onset strength."""

import torch.nn.functional as F
from torch import Tensor

from src.feature.mel import Mel


class Onset(Mel):
    """Onset strength: the mean over mel bands of max(0, rise in dB from the previous frame to this one).

    wave (B, T) in [-1, 1] -> (B, 1, N) in dB. The curve is delayed by half a frame of n_fft, because a frame
    contains an onset up to half a frame after its centre. So the first frames are 0; silence is 0 too. Equals
    librosa.onset.onset_strength without its top_db.
    Source: Boeck and Widmer 2013.
    """

    def __init__(
        self,
        sample_rate: int,
        hop_length: int,
        n_fft: int,
        n_mels: int,
        fmin_hz: float = 0.0,
        fmax_hz: float | None = None,
        backend: str = "auto",
    ) -> None:
        super().__init__(sample_rate, hop_length, n_fft, n_mels, fmin_hz, fmax_hz, backend)
        self.rows = 1
        self.delay_frames = n_fft // (2 * hop_length)

    def from_power(self, power_BKN: Tensor) -> Tensor:
        rise_BN = super().from_power(power_BKN).diff(dim=-1).clamp(min=0).mean(dim=1)
        return F.pad(rise_BN, (1 + self.delay_frames, 0))[:, None, : power_BKN.shape[-1]]
