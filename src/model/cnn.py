"""A convolutional network on the feature as a picture."""

import itertools

from torch import Tensor, nn

from src.model.network import Block, Network, check, image, summary


class Cnn(Network):
    """`layers` blocks of 3 x 3 convolutions, of width, 2, 4, 4 ... times `width` channels; mean and maximum over time.

    Source: section 3.2 of Guo 2024; the widths follow the usual small networks of the field.
    """

    def __init__(self, layers: int, width: int, dropout: float, activation: str, *, rows: int, genres: int) -> None:
        check(layers, width, dropout, activation)
        channels = [1, *(width * min(2**k, 4) for k in range(layers))]
        left = rows
        for _ in range(layers):
            left = max(1, left // 2)
        super().__init__(2 * channels[-1] * left, genres, dropout)
        self.blocks = nn.Sequential(*(Block(i, o, activation) for i, o in itertools.pairwise(channels)))

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """feature (B, F, N) -> (B, E)."""
        return summary(self.blocks(image(feature_BFN)).flatten(1, 2))
