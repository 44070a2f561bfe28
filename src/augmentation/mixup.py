"""Examples mixed with one another, and so their genres."""

import torch
from torch import Tensor, nn


class Mixup(nn.Module):
    """Each example becomes lambda of itself and 1 - lambda of another, and its target likewise; lambda ~ Beta(alpha, alpha).

    feature (B, F, N), target (B, C) of shares of genres -> the same shapes. The others are a random circle through the
    batch, so that none meets itself; a batch of one stays as it is. Features here are normalized and mostly
    logarithmic: what is mixed are their pictures, and not the sounds, whose powers would add.
    Source: Zhang et al. 2018, mixup: beyond empirical risk minimization.
    """

    def __init__(self, alpha: float) -> None:
        if not 0 < alpha < float("inf"):
            raise ValueError(
                f"augmentation.mix.alpha is {alpha:g}: expected more than 0; augmentation=none mixes nothing."
            )
        super().__init__()
        self.alpha = alpha

    def forward(self, feature_BFN: Tensor, target_BC: Tensor) -> tuple[Tensor, Tensor]:
        order_B = torch.randperm(len(feature_BFN), device=feature_BFN.device)
        other_B = order_B.roll(1)[order_B.argsort()]  # before each in the order
        alpha_B = torch.full((len(feature_BFN),), self.alpha, device=feature_BFN.device)
        own_B = torch.distributions.Beta(alpha_B, alpha_B).sample()
        feature_BFN = feature_BFN[other_B].lerp(feature_BFN, own_B[:, None, None].to(feature_BFN))
        return feature_BFN, target_BC[other_B].lerp(target_BC, own_B[:, None].to(target_BC))


class Unmixed(nn.Module):
    """The null choice: every example and its target as they are."""

    def forward(self, feature_BFN: Tensor, target_BC: Tensor) -> tuple[Tensor, Tensor]:
        return feature_BFN, target_BC
