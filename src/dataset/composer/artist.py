"""Invented artists: the playing habits and the sound that all tracks of an artist share."""

from dataclasses import dataclass

import numpy as np

from src.dataset.composer.names import artist_name
from src.dataset.composer.style import GENRES, STYLES, Feel


@dataclass(frozen=True)
class Artist:
    """One invented artist. Levels are in dB, times in seconds."""

    name: str
    genre: str
    feel_probabilities: tuple[float, ...]  # one for each feel of the genre
    tempo_range: tuple[float, float]  # within a feel's tempo range: 0 is its slowest tempo, 1 its fastest
    keys: tuple[int, ...]  # tonics of the tracks, as pitch classes
    minor_probability: float  # of a track in minor, where the feel has both modes
    instruments: dict[str, tuple[str, ...]]  # role -> the artist's instruments
    habit_seed: int  # seed of the favourite patterns, substitute instruments and room reverb
    kit: str  # drum kit
    hat: str  # sound of the hi-hat line: hat, ride, shaker or tambourine
    centre: int  # MIDI pitch around which chords are voiced
    looseness_seconds: float  # standard deviation of the note onsets
    snare_delay_seconds: float  # behind the beat; below 0 the snare is early
    levels: dict[str, float]  # role -> level in dB
    drive: float  # amount of the amplifier's distortion; 0 is clean
    bass_db: float  # gain of the low shelf
    treble_db: float  # gain of the high shelf
    cutoff_hz: float  # of the low-pass filter
    reverb_seconds: float  # time in which the reverb decays by 60 dB
    reverb_db: float  # level of the impulse response, re the dry sound
    noise_db: float  # RMS of the background noise, re full scale
    compressor_ratio: float
    loudness_db: float  # RMS of every clip, re full scale


def stream(seed: int, genre: str, artist: int, track: int | None = None) -> np.random.Generator:
    """Return the random generator of an artist, or of one track (from 0). Each artist and each track has its own."""
    # The last number is 0 for the artist and track + 1 for a track, because SeedSequence gives the same numbers for
    # [1, 2, 3] as for [1, 2, 3, 0].
    return np.random.default_rng([seed, GENRES.index(genre), artist, 0 if track is None else track + 1])


def draw_artist(seed: int, genre: str, number: int) -> Artist:
    """Draw the artist with this number (from 0) in a genre."""
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
        feel_probabilities=tuple(weights / weights.sum()),
        tempo_range=(max(0.0, middle - width), min(1.0, middle + width)),
        keys=tuple(int(key) for key in rng.permutation(12)[:4]),
        minor_probability=float(rng.beta(1.2, 1.2)),
        instruments=instruments,
        habit_seed=int(rng.integers(2**63)),
        kit=_choose(style.kits, 1, rng)[0],
        hat=str(rng.choice(("hat", "hat", "hat", "ride", "shaker", "tambourine"))),
        centre=int(rng.integers(56, 65)),
        looseness_seconds=float(rng.uniform(0.002, 0.014)),
        snare_delay_seconds=float(rng.uniform(-0.004, 0.016)),
        levels={role: level + float(rng.normal(0, 1.6)) for role, level in style.levels.items()},
        drive=float(rng.choice((0.0, 0.0, 1.0)) * rng.uniform(0.5, 3)),
        bass_db=float(rng.normal(0, 1.7)),
        treble_db=float(rng.normal(0, 1.7)),
        cutoff_hz=float(rng.uniform(6000, 10500)),
        reverb_seconds=float(rng.uniform(0.2, 1.6)),
        reverb_db=float(rng.uniform(-26, -9)),
        noise_db=float(rng.uniform(-75, -48)),
        compressor_ratio=float(rng.uniform(1.2, 4)),
        loudness_db=float(rng.uniform(-23, -14)),
    )


def _choose(names: str, count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Draw `count` entries of a comma-separated list, without replacement. Each entry weighs half the one before it."""
    options = names.split(", ")
    weights = 0.5 ** np.arange(len(options))
    return tuple(str(name) for name in rng.choice(options, count, replace=False, p=weights / weights.sum()))


def draw_feel(artist: Artist, rng: np.random.Generator) -> Feel:
    """Draw one of the genre's feels with the probabilities of the artist."""
    feels = STYLES[artist.genre].feels
    return feels[int(rng.choice(len(feels), p=artist.feel_probabilities))]
