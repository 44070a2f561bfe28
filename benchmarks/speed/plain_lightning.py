"""The script that many write first: files decoded and mel spectrograms computed in a Dataset, a network in Lightning."""

import itertools
import math
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import soundfile
import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from src.data.datamodule import GenreData
from src.model import Cnn

WORKERS = 2


class Crops(Dataset[tuple[Tensor, int]]):
    """A random crop of each clip, several times per epoch: its file is opened, the crop is read, its mel spectrogram computed."""

    def __init__(self, data: GenreData, subset: str, crops: int, n_mels: int) -> None:
        indices = data.clips_in(subset)
        self.paths = [str(data.clips[k].path) for k in indices]
        self.genres = [data.genres.index(data.clips[k].genre) for k in indices]
        self.crops, self.length = crops, data.crop_length
        self.mel = nn.Sequential(
            MelSpectrogram(data.sample_rate, n_fft=2048, hop_length=512, n_mels=n_mels), AmplitudeToDB()
        )

    def __len__(self) -> int:
        return len(self.paths) * self.crops

    def __getitem__(self, item: int) -> tuple[Tensor, int]:
        k = item % len(self.paths)
        frames = soundfile.info(self.paths[k]).frames
        start = int(np.random.default_rng().integers(max(1, frames - self.length)))
        wave_T, _ = soundfile.read(self.paths[k], self.length, start, dtype="float32")
        wave_T = np.tile(wave_T, math.ceil(self.length / len(wave_T)))[: self.length]
        return self.mel(torch.from_numpy(wave_T)), self.genres[k]


class Module(lightning.LightningModule):
    """The network with Adam, its losses logged."""

    def __init__(self, genres: int, rows: int, model: DictConfig) -> None:
        super().__init__()
        settings: dict[str, Any] = {key: model[key] for key in ("layers", "width", "dropout", "activation")}
        self.model = Cnn(**settings, rows=rows, genres=genres)

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        loss = nn.functional.cross_entropy(self.model(batch[0]), batch[1])
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        self.log("val/loss", nn.functional.cross_entropy(self.model(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())


class _Clock(lightning.Callback):
    def __init__(self) -> None:
        self.starts: list[float] = []

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.starts.append(time.perf_counter())

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.starts.append(time.perf_counter())


def epochs(config: DictConfig, data: GenreData) -> list[float]:
    """Train on the same clips with the same number of crops and of mel bands -> the seconds of each epoch but the first."""
    warnings.filterwarnings("ignore")
    train_loader, val_loader = (
        DataLoader(
            Crops(data, subset, data.crops_per_clip if subset == "train" else data.segments, config.feature.n_mels),
            batch_size=config.data.batch_size,
            shuffle=subset == "train",
            num_workers=WORKERS,
            persistent_workers=True,
        )
        for subset in ("train", "val")
    )
    clock = _Clock()
    trainer = lightning.Trainer(
        max_epochs=config.trainer.max_epochs,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        devices=1,
    )
    trainer.fit(Module(len(data.genres), config.feature.n_mels, config.model), train_loader, val_loader)
    return [stop - start for start, stop in itertools.pairwise(clock.starts[1:])]
