"""Learning-rate schedulers over all training steps. torch has similar ones, under other names or in other units."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class Step(LambdaLR):
    """Multiply the learning rate by `factor` at `drops` evenly spaced steps; three drops make four equal parts."""

    def __init__(self, optimizer: Optimizer, factor: float, drops: int, *, total_steps: int) -> None:
        if not 0 < factor < 1:
            raise ValueError(f"scheduler.factor is {factor:g}: expected a number between 0 and 1.")
        if drops < 1:
            raise ValueError(f"scheduler.drops is {drops}: expected 1 or more.")
        super().__init__(optimizer, lambda step: factor ** min(step * (drops + 1) // total_steps, drops))


class Cosine(LambdaLR):
    """Linear warm-up during the share `warm_up` of all steps, then half a cosine down to 0.

    Source: Loshchilov and Hutter 2017; the warm-up, Goyal et al. 2017.
    """

    def __init__(self, optimizer: Optimizer, warm_up: float, *, total_steps: int) -> None:
        if not 0 <= warm_up < 1:
            raise ValueError(f"scheduler.warm_up is {warm_up:g}: expected a share of 0 or more, and less than 1.")
        warm_up_steps = round(warm_up * total_steps)

        def factor(step: int) -> float:
            if step < warm_up_steps:
                return (step + 1) / (warm_up_steps + 1)
            return 0.5 + 0.5 * math.cos(
                math.pi * min(1.0, (step - warm_up_steps) / max(1, total_steps - warm_up_steps))
            )

        super().__init__(optimizer, factor)
