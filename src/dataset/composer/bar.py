"""Notes, bars and a player's memory: the data that all players use."""

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
    """One bar, with all that a player needs to play it."""

    number: int  # position in the section, from 0
    section_bars: int  # number of bars in the section
    beats: int  # beats in a bar
    chords: tuple[Chord, ...]  # all of equal length
    next_chord: Chord  # the first chord of the next bar
    scale: tuple[int, ...]  # pitch classes of the lead's scale, tonic first
    # The section's riff of two bars: start and length of each note in beats, interval in semitones above the root.
    riff: tuple[tuple[float, float, int], ...]
    swung: bool  # True if the song's swing ratio is above 1.2
    rng: np.random.Generator

    def chord_at(self, beat: float) -> Chord:
        """The chord at a beat of this bar, counted from 0."""
        return self.chords[min(len(self.chords) - 1, int(beat * len(self.chords) / self.beats))]

    @property
    def spans(self) -> list[tuple[float, float, Chord]]:
        """Start and length in beats, and the chord, for each chord of the bar."""
        length = self.beats / len(self.chords)
        return [(index * length, length, chord) for index, chord in enumerate(self.chords)]


@dataclass
class Memory:
    """State of a player from bar to bar: the last voicing, the last pitch, and the choices made for the section."""

    voicing: tuple[int, ...] = ()
    pitch: float = 0.0
    choices: dict[str, Any] = field(default_factory=dict)

    def choose(self, bar: Bar, key: str, options: Sequence[Choice]) -> Choice:
        """Draw one of `options` in a section's first bar and reuse it in the later bars: players repeat patterns."""
        if bar.number == 0 or key not in self.choices:
            self.choices[key] = options[int(bar.rng.integers(len(options)))]
        choice: Choice = self.choices[key]
        return choice
