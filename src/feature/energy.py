"""Short-time energy."""

from torch import Tensor

from src.feature.feature import Feature, decibel, even, frame


class Energy(Feature):
    """Loudness of each frame: 10 log10(max(mean of x[t]^2, 1e-10)), its root mean square in dB, as loudness is heard.

    wave (B, T) in [-1, 1] -> (B, 1, N) in dB: a full-scale sine reads -3 dB, silence -100 dB.
    Source: Tzanetakis and Cook 2002.
    """

    def __init__(self, sample_rate: int, hop_length: int, frame_length: int) -> None:
        super().__init__(sample_rate, hop_length, rows=1)
        self.frame_length = even("frame_length", frame_length, hop_length)

    def extract(self, wave_BT: Tensor) -> Tensor:
        return decibel(frame(wave_BT.square(), self.frame_length, self.hop_length).mean(dim=-1))[:, None]
