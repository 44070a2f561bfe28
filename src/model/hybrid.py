"""Convolutions that hear what sounds, and a recurrent layer that hears in which order."""

import itertools

from torch import Tensor, nn

from src.model.network import Block, Network, check, image, recurrent, sequence, summary


class Hybrid(Network):
    """`layers` - 1 convolution blocks, then one recurrent layer in both directions; mean and maximum over time.

    Only the first two blocks pool over time, so that the recurrent layer still hears the beat: 4 frames of 23 ms each
    become one step of 93 ms. Source: sections 3.2 and 4.2 of Guo 2024, "hybrid models that combine CNNs with RNNs".
    """

    def __init__(
        self,
        layers: int,
        width: int,
        dropout: float,
        activation: str,
        cell: str,
        *,
        rows: int,
        genres: int,
    ) -> None:
        check(layers, width, dropout, activation, least_layers=2)
        channels = [1, *(width * min(2**k, 4) for k in range(layers - 1))]
        left = rows
        for _ in channels[1:]:
            left = max(1, left // 2)
        super().__init__(4 * channels[-1], genres, dropout)
        self.blocks = nn.Sequential(
            *(Block(i, o, activation, pool_frames=k < 2) for k, (i, o) in enumerate(itertools.pairwise(channels)))
        )
        self.cell = recurrent(cell)(channels[-1] * left, channels[-1], batch_first=True, bidirectional=True)

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """feature (B, F, N) -> (B, E)."""
        hidden_BNH, _ = self.cell(sequence(self.blocks(image(feature_BFN)).flatten(1, 2)))
        return summary(hidden_BNH.transpose(1, 2))
