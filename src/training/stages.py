"""The stages of training: fit the model, evaluate its best epoch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning

from src import metrics, plain_files, rundir
from src.classifier.checkpoint import load_checkpoint
from src.classifier.classifier import UNCALIBRATED
from src.data.datamodule import GenreData
from src.training import run_writer
from src.training.module import Evaluation, GenreModule, Predictions, join


def fit(trainer: lightning.Trainer, module: GenreModule, data: GenreData, folder: Path, resume: bool) -> None:
    """Train the module, from last.ckpt if `resume`, and write best.ckpt into the folder."""
    plain_files.remove_parts(folder)
    try:
        trainer.fit(module, data, ckpt_path=folder / rundir.LAST if resume else None)
    except SystemExit:  # Lightning turns Ctrl-C into SystemExit
        raise KeyboardInterrupt from None
    if not module.uses_gradients:
        trainer.save_checkpoint(folder / rundir.BEST)


def evaluate(trainer: lightning.Trainer, module: GenreModule, data: GenreData, folder: Path) -> Evaluation:
    """Load the best epoch, calibrate it on the validation clips, and evaluate it on the validation and test clips.

    The module then has the weights of the best epoch and its temperature, which is also written into best.ckpt.
    """
    best_epoch = load_best(module, folder / rundir.BEST)
    val, test = (join(batches) for batches in trainer.predict(module, data) or [])
    temperature = module.calibrate(val)
    run_writer.write_temperature(folder, module)
    scores = {"val": score(val, temperature, data), "test": score(test, temperature, data)}
    return Evaluation(test.with_temperature(temperature), temperature, scores, best_epoch)


def load_best(module: GenreModule, checkpoint: Path) -> int:
    """Load the weights of a checkpoint into the module, without its temperature, and return their epoch (from 1).

    The checkpoint may already have a temperature, from a run that was interrupted after calibration.
    """
    saved = load_checkpoint(checkpoint)
    module.load_state_dict({**saved["state_dict"], **UNCALIBRATED})
    return int(saved["epoch"]) + 1


def score(predictions: Predictions, temperature: float, data: GenreData) -> dict[str, Any]:
    """The `val` or `test` object of metrics.json: scores after calibration, and NLL and ECE also before it."""
    clips = [data.clips[k] for k in predictions.clip.tolist()]
    artists, tracks = [clip.artist for clip in clips], [clip.track for clip in clips]
    uncalibrated = metrics.score(predictions.logits, predictions.genre, data.genres)
    calibrated = metrics.score(
        predictions.with_temperature(temperature).logits, predictions.genre, data.genres, artists, tracks
    )
    without_temperature = {f"{key}_uncalibrated": uncalibrated[key] for key in rundir.CALIBRATED}
    per_genre: Mapping[str, Any] = calibrated.pop("genres")
    return {**calibrated, **without_temperature, "genres": per_genre}  # the long object of all genres comes last
