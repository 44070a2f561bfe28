"""What training makes small: logits (B, C) and genres (B,) -> one number."""

from torch import Tensor, nn


class CrossEntropy(nn.CrossEntropyLoss):
    """Cross-entropy, equation 1 of Guo 2024. `label_smoothing` moves that share of each target to all genres evenly."""

    def __init__(self, label_smoothing: float) -> None:
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"loss.label_smoothing is {label_smoothing:g}: expected 0 or more, and less than 1.")
        super().__init__(label_smoothing=label_smoothing)

    def forward(self, logits_BC: Tensor, genre_B: Tensor) -> Tensor:
        return super().forward(logits_BC.float(), genre_B)
