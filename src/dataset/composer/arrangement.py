"""The notes of a track: every player plays bar after bar over the plan."""

from dataclasses import dataclass, field

import numpy as np

from src.dataset.composer.artist import Artist
from src.dataset.composer.bar import Bar, Memory, Note
from src.dataset.composer.bass import BASS
from src.dataset.composer.chords import CHORDS
from src.dataset.composer.drums import beat
from src.dataset.composer.harmony import SCALES
from src.dataset.composer.melody import MANNERS, sing
from src.dataset.composer.song import SECTIONS, Song
from src.dataset.composer.style import STYLES


@dataclass
class Part:
    """One player's notes."""

    role: str  # drums, bass, chords, second, lead or solo
    instrument: str  # or drum kit
    notes: list[Note] = field(default_factory=list)


def arrange(artist: Artist, song: Song, rng: np.random.Generator, start: float, stop: float) -> list[Part]:
    """The parts that play between two times (seconds) of the song: all notes of the sections in between, in beats."""
    parts = {role: Part(role, name) for role, name in song.instruments.items()}
    memories = {role: Memory() for role in parts}
    manner = MANNERS[song.feel.lead]
    scale = tuple((song.tonic + step) % 12 for step in SCALES[manner.minor if song.minor else manner.major])
    beats, dynamics = song.feel.beats, STYLES[artist.genre].dynamics
    for letter, first, length in song.sections:
        if song.time(np.array((first + length) * beats)) < start or song.time(np.array(first * beats)) > stop:
            continue
        section, riff = SECTIONS[letter], _riff(rng)
        for number in range(length):
            index = first + number
            following = song.bars[(index + 1) % len(song.bars)][0]
            bar = Bar(number, length, beats, song.bars[index], following, scale, riff, song.swing > 1.2, rng)
            # Louder and softer in waves of eight bars.
            strength = section.energy * (1 - dynamics * (0.5 + 0.5 * np.cos(2 * np.pi * number / 8 + first)))
            for role in section.playing:
                parts[role].notes += [
                    Note(note.start + index * beats, note.length, note.pitch, note.strength * strength)
                    for note in _play(artist, song, role, bar, memories[role])
                ]
    return [part for part in parts.values() if part.notes]


def _play(artist: Artist, song: Song, role: str, bar: Bar, memory: Memory) -> list[Note]:
    """One player's bar."""
    if role in ("lead", "solo"):
        manner = MANNERS[song.feel.lead]
        return sing(bar, memory, manner, manner.centre)
    pattern = song.patterns[role]
    if role == "drums":
        return beat(pattern, bar, artist.hat)
    if pattern == "none":
        return []
    if role == "bass":
        return list(BASS[pattern](bar, memory))
    if pattern == "fills":  # short answers in every other bar
        return sing(bar, memory, MANNERS["fills"], artist.centre + 11) if bar.number % 2 else []
    return list(CHORDS[pattern](bar, memory, artist.centre + (5 if role == "second" else 0)))


def _riff(rng: np.random.Generator) -> tuple[tuple[float, float, int], ...]:
    """Two bars in eighths, minor pentatonic above the root, the second bar like the first but for its end."""
    starts = [0.0] + [step / 2 for step in range(1, 8) if rng.random() < 0.6]
    intervals = [0] + [int(rng.choice((0, 0, 3, 5, 7, 10, 12))) for _ in starts[1:]]
    ends = [*starts[1:], 4.0]
    first = [
        (start, (end - start) * 0.92, interval) for start, end, interval in zip(starts, ends, intervals, strict=True)
    ]
    second = [
        (start + 4, length, int(rng.choice((0, 3, 5))) if start >= 2 else interval) for start, length, interval in first
    ]
    return tuple(first + second)
