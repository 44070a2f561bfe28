"""Normalization of feature rows to a common scale. `prepare` fits it, on the training clips only."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Standard(nn.Module):
    """Subtract each row's mean and divide by its standard deviation, both over all frames of the training clips.

    feature (B, F, N) -> (B, F, N). A row that never varies is only centred.
    """

    mean_F1: Tensor
    deviation_F1: Tensor

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.register_buffer("mean_F1", torch.zeros(rows, 1))
        self.register_buffer("deviation_F1", torch.ones(rows, 1))

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit in one pass over batches of (feature (B, F, N), genre (B,)). Returns no training curves.

        The batches are merged by a numerically stable formula, so that small deviations stay accurate.
        Source: Chan, Golub and LeVeque 1979, updating formulas for variance.
        """
        frames, mean_F, squares_F = 0, torch.zeros(()).double(), torch.zeros(()).double()
        for feature_BFN, _ in batches:
            rows_FM = feature_BFN.detach().cpu().double().transpose(0, 1).flatten(1)
            new, shift_F = rows_FM.shape[1], rows_FM.mean(1) - mean_F  # number of new frames; difference of the means
            # Sum of squared deviations from the mean.
            squares_F = squares_F + rows_FM.var(1, correction=0) * new + shift_F**2 * (frames * new / (frames + new))
            mean_F, frames = mean_F + shift_F * (new / (frames + new)), frames + new
        deviation_F = (squares_F / frames).sqrt()
        deviation_F[deviation_F < 1e-8] = 1.0
        self.mean_F1.copy_(mean_F[:, None])
        self.deviation_F1.copy_(deviation_F[:, None])
        return {}

    def forward(self, feature_BFN: Tensor) -> Tensor:
        return (feature_BFN - self.mean_F1) / self.deviation_F1


class Instance(nn.Module):
    """Normalize each row of each example by its own mean and deviation over time. Removes level and spectral colour.

    feature (B, F, N) -> (B, F, N). A row that does not vary within the example becomes 0.
    """

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit nothing. Returns no training curves."""
        return {}

    def forward(self, feature_BFN: Tensor) -> Tensor:
        centred_BFN = feature_BFN - feature_BFN.mean(2, keepdim=True)
        return centred_BFN / centred_BFN.square().mean(2, keepdim=True).sqrt().clamp_min(1e-5)


class Unchanged(nn.Module):
    """No normalization: return the features unchanged."""

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit nothing. Returns no training curves."""
        return {}

    def forward(self, feature_BFN: Tensor) -> Tensor:
        return feature_BFN
