"""How sure a model may be: the temperature that its logits are divided by, fitted on clips that trained nothing."""

import torch
from scipy.optimize import brentq
from torch import Tensor

RANGE = (0.01, 100.0)  # of T: at its ends nearly every model is certain, or finds all genres equally likely


def temperature(logits_KC: Tensor, genre_K: Tensor) -> float:
    """The T in RANGE for which softmax(logits / T) has the least cross-entropy on K clips of C genres.

    Above 1 the model was surer than it was right, below 1 less sure; the order of the genres stays. The cross-entropy
    is convex in 1/T, so what is sought is where its slope in 1/T, the mean over the clips of
    sum_c (softmax(logits / T)_c - target_c) logits_c, is 0; where it has one sign throughout, T is an end of RANGE.

    Clips that are all recognized would drive T to 0, though no number of them shows that there will be no mistake. So
    the true genre's target is Platt's (K + 1) / (K + 2) and the others share the rest, as if one clip more had been
    recognized and one not. (With C genres in the denominator, one mistake for each, 100 clips of 10 genres gave T = 5.3
    where 2 was true, and a worse likelihood than no calibration at all.)

    A genre of logit -inf is impossible at every T: it has no target, and clips that are of it say nothing of T. Where
    nothing depends on T, as all logits of each clip are equal, T is 1.

    Raises ValueError on no clips, lengths that differ, and logits that are NaN or +inf.
    Source: Guo et al. 2017, section 4.2; Platt 1999, section 2.2.
    """
    clips = len(genre_K)
    if clips == 0 or logits_KC.ndim != 2 or len(logits_KC) != clips:
        raise ValueError(
            f"expected logits of shape (clips, genres) of one clip or more, and the genre of each; got logits of shape "
            f"{tuple(logits_KC.shape)} and {clips} genres."
        )
    logits_KC, genre_K = logits_KC.detach().cpu().double(), genre_K.detach().cpu().long()
    bad = int((logits_KC.isnan() | logits_KC.isposinf()).any(dim=1).sum())
    if bad:
        raise ValueError(
            f"the logits of {bad} of {clips} clips are NaN or infinite: the model diverged. Try a lower optimizer.lr."
        )
    true_KC = torch.nn.functional.one_hot(genre_K, logits_KC.shape[1]).bool()
    possible_KC = logits_KC.isfinite()
    told_K = possible_KC[true_KC]
    logits_KC, true_KC, possible_KC = logits_KC[told_K], true_KC[told_K], possible_KC[told_K]
    # Relative to the true genre, whose logit is 0 then: nothing is left of what all logits of a clip have in common.
    relative_KC = logits_KC - logits_KC[true_KC][:, None]
    finite_KC = relative_KC.where(possible_KC, 0.0)  # as 0 * inf is no number
    if not finite_KC.any():
        return 1.0
    others_K1 = possible_KC.sum(dim=1, keepdim=True) - 1
    # The true genre's target is left out of the sum, as its relative logit is 0.
    expected = float((finite_KC.sum(dim=1, keepdim=True) / others_K1.clamp_min(1)).sum()) / (clips + 2)

    def slope(inverse: float) -> float:
        return float(((inverse * relative_KC).softmax(dim=1) * finite_KC).sum()) - expected

    coolest, hottest = RANGE
    if slope(1 / hottest) >= 0:
        return hottest
    if slope(1 / coolest) <= 0:
        return coolest
    return 1 / float(brentq(slope, 1 / hottest, 1 / coolest))
