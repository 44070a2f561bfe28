"""Bass patterns: one function per pattern, which plays one bar.

A pattern takes the bar and the player's memory and yields notes whose starts are counted from the bar's first beat.
Eighths and sixteenths are written straight; the swing of the song is applied later (Song.time).
"""

from collections.abc import Callable, Iterator

from src.dataset.composer.bar import Bar, Memory, Note
from src.dataset.composer.harmony import nearest


def low(pitch_class: int, lowest: int = 28) -> int:
    """Lowest MIDI pitch of a pitch class on an instrument whose lowest note is `lowest` (28: E1)."""
    return lowest + (pitch_class - lowest) % 12


def root(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Eighths on the root; in some bars the last eighth leads into the next bar's root."""
    for step in range(2 * bar.beats):
        pitch = low(bar.chord_at(step / 2).root)
        if step == 2 * bar.beats - 1 and bar.rng.random() < 0.3:
            pitch = low(bar.next_chord.root) + (-2 if bar.rng.random() < 0.5 else 2)
        yield Note(step / 2, 0.44, pitch, 0.9 if step % 2 == 0 else 0.72)


def chug(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Sixteenths on the root, together with the metal guitars."""
    for step in range(4 * bar.beats):
        yield Note(step / 4, 0.22, low(bar.chord_at(step / 4).root), 0.95 if step % 4 == 0 else 0.75)


def gallop(bar: Bar, memory: Memory) -> Iterator[Note]:
    """One eighth and two sixteenths on every beat."""
    for beat in range(bar.beats):
        for offset, length in ((0.0, 0.4), (0.5, 0.2), (0.75, 0.2)):
            yield Note(beat + offset, length, low(bar.chord_at(beat).root), 0.95 if offset == 0 else 0.75)


def hold(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Long roots; sometimes the fifth comes in one and a half beats before the end of the chord."""
    for start, length, chord in bar.spans:
        has_fifth = length >= 3 and bar.rng.random() < 0.45
        yield Note(start, length - (1.5 if has_fifth else 0.1), low(chord.root), 0.85)
        if has_fifth:
            yield Note(start + length - 1.5, 1.4, low(chord.root) + chord.fifth, 0.7)


def one(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Waltz bass: one note on beat one, the root and the fifth in alternate bars."""
    chord = bar.chord_at(0)
    yield Note(0, bar.beats * 0.8, low(chord.root) + (chord.fifth if bar.number % 2 else 0), 0.85)


def boom(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Root on beat one, fifth below or above on beat three; sometimes a passing note on beat four into a new chord."""
    has_passing_note = bar.next_chord.root != bar.chord_at(bar.beats - 1).root and bar.rng.random() < 0.5
    for beat in range(0, bar.beats, 2):
        chord = bar.chord_at(beat)
        pitch = low(chord.root) if beat == 0 or len(bar.chords) > 1 else low((chord.root + chord.fifth) % 12)
        yield Note(beat, 0.9 if has_passing_note and beat == 2 else 1.5, pitch, 0.9)
    if has_passing_note and bar.beats == 4:
        yield Note(3, 0.9, nearest((low(bar.chord_at(0).root) + low(bar.next_chord.root)) / 2, bar.scale), 0.75)


def octave(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Disco octaves: the root on the beat, its octave between the beats."""
    has_gallop = bar.number % 4 == 3 and bar.rng.random() < 0.5
    for beat in range(bar.beats):
        pitch = low(bar.chord_at(beat).root)
        yield Note(beat, 0.4, pitch, 0.92)
        yield Note(beat + 0.5, 0.3, pitch + 12, 0.8)
        if has_gallop and beat == bar.beats - 1:
            yield Note(beat + 0.75, 0.2, pitch + 12, 0.7)


def walk(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Walking bass in quarters.

    The root on beat one and on a new chord, chord and scale tones between. The last beat lies a half step above, or a
    half or whole step below, the next bar's root.
    """
    pitch = low(bar.chord_at(0).root)
    if memory.pitch and abs(pitch + 12 - memory.pitch) < abs(pitch - memory.pitch):
        pitch += 12
    target = nearest(pitch + int(bar.rng.integers(-5, 6)), (bar.next_chord.root,))
    for beat in range(bar.beats):
        chord = bar.chord_at(beat)
        if beat == 0 or chord is not bar.chord_at(beat - 1):
            pitch = nearest(pitch, (chord.root,))
        elif beat == bar.beats - 1:
            pitch = target + int(bar.rng.choice((-2, -1, 1)))
        else:
            pitch_classes = chord.classes if bar.rng.random() < 0.6 else bar.scale
            step = (target - pitch) / (bar.beats - beat) + bar.rng.choice((-3, 3))
            pitch = nearest(pitch + step, pitch_classes)
        pitch = min(max(pitch, 28), 52)
        yield Note(beat, 0.9, pitch, 0.85 if beat % 2 else 0.8)
        if bar.swung and bar.rng.random() < 0.08:
            yield Note(beat + 0.5, 0.3, pitch, 0.5)
    memory.pitch = target if 28 <= target <= 45 else low(bar.next_chord.root)


def boogie(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Boogie-woogie quarters: 1 3 5 6 in one bar, b7 6 5 3 in the next; 1 3 for each of several chords in a bar."""
    for beat in range(bar.beats):
        chord = bar.chord_at(beat)
        line = (0, chord.third, chord.fifth, 9) if bar.number % 2 == 0 else (10, 9, chord.fifth, chord.third)
        if len(bar.chords) > 1:
            line = (0, chord.third, 0, chord.third)
        yield Note(beat, 0.85, low(chord.root) + line[beat % 4], 0.88)
        if bar.rng.random() < 0.25:
            yield Note(beat + 0.5, 0.35, low(chord.root) + line[beat % 4], 0.55)


def shuffle_root(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Long-short pairs on the root; on beat four, the fifth."""
    for beat in range(bar.beats):
        chord = bar.chord_at(beat)
        pitch = low(chord.root) + (chord.fifth if beat == 3 else 0)
        yield Note(beat, 0.45, pitch, 0.9)
        yield Note(beat + 0.5, 0.4, pitch, 0.65)


def triplet(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Slow blues in 12/8: a note on each beat, often with a pickup on the last triplet of the beat."""
    for beat in range(bar.beats):
        chord = bar.chord_at(beat)
        interval = (0, 0, chord.fifth, chord.third)[beat % 4]
        yield Note(beat, 0.6, low(chord.root) + interval, 0.88)
        if beat % 2 or bar.rng.random() < 0.3:
            yield Note(beat + 2 / 3, 0.3, low(chord.root) + interval, 0.6)


def bossa(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Dotted quarter and eighth: the root moves to the fifth and back."""
    for start, length, interval in ((0, 1.4, 0), (1.5, 0.45, 7), (2, 1.4, 7), (3.5, 0.45, 0)):
        chord = bar.chord_at(start)
        yield Note(start, length, low(chord.root) + (chord.fifth if interval else 0), 0.85 if length > 1 else 0.65)


def syncopated(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Funk: a note on beat one, then syncopated sixteenths on root, fifth, seventh and octave."""
    patterns = (
        ((0, 0), (0.75, 12), (1.5, 0), (2.5, 7), (2.75, 10), (3.5, 12)),
        ((0, 0), (1.5, 0), (1.75, 12), (2.75, 7), (3.25, 10), (3.5, 0)),
        ((0, 0), (0.5, 0), (1.25, 12), (2.25, 0), (2.75, 10), (3.75, 12)),
    )
    for start, interval in memory.choose(bar, "line", patterns):
        yield Note(start, 0.35, low(bar.chord_at(start).root) + interval, 0.92 if start == 0 else 0.75)


def sub(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Hip hop: a few long, low notes around the kick; the pattern repeats every two bars."""
    patterns = (
        (((0, 1.4, 0), (2.5, 1.2, 0)), ((0, 0.6, 0), (1.75, 0.6, 0), (2.5, 1.0, 7))),
        (((0, 0.7, 0), (0.75, 1.2, 0), (2.5, 0.7, 12)), ((0, 1.6, 0), (2.75, 1.1, 10))),
        (((0, 2.2, 0), (2.5, 0.4, 0), (3.25, 0.6, 10)), ((0, 2.8, 0),)),
    )
    for start, length, interval in memory.choose(bar, "line", patterns)[bar.number % 2]:
        yield Note(start, length, low(bar.chord_at(start).root) + interval, 0.92)


def dub(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Reggae: a melody of chord tones with rests, often silent on beat one; the pattern repeats every two bars."""
    patterns = (
        (((0.5, 0.45, 0), (1, 0.9, 0), (2.5, 0.4, 4), (3, 0.8, 7)), ((0.5, 0.45, 0), (1, 1.6, 0))),
        (((0, 0.7, 0), (0.75, 0.5, 4), (1.5, 1.0, 7)), ((0, 0.7, 0), (0.75, 0.5, 4), (1.5, 0.4, 7), (3, 0.8, 7))),
        (((1, 0.4, 0), (1.5, 0.4, 7), (2, 0.9, 12), (3.5, 0.4, 7)), ((1, 0.9, 0), (2.5, 1.2, 7))),
        (((0, 0.45, 0), (0.5, 0.4, 0), (1.5, 0.45, -5), (2, 0.9, 0)), ((0.5, 0.4, 4), (1, 0.4, 0), (2, 1.2, -5))),
    )  # fmt: skip
    for start, length, interval in memory.choose(bar, "line", patterns)[bar.number % 2]:
        chord = bar.chord_at(start)
        interval = {4: chord.third, 7: chord.fifth}.get(interval, interval)  # 4 and 7: the chord's own third and fifth
        pitch = low(chord.root, 31) + interval
        yield Note(start, length, pitch if pitch >= 28 else pitch + 12, 0.95)


def riff(bar: Bar, memory: Memory) -> Iterator[Note]:
    """The section's riff, an octave below the chord player's riff."""
    for start, length, interval in bar.riff:
        start -= bar.number % 2 * bar.beats
        if 0 <= start < bar.beats:
            yield Note(start, length, low(bar.chord_at(start).root) + interval, 0.9)


def line(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Classical bass line: root or third of each chord, once or twice, in the octave nearest to the previous note."""
    pitch = memory.pitch or low(bar.chord_at(0).root, 36)
    for start, length, chord in bar.spans:
        first_inversion = bar.rng.random() < 0.3 and bar.number not in (0, bar.section_bars - 1)
        pitch = nearest(pitch, (chord.classes[1 if first_inversion else 0],))
        pitch = pitch + 12 if pitch < 36 else pitch - 12 if pitch > 57 else pitch
        twice = length > 2 and bar.rng.random() < 0.6
        yield Note(start, length / (2 if twice else 1) * 0.96, pitch, 0.75)
        if twice:
            yield Note(
                start + length / 2, length / 2 * 0.96, nearest(pitch + bar.rng.choice((-4, 4)), chord.classes), 0.65
            )
    memory.pitch = pitch


def counter(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Lower voice of an invention: eighths up or down, with a chord tone on every beat and a scale tone between.

    The line turns where it would leave its range (MIDI 43 to 60), and sometimes before.
    """
    pitch = int(memory.pitch) or low(bar.chord_at(0).root, 43)
    direction = memory.choose(bar, "direction", (-1, 1))
    for beat in range(bar.beats):
        pitch = nearest(pitch + 2 * direction, bar.chord_at(beat).classes)
        yield Note(beat, 0.48, pitch, 0.72)
        yield Note(beat + 0.5, 0.48, nearest(pitch + 1.6 * direction, bar.scale), 0.62)
        if not 43 <= pitch + 4 * direction <= 60 or bar.rng.random() < 0.2:
            direction = -1 if pitch > 51 else 1
    memory.pitch, memory.choices["direction"] = pitch, direction


BASS: dict[str, Callable[[Bar, Memory], Iterator[Note]]] = {
    "root": root, "chug": chug, "gallop": gallop, "hold": hold, "one": one, "boom": boom, "octave": octave,
    "walk": walk, "boogie": boogie, "shuffle root": shuffle_root, "triplet": triplet, "bossa": bossa,
    "syncopated": syncopated, "sub": sub, "dub": dub, "riff": riff, "line": line, "counter low": counter,
}  # fmt: skip
