"""What the players share: a note, the bar that they are in, and what they remember."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np

from src.dataset.composer.harmony import Chord

Choice = TypeVar("Choice")


class Note(NamedTuple):
    """A note: `start` and `length` in beats (before swing), MIDI pitch, strength from 0 to 1."""

    start: float
    length: float
    pitch: int
    strength: float


@dataclass(frozen=True)
class Bar:
    """One bar as a player sees it."""

    number: int  # in the section, from 0
    length: int  # bars in the section
    beats: int
    chords: tuple[Chord, ...]  # of equal length
    following: Chord  # the next bar's first
    scale: tuple[int, ...]  # the key's pitch classes, tonic first
    riff: tuple[
        tuple[float, float, int], ...
    ]  # the section's: start, length (beats, in two bars), semitones above root
    swung: bool
    rng: np.random.Generator

    def at(self, beat: float) -> Chord:
        """The chord that sounds at a beat of this bar."""
        return self.chords[min(len(self.chords) - 1, int(beat * len(self.chords) / self.beats))]

    @property
    def spans(self) -> list[tuple[float, float, Chord]]:
        """Each chord with its start and length in beats."""
        length = self.beats / len(self.chords)
        return [(index * length, length, chord) for index, chord in enumerate(self.chords)]


@dataclass
class Memory:
    """What a player keeps from bar to bar: the last voicing, the last pitch, and what was chosen for the section."""

    voicing: tuple[int, ...] = ()
    pitch: float = 0.0
    choices: dict[str, Any] = field(default_factory=dict)

    def choose(self, bar: Bar, key: str, options: Sequence[Choice]) -> Choice:
        """One of `options`, drawn at a section's first bar and then kept: players repeat what they play."""
        if bar.number == 0 or key not in self.choices:
            self.choices[key] = options[int(bar.rng.integers(len(options)))]
        kept: Choice = self.choices[key]
        return kept
