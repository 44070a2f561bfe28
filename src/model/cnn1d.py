"""A convolutional network along time alone, which reads samples as well as frames."""

import itertools

from torch import Tensor, nn

from src.model.network import ACTIVATIONS, Network, check, summary

LEFT = 16  # steps of a training crop that the last layer leaves, so that mean and maximum have something to choose from


class Cnn1d(Network):
    """`layers` blocks of strided convolutions along time, of width, 2, 4, 4 ... times `width` channels; mean and maximum.

    The rows are the channels of the first block. Every block has the same stride, which follows from the frames of a
    training crop: 8 for the 66,150 samples of 3 s and four layers, 2 for their 130 frames of a spectrogram. A filter
    spans two strides and one step. Source: figure 1 of Guo 2024; on samples, Dieleman and Schrauwen 2014 and Lee et al. 2017.
    """

    def __init__(
        self, layers: int, width: int, dropout: float, activation: str, *, rows: int, frames: int, genres: int
    ) -> None:
        check(layers, width, dropout, activation)
        channels = [rows, *(width * min(2**k, 4) for k in range(layers))]
        stride = max(2, round((frames / LEFT) ** (1 / layers)))
        super().__init__(2 * channels[-1], genres, dropout)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv1d(i, o, kernel_size=2 * stride + 1, stride=stride, padding=stride, bias=False),
                    nn.BatchNorm1d(o),
                    ACTIVATIONS[activation](),
                )
                for i, o in itertools.pairwise(channels)
            )
        )

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """feature (B, F, N) -> (B, E)."""
        return summary(self.blocks(feature_BFN))
