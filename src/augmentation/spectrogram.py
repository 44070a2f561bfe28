"""Time and frequency masks (SpecAugment)."""

from torch import Tensor, nn
from torchaudio.transforms import FrequencyMasking, TimeMasking


class Spectrogram(nn.Module):
    """Set blocks of frames and of rows to 0, which is the mean of a normalized feature.

    feature (B, F, N) -> (B, F, N). Each example gets its own masks: `masks` over time and `masks` over frequency. The
    width of each is drawn uniformly from 0 to `time_share` of the frames or `frequency_share` of the rows.
    Source: Park et al. 2019, SpecAugment.
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
        mask_time = TimeMasking(int(self.time_share * frames), iid_masks=True)
        mask_rows = FrequencyMasking(int(self.frequency_share * rows), iid_masks=True)
        for _ in range(self.masks):
            feature_BFN = mask_rows(mask_time(feature_BFN))
        return feature_BFN
