"""The stages of a training: fit the model, evaluate its best epoch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch

from src import metrics, rundir
from src.classifier.classifier import UNCALIBRATED
from src.data.datamodule import GenreData
from src.training import run_writer
from src.training.module import Evaluation, GenreModule, Predictions, join


def fit(trainer: lightning.Trainer, module: GenreModule, data: GenreData, folder: Path, resume: bool) -> None:
    """Train the module, from its last checkpoint on where `resume` says so, and leave best.ckpt in the folder."""
    try:
        trainer.fit(module, data, ckpt_path=folder / rundir.LAST if resume else None)
    except SystemExit:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from None
    if not module.trained:
        trainer.save_checkpoint(folder / rundir.BEST)


def evaluate(trainer: lightning.Trainer, module: GenreModule, data: GenreData, folder: Path) -> Evaluation:
    """Load the best epoch, calibrate it on the validation clips, and score it on the validation and test clips."""
    best_epoch = load_best(module, folder / rundir.BEST)
    val, test = (join(batches) for batches in trainer.predict(module, data) or [])
    temperature = module.calibrate(val)
    run_writer.write_temperature(folder, module)
    scores = {"val": score(val, temperature, data), "test": score(test, temperature, data)}
    return Evaluation(test.at(temperature), temperature, scores, best_epoch)


def load_best(module: GenreModule, checkpoint: Path) -> int:
    """Load a checkpoint's weights into the module, uncalibrated, and return after how many epochs they were saved.

    The checkpoint may be calibrated already, by a run that was interrupted before it finished. Nothing is unpickled but
    tensors and plain values.
    """
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    module.load_state_dict({**saved["state_dict"], **UNCALIBRATED})
    return int(saved["epoch"]) + 1


def score(predictions: Predictions, temperature: float, data: GenreData) -> dict[str, Any]:
    """The `val` or `test` object of metrics.json: scores at a temperature, and those that it changed, before it."""
    clips = [data.clips[k] for k in predictions.clip.tolist()]
    artists, tracks = [clip.artist for clip in clips], [clip.track for clip in clips]
    before = metrics.score(predictions.logits, predictions.genre, data.genres)
    after = metrics.score(predictions.at(temperature).logits, predictions.genre, data.genres, artists, tracks)
    uncalibrated = {f"{key}_uncalibrated": before[key] for key in rundir.CALIBRATED}
    per_genre: Mapping[str, Any] = after.pop("genres")
    return {**after, **uncalibrated, "genres": per_genre}  # the scores over all clips first, since genres are many
