"""k-nearest-neighbour classifier."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from src.model.classic import Classic, check_choice

DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    # Without a matrix product: torch would use one for large batches only, and it is inexact for small distances.
    "euclidean": lambda a_BE, b_ME: torch.cdist(a_BE, b_ME, compute_mode="donot_use_mm_for_euclid_dist"),
    "manhattan": lambda a_BE, b_ME: torch.cdist(a_BE, b_ME, p=1.0),
    "cosine": lambda a_BE, b_ME: 1 - functional.normalize(a_BE) @ functional.normalize(b_ME).T,
}
WEIGHTS = ("uniform", "distance")


class Knn(Classic):
    """Vote of the `neighbours` nearest training segments; distances are between standardized statistics over time.

    p(c) = (k v(c) + 1/G) / (k + 1). v(c) is genre c's share of the votes of the k neighbours, each with weight 1 or
    1/distance. One more vote is divided equally among all G genres of the training clips, so that a single segment
    cannot exclude a genre. This does not change the order of the genres. If there are fewer training segments than
    `neighbours`, all of them vote. The fitted values are the training segments themselves, M x E numbers. v is what
    scikit-learn's KNeighborsClassifier gives; in torch it also runs on the accelerator.
    Source: Cover and Hart 1967; Dudani 1976, the distance-weighted rule; for genres, Tzanetakis and Cook 2002.
    """

    standard_ME: Tensor
    genre_M: Tensor

    def __init__(
        self,
        neighbours: int,
        weights: str,
        metric: str,
        *,
        rows: int,
        genres: int,
        scale_F: Tensor | None = None,
    ) -> None:
        super().__init__(rows, genres, ("standard_ME", "genre_M"), scale_F)
        if neighbours < 1:
            raise ValueError(f"model.neighbours is {neighbours}: expected 1 or more.")
        self.neighbours, self.weights = neighbours, check_choice("weights", weights, WEIGHTS)
        self.distance = DISTANCES[check_choice("metric", metric, DISTANCES)]

    def fit(self, standard_ME: Tensor, genre_M: Tensor) -> dict[str, Tensor]:
        return {"standard_ME": standard_ME, "genre_M": genre_M}

    def probabilities(self, standard_BE: Tensor) -> Tensor:
        voters = min(self.neighbours, len(self.genre_M))
        distance_BK, nearest_BK = self.distance(standard_BE, self.standard_ME).topk(voters, largest=False)
        weight_BK = 1 / distance_BK.clamp_min(1e-9) if self.weights == "distance" else torch.ones_like(distance_BK)
        vote_BK = voters * weight_BK / weight_BK.sum(dim=1, keepdim=True)
        trained_C = torch.bincount(self.genre_M, minlength=self.genres).bool()
        vote_BC = (trained_C / trained_C.sum()).repeat(len(standard_BE), 1)
        return vote_BC.scatter_add(1, self.genre_M[nearest_BK], vote_BK) / (voters + 1)
