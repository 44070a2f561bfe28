"""The least training of the same parts: a loop without Lightning, scores, logs and checkpoints."""

import time
from collections.abc import Iterator

import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from src.data.datamodule import GenreData
from src.instantiate import call_with_facts
from src.training import setup
from src.training.module import GenreModule


def epochs(config: DictConfig, data: GenreData) -> list[float]:
    """Train for `trainer.max_epochs` epochs, with validation -> the seconds of each epoch but the first."""
    module = setup.build_module(config, data.genres, data.counts)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(config.trainer.threads)
    module.to(device)
    module.eval()
    module.normalization.prepare(_Features(module, data, device))
    optimizer = module.optimizer(module.parameters())
    steps = len(data.train_dataloader()) * config.trainer.max_epochs
    scheduler = call_with_facts(module.scheduler, optimizer=optimizer, total_steps=steps)
    decay = config.trainer.ema_decay
    weighting = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(module, multi_avg_fn=weighting, use_buffers=True) if decay else None
    validated: nn.Module = average or module
    seconds = []
    for epoch in range(config.trainer.max_epochs):
        start = time.perf_counter()
        module.train()
        for crop_B in data.train_dataloader():
            batch = data.crop_batch(crop_B.to(device), epoch)
            sound = module.augmentation["wave"](batch.sound.flatten(0, 1))
            target_BC = functional.one_hot(batch.genre, len(data.genres)).float()
            feature_BFN = module.augmentation["feature"](module.normalized_feature(sound))
            feature_BFN, target_BC = module.augmentation["mix"](feature_BFN, target_BC)
            optimizer.zero_grad()
            module.loss(module.model(feature_BFN), target_BC).backward()
            optimizer.step()
            scheduler.step()
            if average:
                average.update_parameters(module)
        validated.eval()
        with torch.no_grad():
            for clip_B in data.val_dataloader():
                validated(data.segment_batch(clip_B.to(device)).sound)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


class _Features:
    """Features of the segments of the training clips, as `training.module.UnaugmentedFeatures`, without a trainer."""

    def __init__(self, module: GenreModule, data: GenreData, device: torch.device) -> None:
        self.module, self.data, self.device = module, data, device

    @torch.no_grad()
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for clip_B in self.data.fixed_dataloader("train"):
            batch = self.data.segment_batch(clip_B.to(self.device))
            feature_BFN = self.module.raw_feature(batch.sound.flatten(0, 1))
            yield feature_BFN, batch.genre.repeat_interleave(batch.sound.shape[1])
