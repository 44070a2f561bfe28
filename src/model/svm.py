"""Support vector machine."""

from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional

from src.model.classic import Classic, check_choice

KERNELS = ("rbf", "linear")
FOLDS = 3  # of the calibration; more would not improve it, as only one number is fitted
SHARPNESS = torch.logspace(-2, 2, 81)  # candidates for b, from 0.01 to 100 in steps of 12 %


class Svm(Classic):
    """scikit-learn's SVC on standardized statistics over time: one machine per pair of genres, then a vote.

    k(x, y) = exp(-gamma |x - y|^2) for rbf, x . y for linear; gamma `scale` is 1 / (E var(x)). d(c) is SVC's
    decision_function: the votes for genre c, plus a margin term of less than one half. The genre with the most votes is
    predicted, as by SVC; the margins decide ties, as with its break_ties.

    p = softmax(b d) over the genres of the training clips. The single number b minimizes the cross-entropy on held-out
    segments, in three folds: each is a consecutive third of every genre's segments. The segments are sorted by the
    names of their clips, so at most two clips of a genre have segments in two folds, but an artist may well be in two:
    the probabilities are slightly overconfident for new artists. The calibration leaves out genres with fewer than
    three segments; if fewer than two genres remain, b = 1.

    The fitted values are the support vectors, their weights, gamma and b. Raises ValueError if the training clips have
    one genre only.
    Source: Cortes and Vapnik 1995; Guo et al. 2017 for b; for genres, Mandel and Ellis 2005.
    """

    genre_G: Tensor
    support_ME: Tensor
    weight_MP: Tensor
    bias_P: Tensor
    gamma_1: Tensor
    sharpness_1: Tensor

    def __init__(
        self,
        c: float,
        kernel: str,
        gamma: float | str,
        class_weight: str | None,
        *,
        rows: int,
        genres: int,
        scale_F: Tensor | None = None,
    ) -> None:
        fitted_names = ("genre_G", "support_ME", "weight_MP", "bias_P", "gamma_1", "sharpness_1")
        super().__init__(rows, genres, fitted_names, scale_F)
        if c <= 0:
            raise ValueError(f"model.c is {c:g}: expected more than 0.")
        if gamma != "scale" and (isinstance(gamma, str) or gamma <= 0):
            raise ValueError(f"model.gamma is {gamma!r}: expected scale or a number above 0.")
        if class_weight not in (None, "balanced"):
            raise ValueError(f"model.class_weight is {class_weight!r}: expected null or balanced.")
        self.kernel, self.gamma = check_choice("kernel", kernel, KERNELS), gamma
        self.settings = {"C": c, "kernel": kernel, "class_weight": class_weight, "cache_size": 500}

    def fit(self, standard_ME: Tensor, genre_M: Tensor) -> dict[str, Tensor]:
        standard_ME, genre_M = standard_ME.cpu(), genre_M.cpu()
        if len(torch.bincount(genre_M).nonzero()) < 2:
            raise ValueError(
                "A support vector machine needs two genres, and the training clips are all of one: add clips of a "
                "second genre, or use model=knn or model=majority."
            )
        scale = standard_ME.shape[1] * float(standard_ME.var(correction=0))
        gamma = 1 / max(scale, 1e-9) if self.gamma == "scale" else float(self.gamma)
        sharpness = self.calibrate(standard_ME, genre_M, gamma)
        return {**self.fit_machine(standard_ME, genre_M, gamma), "sharpness_1": torch.tensor([sharpness])}

    def fit_machine(self, standard_ME: Tensor, genre_M: Tensor, gamma: float) -> dict[str, Tensor]:
        """Fit SVC and convert it to a linear layer on the kernel: d(pair) = k(x, support) @ weight + bias.

        d is above 0 for the pair's first genre. Returns all fitted values except b, by name.
        """
        from sklearn.svm import SVC  # imported here because it takes two seconds, which the other models do not need

        svc = SVC(gamma=gamma, **self.settings).fit(standard_ME.numpy(), genre_M.numpy())
        class_M = torch.arange(len(svc.classes_)).repeat_interleave(torch.from_numpy(svc.n_support_))
        dual_OM = torch.from_numpy(svc.dual_coef_).float()
        pairs = list(combinations(range(len(svc.classes_)), 2))
        # libsvm's layout: each support vector has one weight for each of the O other genres, in order.
        weight_MP = torch.stack([dual_OM[j - 1] * (class_M == i) + dual_OM[i] * (class_M == j) for i, j in pairs], 1)
        sign = -1 if len(pairs) == 1 else 1  # for two genres, scikit-learn's decision is above 0 for the second
        return {
            "genre_G": torch.from_numpy(svc.classes_),
            "support_ME": torch.from_numpy(svc.support_vectors_).float(),
            "weight_MP": sign * weight_MP,
            "bias_P": sign * torch.from_numpy(svc.intercept_).float(),
            "gamma_1": torch.tensor([gamma]),
        }

    def calibrate(self, standard_ME: Tensor, genre_M: Tensor, gamma: float) -> float:
        """Fit b by cross-validation: the candidate with the lowest cross-entropy on the held-out segments."""
        count_C = torch.bincount(genre_M)
        genre_G = (count_C >= FOLDS).nonzero().flatten()
        if len(genre_G) < 2:
            return 1.0
        in_all_folds_M = count_C[genre_M] >= FOLDS
        standard_ME, genre_M = standard_ME[in_all_folds_M], genre_M[in_all_folds_M]
        fold_M = torch.empty_like(genre_M)
        for genre in genre_G:
            fold_M[genre_M == genre] = torch.arange(int(count_C[genre])) * FOLDS // count_C[genre]
        column_M = torch.searchsorted(genre_G, genre_M)
        decision_MG = torch.empty(len(genre_M), len(genre_G))
        for fold in range(FOLDS):
            machine = self.fit_machine(standard_ME[fold_M != fold], genre_M[fold_M != fold], gamma)
            decision_MG[fold_M == fold] = self.decide(standard_ME[fold_M == fold], machine)
        losses = [float(functional.cross_entropy(b * decision_MG, column_M)) for b in SHARPNESS]
        return float(SHARPNESS[losses.index(min(losses))])

    def decide(self, standard_BE: Tensor, machine: dict[str, Tensor]) -> Tensor:
        """Compute SVC's decision_function (B, G): the votes for each genre, and the margins to break ties."""
        decision_BP = self.kernel_values(standard_BE, machine) @ machine["weight_MP"] + machine["bias_P"]
        genres = len(machine["genre_G"])
        sign_PG = decision_BP.new_zeros(decision_BP.shape[1], genres)
        for pair, (i, j) in enumerate(combinations(range(genres), 2)):
            sign_PG[pair, i], sign_PG[pair, j] = 1, -1
        vote_BG = ((2.0 * (decision_BP > 0) - 1) @ sign_PG + genres - 1) / 2
        margin_BG = decision_BP @ sign_PG
        return vote_BG + margin_BG / (3 * (margin_BG.abs() + 1))

    def kernel_values(self, standard_BE: Tensor, machine: dict[str, Tensor]) -> Tensor:
        """Compute the kernel between segments and support vectors, (B, M)."""
        support_ME = machine["support_ME"]
        if self.kernel == "linear":
            return standard_BE @ support_ME.T
        return torch.exp(-machine["gamma_1"] * squared_distances(standard_BE, support_ME))

    def probabilities(self, standard_BE: Tensor) -> Tensor:
        decision_BG = self.decide(standard_BE, {name: getattr(self, name) for name in self.fitted_names})
        probability_BC = standard_BE.new_zeros(len(standard_BE), self.genres)
        probability_BC[:, self.genre_G] = (self.sharpness_1 * decision_BG).softmax(dim=1)
        return probability_BC


def squared_distances(standard_BE: Tensor, support_ME: Tensor) -> Tensor:
    """Squared Euclidean distances (B, M), by a matrix product in double precision.

    In single precision, |x|^2 - 2 x . y + |y|^2 would be inexact for small distances. Distances without a matrix product
    take ten times as long.
    """
    if standard_BE.device.type == "mps":  # it has no double precision
        return torch.cdist(standard_BE, support_ME, compute_mode="donot_use_mm_for_euclid_dist").square()
    double_BE, double_ME = standard_BE.double(), support_ME.double()
    product_BM = double_BE @ double_ME.T
    squares_BM = double_BE.square().sum(1)[:, None] + double_ME.square().sum(1) - 2 * product_BM
    return squares_BM.clamp_min(0).float()
