"""Convolutional network followed by a recurrent layer."""

import itertools

from torch import Tensor, nn

from src.model.network import Block, Network, along_frames, check, image, pool_time, recurrent, sequence


class Hybrid(Network):
    """`layers` - 1 convolution blocks, then one bidirectional recurrent layer; mean and maximum over time.

    Only the first two blocks pool over time, so that the recurrent layer still resolves the beat: 4 frames of 23 ms
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
        check(layers, width, dropout, activation, min_layers=2)
        channels = [1, *(width * min(2**k, 4) for k in range(layers - 1))]
        pooled_rows = rows
        for _ in channels[1:]:
            pooled_rows = max(1, pooled_rows // 2)
        super().__init__(4 * channels[-1], genres, dropout)
        self.blocks = nn.Sequential(
            *(Block(i, o, activation, pool_frames=k < 2) for k, (i, o) in enumerate(itertools.pairwise(channels)))
        )
        self.cell = recurrent(cell)(channels[-1] * pooled_rows, channels[-1], batch_first=True, bidirectional=True)

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """Embed the feature: (B, F, N) -> (B, E)."""
        hidden_BNH = along_frames(self.cell, sequence(self.blocks(image(feature_BFN)).flatten(1, 2)))
        return pool_time(hidden_BNH.transpose(1, 2))
