"""Recipes: each can be trained and states its command, cost and score; those of the paper have its settings."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from src.training import setup
from tests.test_conf import CONF, compose

RECIPES = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
TABLE_2 = {
    "paper_cnn": ("Cnn", 0.001, 32, 4),
    "paper_rnn": ("Rnn", 0.005, 64, 3),
    "paper_hybrid": ("Hybrid", 0.001, 32, 5),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_can_be_trained(recipe: str) -> None:
    config = compose(f"experiment={recipe}")
    assert set(OmegaConf.to_container(config)) == set(OmegaConf.to_container(compose()))  # type: ignore[arg-type]
    setup.check_settings(config)


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe != "none"])
def test_a_recipe_states_its_command_cost_and_score(recipe: str) -> None:
    lines = (CONF / "experiment" / f"{recipe}.yaml").read_text(encoding="utf-8").splitlines()
    head = "\n".join(line for line in lines[1:] if line.startswith("#"))
    assert lines[0] == "# @package _global_"
    assert f"python -m src.train experiment={recipe}" in head
    assert "2 cores" in head
    assert "%" in head


@pytest.mark.parametrize(("recipe", "published"), TABLE_2.items())
def test_the_recipes_of_the_paper_have_its_settings(recipe: str, published: tuple[Any, ...]) -> None:
    config = compose(f"experiment={recipe}")
    settings = (config.model._target_.split(".")[-1], config.optimizer.lr, config.data.batch_size, config.model.layers)
    assert settings == published
    assert config.feature._target_ == "src.feature.Mfcc"
    assert config.loss.label_smoothing == 0
    assert config.data.preferred_genres == ["rock", "pop", "classical", "jazz"]


def test_command_line_values_override_the_recipe() -> None:
    config = compose("experiment=paper_cnn", "model.layers=5", "feature=mel", "optimizer.lr=0.01")
    assert (config.model.layers, config.optimizer.lr) == (5, 0.01)
    assert config.feature._target_ == "src.feature.Mel"
