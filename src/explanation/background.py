"""Background of explanations in words: the input of the run's model, and its training clips."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException

from src import plain_files
from src.explanation import training_clips
from src.explanation.model import ExplainedModel
from src.explanation.model_input import ModelInput, feature_of, needs_training_mean
from src.explanation.training_clips import RunClips, TrainingClips
from src.model.tags import Tags


@dataclass(frozen=True)
class Background:
    """The model's input and the run's clips. `clips` and `training` are None if they are not at hand; `missing` says why."""

    model: ModelInput
    clips: RunClips | None
    training: TrainingClips | None
    missing: str


@lru_cache(maxsize=1)
def background(model: ExplainedModel) -> Background:
    """Read the training clips of a run, once for all its explanations. It may take minutes, the first time."""
    classifier = model.classifier
    model_input = ModelInput.of(classifier)
    try:
        clips = RunClips(model.run, model_input, model.device, model.request)
        training = training_clips.read(clips)
    except (ValueError, OSError, HydraException, OmegaConfBaseException) as error:  # a data set that cannot be used
        return Background(_without_training(model_input), None, None, _reason(error))
    if needs_training_mean(classifier):
        model_input = ModelInput.of(classifier, torch.from_numpy(training.mean_FN).float().to(model.device))
    return Background(model_input, clips, training, "")


def _reason(error: Exception) -> str:
    """Why the data set cannot be used. Raises the cause of the error again if it is not about the data: then it is a bug."""
    while isinstance(error, InstantiationException) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if not isinstance(error, ValueError | OSError | HydraException | OmegaConfBaseException):
        raise error
    return plain_files.first_line(error).rstrip(".")


def _without_training(model: ModelInput) -> ModelInput:
    """The input without training clips: tags of musicnn alone have the mean 0 over the training songs of the network."""
    classifier = model.classifier
    if isinstance(classifier.model, Tags) and not classifier.model.has_audioset:
        return ModelInput.of(classifier, torch.from_numpy(np.zeros((feature_of(classifier).rows, 1), np.float32)))
    return model
