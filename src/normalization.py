"""Normalization of feature rows to a common scale. `prepare` fits it, on the training clips only.

Statistics (B, E = 3 F) are the mean of each row over time, its deviation, and the deviation of its frame-to-frame
differences, as `src.model.classic.statistics` computes them. Each normalization here is an affine function of each row, so it
can be fitted to statistics and applied to them without the feature itself.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

LEAST_DEVIATION = 1e-5  # of a row of one example: a smaller one is rounding error


class Standard(nn.Module):
    """Subtract each row's mean and divide by its standard deviation, both over all frames of the segments of the training clips.

    feature (B, F, N) -> (B, F, N). A row that never varies is only centred. `scale_F` are factors by which the rows are
    multiplied afterwards, all 1 by default; `deviation_F1` is the deviation divided by the factor.
    """

    mean_F1: Tensor
    deviation_F1: Tensor

    def __init__(self, rows: int, scale_F: Tensor | None = None) -> None:
        super().__init__()
        self.scale_F = torch.ones(rows) if scale_F is None else scale_F
        self.register_buffer("mean_F1", torch.zeros(rows, 1))
        self.register_buffer("deviation_F1", torch.ones(rows, 1))

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit in one pass over batches of (feature (B, F, N), genre (B,)). Returns no training curves.

        The batches are merged by a numerically stable formula, so that small deviations stay accurate.
        Source: Chan, Golub and LeVeque 1979, updating formulas for variance.
        """
        self._merge(_moments(feature_BFN.detach().cpu().double()) for feature_BFN, _ in batches)
        return {}

    def prepare_from_statistics(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit to batches of (statistics (B, 3 F) of segments of equal length, genre (B,)), with the result of `prepare`."""
        self._merge(_moments_of_statistics(statistic_BE.cpu().double()) for statistic_BE, _ in batches)
        return {}

    def _merge(self, batches: Iterable[tuple[int, Tensor, Tensor]]) -> None:
        """Fit to the number of frames, the means (F,) and the variances (F,) of each batch."""
        frames, mean_F, squares_F = 0, torch.zeros(()).double(), torch.zeros(()).double()
        for new, new_mean_F, new_variance_F in batches:
            shift_F = new_mean_F - mean_F
            # Sum of squared deviations from the mean.
            squares_F = squares_F + new_variance_F * new + shift_F**2 * (frames * new / (frames + new))
            mean_F, frames = mean_F + shift_F * (new / (frames + new)), frames + new
        deviation_F = (squares_F / frames).sqrt()
        deviation_F[deviation_F < 1e-8] = 1.0
        self.mean_F1.copy_(mean_F[:, None])
        self.deviation_F1.copy_((deviation_F / self.scale_F)[:, None])

    def forward(self, feature_BFN: Tensor) -> Tensor:
        return (feature_BFN - self.mean_F1) / self.deviation_F1

    def normalized_statistics(self, statistic_BE: Tensor) -> Tensor:
        """The statistics of the normalized feature from those of the feature, (B, 3 F) -> (B, 3 F)."""
        mean_BF, *deviations = statistic_BE.chunk(3, dim=1)
        mean_F, deviation_F = self.mean_F1[:, 0], self.deviation_F1[:, 0]
        return torch.cat([(mean_BF - mean_F) / deviation_F, *(rows_BF / deviation_F for rows_BF in deviations)], dim=1)


def _moments(feature_BFN: Tensor) -> tuple[int, Tensor, Tensor]:
    """The number of frames, and the mean and variance of each row over them."""
    rows_FM = feature_BFN.transpose(0, 1).flatten(1)
    return rows_FM.shape[1], rows_FM.mean(1), rows_FM.var(1, correction=0)


def _moments_of_statistics(statistic_BE: Tensor) -> tuple[int, Tensor, Tensor]:
    """As `_moments`, with the number of segments in place of the frames: all have equally many."""
    mean_BF, deviation_BF, _ = statistic_BE.chunk(3, dim=1)
    return len(mean_BF), mean_BF.mean(0), deviation_BF.square().mean(0) + mean_BF.var(0, correction=0)


class Instance(nn.Module):
    """Normalize each row of each example by its own mean and deviation over time. Removes level and spectral colour.

    feature (B, F, N) -> (B, F, N). A row that does not vary within the example becomes 0.
    """

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit nothing. Returns no training curves."""
        return {}

    def forward(self, feature_BFN: Tensor) -> Tensor:
        centred_BFN = feature_BFN - feature_BFN.mean(2, keepdim=True)
        return centred_BFN / centred_BFN.square().mean(2, keepdim=True).sqrt().clamp_min(LEAST_DEVIATION)

    def normalized_statistics(self, statistic_BE: Tensor) -> Tensor:
        """The statistics of the normalized feature from those of the feature, (B, 3 F) -> (B, 3 F)."""
        mean_BF, deviation_BF, change_BF = statistic_BE.chunk(3, dim=1)
        scale_BF = deviation_BF.clamp_min(LEAST_DEVIATION)
        return torch.cat([torch.zeros_like(mean_BF), deviation_BF / scale_BF, change_BF / scale_BF], dim=1)


class Unchanged(nn.Module):
    """No normalization: return the features unchanged."""

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit nothing. Returns no training curves."""
        return {}

    def forward(self, feature_BFN: Tensor) -> Tensor:
        return feature_BFN

    def normalized_statistics(self, statistic_BE: Tensor) -> Tensor:
        """Return the statistics unchanged."""
        return statistic_BE
