"""Melodies: a motif, its repetitions and an answer, over the chords.

A lead's manner says in which rhythms it moves, in which scale, how far it leaps, and how much it rests.
"""

from dataclasses import dataclass

from src.dataset.composer.bar import Bar, Memory, Note
from src.dataset.composer.harmony import nearest

Cell = tuple[tuple[float, float], ...]  # (start, length) in the beat


@dataclass(frozen=True)
class Manner:
    """How a lead plays. `rests` is the share of bars that it leaves empty; `leap` the usual interval in semitones."""

    cells: tuple[Cell, ...]
    major: str
    minor: str
    leap: float
    rests: float
    centre: int = 72


QUARTER: Cell = ((0, 0.95),)
EIGHTHS: Cell = ((0, 0.48), (0.5, 0.48))
OFF: Cell = ((0.5, 0.5),)
DOTTED: Cell = ((0, 0.7), (0.75, 0.24))
SIXTEENTHS: Cell = ((0, 0.24), (0.25, 0.24), (0.5, 0.24), (0.75, 0.24))
TURN: Cell = ((0, 0.48), (0.5, 0.24), (0.75, 0.24))
TRIPLETS: Cell = ((0, 0.32), (1 / 3, 0.32), (2 / 3, 0.32))
LONG: Cell = ((0, 1.9),)
REST: Cell = ()

MANNERS = {
    "song": Manner((QUARTER, EIGHTHS, OFF, LONG, REST, EIGHTHS), "major", "minor", 2.5, 0.2),
    "country": Manner((QUARTER, EIGHTHS, EIGHTHS, OFF, TURN, REST), "pentatonic", "minor pentatonic", 3, 0.25),
    "blues": Manner((EIGHTHS, OFF, EIGHTHS, QUARTER, REST, LONG), "blues", "blues", 3, 0.42, 70),
    "bebop": Manner((EIGHTHS, EIGHTHS, EIGHTHS, OFF, QUARTER, TRIPLETS, REST), "major", "dorian", 2.5, 0.18, 70),
    "riff": Manner((EIGHTHS, OFF, QUARTER, REST, TURN), "minor pentatonic", "minor pentatonic", 3, 0.35, 67),
    "shred": Manner((SIXTEENTHS, EIGHTHS, TURN, LONG, SIXTEENTHS), "minor", "harmonic minor", 2, 0.3, 74),
    "disco": Manner((DOTTED, EIGHTHS, OFF, LONG, REST, QUARTER), "major", "dorian", 2.5, 0.25, 74),
    "hook": Manner((OFF, DOTTED, REST, REST, SIXTEENTHS, LONG), "pentatonic", "minor pentatonic", 3, 0.45, 70),
    "classical": Manner((QUARTER, EIGHTHS, TURN, LONG, DOTTED, SIXTEENTHS), "major", "harmonic minor", 2.5, 0.04, 74),
    "invention": Manner((SIXTEENTHS, EIGHTHS, TURN, SIXTEENTHS, QUARTER), "major", "harmonic minor", 2, 0.0, 72),
    "hymn": Manner((QUARTER, LONG, QUARTER, EIGHTHS), "major", "harmonic minor", 2, 0.0, 71),
    "fills": Manner((EIGHTHS, TURN, REST, OFF, TRIPLETS), "pentatonic", "minor pentatonic", 3, 0.5, 69),
}


def sing(bar: Bar, memory: Memory, manner: Manner, centre: int) -> list[Note]:
    """One bar of melody near MIDI pitch `centre`.

    Phrases are four bars: a motif, the motif again (its rhythm; the pitches follow the chords), a free bar, and an
    ending with a long note. Beats fall on chord tones, what lies between moves by scale.
    """
    place = bar.number % 4
    if place == 0 or "motif" not in memory.choices:
        memory.choices["motif"] = _rhythm(bar, manner)
        memory.choices["contour"] = [float(bar.rng.normal(0, manner.leap)) for _ in range(32)]
        memory.choices["rests"] = bar.rng.random() < manner.rests * 0.5
    if memory.choices["rests"] or (place == 3 and bar.rng.random() < manner.rests):
        return []
    if place == 2:
        rhythm = _rhythm(bar, manner)
    elif place == 3:
        rhythm = [*memory.choices["motif"][:2], (2.0 if bar.beats == 4 else 1.0, bar.beats - 2.2)]
        rhythm = [onset for index, onset in enumerate(rhythm) if onset[0] < rhythm[-1][0] or index == len(rhythm) - 1]
    else:
        rhythm = memory.choices["motif"]
    notes = []
    pitch = memory.pitch or nearest(centre, bar.at(0).classes)
    for index, (start, length) in enumerate(rhythm):
        aim = pitch + memory.choices["contour"][index % 32] + (centre - pitch) * 0.22
        strong = start % 1 == 0 and (start % 2 == 0 or length > 0.9)
        pool = bar.at(start).classes if strong or length > 0.9 else bar.scale
        new = nearest(aim, pool)
        if new == pitch and not strong and bar.rng.random() < 0.7:
            new = nearest(pitch + (2 if aim >= pitch else -2), bar.scale)
        pitch = new
        notes.append(Note(start, min(length, bar.beats - start), pitch, 0.85 if strong else 0.72))
    memory.pitch = pitch
    return notes


def _rhythm(bar: Bar, manner: Manner) -> list[tuple[float, float]]:
    rhythm: list[tuple[float, float]] = []
    beat = 0
    while beat < bar.beats:
        cell = manner.cells[bar.rng.integers(len(manner.cells))]
        rhythm += [(beat + start, length) for start, length in cell]
        beat += 2 if cell is LONG else 1
    return rhythm
