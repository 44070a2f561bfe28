"""Seconds of an epoch: ours with wandb, a bare loop over the same parts, and a plain Lightning script."""

import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import torch
from omegaconf import DictConfig
from torch.nn import functional

from benchmarks.speed import plain_lightning
from benchmarks.speed.experiment import compose
from benchmarks.speed.figures import Figure
from src import rundir
from src.data.datamodule import GenreData
from src.instantiate import call_with_facts
from src.training import loggers, setup
from src.training.callbacks import History, ProgressBar
from src.training.module import GenreModule, UnaugmentedFeatures

RECIPES = {"cnn": "model=cnn", "rnn": "model=rnn", "hybrid": "model=hybrid", "best": "experiment=best"}
EPOCHS, TURNS = 3, 3  # the first epoch of each training is not timed: it builds and warms what the others use
CPU_LIMIT, GPU_LIMIT = 1.05, 1.10


def figures(folder: Path) -> list[Figure]:
    found: list[Figure] = []
    limit = GPU_LIMIT if torch.cuda.is_available() else CPU_LIMIT
    for name, choice in RECIPES.items():
        config = compose(choice, f"trainer.max_epochs={EPOCHS}")
        data = setup.compose_data(config)
        ours, bare, shares = [], [], defaultdict(list)
        for _ in range(TURNS):
            ours += our_epochs(config, data, Path(mkdtemp(dir=folder)))
            for seconds in bare_epochs(config, data):
                bare.append(sum(seconds.values()))
                for part, value in seconds.items():
                    shares[part].append(value)
        epoch = statistics.median(ours)
        found.append(Figure("train", f"epoch, {name}", epoch, "s", "bare loop", statistics.median(bare), at_most=limit))
        for part, values in shares.items():
            found.append(Figure("train", f"{name}: {part}", statistics.median(values), "s", "epoch", epoch))
        if name == "cnn":
            plain = [seconds for _ in range(TURNS) for seconds in plain_lightning.epochs(data, config, EPOCHS)]
            found.append(Figure("train", "epoch, cnn", epoch, "s", "plain Lightning script", statistics.median(plain)))
    return found


def our_epochs(config: DictConfig, data: GenreData, folder: Path) -> list[float]:
    """Train as the program does, with its logger, callbacks and checkpoints -> the seconds of each epoch but the first."""
    module = setup.build_module(config, data.genres, data.counts)
    history = History(folder / rundir.HISTORY)
    with loggers.open_logger(config, folder, None) as logger:
        trainer = setup.make_trainer(config, module, folder, logger, [history, ProgressBar()])
        trainer.fit(module, data)
    ends = [row["seconds"] for row in history.rows]
    return [stop - start for start, stop in itertools.pairwise(ends)]


def bare_epochs(config: DictConfig, data: GenreData) -> Iterator[dict[str, float]]:
    """Train the same parts in a loop without Lightning, logs and checkpoints -> the seconds of the parts of each epoch."""
    module = setup.build_module(config, data.genres, data.counts)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(config.trainer.threads)
    module.to(device)
    module.eval()
    module.normalization.prepare(_Features(module, data, device))
    optimizer = module.optimizer(module.parameters())
    steps = len(data.train_dataloader()) * EPOCHS
    scheduler = call_with_facts(module.scheduler, optimizer=optimizer, total_steps=steps)
    for epoch in range(EPOCHS):
        seconds: dict[str, float] = defaultdict(float)
        module.train()
        for crop_B in data.train_dataloader():
            with _timed(seconds, "batches"):
                batch = data.crop_batch(crop_B.to(device), epoch)
            with _timed(seconds, "feature and augmentation"):
                sound = module.augmentation["wave"](batch.sound.flatten(0, 1))
                target_BC = functional.one_hot(batch.genre, len(data.genres)).float()
                feature_BFN = module.augmentation["feature"](module.normalized_feature(sound))
                feature_BFN, target_BC = module.augmentation["mix"](feature_BFN, target_BC)
            with _timed(seconds, "model and optimizer"):
                optimizer.zero_grad()
                module.loss(module.model(feature_BFN), target_BC).backward()
                optimizer.step()
                scheduler.step()
        module.eval()
        with _timed(seconds, "validation"), torch.no_grad():
            for clip_B in data.val_dataloader():
                module(data.segment_batch(clip_B.to(device)).sound)
        if epoch:
            yield seconds


class _Features(UnaugmentedFeatures):
    """UnaugmentedFeatures without a trainer."""

    def __init__(self, module: GenreModule, data: GenreData, device: torch.device) -> None:
        super().__init__(module, module.raw_feature)
        self.data, self.device = data, device

    @torch.no_grad()
    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for clip_B in self.data.fixed_dataloader("train"):
            batch = self.data.segment_batch(clip_B.to(self.device))
            yield self.feature(batch.sound.flatten(0, 1)), batch.genre.repeat_interleave(batch.sound.shape[1])


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Add the time of a block to a part. On a GPU it waits for the device, or the time would be that of the launch."""
    start = time.perf_counter()
    yield
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    seconds[part] += time.perf_counter() - start
