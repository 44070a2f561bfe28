"""How surprising a difference would be if there were none: p values, two-sided, each second to an effect and its interval."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest
from scipy.stats import t as student

LEVEL = 0.05  # below it a p value is called small, as 95 % intervals leave out one truth in twenty


def mcnemar(a_only: int, b_only: int) -> float:
    """Exact p of McNemar's test: `a_only` clips that only A recognizes, `b_only` that only B does.

    Were both as good, each such clip would fall to either side like a coin, so this is the binomial test of one half;
    clips that both or neither recognize say nothing. Without any such clip p is 1. Clips count as independent; those of
    one artist are not, so beside it stands a bootstrap by artist. Raises ValueError on counts below 0.
    Source: McNemar 1947; Dietterich 1998, section 3.1.
    """
    if a_only < 0 or b_only < 0:
        raise ValueError(f"{a_only} and {b_only} clips were recognized by one model only: expected 0 or more of each.")
    either = a_only + b_only
    return float(binomtest(int(a_only), int(either)).pvalue) if either else 1.0


def bootstrap_p(difference_R: NDArray[np.float64]) -> float:
    """p of no difference, from R bootstrap replicates of it: twice the smaller share of those that are 0 or beyond it.

    The percentile interval turned round: it is below 0.05 where the 95 % interval leaves out 0. Never below
    2 / (R + 1), since so few draws cannot tell; 1 where all replicates are 0. Raises ValueError on no replicates.
    Source: Efron and Tibshirani 1993, section 15.4; the added ones as in Davison and Hinkley 1997, section 4.2.
    """
    if not len(difference_R):
        raise ValueError("no replicates came: expected one or more.")
    beyond = min(int((difference_R <= 0).sum()), int((difference_R >= 0).sum()))
    return min(1.0, 2 * (1 + beyond) / (1 + len(difference_R)))


class CorrectedT(NamedTuple):
    """The mean difference over folds, its interval, and p of no difference; None where there is nothing to tell by."""

    difference: float
    low: float | None
    high: float | None
    p: float | None


def corrected_t(difference_F: ArrayLike, test_per_train: float, confidence: float = 0.95) -> CorrectedT:
    """Nadeau and Bengio's t test of a mean difference over F folds, t = mean / sqrt(variance (1 / F + test / train)).

    `difference_F` is a score of A less that of B in each fold; `test_per_train` the test clips for each training clip.
    Folds share training clips and so vary less than new data would: the plain t test, without test / train, finds too
    much. Unlike a bootstrap over test clips, this asks whether the difference would hold after training on other clips.
    Without variance: p is 1 where no fold differs; where all differ by the same amount, interval and p are None, as an
    estimated variance of 0 from a few folds of a few clips is luck, and no proof.
    Raises ValueError on fewer than two folds, on what is not a number, or on a ratio that is not above 0.
    Source: Nadeau and Bengio 2003; for cross-validation Bouckaert and Frank 2004.
    """
    value_F = np.asarray(difference_F, dtype=np.float64)
    if value_F.ndim != 1 or len(value_F) < 2 or not np.isfinite(value_F).all():
        raise ValueError(f"expected a number for each of two or more folds; got {value_F.tolist()}.")
    if not test_per_train > 0:
        raise ValueError(f"test_per_train is {test_per_train}: expected test clips / training clips, above 0.")
    mean = float(value_F.mean())
    if np.ptp(value_F) < 1e-12:  # equal but for rounding in the last binary digits
        return CorrectedT(0.0, 0.0, 0.0, 1.0) if abs(mean) < 1e-12 else CorrectedT(mean, None, None, None)
    folds = len(value_F)
    error = float(np.sqrt(value_F.var(ddof=1) * (1 / folds + test_per_train)))
    reach = float(student.ppf((1 + confidence) / 2, folds - 1)) * error
    p = 2 * float(student.sf(abs(mean) / error, folds - 1))
    return CorrectedT(mean, mean - reach, mean + reach, p)


def holm(p_M: Sequence[float]) -> list[float]:
    """M p values adjusted for having asked M questions, in the given order: their chance of one false find stays bounded.

    The smallest is multiplied by M, the next by M - 1 and so on, none becomes smaller than one before it, nor more than
    1. No assumption on how the questions depend on one another. Raises ValueError on what is no p value.
    Source: Holm 1979.
    """
    wrong = [p for p in p_M if not 0 <= p <= 1]
    if wrong:
        raise ValueError(f"{wrong[0]} is no p value: expected 0 to 1.")
    adjusted = [0.0] * len(p_M)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_M)), key=lambda k: p_M[k])):
        largest = max(largest, min(1.0, (len(p_M) - rank) * p_M[index]))
        adjusted[index] = largest
    return adjusted
