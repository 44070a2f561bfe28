"""The waveform."""

from torch import Tensor

from src.feature.feature import Feature


class Waveform(Feature):
    """The unchanged samples, for networks that learn their own filters.

    wave (B, T) -> (B, 1, T): one row, and every sample is a frame, so it cannot be combined with frame-wise features.
    Source: Dieleman and Schrauwen 2014.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate, hop_length=1, rows=1)

    def frames(self, samples: int) -> int:
        return samples

    def extract(self, wave_BT: Tensor) -> Tensor:
        return wave_BT[:, None]
