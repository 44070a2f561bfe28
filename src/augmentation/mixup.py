"""Mixup: weighted means of pairs of training examples and of their genres."""

import torch
from torch import Tensor, nn


class Mixup(nn.Module):
    """Mix each example with a partner: lambda * example + (1 - lambda) * partner, with lambda ~ Beta(alpha, alpha).

    feature (B, F, N), target (B, C) of genre shares -> the same shapes, mixed with the same lambda. The partner is
    the previous example in a random cyclic order of the batch, so that no example is its own partner; a batch of one
    example stays unchanged. Features here are normalized and mostly logarithmic, so this mixes the values of the
    features. It does not mix the sounds, whose powers would add.
    Source: Zhang et al. 2018, mixup: beyond empirical risk minimization.
    """

    def __init__(self, alpha: float) -> None:
        if not 0 < alpha < float("inf"):
            raise ValueError(
                f"augmentation.mix.alpha is {alpha:g}: expected a finite number above 0. For no mixup, choose another "
                "augmentation, such as augmentation=none."
            )
        super().__init__()
        self.alpha = alpha

    def forward(self, feature_BFN: Tensor, target_BC: Tensor) -> tuple[Tensor, Tensor]:
        order_B = torch.randperm(len(feature_BFN), device=feature_BFN.device)
        partner_B = order_B.roll(1)[order_B.argsort()]  # the previous example in the cyclic order
        alpha_B = torch.full((len(feature_BFN),), self.alpha, device=feature_BFN.device)
        lambda_B = torch.distributions.Beta(alpha_B, alpha_B, validate_args=False).sample()  # a check would stop a GPU
        feature_BFN = feature_BFN[partner_B].lerp(feature_BFN, lambda_B[:, None, None].to(feature_BFN))
        return feature_BFN, target_BC[partner_B].lerp(target_BC, lambda_B[:, None].to(target_BC))


class Unmixed(nn.Module):
    """No mixup: return the examples and the targets unchanged."""

    def forward(self, feature_BFN: Tensor, target_BC: Tensor) -> tuple[Tensor, Tensor]:
        return feature_BFN, target_BC
