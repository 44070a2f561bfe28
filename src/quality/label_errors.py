"""Find label errors: confident learning on out-of-fold predictions of a linear head on musicnn's embeddings."""

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
L2 = 1.0  # penalty of the head, 100 times that of conf/model/head.yaml: it must not memorize wrong labels
GROUP_BY = ("track", "artist")  # choices of labels_by: clips of one track, or of one artist, share a fold


class SuspectLabel(NamedTuple):
    """The label of a clip with its out-of-fold probability. Only labels with `issue` are taken for wrong.

    `genre` is the label, and `score` its probability, 0 to 1: the lower, the more suspicious. `suggested` is the most
    probable other genre. `issue` is the decision of confident learning.
    """

    clip: str
    genre: str
    suggested: str
    score: float
    suggested_probability: float
    issue: bool


def suspect_labels(clips: Sequence[Clip], embedding_KE: Tensor, group_by: str, seed: int = 0) -> list[SuspectLabel]:
    """Rank the labels of all K clips, the most suspicious first, using the embeddings (K, E) of the clips.

    The probabilities of a clip come from a linear head that was fitted without the clip's group; `group_by` is "track" or
    "artist". By track, the head knows other songs of the clip's artist: single wrong labels get a low score, but an artist
    whose labels are all wrong looks right. By artist, such an artist gets a low score, but so does an artist that sounds
    unlike the rest of its genre.
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
