"""A linear layer, for features that a network has learned already."""

from torch import Tensor, nn

from src.model.network import ACTIVATIONS, Network, check, with_frames


class Head(Network):
    """feature (B, F, N) -> mean over time (B, F) -> dropout -> logits (B, C), by way of `hidden` units where there are any.

    With hidden = 0 it is logistic regression, or, on an embedding, what is called a linear probe (Alain and Bengio 2016).
    """

    def __init__(self, hidden: int, dropout: float, activation: str, *, rows: int, genres: int) -> None:
        if hidden < 0:
            raise ValueError(f"model.hidden is {hidden}: expected 0 for a linear head, or the units of a hidden layer.")
        check(layers=1, width=1, dropout=dropout, activation=activation)
        super().__init__(hidden or rows, genres, dropout)
        self.between = nn.Sequential(nn.Linear(rows, hidden), ACTIVATIONS[activation]()) if hidden else nn.Identity()

    def embed(self, feature_BFN: Tensor) -> Tensor:
        embedding_BE: Tensor = self.between(with_frames(feature_BFN).mean(dim=2))
        return embedding_BE
