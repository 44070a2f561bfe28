"""The experiment of the benchmarks: the built-in corpus, half of its genres."""

from omegaconf import DictConfig

from src import config as configs

GENRES = "dataset.genres=[blues,classical,hiphop,jazz,rock]"


def compose(*overrides: str) -> DictConfig:
    """Compose an experiment as the command `python -m src.train OVERRIDES...` would, on 400 synthetic clips of 10 s."""
    return configs.compose(GENRES, "trainer.accelerator=auto", *overrides)
