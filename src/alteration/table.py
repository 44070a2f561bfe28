"""The table of alterations: their strengths, and within which of them a piece keeps its genre."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from src.alteration import encoding, waves
from src.alteration.waves import Wave

BASS_HZ, TREBLE_HZ = 300.0, 1200.0  # corners of the shelf filters
# "Tempo within 6 %, pitch within a semitone" keep the genre: Sturm 2014. A speed within both is within 2 ** (1 / 12) - 1.
MOST_TEMPO_PERCENT, MOST_SEMITONES, MOST_SPEED_PERCENT = 6.0, 1.0, 5.9


@dataclass(frozen=True)
class Alteration:
    """A way to alter sound, at some strengths.

    `alter(wave (T,), rate in Hz, strength, generator)` returns the altered wave; None if the sound stays as it is and the
    model gets other segments. `unit` is that of the strength; `first_strengths` are measured if none is named. Beyond
    `most`, in absolute value, a piece may change its genre, so another prediction is no error; None: it always keeps it.
    """

    name: str
    description: str
    unit: str
    strengths: tuple[float, ...]
    alter: Callable[[Wave, int, float, np.random.Generator], Wave] | None
    lowest: float
    highest: float
    most: float | None = None

    def keeps_genre(self, strength: float) -> bool:
        """True if a piece keeps its genre at this strength."""
        return self.most is None or abs(strength) <= self.most


def _shelf(corner_hz: float, is_low: bool) -> Callable[[Wave, int, float, np.random.Generator], Wave]:
    return lambda wave_T, rate, gain_db, random: waves.shelf(wave_T, rate, corner_hz, gain_db, is_low)


ALTERATIONS = {
    alteration.name: alteration
    for alteration in (
        Alteration(
            "level",
            "gain, without clipping",
            "dB",
            (-24, -12, -6, 6, 12),
            lambda wave_T, rate, strength, random: waves.gain(wave_T, strength),
            -60,
            60,
        ),
        Alteration(
            "eq",
            "random gains up to this at five frequencies",
            "dB",
            (3, 6, 12),
            lambda wave_T, rate, strength, random: waves.random_equalization(wave_T, strength, random),
            0,
            40,
        ),
        Alteration(
            "bass",
            f"shelf filter below {BASS_HZ:g} Hz",
            "dB",
            (-12, -6, 6, 12),
            _shelf(BASS_HZ, is_low=True),
            -40,
            40,
        ),
        Alteration(
            "treble",
            f"shelf filter above {TREBLE_HZ:g} Hz",
            "dB",
            (-12, -6, 6, 12),
            _shelf(TREBLE_HZ, is_low=False),
            -40,
            40,
        ),
        Alteration(
            "low_pass",
            "nothing above this frequency",
            "Hz",
            (16000, 10000, 8000, 4000, 2000, 1000),
            lambda wave_T, rate, strength, random: waves.low_pass(wave_T, rate, strength),
            20,
            96000,
        ),
        Alteration(
            "mp3",
            "constant bit rate",
            "kbit/s",
            (128, 64, 32, 16),
            lambda wave_T, rate, strength, random: encoding.mp3(wave_T, rate, strength).wave,
            16,
            160,
        ),
        Alteration(
            "opus",
            "average bit rate",
            "kbit/s",
            (64, 32, 16, 8),
            lambda wave_T, rate, strength, random: encoding.opus(wave_T, rate, strength).wave,
            6,
            256,
        ),
        Alteration(
            "noise",
            "white noise; signal-to-noise ratio",
            "dB",
            (40, 30, 20, 10, 0),
            lambda wave_T, rate, strength, random: waves.white_noise(wave_T, strength, random),
            -60,
            120,
        ),
        Alteration(
            "reverb",
            "tail of a room as strong as the direct sound; RT60",
            "s",
            (0.3, 1, 3),
            waves.reverberate,
            0.05,
            20,
        ),
        Alteration(
            "speed",
            "tempo and pitch together, as on a tape",
            "%",
            (-10, -5, -2, 2, 5, 10),
            lambda wave_T, rate, strength, random: waves.change_speed(wave_T, rate, strength),
            -50,
            100,
            MOST_SPEED_PERCENT,
        ),
        Alteration(
            "tempo",
            "at the same pitch",
            "%",
            (-20, -10, -6, 6, 10, 20),
            lambda wave_T, rate, strength, random: waves.change_tempo(wave_T, strength),
            -50,
            100,
            MOST_TEMPO_PERCENT,
        ),
        Alteration(
            "pitch",
            "at the same tempo, in whole semitones",
            "semitones",
            (-4, -2, -1, 1, 2, 4),
            lambda wave_T, rate, strength, random: waves.change_pitch(wave_T, strength),
            -12,
            12,
            MOST_SEMITONES,
        ),
        Alteration(
            "offset",
            "seconds cut off the start, so that all segments start elsewhere",
            "s",
            (0.1, 0.5, 1.5),
            lambda wave_T, rate, strength, random: waves.cut_start(wave_T, rate, strength),
            0,
            3600,
        ),
        Alteration(
            "segment",
            "segments of this length, as a factor of the run's data.crop_seconds",
            "times",
            (0.25, 0.5, 2),
            None,
            0.05,
            20,
        ),
    )
}
