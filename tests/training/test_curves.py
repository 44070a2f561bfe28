"""Curves: the gradient norm against the norm that clipping returns, and clips per second."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from src.training.curves import Curves


class Log:
    def __init__(self) -> None:
        self.rows: list[tuple[dict[str, float], int]] = []

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        self.rows.append((values, step))

    def save(self) -> None:
        pass


def trainer_of(log: Log, **fields: Any) -> Any:
    computed = {"train/loss": 1.0, "val/loss": 2.0, "val/accuracy": 0.5, "val/f1_macro": 0.4, "val/recall/jazz": 0.3}
    optimizer = SimpleNamespace(param_groups=[{"lr": 0.01}])
    own = {"loggers": [log], "callback_metrics": computed, "optimizers": [optimizer], "current_epoch": 4}
    return SimpleNamespace(**{**own, "world_size": 1, "precision_plugin": SimpleNamespace(), **fields})


def train_epoch(curves: Curves, trainer: Any, module: Any, optimizer: Any, scale: float = 1.0) -> list[float]:
    """Two steps with gradients of a known norm -> the norms."""
    norms = []
    curves.on_train_epoch_start(trainer, module)
    for step in (1, 2):
        for parameter in module.parameters():
            parameter.grad = torch.full_like(parameter, float(step)) * scale
        curves.on_before_optimizer_step(trainer, module, optimizer)
        norms.append(float(nn.utils.clip_grad_norm_(module.parameters(), 1e9)) / scale)
        curves.on_train_batch_end(trainer, module, None, SimpleNamespace(genre=[0] * 8), step)  # type: ignore[arg-type]
    curves.on_validation_start(trainer, module)
    curves.on_train_epoch_end(trainer, module)
    return norms


@pytest.fixture
def module() -> Any:
    network = nn.Linear(3, 2)
    network.device = torch.device("cpu")  # type: ignore[assignment]
    return network


def test_a_row_has_the_mean_norm_of_the_epoch_and_the_epoch_as_step(module: Any) -> None:
    log, curves = Log(), Curves()
    norms = train_epoch(curves, trainer_of(log), module, SimpleNamespace())
    ((values, step),) = log.rows
    assert step == 5
    assert values["train/gradient_norm"] == pytest.approx(sum(norms) / 2)
    assert values["train/lr"] == 0.01
    assert values["val/recall/jazz"] == 0.3


def test_clips_of_all_processes_count(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 14.0])
    monkeypatch.setattr("src.training.curves.time.monotonic", lambda: next(now))
    log = Log()
    train_epoch(Curves(), trainer_of(log, world_size=3), module, SimpleNamespace())
    assert log.rows[0][0]["train/clips_per_second"] == 2 * 8 * 3 / 4


def test_scaled_gradients_of_16_bit_training_are_unscaled(module: Any) -> None:
    scaler = SimpleNamespace(get_scale=lambda: 1024.0)
    log = Log()
    trainer = trainer_of(log, precision_plugin=SimpleNamespace(scaler=scaler))
    fused = SimpleNamespace(_step_supports_amp_scaling=True)
    norms = train_epoch(Curves(), trainer, module, fused, scale=1024.0)
    assert log.rows[0][0]["train/gradient_norm"] == pytest.approx(sum(norms) / 2)


def test_steps_with_infinite_gradients_are_left_out(module: Any) -> None:
    log, curves = Log(), Curves()
    trainer = trainer_of(log)
    curves.on_train_epoch_start(trainer, module)
    for value in (1.0, float("inf")):
        for parameter in module.parameters():
            parameter.grad = torch.full_like(parameter, value)
        curves.on_before_optimizer_step(trainer, module, SimpleNamespace())  # type: ignore[arg-type]
    curves.on_validation_start(trainer, module)
    curves.on_train_epoch_end(trainer, module)
    assert log.rows[0][0]["train/gradient_norm"] == pytest.approx(8**0.5)


def test_nothing_is_computed_without_a_logger(module: Any) -> None:
    curves = Curves()
    curves.on_before_optimizer_step(trainer_of(Log(), loggers=[]), module, SimpleNamespace())  # type: ignore[arg-type]
    assert not curves.norms
