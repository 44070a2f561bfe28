"""How bass players play: one function a pattern, one bar at a time.

A pattern takes the bar and the player's memory and gives notes whose starts count from the bar's first beat. Pairs of
eighths or sixteenths are written straight; the song's swing moves them.
"""

from collections.abc import Callable, Iterator

from src.dataset.composer.bar import Bar, Memory, Note
from src.dataset.composer.harmony import nearest


def low(pitch_class: int, lowest: int = 28) -> int:
    """The lowest MIDI pitch of a pitch class on an instrument whose lowest string is `lowest` (28: E1)."""
    return lowest + (pitch_class - lowest) % 12


def root(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Eighths on the root; the last one may lead into the next bar's root."""
    for step in range(2 * bar.beats):
        pitch = low(bar.at(step / 2).root)
        if step == 2 * bar.beats - 1 and bar.rng.random() < 0.3:
            pitch = low(bar.following.root) + (-2 if bar.rng.random() < 0.5 else 2)
        yield Note(step / 2, 0.44, pitch, 0.9 if step % 2 == 0 else 0.72)


def chug(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Sixteenths on the root, with the guitars."""
    for step in range(4 * bar.beats):
        yield Note(step / 4, 0.22, low(bar.at(step / 4).root), 0.95 if step % 4 == 0 else 0.75)


def gallop(bar: Bar, memory: Memory) -> Iterator[Note]:
    """An eighth and two sixteenths a beat."""
    for beat in range(bar.beats):
        for offset, length in ((0.0, 0.4), (0.5, 0.2), (0.75, 0.2)):
            yield Note(beat + offset, length, low(bar.at(beat).root), 0.95 if offset == 0 else 0.75)


def hold(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Long roots, with a push on the last eighth now and then."""
    for start, length, chord in bar.spans:
        push = length >= 3 and bar.rng.random() < 0.45
        yield Note(start, length - (1.5 if push else 0.1), low(chord.root), 0.85)
        if push:
            yield Note(start + length - 1.5, 1.4, low(chord.root) + chord.fifth, 0.7)


def one(bar: Bar, memory: Memory) -> Iterator[Note]:
    """The waltz's bass: root and fifth in turn, on one."""
    chord = bar.at(0)
    yield Note(0, bar.beats * 0.8, low(chord.root) + (chord.fifth if bar.number % 2 else 0), 0.85)


def boom(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Root on one, fifth below or above on three; a walk up or down into a new chord."""
    leads = bar.following.root != bar.at(bar.beats - 1).root and bar.rng.random() < 0.5
    for beat in range(0, bar.beats, 2):
        chord = bar.at(beat)
        pitch = low(chord.root) if beat == 0 or len(bar.chords) > 1 else low((chord.root + chord.fifth) % 12)
        yield Note(beat, 0.9 if leads and beat == 2 else 1.5, pitch, 0.9)
    if leads and bar.beats == 4:
        yield Note(3, 0.9, nearest((low(bar.at(0).root) + low(bar.following.root)) / 2, bar.scale), 0.75)


def octave(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Disco: low on the beat, an octave higher between the beats."""
    gallops = bar.number % 4 == 3 and bar.rng.random() < 0.5
    for beat in range(bar.beats):
        pitch = low(bar.at(beat).root)
        yield Note(beat, 0.4, pitch, 0.92)
        yield Note(beat + 0.5, 0.3, pitch + 12, 0.8)
        if gallops and beat == bar.beats - 1:
            yield Note(beat + 0.75, 0.2, pitch + 12, 0.7)


def walk(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Quarters: the root on one, chord and scale tones between, a half step or step into the next root."""
    pitch = low(bar.at(0).root)
    if memory.pitch and abs(pitch + 12 - memory.pitch) < abs(pitch - memory.pitch):
        pitch += 12
    target = nearest(pitch + int(bar.rng.integers(-5, 6)), (bar.following.root,))
    for beat in range(bar.beats):
        chord = bar.at(beat)
        if beat == 0 or chord is not bar.at(beat - 1):
            pitch = nearest(pitch, (chord.root,))
        elif beat == bar.beats - 1:
            pitch = target + int(bar.rng.choice((-2, -1, 1)))
        else:
            pool = chord.classes if bar.rng.random() < 0.6 else bar.scale
            step = (target - pitch) / (bar.beats - beat) + bar.rng.choice((-3, 3))
            pitch = nearest(pitch + step, pool)
        pitch = min(max(pitch, 28), 52)
        yield Note(beat, 0.9, pitch, 0.85 if beat % 2 else 0.8)
        if bar.swung and bar.rng.random() < 0.08:
            yield Note(beat + 0.5, 0.3, pitch, 0.5)
    memory.pitch = target if 28 <= target <= 45 else low(bar.following.root)


def boogie(bar: Bar, memory: Memory) -> Iterator[Note]:
    """1 3 5 6 up one bar and, from b7, down the next: boogie-woogie quarters."""
    for beat in range(bar.beats):
        chord = bar.at(beat)
        line = (0, chord.third, chord.fifth, 9) if bar.number % 2 == 0 else (10, 9, chord.fifth, chord.third)
        if len(bar.chords) > 1:
            line = (0, chord.third, 0, chord.third)
        yield Note(beat, 0.85, low(chord.root) + line[beat % 4], 0.88)
        if bar.rng.random() < 0.25:
            yield Note(beat + 0.5, 0.35, low(chord.root) + line[beat % 4], 0.55)


def shuffle_root(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Long-short pairs on the root, fifth on the fourth beat."""
    for beat in range(bar.beats):
        chord = bar.at(beat)
        pitch = low(chord.root) + (chord.fifth if beat == 3 else 0)
        yield Note(beat, 0.45, pitch, 0.9)
        yield Note(beat + 0.5, 0.4, pitch, 0.65)


def triplet(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Slow blues in twelve-eight: quarters with a triplet pickup."""
    for beat in range(bar.beats):
        chord = bar.at(beat)
        interval = (0, 0, chord.fifth, chord.third)[beat % 4]
        yield Note(beat, 0.6, low(chord.root) + interval, 0.88)
        if beat % 2 or bar.rng.random() < 0.3:
            yield Note(beat + 2 / 3, 0.3, low(chord.root) + interval, 0.6)


def bossa(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Dotted quarter and eighth: root, then fifth."""
    for start, length, interval in ((0, 1.4, 0), (1.5, 0.45, 7), (2, 1.4, 7), (3.5, 0.45, 0)):
        chord = bar.at(start)
        yield Note(start, length, low(chord.root) + (chord.fifth if interval else 0), 0.85 if length > 1 else 0.65)


def syncopated(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Funk: one on the one, then sixteenths that avoid the beat, in root, fifth, seventh and octave."""
    patterns = (
        ((0, 0), (0.75, 12), (1.5, 0), (2.5, 7), (2.75, 10), (3.5, 12)),
        ((0, 0), (1.5, 0), (1.75, 12), (2.75, 7), (3.25, 10), (3.5, 0)),
        ((0, 0), (0.5, 0), (1.25, 12), (2.25, 0), (2.75, 10), (3.75, 12)),
    )
    for start, interval in memory.choose(bar, "line", patterns):
        yield Note(start, 0.35, low(bar.at(start).root) + interval, 0.92 if start == 0 else 0.75)


def sub(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Hip hop: few, long, low notes around the kick, the same every two bars."""
    patterns = (
        (((0, 1.4, 0), (2.5, 1.2, 0)), ((0, 0.6, 0), (1.75, 0.6, 0), (2.5, 1.0, 7))),
        (((0, 0.7, 0), (0.75, 1.2, 0), (2.5, 0.7, 12)), ((0, 1.6, 0), (2.75, 1.1, 10))),
        (((0, 2.2, 0), (2.5, 0.4, 0), (3.25, 0.6, 10)), ((0, 2.8, 0),)),
    )
    for start, length, interval in memory.choose(bar, "line", patterns)[bar.number % 2]:
        yield Note(start, length, low(bar.at(start).root) + interval, 0.92)


def dub(bar: Bar, memory: Memory) -> Iterator[Note]:
    """Reggae: a melody of chord tones with holes in it, often silent on one, the same every two bars."""
    patterns = (
        (((0.5, 0.45, 0), (1, 0.9, 0), (2.5, 0.4, 4), (3, 0.8, 7)), ((0.5, 0.45, 0), (1, 1.6, 0))),
        (((0, 0.7, 0), (0.75, 0.5, 4), (1.5, 1.0, 7)), ((0, 0.7, 0), (0.75, 0.5, 4), (1.5, 0.4, 7), (3, 0.8, 7))),
        (((1, 0.4, 0), (1.5, 0.4, 7), (2, 0.9, 12), (3.5, 0.4, 7)), ((1, 0.9, 0), (2.5, 1.2, 7))),
        (((0, 0.45, 0), (0.5, 0.4, 0), (1.5, 0.45, -5), (2, 0.9, 0)), ((0.5, 0.4, 4), (1, 0.4, 0), (2, 1.2, -5))),
    )  # fmt: skip
    for start, length, interval in memory.choose(bar, "line", patterns)[bar.number % 2]:
        chord = bar.at(start)
        exact = {4: chord.third, 7: chord.fifth}.get(interval, interval)
        pitch = low(chord.root, 31) + exact
        yield Note(start, length, pitch if pitch >= 28 else pitch + 12, 0.95)


def riff(bar: Bar, memory: Memory) -> Iterator[Note]:
    """The section's riff, an octave or two below the guitars."""
    for start, length, interval in bar.riff:
        start -= bar.number % 2 * bar.beats
        if 0 <= start < bar.beats:
            yield Note(start, length, low(bar.at(start).root) + interval, 0.9)


def line(bar: Bar, memory: Memory) -> Iterator[Note]:
    """A classical bass line: halves or quarters on root or third, whichever is nearest to where the line was."""
    pitch = memory.pitch or low(bar.at(0).root, 36)
    for start, length, chord in bar.spans:
        first_inversion = bar.rng.random() < 0.3 and bar.number not in (0, bar.length - 1)
        pitch = nearest(pitch, (chord.classes[1 if first_inversion else 0],))
        pitch = pitch + 12 if pitch < 36 else pitch - 12 if pitch > 57 else pitch
        halves = length > 2 and bar.rng.random() < 0.6
        yield Note(start, length / (2 if halves else 1) * 0.96, pitch, 0.75)
        if halves:
            yield Note(
                start + length / 2, length / 2 * 0.96, nearest(pitch + bar.rng.choice((-4, 4)), chord.classes), 0.65
            )
    memory.pitch = pitch


def counter(bar: Bar, memory: Memory) -> Iterator[Note]:
    """The lower voice of an invention: eighths by step, turning towards a chord tone on every beat."""
    pitch = int(memory.pitch) or low(bar.at(0).root, 43)
    direction = memory.choose(bar, "direction", (-1, 1))
    for beat in range(bar.beats):
        pitch = nearest(pitch + 2 * direction, bar.at(beat).classes)
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
