"""Chord patterns for guitars, keys, strings and horns: one function per pattern, which plays one bar.

A pattern takes the bar, the player's memory and the MIDI pitch around which the instrument plays. It yields notes whose
starts are counted from the bar's first beat.
"""

from collections.abc import Callable, Iterator, Sequence

from src.dataset.composer.bar import Bar, Memory, Note
from src.dataset.composer.harmony import Chord, nearest, voicing


def next_voicing(chord: Chord, memory: Memory, centre: int, voices: int = 4, rootless: bool = False) -> tuple[int, ...]:
    """Voice the chord with the least movement from the player's last voicing."""
    memory.voicing = voicing(chord, memory.voicing, centre, voices, rootless)
    return memory.voicing


def hits(
    bar: Bar, memory: Memory, centre: int, onsets: Sequence[tuple[float, float]], voices: int = 4, roll: float = 0.0,
    rootless: bool = False, accents: Sequence[float] = (),
) -> Iterator[Note]:  # fmt: skip
    """Play all notes of the chord at each onset (start, length), in beats.

    `roll` is the delay from note to note in beats, upwards and downwards in turn. `accents` are the strengths, used in
    turn; without them a chord on the beat has 0.8, any other 0.7.
    """
    for index, (start, length) in enumerate(onsets):
        pitches = next_voicing(bar.chord_at(start), memory, centre, voices, rootless)
        strength = accents[index % len(accents)] if accents else 0.8 if start % 1 == 0 else 0.7
        for position, pitch in enumerate(pitches if index % 2 == 0 else pitches[::-1]):
            yield Note(start + position * roll, length, pitch, strength)


def pad(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Sustained chords."""
    for start, length, _ in bar.spans:
        yield from hits(bar, memory, centre, [(start, length * 0.98)], accents=(0.6,))


def block(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Pop piano: chords in quarters; in some sections the chord of beat three comes half a beat later."""
    delayed = memory.choose(bar, "pushed", (False, False, True))
    onsets = [(0.0, 0.9), (1.0, 0.9), (2.5 if delayed else 2.0, 0.45 if delayed else 0.9), (3.0, 0.9)]
    yield from hits(bar, memory, centre, onsets[: bar.beats], accents=(0.8, 0.65, 0.72, 0.65))


def strum(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Strummed guitar: down, down-up, up-down-up, and similar strokes."""
    patterns = ((0, 1, 1.5, 2.5, 3, 3.5), (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5), (0, 1, 1.5, 2, 3, 3.5))
    onsets = [(start, 0.5) for start in memory.choose(bar, "strum", patterns)]
    yield from hits(bar, memory, centre, onsets, 4, 0.03)


def boomchick(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Country boom-chick: the bass has beats one and three, the chords two and four, often with an up-stroke after."""
    onsets = [(1.0, 0.4), (1.5, 0.3), (3.0, 0.4), (3.5, 0.3)]
    onsets = [onset for onset in onsets if onset[0] % 1 == 0 or bar.rng.random() < 0.7]
    yield from hits(bar, memory, centre, onsets, 3, 0.02)


def chick(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Short chords on beats two and four."""
    yield from hits(bar, memory, centre, [(1.0, 0.35), (3.0, 0.35)], 3, accents=(0.8,))


def oompah(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Waltz chords on beats two and three."""
    yield from hits(bar, memory, centre, [(1.0, 0.7), (2.0, 0.6)], 3, 0.01, accents=(0.65, 0.6))


def boogie(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Blues guitar shuffle, two strokes each: root with fifth, root with sixth; some sections add the minor seventh."""
    for step in range(2 * bar.beats):
        chord = bar.chord_at(step / 2)
        pitch = centre - 12 + (chord.root - centre) % 12
        top = (7, 9, 10, 9)[step // 2 % 4] if memory.choose(bar, "seventh", (True, False)) else (7, 9)[step // 2 % 2]
        for interval in (0, top):
            yield Note(step / 2, 0.45 if step % 2 == 0 else 0.35, pitch + interval, 0.85 if step % 2 == 0 else 0.62)


def charleston(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Jazz comping: rootless voicings in rhythms such as the Charleston; every bar draws a new one."""
    rhythms: tuple[tuple[tuple[float, float], ...], ...] = (
        ((0, 0.9), (1.5, 0.4)), ((0.5, 0.4), (2, 0.9)), ((1.5, 1.3),), ((0.5, 0.4), (2.5, 0.4)), ((0, 1.4), (2.5, 1.2)),
        ((1, 0.4), (2.5, 1.0)),
    )  # fmt: skip
    rhythm = [onset for onset in rhythms[bar.rng.integers(len(rhythms))] if onset[0] < bar.beats]
    yield from hits(bar, memory, centre, rhythm, 4, rootless=True, accents=(0.7, 0.62))


def freddie(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Guitar in the style of Freddie Green: a short chord on three strings on every beat, stronger on two and four."""
    onsets = [(float(beat), 0.55) for beat in range(bar.beats)]
    yield from hits(bar, memory, centre - 3, onsets, 3, 0.01, True, (0.62, 0.75))


def skank(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Reggae skank: short chords between the beats, never on them."""
    double = memory.choose(bar, "double", (False, False, True))
    onsets = [(beat + 0.5, 0.2) for beat in range(bar.beats)]
    if double:
        onsets += [(beat + 0.75, 0.15) for beat in range(1, bar.beats, 2)]
    yield from hits(bar, memory, centre + 3, sorted(onsets), 3, 0.01, accents=(0.85,))


def bubble(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Reggae organ: the left hand on the eighth between the beats, the right hand a sixteenth before and after it."""
    for beat in range(bar.beats):
        pitches = next_voicing(bar.chord_at(beat), memory, centre, 3)
        for offset, strength in ((0.25, 0.5), (0.5, 0.75), (0.75, 0.55)):
            for pitch in pitches[:2] if offset == 0.5 else pitches[1:]:
                yield Note(beat + offset, 0.2, pitch - (12 if offset == 0.5 else 0), strength)


def offbeat(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Chords on every "and"."""
    yield from hits(bar, memory, centre, [(beat + 0.5, 0.4) for beat in range(bar.beats)], accents=(0.75,))


def chop(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Disco rhythm guitar: chords high on the neck on some of the sixteenths, with rests between them."""
    patterns = ("..x.x.xx..x.x..x", "x..xx..x..xx.x.x", "xxx.x.xxx.x.xx.x", "..xx..xx..xx..xx")
    pattern = memory.choose(bar, "chop", patterns)
    onsets = [(step / 4, 0.14) for step, mark in enumerate(pattern) if mark == "x" and step / 4 < bar.beats]
    yield from hits(bar, memory, centre + 7, onsets, 3, 0.01, accents=(0.8, 0.6, 0.7))


def stabs(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Horn and string hits in every second bar."""
    rhythms: tuple[tuple[tuple[float, float], ...], ...] = (
        ((2.5, 0.3), (3, 0.3)), ((0.5, 0.3), (1.5, 0.4)), ((3.5, 0.4),), ((0, 0.3), (0.75, 0.3), (1.5, 0.6)),
    )  # fmt: skip
    rhythm = memory.choose(bar, "stabs", rhythms)
    if bar.number % 2 == 1:
        yield from hits(bar, memory, centre + 5, rhythm, 3, accents=(0.8,))


def loop(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Hip hop: chords like a sampled loop, with the same rhythm in every bar of the section."""
    rhythms: tuple[tuple[tuple[float, float], ...], ...] = (
        ((0, 1.4), (1.5, 2.2)), ((0, 0.7), (0.75, 0.6), (2.5, 1.2)), ((0, 3.5),), ((0.5, 1.2), (2, 1.6)),
        ((0, 0.9), (1, 0.9), (2.75, 1)),
    )  # fmt: skip
    rhythm = memory.choose(bar, "loop", rhythms)
    yield from hits(bar, memory, centre, rhythm, 4, 0.02, True, (0.75, 0.65))


def ballad(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Piano triplets, as in a slow blues or a ballad of the 1950s."""
    onsets = [(step / 3, 0.3) for step in range(3 * bar.beats)]
    yield from hits(bar, memory, centre, onsets, 3, accents=(0.75, 0.58, 0.6))


def power(chord: Chord, centre: int) -> tuple[int, int, int]:
    """Root, fifth and octave, low on the guitar; an octave higher where `centre` is 60 or more."""
    pitch = 40 + (chord.root - 40) % 12 + (12 if centre >= 60 else 0)
    return pitch, pitch + 7, pitch + 12


def power_8(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Power chords in eighths; the accents of the section fall on the beats or across them."""
    accents = memory.choose(bar, "accents", ((0, 2, 4, 6), (0, 3, 6), (0, 3, 4, 7)))
    for step in range(2 * bar.beats):
        accent = step in accents
        for pitch in power(bar.chord_at(step / 2), centre)[: 3 if accent else 2]:
            yield Note(step / 2, 0.46 if accent else 0.3, pitch, 0.9 if accent else 0.68)


def chug(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Palm-muted sixteenths on the low string, with open power chords on the accents."""
    accents = memory.choose(bar, "accents", ((0, 6, 12), (0, 3, 6, 10), (0, 8, 14), (0, 7, 10)))
    for step in range(4 * bar.beats):
        pitches = power(bar.chord_at(step / 4), 40)
        if step in accents:
            for pitch in pitches:
                yield Note(step / 4, 0.4, pitch, 0.92)
        elif step - 1 not in accents:
            yield Note(step / 4, 0.13, pitches[0], 0.7)


def gallop(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Power chords: one eighth and two sixteenths on every beat."""
    for beat in range(bar.beats):
        for offset, length in ((0.0, 0.35), (0.5, 0.16), (0.75, 0.16)):
            for pitch in power(bar.chord_at(beat), 40)[: 3 if offset == 0 else 2]:
                yield Note(beat + offset, length, pitch, 0.88 if offset == 0 else 0.68)


def power_hold(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Sustained power chords."""
    for start, length, chord in bar.spans:
        for pitch in power(chord, centre):
            yield Note(start, length * 0.97, pitch, 0.82)


def riff(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """The section's riff on the low strings; long notes have the fifth added."""
    for start, length, interval in bar.riff:
        start -= bar.number % 2 * bar.beats
        if 0 <= start < bar.beats:
            pitch = 40 + (bar.chord_at(start).root - 40) % 12 + interval
            yield Note(start, length, pitch, 0.85)
            if length >= 0.9:
                yield Note(start, length, pitch + 7, 0.8)


def arpeggio(bar: Bar, memory: Memory, centre: int, per_beat: int) -> Iterator[Note]:
    """Broken chords, up and down, `per_beat` notes on every beat."""
    order = memory.choose(bar, "shape", ((0, 1, 2, 3, 2, 1), (0, 2, 1, 2, 3, 2, 1, 2), (0, 1, 2, 3)))
    for step in range(per_beat * bar.beats):
        pitches = next_voicing(bar.chord_at(step / per_beat), memory, centre)
        strength = 0.75 if step % per_beat == 0 else 0.6
        yield Note(step / per_beat, 1.6 / per_beat, pitches[order[step % len(order)] % len(pitches)], strength)


def alberti(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Alberti bass, the left hand of a classical sonata: low, high, middle, high."""
    for step in range(2 * bar.beats):
        pitches = next_voicing(bar.chord_at(step / 2), memory, centre - 7, 3)
        yield Note(step / 2, 0.52, pitches[(0, 2, 1, 2)[step % 4]], 0.62 if step % 4 == 0 else 0.5)


def nocturne(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Wide left-hand arpeggios from a low bass note up through the chord and down again."""
    for start, length, chord in bar.spans:
        bass = 36 + (chord.root - 36) % 12
        tones = (
            bass,
            bass + chord.fifth,
            bass + 12,
            bass + 12 + chord.third,
            bass + 12 + chord.fifth,
            bass + 12 + chord.third,
        )
        steps = int(length * 2)
        for step in range(steps):
            pitch = tones[min(step, 2 * len(tones) - 2 - step) % len(tones)]
            yield Note(start + step / 2, min(length - step / 2, 1.5), pitch, 0.66 if step == 0 else 0.5)


def inner(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Inner voices of a string quartet: two voices in repeated eighths."""
    onsets = [(step / 2, 0.4) for step in range(2 * bar.beats)]
    yield from hits(bar, memory, centre - 3, onsets, 2, accents=(0.6, 0.5))


def counter(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Countermelody: slower than the lead, in small steps."""
    pitch = memory.pitch or float(centre)
    for start, length, chord in bar.spans:
        for half in range(max(1, int(length) // 2)):
            pitch = nearest(pitch + bar.rng.choice((-2, 2)) + (centre - pitch) / 4, chord.classes)
            yield Note(start + half * 2, min(2, length) * 0.7, int(pitch), 0.6)
            yield Note(start + half * 2 + 1.5, 0.45, nearest(pitch + bar.rng.choice((-2, 2)), bar.scale), 0.5)
    memory.pitch = pitch


def picking(bar: Bar, memory: Memory, centre: int) -> Iterator[Note]:
    """Travis picking: the thumb on every beat, the fingers mostly between the beats."""
    fingers = memory.choose(bar, "fingers", ((0.5, 1.5, 2.5, 3.5), (0.5, 1, 1.5, 2.5, 3.5), (0, 0.5, 1.5, 2.5, 3)))
    for beat in range(bar.beats):
        pitches = next_voicing(bar.chord_at(beat), memory, centre, 4)
        yield Note(beat, 0.8, pitches[beat % 2], 0.7)
        for index, start in enumerate(fingers):
            if beat <= start < beat + 1:
                yield Note(start, 0.7, pitches[min(2 + index % 2, len(pitches) - 1)], 0.6)


CHORDS: dict[str, Callable[[Bar, Memory, int], Iterator[Note]]] = {
    "pad": pad, "block": block, "strum": strum, "boomchick": boomchick, "chick": chick, "oompah": oompah,
    "boogie": boogie, "charleston": charleston, "freddie": freddie, "skank": skank, "bubble": bubble,
    "offbeat": offbeat, "chop": chop, "stabs": stabs, "loop": loop, "ballad": ballad, "power 8": power_8,
    "chug": chug, "gallop": gallop, "power hold": power_hold, "riff": riff,
    "arpeggio 8": lambda bar, memory, centre: arpeggio(bar, memory, centre, 2),
    "arpeggio 16": lambda bar, memory, centre: arpeggio(bar, memory, centre, 4),
    "alberti": alberti, "nocturne": nocturne, "inner": inner, "counter": counter, "picking": picking,
}  # fmt: skip
