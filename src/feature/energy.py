"""Short-time energy."""

from torch import Tensor

from src.feature.feature import Feature, check_even_length, decibel, frame


class Energy(Feature):
    """Root mean square of each frame in dB: 10 log10(max(mean of x[t]^2, 1e-10)). Loudness is perceived on this scale.

    wave (B, T) in [-1, 1] -> (B, 1, N) in dB: a full-scale sine gives -3 dB, silence -100 dB.
    Source: Tzanetakis and Cook 2002.
    """

    def __init__(self, sample_rate: int, hop_length: int, frame_length: int) -> None:
        super().__init__(sample_rate, hop_length, rows=1)
        self.frame_length = check_even_length("frame_length", frame_length, hop_length)

    def extract(self, wave_BT: Tensor) -> Tensor:
        return decibel(frame(wave_BT.square(), self.frame_length, self.hop_length).mean(dim=-1))[:, None]
