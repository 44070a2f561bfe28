"""The plan of a track (feel, tempo, form, harmony, instruments) and the conversion of beats to seconds."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.dataset.composer.artist import Artist, draw_feel
from src.dataset.composer.harmony import Chord, progression
from src.dataset.composer.instrument import PLAYABLE_ON
from src.dataset.composer.style import STYLES, Feel


class Section(NamedTuple):
    """The roles that play in a section, its dynamics and its progression."""

    playing: tuple[str, ...]  # roles
    energy: float  # factor of the note strengths
    progression_index: int  # of the three progressions of the track


SECTIONS = {
    "i": Section(("drums", "chords"), 0.8, 0),  # intro
    "v": Section(("drums", "bass", "chords", "lead"), 0.88, 0),  # verse
    "c": Section(("drums", "bass", "chords", "second", "lead"), 1.0, 1),  # chorus
    "b": Section(("bass", "chords", "second", "lead"), 0.75, 2),  # bridge
    "s": Section(("drums", "bass", "chords", "solo"), 0.92, 0),  # solo
    "h": Section(("drums", "bass", "chords", "second", "lead"), 0.95, 0),  # head: the theme
}


@dataclass
class Song:
    """The plan of a whole track. `arrange` adds the notes."""

    feel: Feel
    patterns: dict[str, str]  # role -> groove, bass or chord pattern
    instruments: dict[str, str]  # role -> instrument or kit
    tempo_bpm: float
    swing: float  # length ratio of a swung pair of notes, long to short; 1 is straight
    rubato: float  # largest change in the length of a beat, as a share of it; 0 is a steady tempo
    tonic: int  # pitch class
    minor: bool
    bars: list[tuple[Chord, ...]] = field(default_factory=list)
    sections: list[tuple[str, int, int]] = field(default_factory=list)  # letter, first bar, number of bars

    @property
    def seconds(self) -> float:
        """Duration of the track."""
        return float(self.time(np.array(len(self.bars) * self.feel.beats)))

    def time(self, beat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert written beats to seconds, with the swing, rubato and tempo of the track.

        The rubato slows down and speeds up once in four bars.
        """
        pair = 2 * self.feel.swing_unit
        pairs, place = np.divmod(beat / pair, 1.0)  # whole pairs before the beat, and its place in its own pair
        long = self.swing / (1 + self.swing)  # share of the pair that its first note takes
        swung = (pairs + np.where(place < 0.5, place * 2 * long, long + (place - 0.5) * 2 * (1 - long))) * pair
        period = 4 * self.feel.beats / (2 * np.pi)
        return (swung + self.rubato * (1 - np.cos(swung / period)) * period) * 60 / self.tempo_bpm


def plan(artist: Artist, rng: np.random.Generator, seconds: float) -> Song:
    """Plan a track of the artist that lasts at least `seconds`. It has no notes yet."""
    style = STYLES[artist.genre]
    feel = draw_feel(artist, rng)
    habit_rng = np.random.default_rng([artist.habit_seed, 0])

    def choose_pattern(names: str) -> str:
        """Choose the artist's favourite of the patterns with probability 0.6, otherwise any of them."""
        options = names.split(", ")
        favourite = options[habit_rng.integers(len(options))]  # the same in every track of the artist with this feel
        return favourite if rng.random() < 0.6 else options[rng.integers(len(options))]

    groove, bass, chords, second = (
        choose_pattern(names) for names in (feel.drums, feel.bass, feel.chords, feel.second)
    )
    slow, fast = feel.tempo_bpm
    minor = bool(feel.minor) and (not feel.major or rng.random() < artist.minor_probability)
    tonic = artist.keys[rng.integers(len(artist.keys))]
    pool = feel.minor if minor else feel.major
    progressions = [progression(pool[rng.integers(len(pool))], tonic) for _ in range(3)]
    has_rubato = style.dynamics > 0.3 and groove == "none"
    song = Song(
        feel=feel,
        patterns={"drums": groove, "bass": bass, "chords": chords, "second": second},
        instruments=_instruments(artist, bass, chords, second, rng),
        tempo_bpm=slow + rng.uniform(*artist.tempo_range) * (fast - slow),
        swing=rng.uniform(*feel.swing),
        rubato=style.dynamics * rng.uniform(0, 0.16) if has_rubato else 0.0,
        tonic=tonic,
        minor=minor,
    )
    while song.seconds < seconds:
        for letter in feel.form:
            bars = progressions[SECTIONS[letter].progression_index]
            bars = bars * max(1, -(-8 // len(bars)))  # repeated to eight bars or more
            song.sections.append((letter, len(song.bars), len(bars)))
            song.bars += bars
    return song


def _instruments(artist: Artist, bass: str, chords: str, second: str, rng: np.random.Generator) -> dict[str, str]:
    """Choose the instrument of every role."""
    chord_instrument = _instrument(artist, "chords", chords, rng)
    two_handed = chords in ("alberti", "nocturne")  # one player plays the chords and the melody
    invention = chords == "none" and bass == "counter low"  # one instrument plays all voices
    return {
        "drums": artist.kit,
        "bass": chord_instrument if invention else artist.instruments["bass"][0],
        "chords": chord_instrument,
        "second": chord_instrument if invention else _instrument(artist, "second", second, rng),
        "lead": chord_instrument if two_handed or invention else artist.instruments["lead"][0],
        "solo": chord_instrument if two_handed or invention else artist.instruments["lead"][1],
    }


def _instrument(artist: Artist, role: str, pattern: str, rng: np.random.Generator) -> str:
    """Choose one of the artist's instruments for a role; if none of them can play the pattern, another that can."""
    own = artist.instruments[role]
    suitable = PLAYABLE_ON[pattern].split(", ") if pattern in PLAYABLE_ON else own
    own_suitable = [name for name in own if name in suitable]
    if own_suitable:
        return own_suitable[rng.integers(len(own_suitable))]
    return suitable[artist.habit_seed % len(suitable)]
