"""trainer=debug and optimizer=adamw, which were asked for first and built late."""

from pathlib import Path

import pytest
import torch

from src import rundir
from src.config import compose
from src.training import setup
from tests.programs import small, train


def test_debug_trains_a_few_batches_of_one_epoch_without_a_logger(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = ("trainer.max_epochs", "logger", "data.batch_size")
    words = [word for word in small(tiny, tmp_path / "run") if not word.startswith(without)]
    assert train(monkeypatch, *words, "data.batch_size=1", "trainer=debug", "model=cnn", "feature=mfcc") == 0
    run = rundir.RunDir(tmp_path / "run")
    assert run.config["logger"]["_target_"].endswith(".none")
    assert run.config["trainer"]["limit_train_batches"] == 4
    assert len(run.history) == run.metrics["epochs"] == 1
    clips = sum(row["set"] == "test" for row in run.split)
    assert 0 < len(run.predictions.clips) == run.metrics["test"]["clips"] < clips
    assert not (tmp_path / "run" / "wandb").exists()


def test_debug_takes_other_settings_and_another_logger() -> None:
    config = compose("trainer=debug", "logger=csv", "trainer.max_epochs=2")
    assert config.logger._target_.endswith(".csv")
    assert config.trainer.max_epochs == 2
    assert config.trainer.threads == compose().trainer.threads


def test_adamw_decays_weights_apart_from_the_gradient() -> None:
    config = compose("optimizer=adamw", "optimizer.lr=0.1", "optimizer.weight_decay=0.5", "model=cnn", "feature=mfcc")
    module = setup.build_module(config, ["a", "b"], [1, 1])
    optimizer = module.optimizer([weight := torch.nn.Parameter(torch.ones(1))])
    assert isinstance(optimizer, torch.optim.AdamW)
    weight.grad = torch.zeros(1)
    optimizer.step()
    assert weight.item() == pytest.approx(1 - 0.1 * 0.5)  # no gradient: the decay alone
