"""Models retrained on reduced sound: how much of the genre a single trait of the clips gives away.

A support vector machine (model=svm with its default settings) on statistics over time of the run's own feature. It is fitted
to the reduced training clips of the run and tested on its reduced test clips, so the sets share no artist if the run's do not.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src import config as configs
from src.clip import Clip
from src.evaluation import run_names
from src.instantiate import call_with_facts, instantiate_choice
from src.model.classic import Classic, statistics
from src.sensitivity.conditions import Condition
from src.sensitivity.measurement import Parts, Results, measure
from src.sensitivity.scores import TestSet
from src.sensitivity.subject import DecodedSound, Subject

KIND = "statistics"


def require_frames(subject: Subject) -> None:
    """Raise ValueError if the run's feature has no frames, whose statistics a support vector machine needs."""
    feature: Any = subject.classifier.feature
    if getattr(feature, "hop_length", 0) <= 1:
        raise ValueError(
            f"--retrain needs a feature with frames, such as mel, and the run has {type(feature).__name__.lower()}. Leave "
            "--retrain out, or name a run with another feature."
        )


def retrain(
    subject: Subject, parts: Parts, test_clips: Sequence[Clip], conditions: Sequence[Condition]
) -> tuple[dict[Condition, NDArray[np.int64]], dict[str, Any]]:
    """Fit a model for each condition -> its predictions (K,) for the test clips, and what it was fitted to.

    All test clips were readable before. A training clip that cannot be read is left out, with its reason.
    """
    training = _statistics(subject, parts, subject.training_clips(), conditions, "Training clips, reduced")
    test = _statistics(subject, parts, test_clips, conditions, "Test clips, reduced")
    genre_K = torch.tensor([subject.genres.index(clip.genre) for clip in training.clips])
    predictions = {}
    for condition in conditions:
        model = _machine(subject)
        fitted_MSE, tested_KSE = (_by_segment(each.values[condition], subject) for each in (training, test))
        segment_genre = genre_K.repeat_interleave(subject.data.segments)
        model.prepare_from_statistics([(fitted_MSE.flatten(0, 1), segment_genre)])
        logits_KSC = model.from_statistics(tested_KSE.flatten(0, 1)).reshape(*tested_KSE.shape[:2], -1)
        predictions[condition] = logits_KSC.mean(dim=1).argmax(dim=1).numpy()
    commonest = int(torch.bincount(genre_K).argmax())
    certificate = subject.run.metrics["certificate"]
    about = {
        "model": "svm",
        "feature": run_names.chosen(subject.run, "feature"),
        "training_clips": len(training.clips),
        "training_artists": len({clip.artist for clip in training.clips if clip.artist}),
        "left_out": training.unreadable,
        "grouped_by": certificate["grouped_by"],
        "shared_artists": certificate["shared"]["artists"],
        "commonest": subject.genres[commonest],
    }
    return predictions, about


def scores(test: TestSet, predicted_K: NDArray[np.int64]) -> dict[str, Any]:
    """The accuracy of a retrained model, its interval, and the recall of each genre."""
    correct_K = predicted_K == test.true_K
    accuracy, interval = test.share(correct_K)
    recalls = {genre: float(correct_K[of].mean()) for genre, of in test.present()}
    return {"accuracy": accuracy, "accuracy_interval": interval, "recall": recalls}


def _statistics(
    subject: Subject, parts: Parts, clips: Sequence[Clip], conditions: Sequence[Condition], description: str
) -> Results:
    def compute(sound: DecodedSound, condition: Condition) -> Tensor:
        return statistics(subject.feature(subject.segments(sound)))

    return measure(subject, parts, KIND, clips, conditions, compute, description)


def _by_segment(value_KM: Tensor, subject: Subject) -> Tensor:
    """Flat statistics of the segments of K clips (K, S * E) -> (K, S, E)."""
    return value_KM.reshape(len(value_KM), subject.data.segments, -1)


def _machine(subject: Subject) -> Classic:
    feature: Any = subject.classifier.feature
    model: Classic = call_with_facts(
        instantiate_choice(configs.compose("model=svm").model),
        rows=feature.rows,
        genres=len(subject.genres),
        scale_F=feature.scale_F,
    )
    return model
