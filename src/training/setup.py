"""Build an experiment from its config: data, module, trainer and cached feature. Check all settings beforehand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from pytorch_lightning.loggers import Logger
from torch import Tensor

from src import config as configs
from src.classifier.build import classifier_parts
from src.data import feature_cache
from src.data.datamodule import GenreData
from src.instantiate import call_with_facts, instantiate_choice
from src.model.classic import Classic, statistics
from src.training import ranks
from src.training.module import GenreModule


def check_settings(config: DictConfig) -> None:
    """Build all objects with dummy data (two genres, one clip each): report invalid settings before any sound is decoded.

    Raises ValueError on any error of a library: at this point it can only come from the settings.
    """
    with _as_setting("model and feature"):
        module = build_module(config, genres=["a", "b"], counts=[1, 1]).eval()
        with torch.no_grad():
            module(torch.zeros(1, 1, round(config.data.crop_seconds * config.audio.sample_rate)))
    if ranks.count(config) > 1 and not module.uses_gradients:
        raise ValueError(
            f"{ranks.describe(config)}: this model is fitted in one step, for which several processes bring nothing. Leave "
            "these settings out."
        )
    if module.uses_gradients:
        with _as_setting("optimizer"):
            optimizer = module.optimizer(module.parameters())
        mixed, clips = config.trainer.precision.endswith("-mixed"), config.trainer.gradient_clip_val
        if mixed and clips and getattr(optimizer, "_step_supports_amp_scaling", False):
            raise ValueError(
                f"trainer.gradient_clip_val={clips:g}: with trainer.precision={config.trainer.precision}, Lightning cannot clip "
                "the gradients of a fused optimizer. Set optimizer.fused=false."
            )
        with _as_setting("scheduler"):
            call_with_facts(module.scheduler, optimizer=optimizer, total_steps=100)
    with _as_setting("data"):
        compose_data(config)
    with _as_setting("trainer"):
        instantiate_choice(config.trainer)(logger=False, folder=Path())


@contextmanager
def _as_setting(part: str) -> Iterator[None]:
    """Turn the errors of libraries into a ValueError that names the part of the settings; those of this project are clear."""
    try:
        yield
    except Exception as error:
        cause: BaseException = error
        while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, ValueError | ImportError | OSError | HydraException | OmegaConfBaseException):
            raise
        text = " ".join(str(cause).split())
        raise ValueError(
            f"The settings of {part} do not work ({type(cause).__name__}: {text}). Leave out what you added to them, or change its value."
        ) from error


def compose_data(config: DictConfig) -> GenreData:
    """Build the data of an experiment from the config groups dataset, split, data and sampler, and audio.sample_rate."""
    data: GenreData = instantiate(
        config.data,
        dataset=instantiate_choice(config.dataset),
        split=instantiate_choice(config.split),
        sampler=instantiate_choice(config.sampler),
        seed=config.seed,  # not in the group's YAML: runs that differ only in the seed are one experiment
        _convert_="object",
    )
    return data


def build_module(config: DictConfig, genres: Sequence[str], counts: Sequence[int]) -> GenreModule:
    """Build the module of an experiment, after seeding the global random generators (Python, NumPy, torch) with its seed.

    `counts` are the numbers of training clips of the genres. Raises ValueError if the feature is trainable but the model
    is not trained by gradients.
    """
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
    # The weights of layer=all may stay equal.
    if not module.uses_gradients and any(name != "layer_weight" for name, _ in module.feature.named_parameters()):
        raise ValueError(
            "feature.trainable is true, but this model is fitted, not trained by gradients: set feature.trainable=false, "
            "or choose a network (model=cnn, hybrid ...)."
        )
    return module


def make_trainer(
    config: DictConfig,
    module: GenreModule | None,
    folder: Path,
    logger: Sequence[Logger] | bool,
    callbacks: Sequence[lightning.Callback],
) -> lightning.Trainer:
    """Build the trainer of a run. It gets 0 epochs if the model does not use gradients: `prepare` has fitted it by then.

    `module` may be None if it uses gradients.
    """
    epochs = {} if module is None or module.uses_gradients else {"max_epochs": 0}
    trainer: lightning.Trainer = instantiate_choice(config.trainer)(
        folder=folder, logger=logger, callbacks=callbacks, **epochs
    )
    return trainer


def cache_feature(config: DictConfig, data: GenreData, module: GenreModule, device: torch.device) -> None:
    """Compute what the module needs of a frozen feature once for each clip, and cache it for all folds, seeds and models.

    A costly feature (`caches_feature`) is cached as a whole, and the data returns it instead of sound. Of others, only the
    statistics over time are cached: a normalization is fitted to them, and a classic model (svm, knn) reads nothing else.
    """
    if module.caches_feature:
        data.use_cached(cached_feature(config, data, module.feature, device))
        return
    if not module.has_statistics or device.type == "mps":  # which has no double precision
        return
    module.reads_statistics = isinstance(module.model, Classic)
    if module.reads_statistics:
        data.statistics = cached_statistics(config, data, module.feature, device, range(len(data.clips)))
        data.use_cached(data.statistics)
    elif hasattr(module.normalization, "prepare_from_statistics"):
        data.statistics = cached_statistics(config, data, module.feature, device, data.clips_in("train"))


def cached_statistics(
    config: DictConfig, data: GenreData, feature: Any, device: torch.device, clips: Sequence[int]
) -> feature_cache.SegmentValues:
    """The statistics over time (S, 3 F) of a frozen feature, in double precision, from the cache."""
    feature.to(device)
    about = feature_cache.describe("statistics", configs.resolved(config.feature))

    def compute(wave_ST: Tensor) -> Tensor:
        return statistics(feature(wave_ST).cpu().double())

    return feature_cache.open_or_compute(
        data.waveform_crops, data.segments, compute, about, data.cache, device, clips, torch.float64
    )


def cached_feature(
    config: DictConfig, data: GenreData, feature: Any, device: torch.device, clips: Sequence[int] | None = None
) -> feature_cache.SegmentValues:
    """The frozen feature of all segments of some clips, by default of all, from the cache. Missing ones are computed."""
    about = feature_cache.describe("feature", configs.resolved(config.feature))
    return feature_cache.open_or_compute(
        data.waveform_crops, data.segments, feature.to(device), about, data.cache, device, clips
    )
