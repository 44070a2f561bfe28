"""Shares of groups of rows in a decision: the margin of the predicted genre when groups are replaced by their training mean.

Shapes: G groups, 2^G subsets of them, S segments, F rows, N values of a row.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.explanation.model_input import ModelInput
from src.explanation.row_groups import RowGroup

MOST_GROUPS = 8  # 256 subsets, each one forward pass
BATCH_VALUES = 4_000_000  # input values in a batch: 16 MB


@dataclass(frozen=True)
class GroupEffects:
    """Effects of G groups on the margin m of a genre over its rival, in nats. S is a subset of all groups N.

    `total` = m(N) - m(none): the clip compared with the training mean of all rows.
    `alone` (G,) = m(g) - m(none): the group of the clip, and the training mean of all others.
    `without` (G,) = m(N) - m(N without g): what is lost if the group is replaced by its training mean (occlusion).
    `share` (G,): the Shapley value, the mean of m(S with g) - m(S) over all orders in which groups are added. Adds up to `total`.
    `interaction` = total - sum of `alone`: the part that no group has alone. It is in `share`, split among the groups that make it.
    Where effects add up, alone = without = share, and the interaction is 0.
    """

    names: tuple[str, ...]
    margin: float
    total: float
    alone: NDArray[np.float64]
    without: NDArray[np.float64]
    share: NDArray[np.float64]

    @property
    def interaction(self) -> float:
        return self.total - float(self.alone.sum())

    def as_json(self) -> dict[str, Any]:
        """The effects in plain values, in nats."""
        groups = zip(self.names, self.alone.tolist(), self.without.tolist(), self.share.tolist(), strict=True)
        return {
            "margin_nats": self.margin,
            "total_nats": self.total,
            "interaction_nats": self.interaction,
            "groups": {
                name: {"alone_nats": alone, "without_nats": without, "share_nats": share}
                for name, alone, without, share in groups
            },
        }


def explain(model: ModelInput, value_SFN: Tensor, groups: Sequence[RowGroup], genre: int, rival: int) -> GroupEffects:
    """The effects of the groups on the margin of `genre` over `rival`, for the input (S, F, N) of the segments of a clip.

    Raises ValueError with fewer than two groups, or more than MOST_GROUPS.
    """
    if not 2 <= len(groups) <= MOST_GROUPS:
        names = ", ".join(group.name for group in groups)
        raise ValueError(
            f"the rows of the feature are {len(groups)} group{'s' * (len(groups) != 1)} ({names}): expected 2 to {MOST_GROUPS}"
        )
    return decompose([group.name for group in groups], subset_margins(model, value_SFN, groups, genre, rival))


def losses(
    model: ModelInput, value_SFN: Tensor, groups: Sequence[RowGroup], genre: int, rival: int
) -> NDArray[np.float64]:
    """Loss of margin with the training mean in place of each group alone, (G,): `without`, for any number of groups."""
    everything = 2 ** len(groups) - 1
    subsets = [everything, *(everything ^ 1 << g for g in range(len(groups)))]
    intact, *changed = subset_margins(model, value_SFN, groups, genre, rival, subsets).tolist()
    loss: NDArray[np.float64] = intact - np.array(changed)
    return loss


def subset_margins(
    model: ModelInput,
    value_SFN: Tensor,
    groups: Sequence[RowGroup],
    genre: int,
    rival: int,
    subsets: Sequence[int] | None = None,
) -> NDArray[np.float64]:
    """The margin with each subset of the groups left as it is, and the training mean of all other rows, (subsets,).

    Subset k has group g if bit g of k is set; by default, all 2^G in order. The margin is the difference of the logits, averaged over
    the segments. Rows that are in no group keep their values.
    """
    assert model.mean_FN is not None
    mean_FN = model.mean_FN.to(value_SFN)
    in_group = [row for group in groups for row in group.rows]
    masks = []
    for subset in range(2 ** len(groups)) if subsets is None else subsets:
        kept_F = torch.ones(value_SFN.shape[1], dtype=torch.bool, device=value_SFN.device)
        kept_F[in_group] = False
        for g, group in enumerate(groups):
            if subset >> g & 1:
                kept_F[list(group.rows)] = True
        masks.append(kept_F)
    segments = len(value_SFN)
    batch = max(1, BATCH_VALUES // value_SFN.numel())
    margins = []
    for first in range(0, len(masks), batch):
        kept_QF = torch.stack(masks[first : first + batch])  # Q subsets
        value_QSFN = torch.where(kept_QF[:, None, :, None], value_SFN, mean_FN)
        logits_QSC = model.logits(value_QSFN.flatten(0, 1)).reshape(len(kept_QF), segments, -1)
        margins.append((logits_QSC[..., genre] - logits_QSC[..., rival]).mean(dim=1).cpu())
    margin: NDArray[np.float64] = torch.cat(margins).double().numpy()
    return margin


def decompose(names: Sequence[str], margin: NDArray[np.float64]) -> GroupEffects:
    """The effects of G groups from the margins of all their subsets, (2^G,): subset k has group g if bit g of k is set.

    Sources: Shapley 1953; for models, Lundberg and Lee 2017; for removing rows by a fixed value, Covert, Lundberg and Lee 2021.
    """
    count = len(names)
    everything = 2**count - 1
    alone = np.array([margin[1 << g] - margin[0] for g in range(count)])
    without = np.array([margin[everything] - margin[everything ^ 1 << g] for g in range(count)])
    share = np.zeros(count)
    for g in range(count):
        others = [other for other in range(count) if other != g]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for chosen in combinations(others, size):
                subset = sum(1 << other for other in chosen)
                share[g] += weight * (margin[subset | 1 << g] - margin[subset])
    total = float(margin[everything] - margin[0])
    return GroupEffects(tuple(names), float(margin[everything]), total, alone, without, share)
