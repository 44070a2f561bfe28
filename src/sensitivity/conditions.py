"""Conditions of a measurement: each is an alteration at one strength, or a kind of reduced sound."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from src.alteration import ALTERATIONS, Wave, reduced
from src.settings.values import did_you_mean

UNALTERED = "unaltered"
# Kinds of reduced sound: the name, what is left, and the function.
REDUCED: dict[str, tuple[str, Callable[[Wave, int, np.random.Generator], Wave]]] = {
    "level_bandwidth": ("noise with the clip's level and bandwidth", reduced.level_and_bandwidth),
    "rhythm": ("noise with the rhythm of the clip in four bands of equal level", reduced.rhythm),
    "spectrum": ("stationary noise with the clip's long-term spectrum and level", reduced.long_term_spectrum),
}


@dataclass(frozen=True)
class Condition:
    """What is done to a clip: an alteration at a strength (None: reduced or unaltered sound has none)."""

    name: str
    strength: float | None = None

    @property
    def key(self) -> str:
        """A text that identifies it: "low_pass=8000"."""
        return self.name if self.strength is None else f"{self.name}={self.strength:g}"

    @property
    def segment_factor(self) -> float:
        """The length of the segments, in segments of the run."""
        return self.strength if self.name == "segment" and self.strength is not None else 1.0

    def problem(self, seconds: float, crop_seconds: float) -> str | None:
        """Why a clip of `seconds` cannot be measured: less than a crop is left, or less than half of a clip below two crops."""
        if self.name != "offset" or self.strength is None or not self.strength:
            return None
        least = min(crop_seconds, seconds / 2)
        if seconds - self.strength >= least:
            return None
        return f"{max(0.0, seconds - self.strength):.3g} s are left of a clip of {seconds:.3g} s; the model's crops have {crop_seconds:.3g} s"

    def apply(self, wave_T: Wave, rate: int, random: np.random.Generator) -> Wave:
        """Alter or reduce a wave (T,) at `rate` Hz."""
        if self.name in REDUCED:
            return REDUCED[self.name][1](wave_T, rate, random)
        alter = ALTERATIONS[self.name].alter if self.name in ALTERATIONS else None
        if alter is None or self.strength is None:
            return wave_T
        return alter(wave_T, rate, self.strength, random)


def read(only: str | None) -> dict[Condition, bool]:
    """Read the option --only -> the conditions: "low_pass,mp3=64,rhythm". None: all, in the order of the tables.

    The value of a condition is True if its strength was named.

    Raises ValueError on an unknown name or on a strength that the alteration does not have.
    """
    if only is None:
        conditions = [*(c for name in ALTERATIONS for c in _all_of(name)), *(Condition(name) for name in REDUCED)]
        return dict.fromkeys(conditions, False)
    words = [word.strip() for word in only.split(",") if word.strip()]
    if not words:
        raise ValueError(f"--only names nothing. Expected some of {_names()}.")
    return {condition: "=" in word for word in words for condition in _read(word)}


def _read(word: str) -> list[Condition]:
    name, equals, value = word.partition("=")
    if name in REDUCED and not equals:
        return [Condition(name)]
    if name not in ALTERATIONS:
        known = [*ALTERATIONS, *REDUCED]
        problem = f"{word}: {name} has no strength" if name in REDUCED else f"--only: there is no alteration {name!r}"
        raise ValueError(
            f"{problem}. {did_you_mean(name, known)}Expected some of {_names()}, as in --only low_pass,mp3=64."
        )
    if not equals:
        return _all_of(name)
    alteration = ALTERATIONS[name]
    try:
        strength = float(value)
    except ValueError:
        strength = float("nan")
    if not alteration.lowest <= strength <= alteration.highest or (name == "pitch" and strength != round(strength)):
        whole = "a whole number" if name == "pitch" else "a number"
        raise ValueError(
            f"--only {word}: expected {whole} from {alteration.lowest:g} to {alteration.highest:g} ({alteration.unit})."
        )
    return [Condition(name, strength)]


def _all_of(name: str) -> list[Condition]:
    return [Condition(name, strength) for strength in ALTERATIONS[name].strengths]


def _names() -> str:
    return ", ".join([*ALTERATIONS, *REDUCED])


def without_effect(conditions: Sequence[Condition], sample_rate: int) -> dict[Condition, str]:
    """The conditions that change nothing of what a model at `sample_rate` Hz gets, with the reason."""
    return {
        condition: f"the run reads sound at {sample_rate:,} Hz, so it has nothing above {sample_rate // 2:,} Hz anyway"
        for condition in conditions
        if condition.name == "low_pass" and condition.strength is not None and condition.strength >= sample_rate / 2
    }
