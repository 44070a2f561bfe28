"""Zero crossings."""

from torch import Tensor

from src.feature.feature import Feature, check_even_length, frame

ZERO = 1e-10  # librosa's threshold: values nearer to zero count as zero, which is not negative


class ZeroCrossing(Feature):
    """Share of each frame's samples where the sign changes: high for noise and cymbals, low for bass.

    wave (B, T) -> (B, 1, N) in [0, 1], per sample: a tone of f Hz gives 2 f / sample_rate. A silent frame is 0.
    Beyond the ends, the first and the last sample are repeated, as in librosa.feature.zero_crossing_rate, because zeros
    could add a crossing. Source: Gouyon, Pachet and Delerue 2000.
    """

    def __init__(self, sample_rate: int, hop_length: int, frame_length: int) -> None:
        super().__init__(sample_rate, hop_length, rows=1)
        self.frame_length = check_even_length("frame_length", frame_length, hop_length)

    def extract(self, wave_BT: Tensor) -> Tensor:
        negative_BNL = frame((wave_BT < -ZERO).float(), self.frame_length, self.hop_length, "replicate")
        crossing_BNL = negative_BNL[..., 1:] != negative_BNL[..., :-1]
        return crossing_BNL.sum(dim=-1)[:, None] / self.frame_length
