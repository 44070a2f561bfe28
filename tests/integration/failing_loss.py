"""A loss that fails in one process of a training."""

import os

from torch import Tensor

from src.loss import CrossEntropy
from src.training import ranks


class Failing(CrossEntropy):
    """Cross-entropy, which raises ValueError in the third process after some batches."""

    batches = 0

    def forward(self, logits_BC: Tensor, target_BC: Tensor) -> Tensor:
        self.batches += 1
        if self.batches > 2 and os.environ.get(ranks.STARTED_BY_RANK_0) == "2":
            raise ValueError("the loss of this process failed")
        return super().forward(logits_BC, target_BC)
