"""Arrangement: the notes of every player, bar by bar, over the plan of a song."""

from dataclasses import dataclass, field

import numpy as np

from src.dataset.composer.artist import Artist
from src.dataset.composer.bar import Bar, Memory, Note
from src.dataset.composer.bass import BASS
from src.dataset.composer.chords import CHORDS
from src.dataset.composer.drums import play_groove
from src.dataset.composer.harmony import SCALES
from src.dataset.composer.melody import LEAD_STYLES, play_melody
from src.dataset.composer.song import SECTIONS, Song
from src.dataset.composer.style import STYLES


@dataclass
class Part:
    """The notes of one player. Their times are in beats of the song."""

    role: str  # drums, bass, chords, second, lead or solo
    instrument: str  # name of the instrument or drum kit
    notes: list[Note] = field(default_factory=list)


def arrange(artist: Artist, song: Song, rng: np.random.Generator, start: float, stop: float) -> list[Part]:
    """Arrange the sections of a song that sound between the times `start` and `stop`, in seconds.

    Each of these sections is arranged whole, so some notes lie outside these times. Returns the parts that have notes.
    """
    parts = {role: Part(role, name) for role, name in song.instruments.items()}
    memories = {role: Memory() for role in parts}
    lead_style = LEAD_STYLES[song.feel.lead]
    scale_name = lead_style.minor_scale if song.minor else lead_style.major_scale
    scale = tuple((song.tonic + step) % 12 for step in SCALES[scale_name])
    beats, dynamics = song.feel.beats, STYLES[artist.genre].dynamics
    for letter, first_bar, bar_count in song.sections:
        if (
            song.time(np.array((first_bar + bar_count) * beats)) < start
            or song.time(np.array(first_bar * beats)) > stop
        ):
            continue
        section, riff = SECTIONS[letter], _riff(rng)
        for number in range(bar_count):
            index = first_bar + number
            next_chord = song.bars[(index + 1) % len(song.bars)][0]
            bar = Bar(number, bar_count, beats, song.bars[index], next_chord, scale, riff, song.swing > 1.2, rng)
            # The dynamics rise and fall over eight bars.
            strength = section.energy * (1 - dynamics * (0.5 + 0.5 * np.cos(2 * np.pi * number / 8 + first_bar)))
            for role in section.playing:
                parts[role].notes += [
                    Note(note.start + index * beats, note.length, note.pitch, note.strength * strength)
                    for note in _play(artist, song, role, bar, memories[role])
                ]
    return [part for part in parts.values() if part.notes]


def _play(artist: Artist, song: Song, role: str, bar: Bar, memory: Memory) -> list[Note]:
    """Play one bar of a role. The starts of its notes are counted from the bar's first beat."""
    if role in ("lead", "solo"):
        lead_style = LEAD_STYLES[song.feel.lead]
        return play_melody(bar, memory, lead_style, lead_style.centre)
    pattern = song.patterns[role]
    if role == "drums":
        return play_groove(pattern, bar, artist.hat)
    if pattern == "none":
        return []
    if role == "bass":
        return list(BASS[pattern](bar, memory))
    if pattern == "fills":  # short melodic fills in every second bar
        return play_melody(bar, memory, LEAD_STYLES["fills"], artist.centre + 11) if bar.number % 2 else []
    return list(CHORDS[pattern](bar, memory, artist.centre + (5 if role == "second" else 0)))


def _riff(rng: np.random.Generator) -> tuple[tuple[float, float, int], ...]:
    """Draw a riff of two 4/4 bars -> (start, length, interval) of each note, in beats and semitones above the root.

    Notes start on eighths; the intervals are minor pentatonic. The second bar repeats the rhythm of the first and
    its intervals before the third beat; from there the intervals are drawn anew.
    """
    starts = [0.0] + [step / 2 for step in range(1, 8) if rng.random() < 0.6]
    intervals = [0] + [int(rng.choice((0, 0, 3, 5, 7, 10, 12))) for _ in starts[1:]]
    ends = [*starts[1:], 4.0]
    first_bar = [
        (start, (end - start) * 0.92, interval) for start, end, interval in zip(starts, ends, intervals, strict=True)
    ]
    second_bar = [
        (start + 4, length, int(rng.choice((0, 3, 5))) if start >= 2 else interval)
        for start, length, interval in first_bar
    ]
    return tuple(first_bar + second_bar)
