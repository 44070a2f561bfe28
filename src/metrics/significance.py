"""Significance tests of a difference between two models. Report the difference and its interval before the p value."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest
from scipy.stats import t as student

LEVEL = 0.05  # significance level; it matches 95 % intervals, which miss the true value in 1 of 20 cases


def mcnemar(a_only: int, b_only: int) -> float:
    """Exact p value of McNemar's test of two models on the same clips.

    `a_only` is the number of clips that only model A classifies correctly, `b_only` of those that only model B does. If
    both models were equally good, each of these clips would belong to A or B with probability one half: this is the
    binomial test of one half. Clips that both or neither classify correctly carry no information. If there are no other
    clips, p is 1. The test treats clips as independent, but clips of one artist are not: also report a bootstrap over
    artists. Raises ValueError on negative counts.
    Source: McNemar 1947; Dietterich 1998, section 3.1.
    """
    if a_only < 0 or b_only < 0:
        raise ValueError(
            f"{a_only} and {b_only} clips were classified correctly by one model only: expected 0 or more of each."
        )
    discordant = a_only + b_only
    return float(binomtest(int(a_only), int(discordant)).pvalue) if discordant else 1.0


def bootstrap_p(difference_R: NDArray[np.float64]) -> float:
    """p value of no difference, from R bootstrap replicates of the difference.

    It is twice the smaller of two shares: the replicates at or below 0, and those at or above 0. It inverts the
    percentile interval: p is below 0.05 if the 95 % interval excludes 0. It is never below 2 / (R + 1), as R draws
    cannot show less, and 1 if all replicates are 0. Raises ValueError if there are no replicates.
    Source: Efron and Tibshirani 1993, section 15.4; 1 is added to both counts as in Davison and Hinkley 1997,
    section 4.2.
    """
    if not len(difference_R):
        raise ValueError("no replicates: expected one or more.")
    tail = min(int((difference_R <= 0).sum()), int((difference_R >= 0).sum()))
    return min(1.0, 2 * (1 + tail) / (1 + len(difference_R)))


class CorrectedT(NamedTuple):
    """Mean difference over folds, its interval, and the p value of no difference; None if it cannot be estimated."""

    difference: float
    low: float | None
    high: float | None
    p: float | None


def corrected_t(difference_F: ArrayLike, test_per_train: float, confidence: float = 0.95) -> CorrectedT:
    """Nadeau and Bengio's t test of a mean difference over F folds, t = mean / sqrt(variance (1 / F + test / train)).

    `difference_F` is the score of A minus the score of B in each fold; `test_per_train` is the number of test clips
    divided by the number of training clips. Folds share training clips, so their scores vary less than those on new
    data would: the plain t test, without test / train, finds too many differences. Unlike a bootstrap over test clips,
    this test asks if there would also be a difference after training on other clips. If all differences are 0, p is 1.
    If all are the same other number, interval and p are None: a variance of 0 in a few folds of a few clips is chance.
    Raises ValueError on fewer than two folds, on values that are not finite, or on a ratio that is not above 0.
    Source: Nadeau and Bengio 2003; for cross-validation Bouckaert and Frank 2004.
    """
    value_F = np.asarray(difference_F, dtype=np.float64)
    if value_F.ndim != 1 or len(value_F) < 2 or not np.isfinite(value_F).all():
        raise ValueError(f"expected a number for each of two or more folds; got {value_F.tolist()}.")
    if not test_per_train > 0:
        raise ValueError(f"test_per_train is {test_per_train}: expected test clips / training clips, above 0.")
    mean = float(value_F.mean())
    if np.ptp(value_F) < 1e-12:  # equal apart from rounding in the last binary digits
        return CorrectedT(0.0, 0.0, 0.0, 1.0) if abs(mean) < 1e-12 else CorrectedT(mean, None, None, None)
    folds = len(value_F)
    standard_error = float(np.sqrt(value_F.var(ddof=1) * (1 / folds + test_per_train)))
    half_width = float(student.ppf((1 + confidence) / 2, folds - 1)) * standard_error
    p = 2 * float(student.sf(abs(mean) / standard_error, folds - 1))
    return CorrectedT(mean, mean - half_width, mean + half_width, p)


def holm(p_M: Sequence[float]) -> list[float]:
    """Adjust M p values for M comparisons by Holm's method; the result is in the order of the input.

    It bounds the probability of one or more false positives among the M tests. The smallest p is multiplied by M, the
    next by M - 1, and so on; no value becomes smaller than the previous one or larger than 1. The tests may depend on
    each other in any way. Raises ValueError on a value outside [0, 1].
    Source: Holm 1979.
    """
    invalid = [p for p in p_M if not 0 <= p <= 1]
    if invalid:
        raise ValueError(f"{invalid[0]} is not a p value: expected 0 to 1.")
    adjusted = [0.0] * len(p_M)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_M)), key=lambda k: p_M[k])):
        largest = max(largest, min(1.0, (len(p_M) - rank) * p_M[index]))
        adjusted[index] = largest
    return adjusted
