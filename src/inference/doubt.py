"""Sets of genres and abstention: `predict --set`, `--abstain`. The limits come from a run's calibration artists."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from src import formatting
from src.classifier.doubt import Calibration

MORE = "Train again with a larger split.calibration (a share of the training artists), or on more artists"


@dataclass(frozen=True)
class Rules:
    """Limits of a model for the level of its sets and the error rate of its answers; None if they are not asked for.

    A genre is in the set if 1 minus its probability is at most `score_limit`; an answer needs a probability of `confidence_limit`.
    """

    level: float | None = None
    score_limit: float | None = None
    rate: float | None = None
    confidence_limit: float | None = None

    def genre_set(self, probability_C: Tensor, genres: Sequence[str]) -> tuple[str, ...] | None:
        """The genres of the set, the most probable first; None without a level."""
        if self.score_limit is None:
            return None
        from src.metrics import conformal  # imported here, as torchmetrics is slow to import

        (inside_C,) = conformal.genre_sets(probability_C[None].numpy(), self.score_limit)
        order = probability_C.argsort(descending=True, stable=True).tolist()
        return tuple(genres[k] for k in order if inside_C[k])

    def abstains(self, probability_C: Tensor) -> bool:
        """True if no genre is probable enough for an answer."""
        return self.confidence_limit is not None and float(probability_C.max()) < self.confidence_limit


def rules(name: str, calibration: Calibration | None, level: float | None, rate: float | None) -> Rules:
    """The limits of a model, called `name` in messages. Raises ValueError, which says how to get them, if it has none."""
    if level is None and rate is None:
        return Rules()
    from src.metrics import conformal, selective

    asked = " and ".join(
        option for option, value in (("--set", level), ("--abstain", rate)) if value is not None
    )  # for messages
    if calibration is None:
        raise ValueError(
            f"{asked}: {name} has no calibration artists. Train it with split.calibration=0.25, which sets a quarter of the training "
            "artists aside."
        )
    artists = formatting.count(calibration.artists, "calibration artist")
    if calibration.artists < conformal.LEAST_ARTISTS:
        raise ValueError(f"{asked}: {name} has {artists}, and {conformal.LEAST_ARTISTS} are needed. {MORE}.")
    if level is not None and level > (highest := conformal.highest_level(calibration.artists)):
        raise ValueError(
            f"--set {level:g}: with {artists}, sets at more than {highest:.3f} would hold every genre. Ask for a lower level. {MORE}."
        )
    score_limit = None
    if level is not None:
        score_limit = conformal.score_limit(calibration.score_K.numpy(), calibration.artist, level)
    if rate is None:
        return Rules(level, score_limit)
    limits = selective.abstention(calibration.confidence_K.numpy(), calibration.correct_K.numpy(), calibration.artist)
    chosen = selective.lowest_limit(limits, rate)
    if chosen is None:
        best = min(limits, key=lambda limit: limit.error_bound)
        raise ValueError(
            f"--abstain {rate:g}: {name} cannot promise so few errors with {artists}. The lowest is {best.error_bound:.3f}, at a confidence of "
            f"{best.confidence:g} or more. Allow {_rounded_up(best.error_bound):g}. {MORE}."
        )
    return Rules(level, score_limit, rate, chosen.confidence)


def _rounded_up(rate: float) -> float:
    """0.1234 -> 0.13."""
    return min(1.0, (int(rate * 100) + 1) / 100)
