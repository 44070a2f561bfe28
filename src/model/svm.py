"""A support vector machine."""

from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional

from src.model.classic import Classic, one_of

KERNELS = ("rbf", "linear")
FOLDS = 3  # more would calibrate no better: one number is fitted
SHARPNESS = torch.logspace(-2, 2, 81)  # steps of 12 %


class Svm(Classic):
    """scikit-learn's SVC on standardized statistics over time: one machine for each pair of genres, which then vote.

    k(x, y) = exp(-gamma |x - y|^2) for rbf, x . y for linear; gamma `scale` is 1 / (E var(x)). d(c), the votes plus less
    than a half for the margins, is SVC's decision_function: the genre with the most votes is first, as in SVC, and
    margins decide between equals, as in its break_ties.

    p = softmax(b d) over the genres of the training clips. The one number b is the one of least cross-entropy on
    stretches that the machine did not hear: three folds, each a third of every genre's stretches in their order. Clips
    come one after another, in the order of their names, so at most two clips a genre have stretches in two folds, but
    an artist may well be in two: the probabilities are a little too sure of themselves for new artists. Genres with
    fewer than three stretches sit out, and where less than two genres are left, b = 1.

    Support vectors and weights are what is remembered. Raises ValueError where the training clips have one genre only.
    Source: Cortes and Vapnik 1995; Guo et al. 2017 for b; for genres, Mandel and Ellis 2005.
    """

    genre_G: Tensor
    support_ME: Tensor
    weight_MP: Tensor
    bias_P: Tensor
    gamma_1: Tensor
    sharpness_1: Tensor

    def __init__(
        self, c: float, kernel: str, gamma: float | str, class_weight: str | None, *, rows: int, genres: int
    ) -> None:
        super().__init__(rows, genres, ("genre_G", "support_ME", "weight_MP", "bias_P", "gamma_1", "sharpness_1"))
        if c <= 0:
            raise ValueError(f"model.c is {c:g}: expected more than 0.")
        if gamma != "scale" and (isinstance(gamma, str) or gamma <= 0):
            raise ValueError(f"model.gamma is {gamma!r}: expected scale or a number above 0.")
        if class_weight not in (None, "balanced"):
            raise ValueError(f"model.class_weight is {class_weight!r}: expected null or balanced.")
        self.kernel, self.gamma = one_of("kernel", kernel, KERNELS), gamma
        self.settings = {"C": c, "kernel": kernel, "class_weight": class_weight, "cache_size": 500}

    def fit(self, standard_ME: Tensor, genre_M: Tensor) -> dict[str, Tensor]:
        standard_ME, genre_M = standard_ME.cpu(), genre_M.cpu()
        if len(torch.bincount(genre_M).nonzero()) < 2:
            raise ValueError(
                "A support vector machine tells genres apart, and the training clips are all of one: give it clips of a "
                "second genre, or use model=knn or model=majority."
            )
        scale = standard_ME.shape[1] * float(standard_ME.var(correction=0))
        gamma = 1 / max(scale, 1e-9) if self.gamma == "scale" else float(self.gamma)
        sharpness = self.calibrate(standard_ME, genre_M, gamma)
        return {**self.machine(standard_ME, genre_M, gamma), "sharpness_1": torch.tensor([sharpness])}

    def machine(self, standard_ME: Tensor, genre_M: Tensor, gamma: float) -> dict[str, Tensor]:
        """SVC as a linear layer on the kernel: d(pair) = k(x, support) @ weight + bias, above 0 for the pair's first."""
        from sklearn.svm import SVC  # here, since it takes two seconds, for which other models should not wait

        svc = SVC(gamma=gamma, **self.settings).fit(standard_ME.numpy(), genre_M.numpy())
        owner_M = torch.arange(len(svc.classes_)).repeat_interleave(torch.from_numpy(svc.n_support_))
        dual_OM = torch.from_numpy(svc.dual_coef_).float()
        pairs = list(combinations(range(len(svc.classes_)), 2))
        # libsvm's layout: a vector's weight against each other genre, in order, its own left out.
        weight_MP = torch.stack([dual_OM[j - 1] * (owner_M == i) + dual_OM[i] * (owner_M == j) for i, j in pairs], 1)
        sign = -1 if len(pairs) == 1 else 1  # of two genres scikit-learn names the second first
        return {
            "genre_G": torch.from_numpy(svc.classes_),
            "support_ME": torch.from_numpy(svc.support_vectors_).float(),
            "weight_MP": sign * weight_MP,
            "bias_P": sign * torch.from_numpy(svc.intercept_).float(),
            "gamma_1": torch.tensor([gamma]),
        }

    def calibrate(self, standard_ME: Tensor, genre_M: Tensor, gamma: float) -> float:
        """b, from decisions on stretches that were held out."""
        count_C = torch.bincount(genre_M)
        genre_G = (count_C >= FOLDS).nonzero().flatten()
        if len(genre_G) < 2:
            return 1.0
        common_M = count_C[genre_M] >= FOLDS
        standard_ME, genre_M = standard_ME[common_M], genre_M[common_M]
        fold_M = torch.empty_like(genre_M)
        for genre in genre_G:
            fold_M[genre_M == genre] = torch.arange(int(count_C[genre])) * FOLDS // count_C[genre]
        rank_M = torch.searchsorted(genre_G, genre_M)  # the genre's column
        decision_MG = torch.empty(len(genre_M), len(genre_G))
        for fold in range(FOLDS):
            machine = self.machine(standard_ME[fold_M != fold], genre_M[fold_M != fold], gamma)
            decision_MG[fold_M == fold] = self.decide(standard_ME[fold_M == fold], machine)
        losses = [float(functional.cross_entropy(b * decision_MG, rank_M)) for b in SHARPNESS]
        return float(SHARPNESS[losses.index(min(losses))])

    def decide(self, standard_BE: Tensor, machine: dict[str, Tensor]) -> Tensor:
        """SVC's decision_function: votes (B, G), and margins that settle what the votes leave open."""
        decision_BP = self.similar(standard_BE, machine) @ machine["weight_MP"] + machine["bias_P"]
        genres = len(machine["genre_G"])
        side_PG = decision_BP.new_zeros(decision_BP.shape[1], genres)
        for pair, (i, j) in enumerate(combinations(range(genres), 2)):
            side_PG[pair, i], side_PG[pair, j] = 1, -1
        vote_BG = ((2.0 * (decision_BP > 0) - 1) @ side_PG + genres - 1) / 2
        margin_BG = decision_BP @ side_PG
        return vote_BG + margin_BG / (3 * (margin_BG.abs() + 1))

    def similar(self, standard_BE: Tensor, machine: dict[str, Tensor]) -> Tensor:
        """The kernel between stretches and support vectors, (B, M)."""
        support_ME = machine["support_ME"]
        if self.kernel == "linear":
            return standard_BE @ support_ME.T
        distance_BM = torch.cdist(standard_BE, support_ME, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.exp(-machine["gamma_1"] * distance_BM.square())

    def shares(self, standard_BE: Tensor) -> Tensor:
        decision_BG = self.decide(standard_BE, {name: getattr(self, name) for name in self.remembered})
        share_BC = standard_BE.new_zeros(len(standard_BE), self.genres)
        share_BC[:, self.genre_G] = (self.sharpness_1 * decision_BG).softmax(dim=1)
        return share_BC
