"""Predictions of a finished run for clips, and what the clips share with its training."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from src import console, threads
from src.classifier.classifier import UNCALIBRATED, Classifier
from src.classifier.doubt import Doubt
from src.data.datamodule import GenreData
from src.inference.recognizer import Recognizer
from src.judging import shared
from src.judging.judged_data import Request, judged_config, open_data, same_data_set
from src.model.classic import Classic
from src.rundir import RunDir
from src.training import setup
from src.training.module import Predictions, join

NO_AUGMENTATION = (None, "torch.nn.Identity")
AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}  # trainer.precision -> type of the products


@dataclass(frozen=True)
class RunPredictions:
    """Predictions of a run for clips, not calibrated, and its temperature.

    `config` is the run's, with the data set, split and data settings of the clips. `own` is True for the run's own
    test clips. `found` is what the clips share with the training, and `notes` are sentences about the model. `unlike_K` is true
    for clips that are unlike training, None if the model cannot tell; `doubt` is the run's.
    """

    run: RunDir
    config: dict[str, Any]
    data: GenreData
    own: bool
    predictions: Predictions
    temperature: float
    found: shared.Shared
    notes: list[str]
    unlike_K: Tensor | None = None
    doubt: Doubt = field(default_factory=Doubt)

    @property
    def clips(self) -> list[str]:
        """The names of the clips, in the order of the predictions."""
        return [self.data.clips[k].name for k in self.predictions.clip.tolist()]


def run_predictions(
    folder: Path, request: Request, trust: Sequence[str] = (), own: bool | None = None
) -> RunPredictions:
    """Predict clips with the run in a folder, which may come from a stranger: see `Recognizer.load`.

    `own` as in `open_data`. Raises ValueError, which says what to do, if the folder has no finished run, or if the clips
    cannot be used.
    """
    recognizer = Recognizer.load(folder, trust)
    run, classifier = RunDir(folder, tuple(trust)), recognizer.classifier
    config = judged_config(run, request)
    data, own = open_data(run, request, config, classifier.genres, own)
    temperature = float(classifier.temperature)
    predictions, unlike_K = predict(data, classifier, config, recognizer.device)
    if own:  # of a run that was tested on some of its test clips only, as with trainer=debug
        tested = set(run.predictions.clips)
        kept = torch.tensor([data.clips[k].name in tested for k in predictions.clip.tolist()])
        predictions = Predictions(*(tensor[kept] for tensor in predictions))
        unlike_K = None if unlike_K is None else unlike_K[kept]
    same_data = data.corpus.name == run.metrics["dataset"] and same_data_set(run.config["dataset"], config["dataset"])
    found = shared.with_training(run, data, predictions.clip.tolist(), same_data)
    notes = list(dict.fromkeys([*classifier.notes, *recognizer.notes]))
    return RunPredictions(run, config, data, own, predictions, temperature, found, notes, unlike_K, classifier.doubt)


def predict(
    data: GenreData, classifier: Classifier, config: Mapping[str, Any], device: torch.device
) -> tuple[Predictions, Tensor | None]:
    """Predict the test clips of the data, as the run's own evaluation did: same segments, batches, precision and threads.

    The logits are not calibrated. Also returns which clips are unlike training, (K,); None if the model cannot tell.
    """
    trainer = config.get("trainer") or {}
    if trainer.get("accelerator") == "cpu":
        device = torch.device("cpu")
    threads.limit(trainer.get("threads") or 1)
    classifier.to(device)
    for name, value in UNCALIBRATED.items():
        getattr(classifier, name).copy_(value)
    use_cached(data, classifier, OmegaConf.create(dict(config)), device)
    dtype = AUTOCAST.get(str(trainer.get("precision")))
    loader = data.fixed_dataloader("test")
    batches, unlike = [], []
    training = classifier.doubt.training
    with torch.inference_mode(), torch.autocast(device.type, dtype) if dtype else nullcontext():
        for clip_B in console.track(loader, "Judging the clips", len(loader)):
            batch = data.segment_batch(clip_B, device)
            logits_BC, embedding_BE = classifier.with_embedding(batch.sound)
            batches.append(Predictions(batch.clip, batch.genre, logits_BC))
            if training is not None and embedding_BE is not None:
                unlike.append(training.unlike(embedding_BE))
    return join(batches), torch.cat(unlike) if unlike else None


def use_cached(data: GenreData, classifier: Classifier, config: DictConfig, device: torch.device) -> None:
    """Take a frozen feature of the test clips, or its statistics over time, from the cache where a training does."""
    clips = data.clips_in("test")
    feature: Any = classifier.feature
    if feature.cached and OmegaConf.select(config, "augmentation.wave._target_") in NO_AUGMENTATION:
        data.use_cached(setup.cached_feature(config, data, feature, device, clips))
    elif isinstance(classifier.model, Classic) and classifier.has_statistics and device.type != "mps":
        classifier.reads_statistics = True
        data.use_cached(setup.cached_statistics(config, data, feature, device, clips))
