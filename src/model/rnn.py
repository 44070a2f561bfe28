"""Recurrent network along the frames."""

from torch import Tensor, nn

from src.model.network import ACTIVATIONS, Network, along_frames, check, pool_time, recurrent, sequence


class Rnn(Network):
    """A linear layer on each frame, then `layers` bidirectional recurrent layers; mean and maximum over time.

    `cell` is rnn, lstm or gru. Source: section 3.3 of Guo 2024.
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
        check(layers, width, dropout, activation)
        super().__init__(4 * width, genres, dropout)
        self.frame = nn.Sequential(nn.Linear(rows, width), ACTIVATIONS[activation]())
        layer_dropout = dropout if layers > 1 else 0.0  # it acts between recurrent layers
        self.cell = recurrent(cell)(width, width, layers, batch_first=True, dropout=layer_dropout, bidirectional=True)

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """Embed the feature: (B, F, N) -> (B, E = 4 * width)."""
        hidden_BNH = along_frames(self.cell, self.frame(sequence(feature_BFN)))
        return pool_time(hidden_BNH.transpose(1, 2))
