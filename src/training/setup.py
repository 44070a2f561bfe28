"""From a config to data, a module and a trainer."""

import logging
import os
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from hydra.utils import instantiate
from lightning_fabric.plugins import TorchCheckpointIO
from omegaconf import DictConfig
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint

from src import code_digest, rundir
from src import config as configs
from src.classifier.build import parts
from src.classifier.classifier import UNCALIBRATED
from src.data import feature_cache
from src.data.crops import Cutter
from src.data.datamodule import GenreData
from src.instantiate import choose, supply
from src.training.module import GenreModule

# What `trainer.keep` chooses an epoch by: the number that ModelCheckpoint watches, and whether more of it is better.
KEEP = {"val/f1_macro": ("val/f1_macro", "max"), "val/loss": ("val/loss", "min"), "last": ("epoch", "max")}


def compose_data(config: DictConfig) -> GenreData:
    """The data of an experiment: only the groups dataset, split, data, sampler, and audio's sample rate, are read."""
    data: GenreData = instantiate(
        config.data,
        dataset=choose(config.dataset),
        split=choose(config.split),
        sampler=choose(config.sampler),
        seed=config.seed,  # not in the group's YAML, where it would make runs of two seeds two experiments
        _convert_="object",
    )
    return data


def build(config: DictConfig, genres: Sequence[str], counts: Sequence[int]) -> GenreModule:
    """The module of an experiment. The facts are these: the genres, their training clips, and the feature's rows."""
    lightning.seed_everything(config.seed, verbose=False)
    facts: dict[str, Any] = {"counts": list(counts)}
    module = GenreModule(
        **parts(config, genres, facts),
        augmentation=choose(config.augmentation),
        loss=supply(choose(config.loss), **facts),
        optimizer=choose(config.optimizer),
        scheduler=choose(config.scheduler),
        seed=config.seed,
    )
    if not module.trained and any(True for _ in module.feature.parameters()):
        raise ValueError(
            "feature.trainable is true, but this model is fitted, not trained by gradients: leave the feature as it is, "
            "or choose a network (model=cnn, hybrid ...)."
        )
    return module


def keep(config: DictConfig, data: GenreData, module: GenreModule, device: torch.device) -> None:
    """Where the module's feature is frozen and costly, compute it once for every stretch of the data, and keep it."""
    if module.kept:
        data.cutter = computed(config, data, module.feature, device)


def computed(config: DictConfig, data: GenreData, feature: Any, device: torch.device) -> feature_cache.Kept:
    """A frozen feature of every stretch of the data, from the cache or into it."""
    settings = configs.resolved(config.feature)
    # Not what the cutter imports: where the sound is the same, it does not matter how it was decoded.
    code = code_digest.behind(*code_digest.targets(settings)) | code_digest.alone("src.data.crops")
    words = {"feature": settings, "source": code_digest.digest(code)}
    cutter = Cutter(data.map, data.crop_length, data.resident)
    return feature_cache.prepare(cutter, data.segments, feature.to(device), words, data.cache, device)


def certificate(data: GenreData, module: GenreModule) -> dict[str, Any]:
    """The split's certificate, and what is unknown of it where the feature learned from music that is not at hand."""
    given = data.certificate
    return {**given, "pretrained": module.pretrained, "warnings": [*given["warnings"], *module.notes]}


def rehearse(config: DictConfig) -> None:
    """Build everything on invented facts, so that a setting that cannot be is said before any sound is decoded."""
    module = build(config, genres=["a", "b"], counts=[1, 1]).eval()
    with torch.no_grad():
        module(torch.zeros(1, 1, round(config.data.crop_seconds * config.audio.sample_rate)))
    if module.trained:
        optimizer = module.optimizer(module.parameters())
        supply(module.scheduler, optimizer=optimizer, total_steps=100)
    compose_data(config)
    choose(config.trainer)(logger=False, folder=Path())


def trainer(
    threads: int,
    accelerator: str,
    ema_decay: float,
    keep: str,
    folder: Path,
    callbacks: Sequence[lightning.Callback] = (),
    **settings: Any,
) -> lightning.Trainer:
    """Lightning's Trainer, on a fixed number of CPU threads, with one message where no GPU is where one is asked for.

    `ema_decay` above 0: what is validated and kept is the exponential moving average of the weights (Polyak and
    Juditsky 1992), of which each step's new weights make up the share 1 - `ema_decay`.
    """
    if not 0 <= ema_decay < 1:
        raise ValueError(f"trainer.ema_decay is {ema_decay:g}: expected 0 or more, and less than 1.")
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"trainer.accelerator is {accelerator}, but torch finds no GPU here: use trainer.accelerator=cpu, or auto."
        )
    torch.set_num_threads(threads)
    _quiet()
    averaging = [EMAWeightAveraging(decay=ema_decay)] if ema_decay else []
    return lightning.Trainer(
        accelerator=accelerator,
        devices=1,
        benchmark=False,  # cuDNN must not choose by speed, or the same command gives other numbers
        num_sanity_val_steps=0,
        enable_progress_bar=False,  # ours shows the time left for the whole training
        enable_model_summary=False,
        callbacks=[*averaging, *callbacks, *checkpoints(folder, keep)],
        plugins=[Whole()],
        **settings,
    )


class Whole(TorchCheckpointIO):
    """Writes checkpoints whole or not at all, beside their place. Lightning's own writing goes through the temporary
    folder, and where that lies on another disk, a killed copy would leave half a file."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        part = Path(f"{path}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, part)
        os.replace(part, path)


def checkpoints(folder: Path, keep: str) -> list[lightning.Callback]:
    """Save the epoch that KEEP says, the first of equals; and after it the newest one, which a resumed run needs."""
    if keep not in KEEP:
        raise ValueError(f"trainer.keep is {keep!r}: expected {', '.join(KEEP)}.")
    save = partial(ModelCheckpoint, folder, enable_version_counter=False, save_on_train_epoch_end=True)
    best, last = (Path(name).stem for name in (rundir.BEST, rundir.LAST))
    monitor, mode = KEEP[keep]
    return [save(filename=best, monitor=monitor, mode=mode), save(filename=last)]


def _quiet() -> None:
    """Leave out what Lightning says of its own affairs, of which a user can do nothing."""
    for ours in (
        "Checkpoint directory .* exists and is not empty",  # a run directory holds more than checkpoints
        ".*does not have many workers",  # none is needed: the loaders yield clip numbers only
        r".*isinstance\(treespec, LeafSpec\)",  # Lightning 2.6 on torch 2.11
        ".*configure_optimizers. returned .None.",  # of a model that is fitted, not trained
        "The number of training batches .* is smaller than the logging interval",
    ):
        warnings.filterwarnings("ignore", ours)
    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)


def restore(module: GenreModule, checkpoint: Path) -> int:
    """Put a checkpoint's weights into the module, to be calibrated, and say after how many epochs they were saved.

    Calibrated they may be already, by a run that was interrupted before it finished. Nothing is unpickled but tensors and
    plain values.
    """
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    module.load_state_dict({**saved["state_dict"], **UNCALIBRATED})
    return int(saved["epoch"]) + 1
