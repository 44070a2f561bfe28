"""What a model that hears nothing would score."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from src.model.classic import log_share


class Majority(nn.Module):
    """log p(c), p the share of genre c among the training clips, whatever is heard: feature (B, F, N) -> (B, C).

    A genre without training clips is given one in a million.
    """

    logits_C: Tensor

    def __init__(self, *, counts: Sequence[int]) -> None:
        super().__init__()
        counted_C = torch.tensor(counts, dtype=torch.float32)
        self.register_buffer("logits_C", log_share(counted_C / counted_C.sum()))

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Nothing is heard."""
        return {}

    def forward(self, feature_BFN: Tensor) -> Tensor:
        return self.logits_C.repeat(len(feature_BFN), 1)
