"""Classifier for a few clips of each genre, on a frozen embedding."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from src import formatting
from src.model.classic import MIN_DEVIATION, Classic

LEAST_CLIPS, LEAST_ARTISTS = 5, 3  # of each genre, for the inner folds that choose a penalty
MOST_FOLDS = 5
PENALTIES = np.logspace(-4, 1, 11)  # candidates for C, the strongest penalty first
# On 5 genres of the synthetic corpus, with 2 to 4 clips of each, cross-entropy was lowest for 6 to 10.
SHARPNESS = 8.0
# Limit of standardized values: a row that is nearly silent in a few clips may be thousands of deviations away in others.
LARGEST = 10.0

Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]  # the indices of the clips to fit and to hold out


class Linear(NamedTuple):
    """The scores x @ weight.T + bias of G genres."""

    weight_GE: NDArray[np.float64]
    bias_G: NDArray[np.float64]


class Few(Classic):
    """Nearest mean or logistic regression, chosen by the numbers of training clips and artists of the genres.

    If a genre has fewer than 5 training clips, or clips of fewer than 3 artists, a genre's probability is
    softmax(8 cos(x, m)), with the mean m of its clips. Otherwise it is that of scikit-learn's LogisticRegression with the
    C of 1e-4, 3e-4 ... 10 that minimizes the cross-entropy of held-out clips, in 3 to 5 inner folds that divide no artist.
    Of equal ones, the smallest C is chosen, which is the strongest penalty. See `best_penalty`.

    Shrinkage LDA was no better than the nearest mean, and overconfident: see `benchmarks.few`.
    x is the standardized statistics of a segment, as in Classic, clipped to [-10, 10]; in training, their mean over the
    segments of a clip. The logits of segments are averaged, as in all models. "Artist" means the group of a clip: its
    artist, else its album, else its track. `group_of_clip` has the groups of the training clips; without it, each segment
    counts as a clip by an artist of its own. No random number is drawn, so the seed changes nothing. After fitting,
    `fitted` describes the method and why it was chosen. Raises ValueError if all training clips have the same genre.
    Source: Snell et al. 2017 for nearest means of an embedding; Varma and Simon 2006 for inner folds.
    """

    genre_G: Tensor
    weight_GE: Tensor
    bias_G: Tensor
    cosine_1: Tensor  # true for the nearest mean: x is scaled to length 1 first
    c_1: Tensor  # scikit-learn's C, 0 for the nearest mean

    def __init__(
        self, *, rows: int, genres: int, genre_names: Sequence[str] = (), scale_F: Tensor | None = None
    ) -> None:
        super().__init__(rows, genres, ("genre_G", "weight_GE", "bias_G", "cosine_1", "c_1"), scale_F)
        self.genre_names = genre_names or [f"genre {c}" for c in range(genres)]
        self.group_of_clip: Sequence[str] | None = None
        self.fitted: str | None = None

    def fit(self, standard_ME: Tensor, genre_M: Tensor) -> dict[str, Tensor]:
        groups = range(len(genre_M)) if self.group_of_clip is None else self.group_of_clip
        segments = len(genre_M) // len(groups)  # of each clip
        x_KE = standard_ME.cpu().double().reshape(len(groups), segments, -1).mean(dim=1).numpy()
        genre_G, genre_K = np.unique(genre_M.cpu().numpy()[::segments], return_inverse=True)
        if len(genre_G) < 2:
            raise ValueError(
                "model=few needs two genres, and the training clips are all of one: add clips of a second genre, or use "
                "model=majority."
            )
        group_K = np.unique(list(map(str, groups)), return_inverse=True)[1]
        shortage = training_shortage([self.genre_names[g] for g in genre_G], genre_K, group_K)
        folds = [] if shortage else inner_folds(genre_K, group_K)
        c = best_penalty(x_KE, genre_K, folds) if folds else 0.0
        linear = logistic(x_KE, genre_K, c) if folds else nearest_mean(x_KE, genre_K)
        if folds:
            self.fitted = (
                f"logistic regression with C = {c:.3g}, chosen by {len(folds)} inner folds, because each genre has "
                f"{LEAST_CLIPS} training clips or more, of {LEAST_ARTISTS} artists or more"
            )
        else:
            self.fitted = f"nearest mean by cosine, because {shortage or 'artists have clips of several genres'}"
        return {
            "genre_G": torch.from_numpy(genre_G),
            "weight_GE": torch.from_numpy(linear.weight_GE).float(),
            "bias_G": torch.from_numpy(linear.bias_G).float(),
            "cosine_1": torch.tensor([not folds]),
            "c_1": torch.tensor([c]),
        }

    def standardize(self, statistic_BE: Tensor) -> Tensor:
        return super().standardize(statistic_BE).clamp(-LARGEST, LARGEST)

    def probabilities(self, standard_BE: Tensor) -> Tensor:
        x_BE = functional.normalize(standard_BE) if self.cosine_1 else standard_BE
        probability_BC = x_BE.new_zeros(len(x_BE), self.genres)
        probability_BC[:, self.genre_G] = (x_BE @ self.weight_GE.T + self.bias_G).softmax(dim=1)
        return probability_BC


def training_shortage(names: Sequence[str], genre_K: NDArray[np.int64], group_K: NDArray[np.int64]) -> str | None:
    """Describe the genre with the fewest training clips or artists, if too few for inner folds; None if all have enough."""
    clips_G = [int((genre_K == g).sum()) for g in range(len(names))]
    artists_G = [len(np.unique(group_K[genre_K == g])) for g in range(len(names))]
    fewest, scarcest = int(np.argmin(clips_G)), int(np.argmin(artists_G))
    if clips_G[fewest] < LEAST_CLIPS:
        return f"{names[fewest]} has {formatting.count(clips_G[fewest], 'training clip')}, fewer than {LEAST_CLIPS}"
    if artists_G[scarcest] < LEAST_ARTISTS:
        artists = formatting.count(artists_G[scarcest], "artist")
        return f"{names[scarcest]} has training clips of {artists}, fewer than {LEAST_ARTISTS}"
    return None


def inner_folds(genre_K: NDArray[np.int64], group_K: NDArray[np.int64]) -> Folds:
    """Folds of the training clips that divide no group, as many as the genre with the fewest groups has, at most five.

    A fold that would leave a genre without clips to fit is left out: that happens if groups have clips of several genres.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # imported here because it is slow, as in svm.py

    genres = range(genre_K.max() + 1)
    groups = min(len(np.unique(group_K[genre_K == g])) for g in genres)
    folds = StratifiedGroupKFold(min(groups, MOST_FOLDS)).split(genre_K, genre_K, group_K)
    return [fold for fold in folds if len(np.unique(genre_K[fold[0]])) == len(genres)]


def best_penalty(x_KE: NDArray[np.float64], genre_K: NDArray[np.int64], folds: Folds) -> float:
    """The C of PENALTIES with the lowest cross-entropy over the held-out clips of all folds; of equal ones, the smallest.

    The target of the true genre is (K + 1) / (K + 2), as in `metrics.calibration.temperature`: that K clips are all predicted
    correctly does not prove that C should be as large as possible.
    """
    genres = genre_K.max() + 1
    smoothing = genres / ((genres - 1) * (len(genre_K) + 2))
    losses = []
    for c in PENALTIES:
        loss = 0.0
        for fitted, held_out in folds:
            linear = logistic(x_KE[fitted], genre_K[fitted], c)
            score_HG = torch.from_numpy(x_KE[held_out] @ linear.weight_GE.T + linear.bias_G)
            genre_H = torch.from_numpy(genre_K[held_out])
            loss += float(functional.cross_entropy(score_HG, genre_H, reduction="sum", label_smoothing=smoothing))
        losses.append(loss)
    return float(PENALTIES[int(np.argmin(losses))])


def logistic(x_KE: NDArray[np.float64], genre_K: NDArray[np.int64], c: float) -> Linear:
    """scikit-learn's LogisticRegression on clips x (K, E), whose genres are 0 to G - 1; each has clips."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, max_iter=1000).fit(x_KE, genre_K)
    if len(model.classes_) > 2:
        return Linear(model.coef_, model.intercept_)
    return Linear(np.vstack((0 * model.coef_, model.coef_)), np.append(0.0, model.intercept_))


def nearest_mean(x_KE: NDArray[np.float64], genre_K: NDArray[np.int64]) -> Linear:
    """SHARPNESS times the directions of the genres' means: for x of length 1, the scores are cosines times SHARPNESS."""
    mean_GE = np.stack([x_KE[genre_K == g].mean(axis=0) for g in range(genre_K.max() + 1)])
    length_G1 = np.maximum(np.linalg.norm(mean_GE, axis=1, keepdims=True), MIN_DEVIATION)
    return Linear(SHARPNESS * mean_GE / length_G1, np.zeros(len(mean_GE)))
