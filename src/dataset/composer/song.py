"""The plan of a track: feel, tempo, form, harmony and instruments; and the way from beats to seconds."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.dataset.composer.artist import Artist, draw_feel
from src.dataset.composer.harmony import Chord, progression
from src.dataset.composer.instrument import FITTING
from src.dataset.composer.style import STYLES, Feel


class Section(NamedTuple):
    """Who plays, how loudly, and over which of the track's three progressions."""

    playing: tuple[str, ...]
    energy: float
    harmony: int


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
    """A whole track without its notes: those are arrange's."""

    feel: Feel
    patterns: dict[str, str]  # role -> groove, bass or chord pattern
    instruments: dict[str, str]  # role -> instrument or kit
    tempo_bpm: float
    swing: float  # long : short
    rubato: float  # share by which the tempo breathes
    tonic: int  # pitch class
    minor: bool
    bars: list[tuple[Chord, ...]] = field(default_factory=list)
    sections: list[tuple[str, int, int]] = field(default_factory=list)  # letter, first bar, bars

    @property
    def seconds(self) -> float:
        """How long the track lasts."""
        return float(self.time(np.array(len(self.bars) * self.feel.beats)))

    def time(self, beat: NDArray[np.float64]) -> NDArray[np.float64]:
        """When written beats sound, in seconds: swung, and at the track's own (breathing) tempo."""
        pair = 2 * self.feel.swung
        whole, rest = np.divmod(beat / pair, 1.0)
        long = self.swing / (1 + self.swing)
        beat = (whole + np.where(rest < 0.5, rest * 2 * long, long + (rest - 0.5) * 2 * (1 - long))) * pair
        period = 4 * self.feel.beats / (2 * np.pi)
        return (beat + self.rubato * (1 - np.cos(beat / period)) * period) * 60 / self.tempo_bpm


def plan(artist: Artist, rng: np.random.Generator, seconds: float) -> Song:
    """A track of the artist that lasts at least `seconds`: everything but the notes."""
    style = STYLES[artist.genre]
    feel = draw_feel(artist, rng)
    habit = np.random.default_rng([artist.habits, 0])

    def habitual(names: str) -> str:
        options = names.split(", ")
        favourite = options[habit.integers(len(options))]
        return favourite if rng.random() < 0.6 else options[rng.integers(len(options))]

    groove, bass, chords, second = (habitual(names) for names in (feel.drums, feel.bass, feel.chords, feel.second))
    slow, fast = feel.tempo_bpm
    minor = bool(feel.minor) and (not feel.major or rng.random() < artist.minor)
    tonic = artist.keys[rng.integers(len(artist.keys))]
    pool = feel.minor if minor else feel.major
    progressions = [progression(pool[rng.integers(len(pool))], tonic) for _ in range(3)]
    breathes = style.dynamics > 0.3 and groove == "none"
    song = Song(
        feel=feel,
        patterns={"drums": groove, "bass": bass, "chords": chords, "second": second},
        instruments=_instruments(artist, bass, chords, second, rng),
        tempo_bpm=slow + rng.uniform(*artist.tempo) * (fast - slow),
        swing=rng.uniform(*feel.swing),
        rubato=style.dynamics * rng.uniform(0, 0.16) if breathes else 0.0,
        tonic=tonic,
        minor=minor,
    )
    while song.seconds < seconds:
        for letter in feel.form:
            bars = progressions[SECTIONS[letter].harmony]
            bars = bars * max(1, -(-8 // len(bars)))  # eight bars or more
            song.sections.append((letter, len(song.bars), len(bars)))
            song.bars += bars
    return song


def _instruments(artist: Artist, bass: str, chords: str, second: str, rng: np.random.Generator) -> dict[str, str]:
    """Who plays what."""
    first = _instrument(artist, "chords", chords, rng)
    alone = chords in ("alberti", "nocturne")  # one player has both hands full
    invention = chords == "none" and bass == "counter low"  # all voices on one instrument
    return {
        "drums": artist.kit,
        "bass": first if invention else artist.instruments["bass"][0],
        "chords": first,
        "second": first if invention else _instrument(artist, "second", second, rng),
        "lead": first if alone or invention else artist.instruments["lead"][0],
        "solo": first if alone or invention else artist.instruments["lead"][1],
    }


def _instrument(artist: Artist, role: str, pattern: str, rng: np.random.Generator) -> str:
    """The artist's instrument for a role, or else one on which the pattern can be played at all."""
    own = artist.instruments[role]
    fitting = FITTING[pattern].split(", ") if pattern in FITTING else own
    able = [name for name in own if name in fitting]
    return able[rng.integers(len(able))] if able else fitting[artist.habits % len(fitting)]
