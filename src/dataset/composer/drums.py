"""Drum patterns, written as drum tabs.

One character is one step: x accent, o normal, g ghost note, ? a ghost note half of the time, . rest. A pattern as long
as two bars takes two bars. The steps of a beat are 4 (sixteenths), 2 (eighths, which swing makes long and short) or 3
(triplets). Drums are General MIDI's.
"""

from dataclasses import dataclass, field

from src.dataset.composer.bar import Bar, Note

DRUMS = {
    "kick": 36, "snare": 38, "stick": 37, "clap": 39, "hat": 42, "pedal": 44, "open": 46, "ride": 51, "bell": 53,
    "crash": 49, "tambourine": 54, "cowbell": 56, "shaker": 70, "conga": 63, "low conga": 64, "tom": 45, "floor": 41,
    "high tom": 48, "slap": 40,
}  # fmt: skip
STRENGTH = {"x": 1.0, "o": 0.78, "g": 0.45, "?": 0.42}


@dataclass(frozen=True)
class Groove:
    """Drum lines over one or two bars, and what ends a phrase: a fill on toms or snare, or a drop (silence)."""

    steps: int  # per beat
    lines: dict[str, str] = field(default_factory=dict)
    fill: str = "toms"


GROOVES = {
    # Rock: kick on 1 and 3, snare (backbeat) on 2 and 4, eighths on the hi-hat.
    "backbeat": Groove(4, {"kick": "x.......x.o.....", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."}),
    "backbeat pushed": Groove(
        4,
        {
            "kick": "x.....o.o.x.....",
            "snare": "....x.......x..?",
            "hat": "x.o.x.o.x.o.x.o.",
        },
    ),
    "half time": Groove(4, {"kick": "x.....o....o..o.", "snare": "........x.......", "ride": "x...o...x...o..."}),
    "driving": Groove(4, {"kick": "x.o.....x.o...o.", "snare": "....x.......x...", "open": "x...x...x...x..."}),
    "tom tom": Groove(4, {"kick": "x...x...x...x...", "snare": "....x.......x...", "floor": "o.o.o.o.o.o.o.oo"}),
    "sixteenths": Groove(
        4,
        {
            "kick": "x..o......xo....",
            "snare": "....x..g.g..x..g",
            "hat": "xgogxgogxgogxgog",
        },
        fill="snare",
    ),
    # Disco: four on the floor; the open hi-hat answers between the beats.
    "four on the floor": Groove(
        4,
        {
            "kick": "x...x...x...x...",
            "snare": "....x.......x...",
            "hat": "o.......o.......",
            "open": "..x...x...x...x.",
        },
    ),
    "disco sixteenths": Groove(
        4,
        {
            "kick": "x...x...x...x...",
            "clap": "....x.......x...",
            "hat": "ogx.ogx.ogx.ogx.",
            "open": "...............o",
            "tambourine": "..o...o...o...o.",
        },
        fill="snare",
    ),
    "disco congas": Groove(
        4,
        {
            "kick": "x...x...x...x...",
            "snare": "....x.......x..?",
            "open": "..x...x...x...x.",
            "conga": "..o..o.o..o..o.o",
            "low conga": "......o.......o.",
        },
    ),
    "dance pop": Groove(
        4,
        {
            "kick": "x...x...x...x...",
            "clap": "....x.......x...",
            "hat": "..x...x...x...x.",
            "shaker": "gogogogogogogogo",
        },
        fill="snare",
    ),
    # Hip hop: boom bap, with late sixteenths.
    "boom bap": Groove(
        4,
        {
            "kick": "x......o..x.....x..o....o.x.....",
            "snare": "....x.......x.......x.......x..g",
            "hat": "x.o.x.o.x.o.x.oo",
        },
        fill="drop",
    ),
    "boom bap lazy": Groove(
        4,
        {
            "kick": "x.o.......xo....",
            "snare": "....x..g....x...",
            "hat": "xgo.xgo.xgo.xgog",
        },
        fill="drop",
    ),
    "breakbeat": Groove(
        4,
        {
            "kick": "x.x.......xx....",
            "snare": "....x..g.g..x..g",
            "hat": "x.x.x.x.x.x.x.x.",
        },
        fill="drop",
    ),
    "trap": Groove(
        4,
        {
            "kick": "x......o..o.....x..........o..o.",
            "clap": "........x...............x.......",
            "hat": "x.x.x.x.x.xxx.x.x.x.xxx.x.x.x.xx",
        },
        fill="drop",
    ),
    # Reggae: nothing on one; kick and cross-stick drop together on two and four (of a bar counted at 60 to 90).
    "one drop": Groove(4, {"kick": "....x.......x...", "stick": "....x.......x...", "hat": "o.x.o.x.o.x.o.xg"}),
    "rockers": Groove(4, {"kick": "x.......x.......", "snare": "....x.......x...", "hat": "o.x.o.x.o.xgo.x."}),
    "steppers": Groove(4, {"kick": "x...x...x...x...", "stick": "....x..o....x...", "hat": "..x...x...x...xg"}),
    # Country: the snare runs like a train, or the bass drum and the snare answer one another.
    "train": Groove(4, {"kick": "x...x...x...x...", "snare": "ggxgggxgggxgggxg"}, fill="snare"),
    "two beat": Groove(
        4,
        {
            "kick": "x.......x.......",
            "stick": "....x.......x...",
            "hat": "o.o.o.o.o.o.o.o.",
        },
        fill="snare",
    ),
    "country rock": Groove(
        4,
        {
            "kick": "x.....o.x.......",
            "snare": "....x.......x...",
            "hat": "x.o.x.o.x.o.x.o.",
        },
        fill="snare",
    ),
    # Shuffles: two swung eighths a beat.
    "shuffle": Groove(2, {"kick": "x...x..o", "snare": "..x...x.", "ride": "xoxoxoxo"}),
    "shuffle hats": Groove(2, {"kick": "x..ox...", "snare": ".gx.?gx.", "hat": "xoxoxoxo"}),
    "flat shuffle": Groove(2, {"kick": "x.x.x.x.", "snare": "..x...x.", "hat": "xgxgxgxg"}, fill="snare"),
    # Jazz: ride "ding, ding-a-ding", hi-hat pedal on two and four, feathered kick, snare and kick comments.
    "ride": Groove(
        2,
        {
            "ride": "x.xox.xo",
            "pedal": "..o...o.",
            "kick": "g...g...",
            "snare": "...?...?",
        },
        fill="snare",
    ),
    "ride busy": Groove(
        2,
        {
            "ride": "x.xox.xo",
            "pedal": "..o...o.",
            "snare": ".?..?..g",
            "kick": "...?.?..",
        },
        fill="snare",
    ),
    "brushes": Groove(2, {"snare": "o.xoo.xo", "pedal": "..o...o.", "kick": "g...g..."}, fill="snare"),
    "bossa": Groove(
        4,
        {
            "kick": "x..ox..ox..ox..o",
            "stick": "x..x..x...x..x..",
            "hat": "ogogogogogogogog",
        },
        fill="snare",
    ),
    # Twelve-eight: three steps a beat.
    "slow blues": Groove(3, {"kick": "x.....x..o..", "snare": "...x.....x..", "hat": "xooxooxooxoo"}),
    # Three-four.
    "waltz": Groove(2, {"kick": "x.....", "snare": "..o.o.", "hat": "..o.o."}, fill="snare"),
    "jazz waltz": Groove(2, {"ride": "x.xox.", "pedal": "..o.o.", "kick": "o....?", "snare": "...?.?"}, fill="snare"),
    # Metal: double kick.
    "double kick": Groove(4, {"kick": "xoxoxoxoxoxoxoxo", "snare": "....x.......x...", "ride": "x...x...x...x..."}),
    "gallop": Groove(4, {"kick": "x.xxx.xxx.xxx.xx", "snare": "....x.......x...", "hat": "x...x...x...x..."}),
    "thrash": Groove(4, {"kick": "x.x.x.x.x.x.x.x.", "snare": "..x...x...x...x.", "hat": "x.x.x.x.x.x.x.x."}),
    "doom": Groove(4, {"kick": "x.......o.x.....", "snare": "........x.......", "crash": "x...o...x...o..."}),
    # Light patterns that several genres share.
    "light": Groove(
        4,
        {
            "kick": "x.......o.......",
            "stick": "....o.......o...",
            "shaker": "ogogogogogogogog",
        },
        fill="snare",
    ),
    "ballad": Groove(4, {"kick": "x.......o..o....", "stick": "....x.......x...", "hat": "o.g.o.g.o.g.o.g."}),
    "tambourine": Groove(4, {"kick": "x.......x.......", "tambourine": "....x.......x..."}, fill="drop"),
    "none": Groove(4, {}, fill="drop"),
}


def beat(name: str, bar: Bar, hat: str) -> list[Note]:
    """One bar of a groove, with a fill at the end of a phrase and a crash at a section's start."""
    groove = GROOVES[name]
    notes = []
    phrase_ends = bar.number % 8 == 7 or bar.number == bar.length - 1
    fills = bool(groove.lines) and phrase_ends and bar.rng.random() < 0.75
    stop = bar.beats - (int(bar.rng.integers(1, 3)) if fills else 0)
    for drum, pattern in groove.lines.items():
        steps = groove.steps * bar.beats
        start = bar.number * steps % len(pattern)
        for step, mark in enumerate(pattern[start : start + steps]):
            filled = step / groove.steps >= stop and (drum != "kick" or groove.fill == "drop")  # the foot plays on
            if mark == "." or filled or (mark == "?" and bar.rng.random() < 0.5):
                continue
            sound = hat if drum == "hat" else drum
            notes.append(Note(step / groove.steps, 0.2, DRUMS[sound], STRENGTH[mark]))
    if fills and groove.fill != "drop":
        drums = ("snare", "snare", "snare") if groove.fill == "snare" else ("snare", "high tom", "tom", "floor")
        steps = groove.steps * (bar.beats - stop)
        for step in range(steps):
            if bar.rng.random() < 0.8:
                drum = drums[step * len(drums) // steps]
                notes.append(Note(stop + step / groove.steps, 0.2, DRUMS[drum], 0.65 + 0.3 * step / steps))
    if bar.number == 0 and groove.fill == "toms":
        notes.append(Note(0, 1, DRUMS["crash"], 0.8))
    return notes
