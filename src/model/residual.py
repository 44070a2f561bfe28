"""Residual convolutional network that reads the feature as an image."""

import itertools

from torch import Tensor, nn
from torch.nn import functional

from src.model.network import ACTIVATIONS, Block, Network, check, convolution, image, pool_time


class Residual(Network):
    """A convolution block, then `layers` - 1 residual blocks; mean and maximum over time.

    The blocks have 1, 2, 4, 4 ... times `width` channels, as those of `Cnn`. Source: the short-chunk CNN with residual
    connections of Won et al. 2020, "Evaluation of CNN-based automatic music tagging models", which has seven blocks of
    128 to 512 channels on crops of 3.7 s.
    """

    def __init__(self, layers: int, width: int, dropout: float, activation: str, *, rows: int, genres: int) -> None:
        check(layers, width, dropout, activation, min_layers=2)
        channels = [width * min(2**k, 4) for k in range(layers)]
        pooled_rows = rows
        for _ in range(layers):
            pooled_rows = max(1, pooled_rows // 2)
        super().__init__(2 * channels[-1] * pooled_rows, genres, dropout)
        self.blocks = nn.Sequential(
            Block(1, width, activation),
            *(ResidualBlock(i, o, activation) for i, o in itertools.pairwise(channels)),
        )

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """Embed the feature: (B, F, N) -> (B, E)."""
        return pool_time(self.blocks(image(feature_BFN)).flatten(1, 2))


class ResidualBlock(nn.Module):
    """max pooling(activation(shortcut(x) + f(x))), where f is two 3 x 3 convolutions: (B, K, F, N) -> (B, K', F', N').

    Pooling halves rows and frames, but leaves a size of 1 as it is. The shortcut is a 1 x 1 convolution, or nothing if
    the number of channels stays the same.
    """

    def __init__(self, channels: int, width: int, activation: str) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            convolution(channels, width, 3),
            nn.BatchNorm2d(width),
            ACTIVATIONS[activation](),
            convolution(width, width, 3),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels != width:
            self.shortcut = nn.Sequential(convolution(channels, width, 1), nn.BatchNorm2d(width))
        self.activation = ACTIVATIONS[activation]()

    def forward(self, image_BKFN: Tensor) -> Tensor:
        image_BKFN = self.activation(self.shortcut(image_BKFN) + self.convolutions(image_BKFN))
        rows, frames = image_BKFN.shape[2:]
        return functional.max_pool2d(image_BKFN, (min(rows, 2), min(frames, 2)))
