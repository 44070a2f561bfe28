"""Chords, progressions and voice leading.

A progression is written in Roman numerals relative to the MAJOR scale of the tonic, also in minor keys (which have
bIII, bVI, bVII). `|` separates bars, a space separates the chords in a bar. An upper-case numeral is a major chord, a
lower-case numeral a minor chord. The quality follows: 7, maj7, 6, 9, 5 (power chord), sus, h (half-diminished),
o (diminished).
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

# Quality -> the chord's tones, in semitones above the root.
QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "sus": (0, 5, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "9": (0, 4, 7, 10, 14),
    "m9": (0, 3, 7, 10, 14),
    "h": (0, 3, 6, 10),
    "o": (0, 3, 6, 9),
}
# Scale -> its tones, in semitones above the tonic.
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
_NUMERAL = re.compile(r"([b#]?)(III|II|IV|I|VII|VI|V|iii|ii|iv|i|vii|vi|v)(.*)")
_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}


@dataclass(frozen=True)
class Chord:
    """A chord: its root (pitch class 0 to 11; 0 is C) and its tones in semitones above the root."""

    root: int
    intervals: tuple[int, ...]

    @property
    def classes(self) -> tuple[int, ...]:
        """Pitch classes of the chord, root first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    @property
    def third(self) -> int:
        """Semitones from the root to the third; 7, the fifth, where the chord has no third (power chord, sus)."""
        return next((interval for interval in self.intervals if interval in (3, 4)), 7)

    @property
    def fifth(self) -> int:
        """Semitones from the root to the fifth: 7, or 6 in a diminished or half-diminished chord."""
        return 6 if 6 in self.intervals else 7


@cache
def chord(numeral: str, tonic: int) -> Chord:
    """Parse a Roman numeral into a chord in the key of `tonic` (pitch class).

    Raises ValueError if the numeral or its quality is unknown.
    """
    match = _NUMERAL.fullmatch(numeral)
    if match is None:
        raise ValueError(f"{numeral!r} is not a Roman numeral: expected for example ii7, bVII, Vsus, viih")
    accidental, roman, quality = match.groups()
    if roman.islower() and quality in ("", "6", "7", "9"):
        quality = "m" + quality
    if quality not in QUALITIES:
        raise ValueError(f"{numeral!r}: quality {quality!r} is not one of {', '.join(QUALITIES)}")
    shift = {"b": -1, "#": 1, "": 0}[accidental]
    return Chord((tonic + _DEGREES[roman.lower()] + shift) % 12, QUALITIES[quality])


def progression(text: str, tonic: int) -> list[tuple[Chord, ...]]:
    """Parse a progression such as "I7 | IV7 | ii7 V7 | I7" in the key of `tonic` -> the chords of each bar."""
    return [tuple(chord(numeral, tonic) for numeral in bar.split()) for bar in text.split("|")]


@cache
def voicing(
    harmony: Chord, previous: tuple[int, ...], centre: int, voices: int, rootless: bool = False
) -> tuple[int, ...]:
    """Voice a chord near the MIDI pitch `centre`, with the least total movement from the voicing `previous`.

    Returns up to `voices` MIDI pitches in ascending order. With `rootless`, chords of four or more tones leave the
    root to the bass, as jazz pianists do. A power chord is always root, fifth, octave.
    """
    if len(harmony.intervals) == 2:
        root = centre - 6 + (harmony.root - centre + 6) % 12
        return (root, root + 7, root + 12)[:voices]
    classes = harmony.classes[1:] if rootless and len(harmony.intervals) > 3 else harmony.classes
    classes = tuple(classes[index % len(classes)] for index in range(voices))
    options = []
    for octaves in product((-12, 0, 12), repeat=voices):
        # Every tone in the octave around the centre, then moved by whole octaves.
        pitches = sorted(
            centre - 6 + (pitch_class - centre + 6) % 12 + octave
            for pitch_class, octave in zip(classes, octaves, strict=True)
        )
        gaps = [high - low for low, high in pairwise(pitches)]
        if min(gaps, default=3) < 1 or max(gaps, default=3) > 10 or not -14 <= pitches[0] - centre <= 3:
            continue
        if abs(sum(pitches) / voices - centre) > 7:
            continue
        origin = previous if len(previous) == voices else tuple(centre - 5 + 4 * voice for voice in range(voices))
        movement = sum(abs(new - old) for new, old in zip(pitches, origin, strict=True))
        options.append((movement, tuple(pitches)))
    if options:
        return min(options)[1]
    return tuple(sorted(centre - 6 + (pitch_class - centre + 6) % 12 for pitch_class in set(classes)))


def nearest(pitch: float, classes: tuple[int, ...]) -> int:
    """Nearest MIDI pitch to `pitch` whose pitch class is in `classes`; of two equally near, the lower."""
    return min(
        (round(pitch) + step for step in range(-6, 7) if (round(pitch) + step) % 12 in classes),
        key=lambda candidate: (abs(candidate - pitch), candidate),
    )
