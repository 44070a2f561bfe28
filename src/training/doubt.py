"""Measure a trained model's doubt: its predictions for the calibration artists, and distances to its training clips.

K clips, C genres, E embedding.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from src import console, plain_files
from src.classifier.doubt import Calibration, Doubt, Training
from src.data.datamodule import GenreData
from src.metrics import conformal, selective
from src.split.grouping import artist_groups
from src.training.embedding import Embeddings, evenly_spaced
from src.training.module import Predictions

MOST_CLIPS = 500  # training clips whose embeddings are stored, and validation clips that give the limit
ALLOWED = 0.01  # share of validation clips that are called unlike training
LEVEL = 0.9  # of the sets that metrics.json and the report describe
POINTS = 10  # of the risk-coverage curve in metrics.json


def measure(calibration: Predictions | None, embeddings: Embeddings) -> Doubt:
    """Measure the doubt of the best epoch. `calibration` are its calibrated predictions for the calibration clips.

    The limit of the distance is the 99 % quantile of validation clips, which are by other artists than the training clips.
    """
    training = _training(embeddings)
    if calibration is None:
        return Doubt(None, training)
    clips = [embeddings.data.clips[k] for k in calibration.clip.tolist()]
    unlike_K = unlike(calibration.clip, training, embeddings)
    return Doubt(
        Calibration(
            tuple(clip.name for clip in clips),
            tuple(": ".join(group) for group in artist_groups(clips)),
            calibration.genre,
            calibration.logits.double().softmax(dim=1),
            torch.zeros(len(clips), dtype=torch.bool) if unlike_K is None else unlike_K,
        ),
        training,
    )


def _training(embeddings: Embeddings) -> Training | None:
    train, val = (evenly_spaced(embeddings.data.clips_in(subset), MOST_CLIPS) for subset in ("train", "val"))
    try:
        train_ME, val_KE = (_embed(embeddings, clips) for clips in (train, val))
    except ValueError:  # the model has no embedding, or it is not finite
        return None
    except Exception as error:  # whatever it is, it must not cost the scores
        console.note(
            f"Note: the run will not know what is unlike its training ({plain_files.first_line(error).rstrip('.')})."
        )
        return None
    distance_K = Training(train_ME, 0.0).distance(val_KE).numpy()
    return Training(train_ME, float(np.quantile(distance_K, 1 - ALLOWED, method="higher")))


def unlike(clip_K: Tensor, training: Training | None, embeddings: Embeddings) -> Tensor | None:
    """True for each clip that is unlike training, (K,); None if the model has no embedding."""
    return None if training is None else training.unlike(_embed(embeddings, clip_K.tolist()))


def _embed(embeddings: Embeddings, clips: list[int]) -> Tensor:
    return torch.from_numpy(embeddings.of(clips)).float()


def scores(calibrated: Predictions, data: GenreData, doubt: Doubt, unlike_K: Tensor | None) -> dict[str, Any]:
    """The `doubt` object of metrics.json for K clips: how well the limits of a run hold on them, in plain values.

    `calibrated` are their calibrated predictions, `unlike_K` is true for those that are unlike training.
    """
    probability_KC = calibrated.logits.double().softmax(dim=1)
    confidence_K, predicted_K = (values.numpy() for values in probability_KC.max(dim=1))
    correct_K = predicted_K == calibrated.genre.numpy()
    risk_K = selective.risk_coverage(confidence_K, correct_K)
    calibration = doubt.calibration
    content: dict[str, Any] = {
        "aurc": selective.aurc(confidence_K, correct_K),
        "aurc_of_a_perfect_order": selective.aurc(correct_K, correct_K),
        "risk_coverage": [
            {"coverage": (k + 1) / len(risk_K), "error": float(risk_K[k])}
            for k in sorted({max(0, round(len(risk_K) * (p + 1) / POINTS) - 1) for p in range(POINTS)})
        ],
        "calibration": calibration and {"clips": len(calibration.clips), "artists": calibration.artists},
        "sets": None,
        "abstention": None,
        "unlike_training": None
        if unlike_K is None
        else {"clips": len(unlike_K), "unlike": int(unlike_K.sum()), "limit": doubt.training and doubt.training.limit},
    }
    if calibration is None or calibration.artists < conformal.LEAST_ARTISTS:
        return content
    limit = conformal.score_limit(calibration.score_K.numpy(), calibration.artist, LEVEL)
    artists = [data.clips[k].artist for k in calibrated.clip.tolist()]
    content["sets"] = {
        "level": LEVEL,
        **conformal.coverage(probability_KC.numpy(), calibrated.genre.numpy(), data.genres, artists, limit),
    }
    limits = selective.abstention(calibration.confidence_K.numpy(), calibration.correct_K.numpy(), calibration.artist)
    known_K = np.ones_like(correct_K) if unlike_K is None else ~unlike_K.numpy()
    content["abstention"] = []
    for each in limits:
        answered_K = (confidence_K >= each.confidence) & known_K
        content["abstention"].append(
            {
                "confidence": each.confidence,
                "error_bound": each.error_bound,
                "answered": int(answered_K.sum()),
                "errors": int((answered_K & ~correct_K).sum()),
            }
        )
    return content
