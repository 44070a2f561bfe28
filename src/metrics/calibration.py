"""Temperature scaling: calibrate a model's probabilities on clips that were not used for training."""

import torch
from scipy.optimize import brentq
from torch import Tensor

RANGE = (0.01, 100.0)  # allowed T; near 0.01 probabilities are close to 0 or 1, near 100 all genres are about equal


def temperature(logits_KC: Tensor, genre_K: Tensor) -> float:
    """Fit the T in RANGE for which softmax(logits / T) has the lowest cross-entropy on K clips of C genres.

    T above 1 means that the model was overconfident, T below 1 that it was underconfident. The order of the genres does
    not change. The cross-entropy is convex in 1/T, so T is where the slope in 1/T is 0. This slope is the mean over the
    clips of sum_c (softmax(logits / T)_c - target_c) logits_c. If it has the same sign everywhere, T is an end of
    RANGE.

    If all clips are classified correctly, T would go to 0, although no finite number of clips proves that the model
    makes no mistakes. Therefore the target of the true genre is Platt's (K + 1) / (K + 2), and the other genres share
    the rest equally, as if there were one more correct and one more wrong clip. (With K + C in the denominator, which
    adds one mistake per genre, 100 clips of 10 genres gave T = 5.3 instead of the true 2, and a worse likelihood than
    without calibration.)

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
        return float(((inverse_temperature * relative_KC).softmax(dim=1) * finite_KC).sum()) - target_sum

    lowest, highest = RANGE
    if slope(1 / highest) >= 0:
        return highest
    if slope(1 / lowest) <= 0:
        return lowest
    return 1 / float(brentq(slope, 1 / highest, 1 / lowest))
