"""Training losses: logits (B, C) and targets (B, C) -> scalar.

A target contains the share of each genre in an example: one 1 and zeros, unless several people have labelled the clip, or
mixup has blended two examples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class CrossEntropy(nn.CrossEntropyLoss):
    """Cross-entropy, equation 1 of Guo 2024.

    `label_smoothing`: the share of each target that is spread evenly over all genres.
    """

    def __init__(self, label_smoothing: float) -> None:
        super().__init__(label_smoothing=_check_smoothing(label_smoothing))

    def forward(self, logits_BC: Tensor, target_BC: Tensor) -> Tensor:
        return super().forward(logits_BC.float(), target_BC)


class Weighted(nn.Module):
    """Cross-entropy in which all genres have the same total weight, however few training clips they have.

    The weight of an example is that of its genre, clips / (genres * clips of the genre), and the sum is divided by the
    sum of the weights: sum_b sum_c w_c t_bc (-log p_bc) / sum_b sum_c w_c t_bc. Source: King and Zeng 2001.
    """

    weight_C: Tensor

    def __init__(self, label_smoothing: float, *, counts: Sequence[int]) -> None:
        super().__init__()
        self.label_smoothing = _check_smoothing(label_smoothing)
        count_C = torch.tensor(counts).clamp_min(1)  # a genre without training clips never occurs in a target
        self.register_buffer("weight_C", count_C.sum() / (len(counts) * count_C), persistent=False)

    def forward(self, logits_BC: Tensor, target_BC: Tensor) -> Tensor:
        weight_B = target_BC @ self.weight_C
        loss_B = -(_smooth(target_BC, self.label_smoothing) * logits_BC.float().log_softmax(1)).sum(1)
        return (weight_B * loss_B).sum() / weight_B.sum()


class Focal(nn.Module):
    """Cross-entropy with less weight on examples that are already predicted well: -sum_c t_c (1 - p_c)^gamma log p_c.

    With `gamma` 0 it is plain cross-entropy. Source: Lin et al. 2017.
    """

    def __init__(self, label_smoothing: float, gamma: float) -> None:
        if gamma < 0:
            raise ValueError(f"loss.gamma is {gamma:g}: expected 0 or more.")
        super().__init__()
        self.label_smoothing, self.gamma = _check_smoothing(label_smoothing), gamma

    def forward(self, logits_BC: Tensor, target_BC: Tensor) -> Tensor:
        log_BC = logits_BC.float().log_softmax(1)
        # Above 0, since the power has an infinite slope where p is 1 and gamma is below 1.
        complement_BC = (-torch.expm1(log_BC)).clamp_min(1e-6)
        return -(_smooth(target_BC, self.label_smoothing) * complement_BC**self.gamma * log_BC).sum(1).mean()


def _smooth(target_BC: Tensor, label_smoothing: float) -> Tensor:
    return (1 - label_smoothing) * target_BC + label_smoothing / target_BC.shape[1]


def _check_smoothing(label_smoothing: float) -> float:
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"loss.label_smoothing is {label_smoothing:g}: expected 0 or more, and less than 1.")
    return label_smoothing
