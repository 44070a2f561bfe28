"""Invented artists: who they are, what they play, how they sound: all that stays the same over their tracks."""

from dataclasses import dataclass

import numpy as np

from src.dataset.composer.names import artist_name
from src.dataset.composer.style import GENRES, STYLES, Feel


@dataclass(frozen=True)
class Artist:
    """One invented artist. Levels are decibels, times seconds."""

    name: str
    genre: str
    feels: tuple[float, ...]  # how often each of the genre's feels is played
    tempo: tuple[float, float]  # the part of a feel's tempo range, 0 to 1
    keys: tuple[int, ...]  # tonics, pitch classes
    minor: float  # share of tracks in minor
    instruments: dict[str, tuple[str, ...]]  # role -> the artist's own
    habits: int  # a seed: which of a feel's patterns this artist prefers, and the room's echoes
    kit: str
    hat: str  # what plays the hi-hat's line: hat, ride, shaker or tambourine
    centre: int  # MIDI pitch around which the chords lie
    looseness_seconds: float  # standard deviation of the timing
    late_seconds: float  # the snare's delay behind the beat
    levels: dict[str, float]  # role -> dB
    drive: float
    bass_db: float
    treble_db: float
    cutoff_hz: float
    reverb_seconds: float
    reverb_db: float
    noise_db: float
    ratio: float  # of the compressor
    loudness_db: float  # RMS of every clip, re full scale


def stream(seed: int, genre: str, artist: int, track: int | None = None) -> np.random.Generator:
    """The random numbers of one artist, or of one of the artist's tracks; no other draws from them."""
    # Zero is the artist: SeedSequence does not tell [1, 2, 3] from [1, 2, 3, 0].
    return np.random.default_rng([seed, GENRES.index(genre), artist, 0 if track is None else track + 1])


def draw_artist(seed: int, genre: str, number: int) -> Artist:
    """The artist of that number (from 0) in a genre."""
    rng = stream(seed, genre, number)
    style = STYLES[genre]
    weights = np.array([feel.weight for feel in style.feels]) * rng.gamma(2.0, size=len(style.feels))
    middle, width = rng.uniform(0.15, 0.85), rng.uniform(0.12, 0.3)
    instruments = {
        "bass": _choose(style.bass, 1, rng),
        "chords": _choose(style.chords, 2, rng),
        "second": _choose(style.second, 2, rng),
        "lead": _choose(style.lead, 2, rng),
    }
    return Artist(
        name=artist_name(seed, genre, number),
        genre=genre,
        feels=tuple(weights / weights.sum()),
        tempo=(max(0.0, middle - width), min(1.0, middle + width)),
        keys=tuple(int(key) for key in rng.permutation(12)[:4]),
        minor=float(rng.beta(1.2, 1.2)),
        instruments=instruments,
        habits=int(rng.integers(2**63)),
        kit=_choose(style.kits, 1, rng)[0],
        hat=str(rng.choice(("hat", "hat", "hat", "ride", "shaker", "tambourine"))),
        centre=int(rng.integers(56, 65)),
        looseness_seconds=float(rng.uniform(0.002, 0.014)),
        late_seconds=float(rng.uniform(-0.004, 0.016)),
        levels={role: level + float(rng.normal(0, 1.6)) for role, level in style.levels.items()},
        drive=float(rng.choice((0.0, 0.0, 1.0)) * rng.uniform(0.5, 3)),
        bass_db=float(rng.normal(0, 1.7)),
        treble_db=float(rng.normal(0, 1.7)),
        cutoff_hz=float(rng.uniform(6000, 10500)),
        reverb_seconds=float(rng.uniform(0.2, 1.6)),
        reverb_db=float(rng.uniform(-26, -9)),
        noise_db=float(rng.uniform(-75, -48)),
        ratio=float(rng.uniform(1.2, 4)),
        loudness_db=float(rng.uniform(-23, -14)),
    )


def _choose(names: str, count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """`count` different ones of the names between commas; the first is the likeliest, and so on down."""
    options = names.split(", ")
    chances = 0.5 ** np.arange(len(options))
    return tuple(str(name) for name in rng.choice(options, count, replace=False, p=chances / chances.sum()))


def draw_feel(artist: Artist, rng: np.random.Generator) -> Feel:
    """One of the genre's feels, as often as this artist plays it."""
    feels = STYLES[artist.genre].feels
    return feels[int(rng.choice(len(feels), p=artist.feels))]
