"""Linear layer on the mean over time, for embeddings of a pretrained network."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.model.network import ACTIVATIONS, Network, check, require_frames

MAX_ITERATIONS = 100  # of the quasi-Newton method L-BFGS, which usually stops earlier


class Head(Network):
    """Feature (B, F, N) -> mean over time (B, F) -> `hidden` units, if any -> dropout -> linear layer -> logits (B, C).

    With hidden = 0 it is logistic regression; on an embedding this is called a linear probe (Alain and Bengio 2016).
    `prepare` then computes its only optimum on the training clips, the minimum of cross-entropy plus `l2` / 2 times the
    sum of the squared weights, so that few clips suffice. Training starts from there, together with the pretrained
    network if that is trainable (Kumar et al. 2022: probe first, then fine-tune).
    """

    def __init__(self, hidden: int, dropout: float, activation: str, l2: float, *, rows: int, genres: int) -> None:
        if hidden < 0:
            raise ValueError(f"model.hidden is {hidden}: expected 0 for a linear head, or the units of a hidden layer.")
        if l2 <= 0:
            raise ValueError(f"model.l2 is {l2:g}: expected more than 0, otherwise the weights grow without limit.")
        check(layers=1, width=1, dropout=dropout, activation=activation)
        super().__init__(hidden or rows, genres, dropout)
        self.between = nn.Sequential(nn.Linear(rows, hidden), ACTIVATIONS[activation]()) if hidden else nn.Identity()
        self.linear, self.l2 = not hidden, l2

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Set a linear head to its optimum on batches of (feature (B, F, N), genre (B,)). Returns no training curves.

        With a hidden layer, nothing is changed.
        """
        if not self.linear:
            return {}
        batch_embeddings = [(self.embed(feature_BFN), genre_B) for feature_BFN, genre_B in batches]
        embedding_ME, genre_M = (torch.cat(parts) for parts in zip(*batch_embeddings, strict=True))
        layer = self.head[1]
        assert isinstance(layer, nn.Linear)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=MAX_ITERATIONS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            value = functional.cross_entropy(layer(embedding_ME), genre_M) + self.l2 / 2 * layer.weight.square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimizer.step(loss)  # type: ignore[no-untyped-call]
        optimizer.zero_grad()
        return {}

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """Embed the feature: (B, F, N) -> (B, F), or (B, hidden) with a hidden layer."""
        embedding_BE: Tensor = self.between(require_frames(feature_BFN).mean(dim=2))
        return embedding_BE
