"""Build an experiment from its config: data, module, cached feature; and check all settings beforehand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

from src import config as configs
from src.classifier.build import classifier_parts
from src.data import feature_cache
from src.data.datamodule import GenreData
from src.instantiate import call_with_facts, instantiate_choice
from src.rundir import code_digest
from src.training.module import GenreModule


def check_settings(config: DictConfig) -> None:
    """Build everything on invented facts, so that an impossible setting is reported before any sound is decoded."""
    module = build_module(config, genres=["a", "b"], counts=[1, 1]).eval()
    with torch.no_grad():
        module(torch.zeros(1, 1, round(config.data.crop_seconds * config.audio.sample_rate)))
    if module.trained:
        optimizer = module.optimizer(module.parameters())
        call_with_facts(module.scheduler, optimizer=optimizer, total_steps=100)
    compose_data(config)
    instantiate_choice(config.trainer)(logger=False, folder=Path())


def compose_data(config: DictConfig) -> GenreData:
    """The data of an experiment, from the groups dataset, split, data and sampler, and audio's sample rate."""
    data: GenreData = instantiate(
        config.data,
        dataset=instantiate_choice(config.dataset),
        split=instantiate_choice(config.split),
        sampler=instantiate_choice(config.sampler),
        seed=config.seed,  # not in the group's YAML, where it would make runs of two seeds two experiments
        _convert_="object",
    )
    return data


def build_module(config: DictConfig, genres: Sequence[str], counts: Sequence[int]) -> GenreModule:
    """The module of an experiment. Its facts are the genres, their numbers of training clips, and the feature's rows."""
    lightning.seed_everything(config.seed, verbose=False)
    facts: dict[str, Any] = {"counts": list(counts)}
    module = GenreModule(
        **classifier_parts(config, genres, facts),
        augmentation=instantiate_choice(config.augmentation),
        loss=call_with_facts(instantiate_choice(config.loss), **facts),
        optimizer=instantiate_choice(config.optimizer),
        scheduler=instantiate_choice(config.scheduler),
        seed=config.seed,
    )
    if not module.trained and any(True for _ in module.feature.parameters()):
        raise ValueError(
            "feature.trainable is true, but this model is fitted, not trained by gradients: leave the feature as it is, "
            "or choose a network (model=cnn, hybrid ...)."
        )
    return module


def build_trainer(
    config: DictConfig,
    module: GenreModule,
    folder: Path,
    logger: Logger,
    callbacks: Sequence[lightning.Callback],
) -> lightning.Trainer:
    """The trainer of a run. A model without gradients is fitted before the first epoch, so it gets none."""
    epochs = {} if module.trained else {"max_epochs": 0}
    trainer: lightning.Trainer = instantiate_choice(config.trainer)(
        folder=folder, logger=logger, callbacks=callbacks, **epochs
    )
    return trainer


def cache_feature(config: DictConfig, data: GenreData, module: GenreModule, device: torch.device) -> None:
    """Let the data serve the cached feature where it is frozen and costly; elsewhere they go on serving sound."""
    if module.caches_feature:
        data.use_cached(cached_feature(config, data, module.feature, device))


def cached_feature(
    config: DictConfig, data: GenreData, feature: Any, device: torch.device
) -> feature_cache.CachedFeature:
    """A frozen feature of every segment of the data, read from the cache; what is missing there is computed first."""
    settings = configs.resolved(config.feature)
    # The code that cuts segments counts by itself: where the sound is the same, it does not matter how it was decoded.
    code = code_digest.digests_with_imports(
        *code_digest.project_targets(settings)
    ) | code_digest.digests_without_imports("src.data.crops")
    key = {"feature": settings, "source": code_digest.digest(code)}
    return feature_cache.open_or_compute(
        data.waveform_crops, data.segments, feature.to(device), key, data.cache, device
    )
