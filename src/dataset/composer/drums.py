"""Drum grooves, written as drum tabs.

One character is one step: x accent, o normal, g ghost note, ? a ghost note with probability 0.5, . rest. A line lasts
one or two bars. A beat has 4 steps (sixteenths), 2 (eighths, which swing makes long and short) or 3 (triplets). The
drums are those of General MIDI.
"""

from dataclasses import dataclass, field

from src.dataset.composer.bar import Bar, Note

# MIDI pitches of the General MIDI drum map.
DRUMS = {
    "kick": 36, "snare": 38, "stick": 37, "clap": 39, "hat": 42, "pedal": 44, "open": 46, "ride": 51, "bell": 53,
    "crash": 49, "tambourine": 54, "cowbell": 56, "shaker": 70, "conga": 63, "low conga": 64, "tom": 45, "floor": 41,
    "high tom": 48, "slap": 40,
}  # fmt: skip
STRENGTH = {"x": 1.0, "o": 0.78, "g": 0.45, "?": 0.42}


@dataclass(frozen=True)
class Groove:
    """Drum lines of one or two bars, and the end of a phrase: a fill on toms or snare, or a drop (silence)."""

    steps: int  # steps per beat
    lines: dict[str, str] = field(default_factory=dict)  # drum -> tab
    fill: str = "toms"  # toms, snare or drop


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
    # Disco: four on the floor, open hi-hat between the beats.
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
    # Reggae. One drop: nothing on beat one, kick and cross-stick together on two and four (counted at 60 to 90 bpm).
    "one drop": Groove(4, {"kick": "....x.......x...", "stick": "....x.......x...", "hat": "o.x.o.x.o.x.o.xg"}),
    "rockers": Groove(4, {"kick": "x.......x.......", "snare": "....x.......x...", "hat": "o.x.o.x.o.xgo.x."}),
    "steppers": Groove(4, {"kick": "x...x...x...x...", "stick": "....x..o....x...", "hat": "..x...x...x...xg"}),
    # Country: a train beat on the snare, or kick and snare in turn.
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
    # 12/8: three steps per beat.
    "slow blues": Groove(3, {"kick": "x.....x..o..", "snare": "...x.....x..", "hat": "xooxooxooxoo"}),
    # 3/4.
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


def play_groove(name: str, bar: Bar, hat: str) -> list[Note]:
    """Play one bar of a groove, with its fill at the end of most phrases (eight bars) and sections.

    A groove whose fill is on the toms starts each section with a crash. `hat` is the drum that plays the hi-hat line.
    """
    groove = GROOVES[name]
    notes = []
    last_of_phrase = bar.number % 8 == 7 or bar.number == bar.section_bars - 1
    has_fill = bool(groove.lines) and last_of_phrase and bar.rng.random() < 0.75
    fill_start = bar.beats - (int(bar.rng.integers(1, 3)) if has_fill else 0)
    for drum, pattern in groove.lines.items():
        steps = groove.steps * bar.beats
        start = bar.number * steps % len(pattern)
        for step, mark in enumerate(pattern[start : start + steps]):
            # The kick continues under a fill; in a drop it is silent too.
            replaced = step / groove.steps >= fill_start and (drum != "kick" or groove.fill == "drop")
            if mark == "." or replaced or (mark == "?" and bar.rng.random() < 0.5):
                continue
            sound = hat if drum == "hat" else drum
            notes.append(Note(step / groove.steps, 0.2, DRUMS[sound], STRENGTH[mark]))
    if has_fill and groove.fill != "drop":
        drums = ("snare", "snare", "snare") if groove.fill == "snare" else ("snare", "high tom", "tom", "floor")
        steps = groove.steps * (bar.beats - fill_start)
        for step in range(steps):
            if bar.rng.random() < 0.8:
                drum = drums[step * len(drums) // steps]
                notes.append(Note(fill_start + step / groove.steps, 0.2, DRUMS[drum], 0.65 + 0.3 * step / steps))
    if bar.number == 0 and groove.fill == "toms":
        notes.append(Note(0, 1, DRUMS["crash"], 0.8))
    return notes
