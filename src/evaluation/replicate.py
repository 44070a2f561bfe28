"""A side's scores on clips of artists drawn anew, the same draws for all sides, so that their differences are paired."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.evaluation.test_predictions import Tested
from src.metrics.intervals import resampled_sums


class Replicates(NamedTuple):
    """R bootstrap replicates of accuracy over all clips and of macro F1, each the mean over repetitions."""

    accuracy_R: NDArray[np.float64]
    f1_macro_R: NDArray[np.float64]


def replicates(side: Tested, resamples: int) -> Replicates:
    """The side's scores on `resamples` draws of whole artists; the same number draws the same artists for every side.

    Source: as `statistics.bootstrap_by_cluster`; macro F1 from the counts of each draw, with metrics.json's rule on
    which genres count.
    """
    genres = sorted({*side.true, *side.predicted_KS.ravel().tolist()})
    true_KC = np.array(side.true)[:, None] == np.array(genres)
    blocks = [np.stack([side.share_K, np.ones(len(side.clips))], axis=1), true_KC]
    for said_K in side.predicted_KS.T:
        said_KC = said_K[:, None] == np.array(genres)
        blocks += [said_KC, said_KC & true_KC]
    sum_RM = resampled_sums(np.concatenate(blocks, axis=1).astype(np.float64), side.owner, resamples)
    right_R, clips_R = sum_RM[:, 0], sum_RM[:, 1]
    count_RNC = sum_RM[:, 2:].reshape(resamples, -1, len(genres))
    support_RC = count_RNC[:, 0]
    pairs = range(1, count_RNC.shape[1], 2)
    f1_SR = [f1_macro(support_RC, count_RNC[:, k], count_RNC[:, k + 1]) for k in pairs]
    return Replicates(right_R / clips_R, np.mean(f1_SR, axis=0))


def f1_macro(
    support_RC: NDArray[np.float64], predicted_RC: NDArray[np.float64], hits_RC: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Macro F1 of each of R tables of counts: the mean over the genres that have clips or predictions in it.

    F1 = 2 hits / (clips + predictions).
    """
    whole_RC = support_RC + predicted_RC
    counts_RC = whole_RC > 0
    f1_RC = np.divide(2 * hits_RC, whole_RC, out=np.zeros_like(whole_RC), where=counts_RC)
    mean_R: NDArray[np.float64] = f1_RC.sum(axis=1) / counts_RC.sum(axis=1)
    return mean_R
