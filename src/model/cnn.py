"""Convolutional network that reads the feature as an image."""

import itertools

from torch import Tensor, nn

from src.model.network import Block, Network, check, image, pool_time


class Cnn(Network):
    """`layers` blocks of 3 x 3 convolutions with 1, 2, 4, 4 ... times `width` channels; mean and maximum over time.

    Source: section 3.2 of Guo 2024; the numbers of channels follow the usual small networks of the field.
    """

    def __init__(self, layers: int, width: int, dropout: float, activation: str, *, rows: int, genres: int) -> None:
        check(layers, width, dropout, activation)
        channels = [1, *(width * min(2**k, 4) for k in range(layers))]
        pooled_rows = rows
        for _ in range(layers):
            pooled_rows = max(1, pooled_rows // 2)
        super().__init__(2 * channels[-1] * pooled_rows, genres, dropout)
        self.blocks = nn.Sequential(*(Block(i, o, activation) for i, o in itertools.pairwise(channels)))

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """Embed the feature: (B, F, N) -> (B, E)."""
        return pool_time(self.blocks(image(feature_BFN)).flatten(1, 2))
