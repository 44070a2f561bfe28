"""From a config to data and a module, and from a run directory back to its trained module."""

import hashlib
import logging
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint

from src import config as configs
from src import kept, rundir
from src.cutting import Cutter
from src.data import GenreData
from src.model.tags import GTZAN, Tags, letters
from src.module import UNCALIBRATED, GenreModule
from src.normalization import Unchanged
from src.supply import supply

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
    feature = choose(config.feature)
    frames = feature.frames(round(config.data.crop_seconds * config.audio.sample_rate))
    facts: dict[str, Any] = {"rows": feature.rows, "frames": frames, "genres": len(genres), "counts": list(counts)}
    normalization = supply(choose(config.normalization), **facts)
    facts["normalized"] = not isinstance(normalization, Unchanged)
    facts |= {"genre_names": list(genres), "row_names": feature.row_names}
    module = GenreModule(
        feature=feature,
        normalization=normalization,
        augmentation=choose(config.augmentation),
        model=supply(choose(config.model), **facts),
        loss=supply(choose(config.loss), **facts),
        optimizer=choose(config.optimizer),
        scheduler=choose(config.scheduler),
        genres=genres,
        seed=config.seed,
    )
    if not module.trained and any(True for _ in feature.parameters()):
        raise ValueError(
            "feature.trainable is true, but this model is fitted, not trained by gradients: leave the feature as it is, "
            "or choose a network (model=cnn, hybrid ...)."
        )
    return module


def keep(config: DictConfig, data: GenreData, module: GenreModule, device: torch.device) -> None:
    """Where the module's feature is frozen and costly, compute it once for every stretch of the data, and keep it."""
    if not module.kept:
        return
    here = Path(__file__).parent
    source = b"".join(
        path.read_bytes() for room in ("feature", "pretrained") for path in sorted((here / room).glob("*.py"))
    )
    settings = {key: value for key, value in configs.resolved(config.feature).items() if key != "trainable"}
    words = {"feature": settings, "source": hashlib.sha256(source).hexdigest()}
    cutter = Cutter(data.map, data.crop_length, data.resident)
    data.cutter = kept.prepare(cutter, data.segments, module.feature.to(device), words, data.cache, device)


def certificate(data: GenreData, module: GenreModule) -> dict[str, Any]:
    """The split's certificate, and what is unknown of it where the feature learned from music that is not at hand."""
    given = data.certificate
    return {**given, "pretrained": module.pretrained, "warnings": [*given["warnings"], *module.notes]}


def tagger(genres: Sequence[str] | None = None) -> GenreModule:
    """A genre recognizer that needs no training: musicnn's tags, read as genres. See `model.Tags`.

    `genres`: those to tell apart, ["gtzan"] for GTZAN's ten; by default all that any tag covers. Raises ValueError where
    fewer than two are covered.
    """
    config = configs.compose("experiment=tags")
    covered = [genre for genre, tags in config.model.table.items() if tags]
    asked = covered if genres is None else list(GTZAN) if list(genres) == ["gtzan"] else list(genres)
    module = build(config, asked, [0] * len(asked))
    assert isinstance(module.model, Tags)
    known = len(asked) - len(module.model.uncovered)
    if known < 2 or len(set(map(letters, asked))) < len(asked):
        raise ValueError(
            f"--genres names {', '.join(asked)}, of which {known} can be told by a tag: expected at least two, each once, "
            f"of {', '.join(covered)}; or gtzan for its ten."
        )
    return module.eval()


def choose(group: DictConfig) -> Any:
    """What a group's YAML names. Plain lists and dicts inside, since a checkpoint may hold nothing else."""
    return instantiate(group, _convert_="object")


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
        **settings,
    )


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


def restore(module: GenreModule, checkpoint: Path, calibrated: bool = True) -> int:
    """Put a checkpoint's weights into the module, and say after how many epochs they were saved.

    The temperature is 1, not calibrated, in a checkpoint that is older than calibration, and where `calibrated` is
    False. Nothing is unpickled but tensors and plain values.
    """
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    state = saved["state_dict"]
    module.load_state_dict({**UNCALIBRATED, **state} if calibrated else {**state, **UNCALIBRATED})
    return int(saved["epoch"]) + 1


def load(folder: Path) -> GenreModule:
    """The trained module of a run directory."""
    files = rundir.RunDir(folder)
    sides = files.split
    genres = sorted({str(row["genre"]) for row in sides})
    counts = [sum(row["genre"] == genre and row["side"] == "train" for row in sides) for genre in genres]
    module = build(OmegaConf.create(files.config), genres, counts)
    restore(module, folder / rundir.BEST)
    return module.eval()
