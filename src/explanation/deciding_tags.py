"""Tags of the pretrained networks that decided for a genre, or that go with the decision.

Shapes: K training clips, Q tags, S segments, F rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from src.explanation.model_input import ModelInput
from src.explanation.tag_values import of_music

LEAST_CLIPS = 10  # training clips, for a correlation
NORMAL_975 = 1.96  # quantile of the normal distribution, for 95 % intervals


@dataclass(frozen=True)
class DecidingTag:
    """A tag that model=tags reads: its value in the clip and its training mean, in nats, and its effect on the margin.

    The effect is exact: the margin minus the margin with the training mean in place of the tag's value.
    """

    name: str
    value: float
    mean: float
    effect: float


@dataclass(frozen=True)
class Decision:
    """Effects of all tags on the margin of a genre over its rival, in nats, the largest first; tags without effect are left out.

    `total`: the margin minus that with all tags at their training mean. `remainder` = total - sum of the effects: what only
    several tags together change. As a genre counts its largest tag only, replacing one tag may let another take its place.
    """

    margin: float
    total: float
    tags: list[DecidingTag]

    @property
    def remainder(self) -> float:
        return self.total - sum(tag.effect for tag in self.tags)

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": "effect",
            "margin_nats": self.margin,
            "total_nats": self.total,
            "remainder_nats": self.remainder,
            "tags": [
                {"tag": tag.name, "value_nats": tag.value, "training_mean_nats": tag.mean, "effect_nats": tag.effect}
                for tag in self.tags
            ],
        }


@dataclass(frozen=True)
class RelatedTag:
    """A tag that a model does not read itself, and how it goes with the decision.

    `deviations`: the clip's value minus the training mean, in standard deviations of the training clips. `correlation`, with a
    95 % interval: of the tag's value with the model's margin of the genre over its rival, over the training clips. `score`,
    their product, is above 0 if the tag speaks for the genre. It is an association: the tag need not be what the model uses.
    """

    name: str
    deviations: float
    correlation: float
    low: float
    high: float

    @property
    def score(self) -> float:
        return self.deviations * self.correlation

    def as_json(self) -> dict[str, Any]:
        return {
            "tag": self.name,
            "deviations": self.deviations,
            "correlation": self.correlation,
            "correlation_interval": [self.low, self.high],
            "score": self.score,
        }


def decide(model: ModelInput, value_SFN: Tensor, names: Sequence[str], genre: int, rival: int) -> Decision:
    """The effect of each tag on the margin of `genre` over `rival` for model=tags; value (S, F, 1), one row for each tag."""
    assert model.mean_FN is not None
    value_F, mean_F = value_SFN.mean(dim=(0, 2)), model.mean_FN[:, 0].to(value_SFN)
    changed_QF = value_F.repeat(len(names), 1)
    changed_QF.fill_diagonal_(0).add_(torch.diag(mean_F))
    logits_MC = model.logits(torch.cat([changed_QF, value_F[None], mean_F[None]])[:, :, None])
    *margins, margin, lowest = (logits_MC[:, genre] - logits_MC[:, rival]).tolist()
    tags = [
        DecidingTag(name, value, mean, margin - changed)
        for name, value, mean, changed in zip(names, value_F.tolist(), mean_F.tolist(), margins, strict=True)
        if abs(margin - changed) > 1e-6  # rounding
    ]
    return Decision(margin, margin - lowest, sorted(tags, key=lambda tag: -tag.effect))


def related(
    value_Q: ArrayLike, training_KQ: NDArray[np.float64], training_margin_K: NDArray[np.float64], names: Sequence[str]
) -> list[RelatedTag]:
    """The tags that go with the decision, the highest score first, for the values (Q,) of a clip.

    `training_KQ` are the tags of the training clips, `training_margin_K` the model's margins for them. Left out are tags whose
    interval of the correlation has 0 in it, and AudioSet's classes that are not of music. The interval takes clips as independent: clips of one artist are not, so it is too narrow.
    Raises ValueError with fewer than LEAST_CLIPS training clips. Source: Fisher 1915 for the interval.
    """
    clips = len(training_KQ)
    if clips < LEAST_CLIPS:
        raise ValueError(f"the run has {clips} training clips: a correlation needs {LEAST_CLIPS} or more")
    mean_Q, deviation_Q = training_KQ.mean(axis=0), training_KQ.std(axis=0)
    spread = training_margin_K.std()
    if spread == 0:
        return []
    margin_K = (training_margin_K - training_margin_K.mean()) / spread
    safe_Q = np.where(deviation_Q > 0, deviation_Q, 1.0)
    correlation_Q = margin_K @ ((training_KQ - mean_Q) / safe_Q) / clips
    deviations_Q = (np.asarray(value_Q) - mean_Q) / safe_Q
    found = []
    for q, name in enumerate(names):
        centre = np.arctanh(np.clip(correlation_Q[q], -1 + 1e-12, 1 - 1e-12))
        low, high = np.tanh(centre + np.array([-1, 1]) * NORMAL_975 / np.sqrt(clips - 3))
        if of_music(name) and deviation_Q[q] > 0 and (low > 0 or high < 0):
            found.append(RelatedTag(name, float(deviations_Q[q]), float(correlation_Q[q]), float(low), float(high)))
    return sorted(found, key=lambda tag: -tag.score)
