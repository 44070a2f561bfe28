"""Permutation importance of named groups of rows: how much worse a model is if a group comes from another clip.

Shapes: K clips, S segments, F rows, N values of a row, R repeats, C genres.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src import console
from src.explanation.clip_interval import ClipInterval, clip_interval
from src.explanation.model_input import ModelInput
from src.explanation.row_groups import RowGroup

REPEATS = 20
ALL_ROWS = "all rows"
BATCH_VALUES = 4_000_000  # input values in a batch: 16 MB


@dataclass(frozen=True)
class Importance:
    """Importance of a group: the drop in accuracy (share of clips) and the rise of the cross-entropy (nats), as means over repeats.

    The intervals are over clips. `repeat_deviation` is the standard deviation of the drop in accuracy between repeats. `drop_K` (K,)
    is the drop for each clip: its mean over the clips of a genre is the drop in recall.
    """

    name: str
    rows: int
    accuracy_drop: ClipInterval
    nll_rise: ClipInterval
    repeat_deviation: float
    drop_K: NDArray[np.float64]

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "accuracy_drop": self.accuracy_drop.as_json(),
            "nll_rise_nats": self.nll_rise.as_json(),
            "repeat_deviation": self.repeat_deviation,
        }


def importances(
    model: ModelInput,
    value_KSFN: Tensor,
    genre_K: Tensor,
    groups: Sequence[RowGroup],
    artists: Sequence[str | None],
    repeats: int = REPEATS,
    seed: int = 0,
) -> list[Importance]:
    """The importance of each group, and of all rows together, for the inputs (K, S, F, N) and genres of clips.

    A group of a clip, with all its segments, is replaced by that of another clip; all other rows stay. So rows of one group keep
    together, and their relation to the other groups is broken. The drop is small for a group whose content the other groups have too.
    Raises ValueError with fewer than two clips. Sources: Breiman 2001; Fisher, Rudin and Dominici 2019; for groups of rows,
    Gregorutti, Michel and Saint-Pierre 2015.
    """
    clips = len(value_KSFN)
    if clips < 2:
        raise ValueError(f"{clips} clip: a permutation needs two clips or more")
    intact_K, intact_nll_K = _scores(model, value_KSFN, genre_K)
    everything = RowGroup(ALL_ROWS, tuple(range(value_KSFN.shape[2])))
    todo = [*groups, everything] if len(groups) > 1 else [everything]
    drop_GRK, rise_GRK = np.zeros((2, len(todo), repeats, clips))
    steps = [(g, repeat) for g in range(len(todo)) for repeat in range(repeats)]
    for g, repeat in console.track(steps, "Permuting groups of rows", len(steps)):
        # Not by group: the same clips are exchanged for each, so that differences between groups are not due to the draw.
        order_K = torch.from_numpy(np.random.default_rng([seed, repeat]).permutation(clips))
        rows = list(todo[g].rows)
        changed_KSFN = value_KSFN.clone()
        changed_KSFN[:, :, rows] = value_KSFN[order_K][:, :, rows]
        right_K, nll_K = _scores(model, changed_KSFN, genre_K)
        drop_GRK[g, repeat], rise_GRK[g, repeat] = intact_K - right_K, nll_K - intact_nll_K
    return [
        Importance(
            group.name,
            len(group.rows),
            clip_interval(drop_GRK[g].mean(axis=0), artists),
            clip_interval(rise_GRK[g].mean(axis=0), artists),
            float(drop_GRK[g].mean(axis=1).std(ddof=1)) if repeats > 1 else 0.0,
            drop_GRK[g].mean(axis=0),
        )
        for g, group in enumerate(todo)
    ]


def _scores(model: ModelInput, value_KSFN: Tensor, genre_K: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """1 for each clip that is predicted correctly, else 0, and its cross-entropy in nats."""
    batch = max(1, BATCH_VALUES // value_KSFN[0].numel())
    logits = []
    for first in range(0, len(value_KSFN), batch):
        value_BSFN = value_KSFN[first : first + batch]
        logits_MC = model.logits(value_BSFN.flatten(0, 1))
        logits.append(logits_MC.reshape(*value_BSFN.shape[:2], -1).mean(dim=1))
    log_probability_KC = torch.cat(logits).log_softmax(dim=1)
    right_K = (log_probability_KC.argmax(dim=1) == genre_K).double()
    nll_K = -log_probability_KC.gather(1, genre_K[:, None])[:, 0]
    return right_K.numpy(), nll_K.numpy()
