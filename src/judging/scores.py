"""Scores of a run on another data set: over all its genres, and over those that both know.

A run with more genres than the data set can give clips to a genre that no clip has, and such a prediction is wrong. The
second scores ask what is left if these genres are forbidden.
Source: Bogdanov, Porter, Herrera and Serra 2016, "Cross-collection evaluation for music classification tasks".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from src import metrics
from src.data.datamodule import GenreData
from src.metrics import intervals
from src.training import stages
from src.training.module import Predictions


def common_genres(predictions: Predictions, genres: Sequence[str]) -> list[str]:
    """The genres of the run that have clips, in the order of the logits."""
    present = set(predictions.genre.tolist())
    return [genre for k, genre in enumerate(genres) if k in present]


def over_all_genres(predictions: Predictions, temperature: float, data: GenreData) -> dict[str, Any]:
    """The `test` object of metrics.json: any genre of the run can be predicted; macro averages are over the common genres."""
    return metrics.with_clips_only(stages.score(predictions, temperature, data))


def over_common_genres(predictions: Predictions, temperature: float, data: GenreData) -> dict[str, Any] | None:
    """As `over_all_genres`, but only the common genres can be predicted; None if there is only one, which is always right."""
    common = common_genres(predictions, data.genres)
    if len(common) < 2:
        return None
    index_C = torch.tensor([data.genres.index(genre) for genre in common])
    clips = [data.clips[k] for k in predictions.clip.tolist()]
    return metrics.score(
        predictions.with_temperature(temperature).logits[:, index_C],
        torch.searchsorted(index_C, predictions.genre),
        common,
        [clip.artist for clip in clips],
        [clip.track for clip in clips],
    )


def recall_macro_interval(predictions: Predictions, data: GenreData) -> list[float]:
    """Compute the 95 % interval of the macro recall over all genres of the run, by a bootstrap over artists, all known.

    A resample may have no clip of a genre; its mean is over the others.
    """
    genres = sorted(set(predictions.genre.tolist()))
    true_KC = predictions.genre.numpy()[:, None] == np.array(genres)
    correct_K = (predictions.logits.argmax(dim=1) == predictions.genre).numpy()
    artists = [str(data.clips[k].artist) for k in predictions.clip.tolist()]
    columns = np.concatenate([true_KC & correct_K[:, None], true_KC], axis=1).astype(np.float64)
    hits_RC, clips_RC = np.split(intervals.resampled_sums(columns, artists), 2, axis=1)
    recall_RC = np.divide(hits_RC, clips_RC, out=np.full_like(hits_RC, np.nan), where=clips_RC > 0)
    return list(intervals.percentiles(np.nanmean(recall_RC, axis=1)))
