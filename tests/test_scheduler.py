"""Learning-rate schedulers, compared with known rates and with torch's schedulers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import LRScheduler

from src.scheduler import Cosine, Step


def _rates(scheduler: Callable[..., LRScheduler], steps: int, **settings: Any) -> list[float]:
    """The rate at each of `steps` training steps, for an optimizer with a rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = scheduler(optimizer, total_steps=steps, **settings)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_the_parts_between_drops_have_equal_length() -> None:
    assert _rates(Step, 9, factor=0.1, drops=2) == pytest.approx([1] * 3 + [0.1] * 3 + [0.01] * 3)
    assert _rates(Step, 4, factor=0.5, drops=1) == pytest.approx([1, 1, 0.5, 0.5])


def test_cosine_rises_linearly_and_falls_to_0() -> None:
    rates = _rates(Cosine, 110, warm_up=10 / 110)
    assert rates[:10] == pytest.approx([(k + 1) / 11 for k in range(10)])
    assert rates[10] == 1 == max(rates)
    assert rates[60] == pytest.approx(0.5)  # halfway down
    assert rates == sorted(rates[:11]) + sorted(rates[11:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_cosine_without_warm_up_equals_torch() -> None:
    def reference(optimizer: torch.optim.Optimizer, total_steps: int) -> LRScheduler:
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total_steps)

    assert _rates(Cosine, 50, warm_up=0.0) == pytest.approx(_rates(reference, 50), abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_trainings_have_a_rate_above_0(steps: int) -> None:
    assert min(_rates(Cosine, steps, warm_up=0.1)) > 0
    assert min(_rates(Step, steps, factor=0.1, drops=2)) > 0


@pytest.mark.parametrize(
    ("scheduler", "settings", "message"),
    [
        (Step, {"factor": 1.0, "drops": 2}, "scheduler.factor is 1: expected a number between 0 and 1."),
        (Step, {"factor": 0.1, "drops": 0}, "scheduler.drops is 0: expected 1 or more."),
        (Cosine, {"warm_up": 1.0}, "scheduler.warm_up is 1: expected a share of 0 or more, and less than 1."),
    ],
)
def test_settings_out_of_range_are_refused(scheduler: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        _rates(scheduler, 10, **settings)
