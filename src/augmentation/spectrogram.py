"""Masks over time and frequency."""

from torch import Tensor, nn
from torchaudio.transforms import FrequencyMasking, TimeMasking


class Spectrogram(nn.Module):
    """Hide stretches of frames and bands of rows; what is hidden reads 0, which is the mean of a normalized feature.

    feature (B, F, N) -> (B, F, N), each example with its own masks: `masks` of each kind, each of a width drawn evenly
    from 0 to the given share of the frames or rows. Source: Park et al. 2019, SpecAugment.
    """

    def __init__(self, masks: int, time_share: float, frequency_share: float) -> None:
        if masks < 0:
            raise ValueError(f"augmentation.feature.masks is {masks}: expected 0 or more.")
        for key, share in (("time_share", time_share), ("frequency_share", frequency_share)):
            if not 0 <= share <= 1:
                raise ValueError(f"augmentation.feature.{key} is {share:g}: expected a share between 0 and 1.")
        super().__init__()
        self.masks, self.time_share, self.frequency_share = masks, time_share, frequency_share

    def forward(self, feature_BFN: Tensor) -> Tensor:
        rows, frames = feature_BFN.shape[1:]
        hide_time = TimeMasking(int(self.time_share * frames), iid_masks=True)
        hide_rows = FrequencyMasking(int(self.frequency_share * rows), iid_masks=True)
        for _ in range(self.masks):
            feature_BFN = hide_rows(hide_time(feature_BFN))
        return feature_BFN
