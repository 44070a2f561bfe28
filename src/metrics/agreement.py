"""Agreement of annotators who give each clip one genre: as reliability, and as the ceiling of a model's scores.

Labels are a matrix `label_KA` of K clips and A annotators, with the index of a genre, or MISSING.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.metrics import intervals

MISSING = -1
RESAMPLES = 2000  # of the bootstraps of agreement
Labels = NDArray[np.int64]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]


class Estimate(NamedTuple):
    """A value with its 95 % interval, and the number of clips that it is measured on."""

    value: float
    interval: tuple[float, float]
    clips: int


class Ceiling(NamedTuple):
    """Accuracy and macro F1 of predictions, with a bootstrap replicate of each for R resamples of the clips."""

    clips: int
    accuracy: float
    f1_macro: float
    accuracy_R: Values
    f1_macro_R: Values


def interval(value_R: Values) -> tuple[float, float]:
    """The 95 % percentile interval of bootstrap replicates, without those that are not defined (NaN)."""
    return intervals.percentiles(value_R[np.isfinite(value_R)])


def counts(label_KA: Labels, genres: int) -> Counts:
    """Count the labels of each genre: (K, A) -> (K, C)."""
    return np.stack([(label_KA == genre).sum(axis=1) for genre in range(genres)], axis=1)


def most_frequent(count_KC: Values | Counts, draw_K: NDArray[np.int64]) -> NDArray[np.int64]:
    """The genre with the highest count of each clip, (K,); of n tied genres, number draw % n of them.

    MISSING for a clip without counts.
    """
    tied_KC = count_KC >= count_KC.max(axis=1, keepdims=True) - 1e-9
    number_K = draw_K % tied_KC.sum(axis=1) + 1
    chosen_K = (tied_KC.cumsum(axis=1) == number_K[:, None]).argmax(axis=1)
    return np.where(count_KC.sum(axis=1) > 0, chosen_K, MISSING)


def fleiss_kappa(count_KC: Counts, cluster: Sequence[str]) -> tuple[Estimate, int] | None:
    """Fleiss' kappa, by statsmodels, of the clips that have the same number of labels -> (kappa, that number).

    It is the number of 2 or more under which most labels are used. The annotators may be others for each clip. None if
    there are no such clips, or if all labels are of one genre, where chance agrees fully. `cluster` is resampled for the
    interval. Source: Fleiss 1971.
    """
    from statsmodels.stats import inter_rater  # slow to import, and only needed with several opinions

    number_K = count_KC.sum(axis=1)
    numbers = [int(number) for number in np.unique(number_K) if number >= 2]
    if not numbers:
        return None
    labels = max(numbers, key=lambda number: int(number_K[number_K == number].sum()))
    table_KC = count_KC[number_K == labels]
    chosen = [name for name, number in zip(cluster, number_K, strict=True) if number == labels]
    if (table_KC.sum(axis=0) > 0).sum() < 2:
        return None
    agreeing_K = (table_KC * (table_KC - 1)).sum(axis=1) / (labels * (labels - 1))
    columns = np.column_stack([agreeing_K, np.ones(len(table_KC)), table_KC])
    sum_RM = intervals.resampled_sums(columns, chosen, RESAMPLES)
    share_RC = sum_RM[:, 2:] / sum_RM[:, 2:].sum(axis=1, keepdims=True)
    kappa_R = _above_chance(sum_RM[:, 0] / sum_RM[:, 1], (share_RC**2).sum(axis=1))
    kappa = float(inter_rater.fleiss_kappa(table_KC))
    return Estimate(kappa, interval(kappa_R), len(table_KC)), labels


def krippendorff_alpha(count_KC: Counts, cluster: Sequence[str]) -> Estimate | None:
    """Krippendorff's alpha for names without order, with any number of labels per clip; clips with one label are not used.

    alpha = 1 - observed / expected disagreement, both from the matrix of coincidences: a clip with m labels adds each
    ordered pair of them with the weight 1 / (m - 1). None if no clip has two labels, or if all are of one genre.
    `cluster` is resampled for the interval. Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability", C.
    """
    number_K = count_KC.sum(axis=1)
    paired_K = number_K >= 2
    count_KC, number_K = count_KC[paired_K], number_K[paired_K]
    if not len(count_KC) or (count_KC.sum(axis=0) > 0).sum() < 2:
        return None
    same_K = (count_KC * (count_KC - 1)).sum(axis=1) / (number_K - 1)  # the clip's part of the diagonal
    columns = np.column_stack([same_K, count_KC])
    chosen = [name for name, paired in zip(cluster, paired_K, strict=True) if paired]
    sum_RM = intervals.resampled_sums(columns, chosen, RESAMPLES)
    alpha_R = _alpha(sum_RM)
    alpha = float(_alpha(columns.sum(axis=0, keepdims=True))[0])
    return Estimate(alpha, interval(alpha_R), len(count_KC))


def _alpha(sum_RM: Values) -> Values:
    """Alpha from sums over clips: the diagonal of the coincidences, and the labels of each genre."""
    same_R, label_RC = sum_RM[:, 0], sum_RM[:, 1:]
    labels_R = label_RC.sum(axis=1)
    expected_R = (label_RC * (label_RC - 1)).sum(axis=1) / (labels_R * (labels_R - 1))
    return _above_chance(same_R / labels_R, expected_R)


def _above_chance(observed_R: Values, expected_R: Values) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):
        value_R: Values = (observed_R - expected_R) / (1 - expected_R)
    return value_R


def ceiling(predicted_K: Labels, true_K: Labels, genres: int, cluster: Sequence[str]) -> Ceiling:
    """Score K predictions, of an annotator or a model, against K genres, with bootstrap replicates.

    Clips whose true genre is MISSING are not scored, but resampled like the others: calls with the same clusters resample
    the same clips, so that their replicates are paired. Macro F1 is the mean over the genres that have clips or predictions,
    as in `src.metrics.scores`. A resample without a scored clip gives NaN.
    """
    range_C = np.arange(genres)
    true_KC = true_K[:, None] == range_C
    predicted_KC = (predicted_K[:, None] == range_C) & (true_K != MISSING)[:, None]
    columns = np.concatenate([predicted_KC & true_KC, predicted_KC, true_KC], axis=1).astype(np.float64)
    accuracy, f1_macro = _accuracy_and_f1(columns.sum(axis=0, keepdims=True))
    accuracy_R, f1_macro_R = _accuracy_and_f1(intervals.resampled_sums(columns, cluster, RESAMPLES))
    return Ceiling(int(true_KC.sum()), float(accuracy[0]), float(f1_macro[0]), accuracy_R, f1_macro_R)


def _accuracy_and_f1(sum_RM: Values) -> tuple[Values, Values]:
    correct_RC, predicted_RC, true_RC = np.split(sum_RM, 3, axis=1)
    both_RC = predicted_RC + true_RC
    defined_RC = both_RC > 0
    f1_RC = np.divide(2 * correct_RC, both_RC, out=np.zeros_like(both_RC), where=defined_RC)
    with np.errstate(invalid="ignore"):
        return correct_RC.sum(axis=1) / true_RC.sum(axis=1), f1_RC.sum(axis=1) / defined_RC.sum(axis=1)


def others_majority(label_KA: Labels, annotator: int, count_KC: Counts, draw_K: NDArray[np.int64]) -> Labels:
    """The majority genre of all annotators but one, (K,); MISSING where that one, or all others, gave no label."""
    own_K = label_KA[:, annotator]
    own_KC = own_K[:, None] == np.arange(count_KC.shape[1])
    return np.where(own_K == MISSING, MISSING, most_frequent(count_KC - own_KC, draw_K))
