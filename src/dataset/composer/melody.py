"""Melodies over the chords: a motif, its repetition, a free bar and an ending.

The lead style sets the rhythms of a melody, its scale, the size of its leaps and how often it rests.
"""

from dataclasses import dataclass

from src.dataset.composer.bar import Bar, Memory, Note
from src.dataset.composer.harmony import nearest

Cell = tuple[tuple[float, float], ...]  # the rhythm of one beat: (start, length) of each note, in beats


@dataclass(frozen=True)
class LeadStyle:
    """A way to play melodies."""

    cells: tuple[Cell, ...]  # drawn with equal probability; some are listed more than once
    major_scale: str  # used in major keys
    minor_scale: str  # used in minor keys
    leap_semitones: float  # standard deviation of the drawn intervals
    rest_probability: float  # of an empty last bar in a phrase; a whole phrase is empty with half this probability
    centre: int = 72  # MIDI pitch around which the melody moves


QUARTER: Cell = ((0, 0.95),)
EIGHTHS: Cell = ((0, 0.48), (0.5, 0.48))
OFF: Cell = ((0.5, 0.5),)
DOTTED: Cell = ((0, 0.7), (0.75, 0.24))
SIXTEENTHS: Cell = ((0, 0.24), (0.25, 0.24), (0.5, 0.24), (0.75, 0.24))
TURN: Cell = ((0, 0.48), (0.5, 0.24), (0.75, 0.24))
TRIPLETS: Cell = ((0, 0.32), (1 / 3, 0.32), (2 / 3, 0.32))
LONG: Cell = ((0, 1.9),)  # the only cell of two beats
REST: Cell = ()

LEAD_STYLES = {
    "song": LeadStyle((QUARTER, EIGHTHS, OFF, LONG, REST, EIGHTHS), "major", "minor", 2.5, 0.2),
    "country": LeadStyle((QUARTER, EIGHTHS, EIGHTHS, OFF, TURN, REST), "pentatonic", "minor pentatonic", 3, 0.25),
    "blues": LeadStyle((EIGHTHS, OFF, EIGHTHS, QUARTER, REST, LONG), "blues", "blues", 3, 0.42, 70),
    "bebop": LeadStyle((EIGHTHS, EIGHTHS, EIGHTHS, OFF, QUARTER, TRIPLETS, REST), "major", "dorian", 2.5, 0.18, 70),
    "riff": LeadStyle((EIGHTHS, OFF, QUARTER, REST, TURN), "minor pentatonic", "minor pentatonic", 3, 0.35, 67),
    "shred": LeadStyle((SIXTEENTHS, EIGHTHS, TURN, LONG, SIXTEENTHS), "minor", "harmonic minor", 2, 0.3, 74),
    "disco": LeadStyle((DOTTED, EIGHTHS, OFF, LONG, REST, QUARTER), "major", "dorian", 2.5, 0.25, 74),
    "hook": LeadStyle((OFF, DOTTED, REST, REST, SIXTEENTHS, LONG), "pentatonic", "minor pentatonic", 3, 0.45, 70),
    "classical": LeadStyle(
        (QUARTER, EIGHTHS, TURN, LONG, DOTTED, SIXTEENTHS), "major", "harmonic minor", 2.5, 0.04, 74
    ),
    "invention": LeadStyle((SIXTEENTHS, EIGHTHS, TURN, SIXTEENTHS, QUARTER), "major", "harmonic minor", 2, 0.0, 72),
    "hymn": LeadStyle((QUARTER, LONG, QUARTER, EIGHTHS), "major", "harmonic minor", 2, 0.0, 71),
    "fills": LeadStyle((EIGHTHS, TURN, REST, OFF, TRIPLETS), "pentatonic", "minor pentatonic", 3, 0.5, 69),
}


def play_melody(bar: Bar, memory: Memory, style: LeadStyle, centre: int) -> list[Note]:
    """Play one bar of a melody near the MIDI pitch `centre`.

    A phrase has four bars: a motif; its rhythm again, with pitches that follow the chords; a free bar; an ending on a
    long note. Strong beats and long notes take chord tones, other notes take tones of the bar's scale.
    """
    bar_of_phrase = bar.number % 4
    if bar_of_phrase == 0 or "motif" not in memory.choices:
        memory.choices["motif"] = _rhythm(bar, style)
        memory.choices["contour"] = [float(bar.rng.normal(0, style.leap_semitones)) for _ in range(32)]
        memory.choices["rests"] = bar.rng.random() < style.rest_probability * 0.5
    if memory.choices["rests"] or (bar_of_phrase == 3 and bar.rng.random() < style.rest_probability):
        return []
    if bar_of_phrase == 2:
        rhythm = _rhythm(bar, style)
    elif bar_of_phrase == 3:
        # Those of the motif's first two notes that start before the long note, and the long note.
        rhythm = [*memory.choices["motif"][:2], (2.0 if bar.beats == 4 else 1.0, bar.beats - 2.2)]
        rhythm = [onset for index, onset in enumerate(rhythm) if onset[0] < rhythm[-1][0] or index == len(rhythm) - 1]
    else:
        rhythm = memory.choices["motif"]
    notes = []
    pitch = memory.pitch or nearest(centre, bar.chord_at(0).classes)
    for index, (start, length) in enumerate(rhythm):
        target = pitch + memory.choices["contour"][index % 32] + (centre - pitch) * 0.22
        strong = start % 1 == 0 and (start % 2 == 0 or length > 0.9)
        pitch_classes = bar.chord_at(start).classes if strong or length > 0.9 else bar.scale
        next_pitch = nearest(target, pitch_classes)
        if next_pitch == pitch and not strong and bar.rng.random() < 0.7:
            next_pitch = nearest(pitch + (2 if target >= pitch else -2), bar.scale)
        pitch = next_pitch
        notes.append(Note(start, min(length, bar.beats - start), pitch, 0.85 if strong else 0.72))
    memory.pitch = pitch
    return notes


def _rhythm(bar: Bar, style: LeadStyle) -> list[tuple[float, float]]:
    """Draw cells until the bar is full -> (start, length) of each note, in beats. The last may reach beyond it."""
    rhythm: list[tuple[float, float]] = []
    beat = 0
    while beat < bar.beats:
        cell = style.cells[bar.rng.integers(len(style.cells))]
        rhythm += [(beat + start, length) for start, length in cell]
        beat += 2 if cell is LONG else 1
    return rhythm
