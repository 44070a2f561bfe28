"""General MIDI instruments and drum kits by name, and the instruments on which a pattern can be played."""

# Name -> General MIDI program, from 0.
INSTRUMENTS = {
    "piano": 0, "bright piano": 1, "honky tonk": 3, "electric piano": 4, "fm piano": 5, "harpsichord": 6,
    "clavinet": 7, "vibraphone": 11, "drawbar organ": 16, "percussive organ": 17, "rock organ": 18,
    "church organ": 19, "accordion": 21, "harmonica": 22, "nylon guitar": 24, "steel guitar": 25, "jazz guitar": 26,
    "clean guitar": 27, "muted guitar": 28, "overdriven guitar": 29, "distorted guitar": 30, "upright bass": 32,
    "finger bass": 33, "pick bass": 34, "fretless bass": 35, "slap bass": 36, "synth bass": 38, "synth bass 2": 39,
    "violin": 40, "viola": 41, "cello": 42, "contrabass": 43, "harp": 46, "strings": 48, "slow strings": 49,
    "synth strings": 50, "choir": 52, "voice": 53, "trumpet": 56, "trombone": 57, "muted trumpet": 59, "horn": 60,
    "brass": 61, "synth brass": 62, "soprano sax": 64, "alto sax": 65, "tenor sax": 66, "oboe": 68, "bassoon": 70,
    "clarinet": 71, "flute": 73, "square lead": 80, "saw lead": 81, "warm pad": 89, "polysynth": 90, "banjo": 105,
    "fiddle": 110,
}  # fmt: skip
KITS = {
    "standard kit": 0, "room kit": 8, "power kit": 16, "electronic kit": 24, "808 kit": 25, "jazz kit": 32,
    "brush kit": 40,
}  # fmt: skip

_GUITARS = "clean guitar, steel guitar, muted guitar, jazz guitar, nylon guitar"
_AMPLIFIED = "overdriven guitar, distorted guitar"
_KEYS_AND_PLUCKED = "piano, electric piano, bright piano, fm piano, harpsichord, harp, nylon guitar"
# Pattern -> the instruments on which it can be played. A pattern that is not listed suits all instruments.
PLAYABLE_ON = {
    "chug": _AMPLIFIED,
    "gallop": _AMPLIFIED,
    "power hold": _AMPLIFIED,
    "power 8": f"{_AMPLIFIED}, clean guitar",
    "riff": f"{_AMPLIFIED}, clean guitar, piano, jazz guitar",
    "boogie": f"{_GUITARS}, {_AMPLIFIED}, piano",
    "alberti": "piano, harpsichord, harp, nylon guitar",
    "nocturne": _KEYS_AND_PLUCKED,
    "inner": "strings, viola, cello",
    "none": "piano, harpsichord, church organ",  # for inventions, where one keyboard plays all voices
    "arpeggio 8": f"{_GUITARS}, {_KEYS_AND_PLUCKED}, polysynth",
    "arpeggio 16": f"{_GUITARS}, {_KEYS_AND_PLUCKED}, polysynth, saw lead, square lead, clavinet",
    "picking": f"{_GUITARS}, banjo",
    "strum": f"{_GUITARS}, overdriven guitar",
    "freddie": "jazz guitar, clean guitar, steel guitar",
    "chop": "clean guitar, muted guitar, clavinet, jazz guitar",
    "skank": f"{_GUITARS}, piano, electric piano, clavinet",
    "bubble": "drawbar organ, percussive organ, rock organ, clavinet",
    "pad": (
        "strings, slow strings, synth strings, drawbar organ, rock organ, church organ, warm pad, choir, "
        "polysynth, electric piano, fm piano, piano, horn"
    ),
    "counter": "viola, cello, clarinet, horn, strings, oboe, bassoon",
}


def program(name: str) -> int:
    """General MIDI program number, from 0, of an instrument or a drum kit."""
    return KITS[name] if name in KITS else INSTRUMENTS[name]
