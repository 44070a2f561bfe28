"""Label errors: confident learning on out-of-fold predictions of a linear head on musicnn's embeddings."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.clip import Clip
from src.model import Head
from src.normalization import Standard
from src.split.grouping import artist_groups, full_track_name, held_out

FOLDS = 10
L2 = 1.0  # of the head: 100 times the value in conf/model/head.yaml, so that the head does not memorize wrong labels
GROUP_BY = ("track", "artist")  # the clips of one track, or of one artist, are all in the same fold


class SuspectLabel(NamedTuple):
    """A clip whose label may be wrong: its genre, the genre suggested instead, and the probabilities of both.

    `score` is the probability of the label given the sound, 0 to 1; the lower, the more suspicious. `issue` is the
    decision of confident learning.
    """

    clip: str
    genre: str
    suggested: str
    score: float
    suggested_probability: float
    issue: bool


def suspect_labels(clips: Sequence[Clip], embedding_KE: Tensor, group_by: str, seed: int = 0) -> list[SuspectLabel]:
    """Rank the labels of all K clips by their embeddings (K, E), the most suspicious first.

    A clip's probabilities come from a head that was fitted on other groups only; `group_by` is "track" or "artist". By
    track, the head was fitted on other songs of the clip's artist: single wrong labels stand out, but an artist whose
    labels are all wrong looks right. By artist it is the other way round, and an artist unlike the rest of its genre
    looks wrong, too.
    Raises ValueError if there are fewer than two groups or genres.
    Source: Northcutt, Jiang and Chuang 2021, "Confident learning", implemented in their library cleanlab.
    """
    from cleanlab.filter import find_label_issues

    genres = sorted({clip.genre for clip in clips})
    genre_K = torch.tensor([genres.index(clip.genre) for clip in clips])
    probability_KC = out_of_fold(embedding_KE, genre_K, clips, group_by, seed)
    label_K = genre_K.numpy()
    issue_K = find_label_issues(label_K, probability_KC, filter_by="confident_learning", n_jobs=1)
    labels = []
    for k, clip in enumerate(clips):
        other_C = probability_KC[k].copy()
        other_C[label_K[k]] = -1.0
        best = int(other_C.argmax())
        score, suggested_probability = float(probability_KC[k, label_K[k]]), float(other_C[best])
        labels.append(SuspectLabel(clip.name, clip.genre, genres[best], score, suggested_probability, bool(issue_K[k])))
    return sorted(labels, key=lambda label: (not label.issue, label.score, label.clip))


def out_of_fold(
    embedding_KE: Tensor, genre_K: Tensor, clips: Sequence[Clip], group_by: str, seed: int
) -> NDArray[np.float64]:
    """Compute the probability of each genre for each clip (K, C), by a head that was fitted on the other folds."""
    groups = (
        artist_groups(clips)
        if group_by == "artist"
        else [("track", full_track_name(clip) or clip.name) for clip in clips]
    )
    genres, folds = int(genre_K.max()) + 1, min(FOLDS, len(set(groups)))
    if genres < 2 or folds < 2:
        raise ValueError(
            f"labels=true needs at least two genres and two {group_by}s, to check each label against other clips; "
            f"there are {genres} and {folds}."
        )
    probability_KC = torch.empty(len(clips), genres)
    for test_K in map(torch.from_numpy, held_out(clips, groups, folds, seed)):
        normalization = Standard(embedding_KE.shape[1])
        head = Head(hidden=0, dropout=0.0, activation="relu", l2=L2, rows=embedding_KE.shape[1], genres=genres)
        feature_KE1 = embedding_KE[..., None]
        normalization.prepare([(feature_KE1[~test_K], genre_K[~test_K])])
        head.prepare([(normalization(feature_KE1[~test_K]), genre_K[~test_K])])
        with torch.no_grad():
            probability_KC[test_K] = head.eval()(normalization(feature_KE1[test_K])).softmax(dim=1)
    return probability_KC.double().numpy()
