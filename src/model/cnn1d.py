"""Convolutional network along time only, for a waveform or for feature frames."""

import itertools

from torch import Tensor, nn

from src.model.network import ACTIVATIONS, Network, check, pool_time

FINAL_STEPS = 16  # time steps of a training crop after the last layer; with fewer, mean and maximum have little to pool


class Cnn1d(Network):
    """`layers` blocks of strided convolutions along time with 1, 2, 4, 4 ... times `width` channels; mean and maximum.

    The feature rows are the input channels of the first block. All blocks have the same stride, which follows from the
    number of frames of a training crop (`frames`): with four layers it is 8 for a waveform of 3 s (66,150 samples) and
    2 for a spectrogram of 3 s (130 frames). A filter is two strides and one step long.
    Source: figure 1 of Guo 2024; on samples, Dieleman and Schrauwen 2014 and Lee et al. 2017.
    """

    def __init__(
        self, layers: int, width: int, dropout: float, activation: str, *, rows: int, frames: int, genres: int
    ) -> None:
        check(layers, width, dropout, activation)
        channels = [rows, *(width * min(2**k, 4) for k in range(layers))]
        stride = max(2, round((frames / FINAL_STEPS) ** (1 / layers)))
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
        """Embed the feature: (B, F, N) -> (B, E)."""
        return pool_time(self.blocks(feature_BFN))
