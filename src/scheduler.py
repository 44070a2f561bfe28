"""How the learning rate goes, over all steps of a training: what torch has under another name or in other units."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class Step(LambdaLR):
    """The rate times `factor` after each of the `drops` evenly spaced drops: three cut the training in four parts."""

    def __init__(self, optimizer: Optimizer, factor: float, drops: int, *, total_steps: int) -> None:
        if not 0 < factor < 1:
            raise ValueError(f"scheduler.factor is {factor:g}: expected a number between 0 and 1.")
        if drops < 1:
            raise ValueError(f"scheduler.drops is {drops}: expected 1 or more.")
        super().__init__(optimizer, lambda step: factor ** min(step * (drops + 1) // total_steps, drops))


class Cosine(LambdaLR):
    """Up in a straight line for the share `warm_up` of all steps, then down to 0 along half a cosine.

    Source: Loshchilov and Hutter 2017; the warm-up, Goyal et al. 2017.
    """

    def __init__(self, optimizer: Optimizer, warm_up: float, *, total_steps: int) -> None:
        if not 0 <= warm_up < 1:
            raise ValueError(f"scheduler.warm_up is {warm_up:g}: expected a share of 0 or more, and less than 1.")
        rise = round(warm_up * total_steps)

        def share(step: int) -> float:
            if step < rise:
                return (step + 1) / (rise + 1)
            return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - rise) / max(1, total_steps - rise)))

        super().__init__(optimizer, share)
