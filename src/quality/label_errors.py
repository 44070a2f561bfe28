"""Labels that look wrong: confident learning over what a linear head on musicnn's embeddings says of clips it never saw."""

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
L2 = 1.0  # of the head: a hundred times conf/model/head.yaml's, since a judge of labels must not learn wrong ones by heart
GROUP_BY = ("track", "artist")  # what the folds keep together


class SuspectLabel(NamedTuple):
    """A clip whose label may be wrong: the genre that the others suggest, and the probabilities of both.

    `score` is the probability of the label given the sound, 0 to 1, the lower the more suspicious; `issue` is
    confident learning's verdict.
    """

    clip: str
    genre: str
    suggested: str
    score: float
    suggested_probability: float
    issue: bool


def suspect_labels(clips: Sequence[Clip], embedding_KE: Tensor, group_by: str, seed: int = 0) -> list[SuspectLabel]:
    """All K clips, the most doubtful first, from their embeddings (K, E).

    Each clip is judged by a head that was fitted on other groups only, `group_by` "track" or "artist". By track, a head knows
    other songs of the clip's artist: single wrong labels stand out, but an artist whose labels are all wrong looks
    right. By artist it is the other way round, and an artist unlike the rest of its genre looks wrong, too.
    Raises ValueError where there are fewer than two groups or genres.
    Source: Northcutt, Jiang and Chuang 2021, "Confident learning", by their own library, cleanlab.
    """
    from cleanlab.filter import find_label_issues

    genres = sorted({clip.genre for clip in clips})
    genre_K = torch.tensor([genres.index(clip.genre) for clip in clips])
    probability_KC = out_of_fold(embedding_KE, genre_K, clips, group_by, seed)
    labels_K = genre_K.numpy()
    issue_K = find_label_issues(labels_K, probability_KC, filter_by="confident_learning", n_jobs=1)
    found = []
    for k, clip in enumerate(clips):
        other_C = probability_KC[k].copy()
        other_C[labels_K[k]] = -1.0
        suggested = int(other_C.argmax())
        score, rival = float(probability_KC[k, labels_K[k]]), float(other_C[suggested])
        found.append(SuspectLabel(clip.name, clip.genre, genres[suggested], score, rival, bool(issue_K[k])))
    return sorted(found, key=lambda doubt: (not doubt.issue, doubt.score, doubt.clip))


def out_of_fold(
    embedding_KE: Tensor, genre_K: Tensor, clips: Sequence[Clip], group_by: str, seed: int
) -> NDArray[np.float64]:
    """Probabilities (K, C) of each clip's genre, by a head that was fitted on the other folds."""
    group = (
        artist_groups(clips)
        if group_by == "artist"
        else [("track", full_track_name(clip) or clip.name) for clip in clips]
    )
    genres, folds = int(genre_K.max()) + 1, min(FOLDS, len(set(group)))
    if genres < 2 or folds < 2:
        raise ValueError(
            f"labels=true needs two genres and two {group_by}s or more, to judge each clip by others; there are {genres} and {folds}."
        )
    probability_KC = torch.empty(len(clips), genres)
    for judged_K in map(torch.from_numpy, held_out(clips, group, folds, seed)):
        norm = Standard(embedding_KE.shape[1])
        head = Head(hidden=0, dropout=0.0, activation="relu", l2=L2, rows=embedding_KE.shape[1], genres=genres)
        feature_KE1 = embedding_KE[..., None]
        norm.prepare([(feature_KE1[~judged_K], genre_K[~judged_K])])
        head.prepare([(norm(feature_KE1[~judged_K]), genre_K[~judged_K])])
        with torch.no_grad():
            probability_KC[judged_K] = head.eval()(norm(feature_KE1[judged_K])).softmax(dim=1)
    return probability_KC.double().numpy()
