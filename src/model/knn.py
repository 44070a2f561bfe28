"""The nearest training stretches vote."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from src.model.classic import Classic, one_of

DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    # Not by a matrix product, which torch would take for large batches alone, and which loses the digits of near ones.
    "euclidean": lambda a_BE, b_ME: torch.cdist(a_BE, b_ME, compute_mode="donot_use_mm_for_euclid_dist"),
    "manhattan": lambda a_BE, b_ME: torch.cdist(a_BE, b_ME, p=1.0),
    "cosine": lambda a_BE, b_ME: 1 - functional.normalize(a_BE) @ functional.normalize(b_ME).T,
}
WEIGHTS = ("uniform", "distance")


class Knn(Classic):
    """The genres of the `neighbours` nearest training stretches, by standardized statistics over time.

    p(c) = (k v(c) + 1/G) / (k + 1): v is the share of the k neighbours' votes, each of weight 1 or 1/distance, and one
    more vote is shared by all G genres of the training clips, so that a single stretch does not veto a genre. The order
    of genres is the vote's. Fewer training stretches than neighbours all vote. The training stretches themselves are
    what is remembered, M x E numbers. v is what scikit-learn's KNeighborsClassifier gives; in torch it runs on the
    accelerator too.
    Source: Cover and Hart 1967; Dudani 1976, the distance-weighted rule; for genres, Tzanetakis and Cook 2002.
    """

    standard_ME: Tensor
    genre_M: Tensor

    def __init__(self, neighbours: int, weights: str, metric: str, *, rows: int, genres: int) -> None:
        super().__init__(rows, genres, ("standard_ME", "genre_M"))
        if neighbours < 1:
            raise ValueError(f"model.neighbours is {neighbours}: expected 1 or more.")
        self.neighbours, self.weights = neighbours, one_of("weights", weights, WEIGHTS)
        self.distance = DISTANCES[one_of("metric", metric, DISTANCES)]

    def fit(self, standard_ME: Tensor, genre_M: Tensor) -> dict[str, Tensor]:
        return {"standard_ME": standard_ME, "genre_M": genre_M}

    def shares(self, standard_BE: Tensor) -> Tensor:
        voters = min(self.neighbours, len(self.genre_M))
        distance_BK, near_BK = self.distance(standard_BE, self.standard_ME).topk(voters, largest=False)
        weight_BK = 1 / distance_BK.clamp_min(1e-9) if self.weights == "distance" else torch.ones_like(distance_BK)
        vote_BK = voters * weight_BK / weight_BK.sum(dim=1, keepdim=True)
        trained_C = torch.bincount(self.genre_M, minlength=self.genres).bool()
        vote_BC = (trained_C / trained_C.sum()).repeat(len(standard_BE), 1)
        return vote_BC.scatter_add(1, self.genre_M[near_BK], vote_BK) / (voters + 1)
