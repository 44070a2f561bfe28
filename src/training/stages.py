"""The stages of training: fit the model, evaluate its best epoch; both also in a process that only follows rank 0."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from omegaconf import DictConfig

from src import console, metrics, plain_files, rundir
from src.classifier import precision, weights
from src.classifier.checkpoint import load_checkpoint
from src.classifier.classifier import UNCALIBRATED
from src.data import opinions
from src.data.datamodule import GenreData
from src.training import doubt, run_writer, setup
from src.training.callbacks import History
from src.training.embedding import Embeddings
from src.training.evaluation import Evaluation
from src.training.module import GenreModule, Predictions, join


def fit(trainer: lightning.Trainer, module: GenreModule, data: GenreData, folder: Path, resume: bool) -> None:
    """Train the module, from last.ckpt if `resume`, and write best.ckpt into the folder.

    With several processes, rank 0 decides whether to resume.
    """
    if trainer.world_size > 1:
        # Lightning would seed again, and pre-training would draw other numbers than in one process.
        os.environ.pop("PL_GLOBAL_SEED", None)
        trainer.strategy.setup_environment()
        resume = trainer.strategy.broadcast(resume)
    if trainer.is_global_zero:
        plain_files.remove_parts(folder)
    with _interruptible():
        trainer.fit(module, data, ckpt_path=folder / rundir.LAST if resume else None)
    if not module.uses_gradients:
        trainer.save_checkpoint(folder / rundir.BEST)
    if fitted := getattr(module.model, "fitted", None):
        console.note(f"Method: {fitted}.")


def evaluate(trainer: lightning.Trainer, module: GenreModule, data: GenreData, folder: Path) -> Evaluation:
    """Load the best epoch, calibrate it on the validation clips, and evaluate it on the validation and test clips.

    The module then has the weights of the best epoch, its temperature and its doubt (predictions for the calibration
    clips, distances to training clips), which are also written into best.ckpt.
    """
    best_epoch, (val, test, *more) = predict(trainer, module, data, folder)
    temperature = module.calibrate(val)
    embeddings = Embeddings(module, data, trainer.strategy.root_device)
    calibration = more[0].with_temperature(temperature) if more else None
    module.doubt = doubt.measure(calibration, embeddings)
    run_writer.write_calibration(folder, module)
    scores = {"val": score(val, temperature, data), "test": score(test, temperature, data)}
    calibrated = test.with_temperature(temperature)
    unlike_K = doubt.unlike(test.clip, module.doubt.training, embeddings)
    about_doubt = doubt.scores(calibrated, data, module.doubt, unlike_K)
    return Evaluation(calibrated, temperature, scores, best_epoch, about_doubt, embeddings)


def predict(
    trainer: lightning.Trainer, module: GenreModule, data: GenreData, folder: Path
) -> tuple[int, list[Predictions]]:
    """Load the best epoch -> its number from 1, and its predictions for the clips of each of `data.evaluated_sets`."""
    best_epoch = load_best(module, folder / rundir.BEST)
    with _interruptible():
        predictions = [join(batches) for batches in trainer.predict(module, data) or []]
    return best_epoch, predictions


def follow(config: DictConfig, folder: Path) -> None:
    """Train as another process than rank 0: compute what needs all processes, and write nothing."""
    precision.resolve_auto(config)
    weights.record_digests(config)
    trainer = setup.make_trainer(config, None, folder, False, [History(folder / rundir.HISTORY)])
    trainer.strategy.setup_environment()  # waits for rank 0, which connects when the data are prepared
    data = setup.compose_data(config)
    module = setup.build_module(config, data.genres, data.counts)
    setup.cache_feature(config, data, module, trainer.strategy.root_device)
    fit(trainer, module, data, folder, resume=False)
    predict(trainer, module, data, folder)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt after Ctrl-C, which Lightning turns into SystemExit."""
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None


def load_best(module: GenreModule, checkpoint: Path) -> int:
    """Load the weights of a checkpoint into the module, without its temperature, and return their epoch (from 1).

    The checkpoint may already have a temperature, from a run that was interrupted after calibration.
    """
    saved = load_checkpoint(checkpoint)
    module.load_state_dict({**saved["state_dict"], **UNCALIBRATED})
    return int(saved["epoch"]) + 1


def score(predictions: Predictions, temperature: float, data: GenreData) -> dict[str, Any]:
    """The `val` or `test` object of metrics.json: scores after calibration, and NLL and ECE also before it.

    If several people have labelled the clips, it has the scores against their opinions too.
    """
    clips = [data.clips[k] for k in predictions.clip.tolist()]
    artists, tracks = [clip.artist for clip in clips], [clip.track for clip in clips]
    uncalibrated = metrics.score(predictions.logits, predictions.genre, data.genres)
    calibrated = metrics.score(
        predictions.with_temperature(temperature).logits, predictions.genre, data.genres, artists, tracks
    )
    without_temperature = {f"{key}_uncalibrated": uncalibrated[key] for key in rundir.CALIBRATED}
    per_genre: Mapping[str, Any] = calibrated.pop("genres")
    if opinions.have_opinions(clips):
        probability_KC = predictions.with_temperature(temperature).logits.softmax(dim=1).cpu().numpy()
        before_KC = predictions.with_temperature(1.0).logits.softmax(dim=1).cpu().numpy()
        about = opinions.score(opinions.collect(clips, data.genres), probability_KC, before_KC)
        calibrated["opinions"] = about
    return {**calibrated, **without_temperature, "genres": per_genre}  # the long object of all genres comes last
