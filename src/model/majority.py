"""Majority baseline, which ignores the sound."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from src.model.classic import log_probability


class Majority(nn.Module):
    """Genre shares of the training clips as the prediction for every input: feature (B, F, N) -> log shares (B, C).

    A genre without training clips gets a probability of one in a million.
    """

    logits_C: Tensor

    def __init__(self, *, counts: Sequence[int]) -> None:
        super().__init__()
        count_C = torch.tensor(counts, dtype=torch.float32)
        self.register_buffer("logits_C", log_probability(count_C / count_C.sum()))

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit nothing: the counts of clips are enough. Returns no training curves."""
        return {}

    def forward(self, feature_BFN: Tensor) -> Tensor:
        return self.logits_C.repeat(len(feature_BFN), 1)
