"""A linear layer, for features that a network has learned already."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.model.network import ACTIVATIONS, Network, check, with_frames

ROUNDS = 100  # of the quasi-Newton method, at most; it usually ends before


class Head(Network):
    """feature (B, F, N) -> mean over time (B, F) -> dropout -> logits (B, C), by way of `hidden` units where there are any.

    With hidden = 0 it is logistic regression, or, on an embedding, what is called a linear probe (Alain and Bengio 2016):
    it starts at its one optimum on the training clips, whose cross-entropy plus `l2` / 2 times the squared weights is
    least, so that a few clips teach it all they can, and training goes on from there, with the network below it where
    that is trainable (Kumar et al. 2022: probe first, then fine-tune).
    """

    def __init__(self, hidden: int, dropout: float, activation: str, l2: float, *, rows: int, genres: int) -> None:
        if hidden < 0:
            raise ValueError(f"model.hidden is {hidden}: expected 0 for a linear head, or the units of a hidden layer.")
        if l2 <= 0:
            raise ValueError(f"model.l2 is {l2:g}: expected more than 0, or weights grow without end.")
        check(layers=1, width=1, dropout=dropout, activation=activation)
        super().__init__(hidden or rows, genres, dropout)
        self.between = nn.Sequential(nn.Linear(rows, hidden), ACTIVATIONS[activation]()) if hidden else nn.Identity()
        self.linear, self.l2 = not hidden, l2

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Find the linear layer's optimum on (feature (B, F, N), genre (B,))."""
        if not self.linear:
            return {}
        seen = [(self.embed(feature_BFN), genre_B) for feature_BFN, genre_B in batches]
        embedding_ME, genre_M = (torch.cat(parts) for parts in zip(*seen, strict=True))
        layer = self.head[1]
        assert isinstance(layer, nn.Linear)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=ROUNDS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            value = functional.cross_entropy(layer(embedding_ME), genre_M) + self.l2 / 2 * layer.weight.square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimizer.step(loss)  # type: ignore[no-untyped-call]
        optimizer.zero_grad()
        return {}

    def embed(self, feature_BFN: Tensor) -> Tensor:
        embedding_BE: Tensor = self.between(with_frames(feature_BFN).mean(dim=2))
        return embedding_BE
