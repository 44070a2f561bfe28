"""Temperature scaling: calibrate a model's probabilities on clips that were not used for training."""

from collections.abc import Mapping
from typing import Any

import torch
from scipy.optimize import brentq
from torch import Tensor

RANGE = (0.01, 100.0)  # allowed T; near 0.01 probabilities are close to 0 or 1, near 100 all genres are about equal
PRIOR_WEIGHT = 8.0  # of the weights 0, 1, 2, 4, 8, 16, the lowest test NLL in `python -m benchmarks.calibration`
ROUNDING = 5e-4  # smaller differences of NLL or ECE are not shown: pages have three decimals and 0.1 %
UNCALIBRATED = "_uncalibrated"  # metrics.json has `nll_uncalibrated` beside `nll`, and ECE likewise


def worsened(scores: Mapping[str, Any]) -> list[str]:
    """The scores that calibration made worse (higher) on a set: "nll", "ece"; none for a run without calibration.

    `scores` are the `test` or `val` object of metrics.json.
    """
    before = {key.removesuffix(UNCALIBRATED): value for key, value in scores.items() if key.endswith(UNCALIBRATED)}
    return [
        key
        for key, value in before.items()
        if value is not None and scores[key] is not None and scores[key] > value + ROUNDING
    ]


def temperature(logits_KC: Tensor, genre_K: Tensor, prior_weight: float = PRIOR_WEIGHT) -> float:
    """Fit the T in RANGE for which softmax(logits / T) has the lowest penalized cross-entropy on K clips of C genres.

    T above 1 means that the model was overconfident, T below 1 that it was underconfident. The order of the genres does
    not change. The cross-entropy is convex in 1/T, so T is where the slope in 1/T is 0. This slope is the sum over the
    clips of sum_c (softmax(logits / T)_c - target_c) logits_c. If it has the same sign everywhere, T is an end of
    RANGE.

    If all clips are classified correctly, T would go to 0, although no finite number of clips proves that the model
    makes no mistakes. Therefore the target of the true genre is Platt's (K + 1) / (K + 2), and the other genres share
    the rest equally, as if there were one more correct and one more wrong clip. (With K + C in the denominator, which
    adds one mistake per genre, 100 clips of 10 genres gave T = 5.3 instead of the true 2, and a worse likelihood than
    without calibration.)

    A few clips of a few artists say little about new artists, so T stays near 1 unless the clips show otherwise: to the
    sum of the cross-entropies over the clips, `prior_weight` (1/T - 1 + log T) is added. This is the negative logarithm
    of a gamma distribution of 1/T with its mode at 1. It is convex in 1/T too; near T = 1 it equals a log-normal
    distribution of T with a standard deviation of 1 / sqrt(prior_weight), 0.35 in log T for a weight of 8. With many
    clips it has no influence.

    A genre with logit -inf is impossible at every T: it has no target, and clips of that genre carry no information
    about T. If nothing depends on T, because all logits of each clip are equal, T is 1.

    Raises ValueError if there are no clips, if the lengths differ, and on logits that are NaN or +inf.
    Source: Guo et al. 2017, section 4.2; Platt 1999, section 2.2.
    """
    clips = len(genre_K)
    if clips == 0 or logits_KC.ndim != 2 or len(logits_KC) != clips:
        raise ValueError(
            f"expected logits of shape (clips, genres) with at least one clip, and one genre per clip; got logits of shape "
            f"{tuple(logits_KC.shape)} and {clips} genres."
        )
    logits_KC, genre_K = logits_KC.detach().cpu().double(), genre_K.detach().cpu().long()
    invalid = int((logits_KC.isnan() | logits_KC.isposinf()).any(dim=1).sum())
    if invalid:
        raise ValueError(
            f"the logits of {invalid} of {clips} clips are NaN or infinite: the model diverged. "
            "Try a lower optimizer.lr."
        )
    true_KC = torch.nn.functional.one_hot(genre_K, logits_KC.shape[1]).bool()
    possible_KC = logits_KC.isfinite()
    informative_K = possible_KC[true_KC]
    logits_KC, true_KC, possible_KC = logits_KC[informative_K], true_KC[informative_K], possible_KC[informative_K]
    # Subtract the logit of the true genre, which becomes 0; adding a constant to all logits of a clip changes nothing.
    relative_KC = logits_KC - logits_KC[true_KC][:, None]
    finite_KC = relative_KC.where(possible_KC, 0.0)  # as 0 * inf is NaN
    if not finite_KC.any():
        return 1.0
    others_K1 = possible_KC.sum(dim=1, keepdim=True) - 1
    # Second part of the slope: the targets times the logits. The true genre adds nothing, as its relative logit is 0.
    target_sum = float((finite_KC.sum(dim=1, keepdim=True) / others_K1.clamp_min(1)).sum()) / (clips + 2)

    def slope(inverse_temperature: float) -> float:
        fit = float(((inverse_temperature * relative_KC).softmax(dim=1) * finite_KC).sum()) - target_sum
        return fit + prior_weight * (1 - 1 / inverse_temperature)

    lowest, highest = RANGE
    if slope(1 / highest) >= 0:
        return highest
    if slope(1 / lowest) <= 0:
        return lowest
    return 1 / float(brentq(slope, 1 / highest, 1 / lowest))
