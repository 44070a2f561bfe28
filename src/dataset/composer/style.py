"""Styles of the ten genres, as data.

A genre has a few feels (ways of playing: tempo, swing, drums, bass, chords, harmony, melody) and its typical
instruments. Genres overlap as in real music: rock has shuffles, pop borrows the drums of disco and the guitars of rock,
jazz has straight bossa novas, hip hop loops jazz chords, country has rock beats, metal has ballads. So no single
feature identifies a genre; rhythm and harmony together do.
"""

from dataclasses import dataclass

from src.dataset.composer import repertoire as songs

ROLES = ("drums", "bass", "chords", "second", "lead")


@dataclass(frozen=True)
class Feel:
    """One way of playing. Commas separate the patterns to choose from; "none" leaves the part out.

    `drums`, `bass` and `chords` name patterns of drums.py, bass.py and chords.py, `second` patterns of chords.py for a
    second chord player (or "fills"), `lead` a lead style of melody.py. `swing` is the range of the length ratio, long
    to short, in pairs of notes of `swing_unit` beats each; 1 is straight. `major` and `minor` are the progressions
    for major and minor keys (repertoire.py). `form` is the sequence of sections, one letter each (song.py).
    """

    tempo_bpm: tuple[float, float]
    drums: str
    bass: str
    chords: str
    second: str
    lead: str
    major: tuple[str, ...] = ()
    minor: tuple[str, ...] = ()
    swing: tuple[float, float] = (1.0, 1.0)
    swing_unit: float = 0.5
    beats: int = 4  # per bar
    form: str = "ivvcvcbccvc"
    weight: float = 1.0  # relative frequency of the feel in its genre


@dataclass(frozen=True)
class Style:
    """The style of a genre: its feels, the instruments of each role (most typical first), its mix and its dynamics."""

    feels: tuple[Feel, ...]
    bass: str
    chords: str
    second: str
    lead: str
    kits: str
    mix: tuple[float, ...]  # levels in dB, in the order of ROLES
    dynamics: float = 0.15  # difference between loud and soft, 0 to 1

    @property
    def levels(self) -> dict[str, float]:
        """Level of each role, in dB."""
        return dict(zip(ROLES, self.mix, strict=True))


STYLES = {
    "blues": Style(
        feels=(
            Feel(tempo_bpm=(92, 138), swing=(1.7, 2.1), weight=3,
                drums="shuffle, shuffle hats, flat shuffle", bass="boogie, walk, shuffle root",
                chords="boogie, charleston, chick", second="none, pad, stabs", lead="blues",
                major=(songs.BLUES_12, songs.BLUES_12_SLOW_CHANGE, songs.BLUES_8),
                minor=(songs.BLUES_12_MINOR,), form="hsshssh"),
            Feel(tempo_bpm=(54, 76), weight=1.3,
                drums="slow blues", bass="triplet, hold", chords="ballad, charleston", second="none, pad",
                lead="blues", major=(songs.BLUES_12, songs.BLUES_12_JAZZ), minor=(songs.BLUES_12_MINOR,), form="hsshs"),
            Feel(tempo_bpm=(104, 132), weight=0.6,
                drums="backbeat, backbeat pushed", bass="root, riff", chords="riff, boogie, strum",
                second="none, stabs", lead="blues",
                major=(songs.BLUES_12, songs.BLUES_12_SLOW_CHANGE), minor=(songs.BLUES_12_MINOR,), form="hsshss"),
            Feel(tempo_bpm=(80, 116), swing=(1.5, 2.0), weight=0.9,
                drums="none, tambourine", bass="none, boom", chords="boogie, picking", second="none", lead="blues",
                major=(songs.BLUES_12_SLOW_CHANGE, songs.BLUES_8), minor=(songs.BLUES_12_MINOR,), form="hshsh"),
        ),
        bass="upright bass, finger bass, pick bass",
        chords="clean guitar, overdriven guitar, piano, steel guitar, jazz guitar",
        second="drawbar organ, rock organ, piano, brass, tenor sax",
        lead="overdriven guitar, clean guitar, harmonica, tenor sax, piano, steel guitar, voice",
        kits="standard kit, room kit, brush kit",
        mix=(-2, -2, -4, -9, -1), dynamics=0.25,
    ),
    "classical": Style(
        feels=(
            Feel(tempo_bpm=(84, 144), weight=1.2,
                drums="none", bass="none", chords="alberti", second="none", lead="classical",
                major=songs.CLASSICAL_MAJOR, minor=songs.CLASSICAL_MINOR, form="hhsshs"),
            Feel(tempo_bpm=(56, 92), weight=1,
                drums="none", bass="none", chords="nocturne", second="none", lead="song",
                major=songs.CLASSICAL_MAJOR, minor=songs.CLASSICAL_MINOR, form="hshs"),
            Feel(tempo_bpm=(66, 120), weight=1.4,
                drums="none", bass="line", chords="inner, pad", second="counter, none", lead="classical",
                major=songs.CLASSICAL_MAJOR, minor=songs.CLASSICAL_MINOR, form="hshsh"),
            Feel(tempo_bpm=(72, 108), weight=1,
                drums="none", bass="counter low", chords="none", second="counter", lead="invention",
                major=songs.CLASSICAL_MAJOR, minor=songs.CLASSICAL_MINOR, form="hshs"),
            Feel(tempo_bpm=(54, 84), weight=0.8,
                drums="none", bass="line", chords="pad", second="pad", lead="hymn",
                major=songs.CLASSICAL_MAJOR, minor=songs.CLASSICAL_MINOR, form="hshs"),
            Feel(tempo_bpm=(126, 172), beats=3, weight=0.7,
                drums="none", bass="one", chords="oompah", second="none", lead="classical",
                major=songs.CLASSICAL_MAJOR, minor=songs.CLASSICAL_MINOR, form="hshs"),
        ),
        bass="cello, contrabass, bassoon, upright bass",
        chords="piano, strings, harpsichord, harp, church organ, nylon guitar, slow strings",
        second="viola, strings, clarinet, horn",
        lead="violin, flute, oboe, clarinet, cello, trumpet, choir, strings",
        kits="standard kit",
        mix=(-9, -4, -4, -6, -1), dynamics=0.55,
    ),
    "country": Style(
        feels=(
            Feel(tempo_bpm=(92, 124), weight=3,
                drums="train, two beat", bass="boom", chords="boomchick, picking", second="none, picking, fills",
                lead="country", major=songs.COUNTRY_MAJOR, minor=("i | bVII | i | bVII", "i | iv | V | i")),
            Feel(tempo_bpm=(108, 136), weight=1.4,
                drums="country rock, backbeat", bass="root, boom", chords="strum", second="fills, none, pad",
                lead="song", major=(*songs.COUNTRY_MAJOR, *songs.ROCK_MAJOR[:2]), minor=songs.POP_MINOR[:1]),
            Feel(tempo_bpm=(84, 116), beats=3, weight=0.9,
                drums="waltz, none", bass="one", chords="oompah", second="none, pad", lead="country",
                major=songs.COUNTRY_MAJOR[:3], minor=("i | iv | V | i",)),
            Feel(tempo_bpm=(100, 132), swing=(1.6, 2.0), weight=1.0,
                drums="flat shuffle, shuffle hats", bass="boom, walk", chords="chick, boomchick",
                second="none, fills", lead="country",
                major=songs.COUNTRY_MAJOR, minor=("i | iv | V | i",)),
            Feel(tempo_bpm=(70, 96), weight=0.8,
                drums="ballad, light, none", bass="hold", chords="picking, strum", second="pad, none", lead="song",
                major=(*songs.COUNTRY_MAJOR, *songs.POP_MAJOR[:2]), minor=songs.POP_MINOR[:1]),
        ),
        bass="upright bass, finger bass, pick bass",
        chords="steel guitar, clean guitar, nylon guitar, piano",
        second="banjo, fiddle, steel guitar, clean guitar, piano, slow strings",
        lead="fiddle, clean guitar, harmonica, voice, steel guitar, banjo, overdriven guitar",
        kits="standard kit, room kit, brush kit",
        mix=(-3, -3, -3, -6, -2),
    ),
    "disco": Style(
        feels=(
            Feel(tempo_bpm=(110, 130), weight=2,
                drums="four on the floor, disco congas", bass="octave", chords="chop, offbeat", second="pad, stabs",
                lead="disco", major=songs.DISCO_MAJOR, minor=songs.DISCO_MINOR),
            Feel(tempo_bpm=(112, 128), weight=1.6,
                drums="disco sixteenths, four on the floor", bass="syncopated, octave", chords="chop, block",
                second="pad, stabs, arpeggio 16", lead="disco",
                major=songs.DISCO_MAJOR, minor=songs.DISCO_MINOR),
            Feel(tempo_bpm=(116, 132), weight=1,
                drums="dance pop, disco sixteenths", bass="octave, root", chords="arpeggio 16, offbeat",
                second="pad, stabs", lead="song",
                major=(*songs.DISCO_MAJOR, *songs.POP_MAJOR[:1]), minor=(*songs.DISCO_MINOR, *songs.POP_MINOR[:2])),
        ),
        bass="finger bass, slap bass, synth bass, pick bass",
        chords="clean guitar, muted guitar, electric piano, clavinet, piano",
        second="strings, brass, synth strings, synth brass",
        lead="strings, trumpet, voice, flute, alto sax, saw lead, brass",
        kits="standard kit, room kit, electronic kit",
        mix=(1, -1, -5, -6, -4),
    ),
    "hiphop": Style(
        feels=(
            Feel(tempo_bpm=(82, 102), swing=(1.2, 1.7), swing_unit=0.25, weight=3,
                drums="boom bap, boom bap lazy, breakbeat", bass="sub, syncopated", chords="loop",
                second="none, stabs, pad", lead="hook",
                major=songs.HIPHOP_MAJOR, minor=songs.HIPHOP_MINOR, form="ivvcvvcbvvc"),
            Feel(tempo_bpm=(88, 108), swing=(1.0, 1.3), swing_unit=0.25, weight=1.2,
                drums="breakbeat, sixteenths", bass="riff, sub", chords="loop, stabs", second="none, stabs",
                lead="hook", major=songs.HIPHOP_MAJOR, minor=(*songs.HIPHOP_MINOR, *songs.REGGAE_MINOR[:1]),
                form="ivvcvvcbvvc"),
            Feel(tempo_bpm=(66, 80), weight=1,
                drums="trap, half time", bass="sub", chords="arpeggio 8, loop, pad", second="none, pad", lead="hook",
                major=songs.HIPHOP_MAJOR[:1], minor=(*songs.HIPHOP_MINOR, *songs.POP_MINOR[:2]), form="ivvcvvcbvvc"),
        ),
        bass="synth bass, synth bass 2, upright bass, finger bass",
        chords="electric piano, piano, vibraphone, jazz guitar, fm piano, strings, nylon guitar",
        second="strings, brass, square lead, warm pad, muted trumpet",
        lead="voice, flute, square lead, muted trumpet, vibraphone, alto sax, synth strings",
        kits="standard kit, 808 kit, electronic kit, room kit",
        mix=(2, 1, -6, -11, -6), dynamics=0.1,
    ),
    "jazz": Style(
        feels=(
            Feel(tempo_bpm=(116, 216), swing=(1.45, 2.1), weight=3,
                drums="ride, ride busy, brushes", bass="walk", chords="charleston, freddie", second="none, stabs",
                lead="bebop", major=(*songs.JAZZ_MAJOR, songs.BLUES_12_JAZZ), minor=songs.JAZZ_MINOR, form="hssshh"),
            Feel(tempo_bpm=(118, 152), weight=1,
                drums="bossa", bass="bossa", chords="charleston, picking", second="none, pad", lead="song",
                major=songs.JAZZ_MAJOR, minor=songs.JAZZ_MINOR, form="hssh"),
            Feel(tempo_bpm=(58, 84), swing=(1.5, 2.0), weight=1,
                drums="brushes, none", bass="hold, walk", chords="nocturne, charleston, pad", second="none, pad",
                lead="bebop", major=songs.JAZZ_MAJOR, minor=songs.JAZZ_MINOR, form="hssh"),
            Feel(tempo_bpm=(120, 176), swing=(1.5, 2.0), beats=3, weight=0.7,
                drums="jazz waltz", bass="one", chords="charleston", second="none", lead="bebop",
                major=songs.JAZZ_MAJOR, minor=songs.JAZZ_MINOR, form="hsssh"),
            Feel(tempo_bpm=(92, 112), weight=0.7,
                drums="sixteenths, backbeat pushed", bass="syncopated", chords="charleston, chop",
                second="none, pad", lead="bebop",
                major=("ii9 | V7 | ii9 | V7",), minor=songs.JAZZ_MINOR[1:2], form="hsssh"),
        ),
        bass="upright bass, upright bass, fretless bass, finger bass",
        chords="piano, jazz guitar, electric piano, vibraphone, clean guitar, drawbar organ",
        second="brass, vibraphone, strings, percussive organ",
        lead="tenor sax, trumpet, alto sax, piano, jazz guitar, clarinet, flute, muted trumpet, vibraphone",
        kits="jazz kit, brush kit, standard kit",
        mix=(-4, -2, -5, -9, -1), dynamics=0.35,
    ),
    "metal": Style(
        feels=(
            Feel(tempo_bpm=(112, 176), weight=2.4,
                drums="double kick, gallop, backbeat", bass="gallop, chug", chords="gallop, chug",
                second="none, chug, pad", lead="shred",
                minor=songs.METAL_MINOR, form="ivvcvcbsccv"),
            Feel(tempo_bpm=(92, 124), weight=1.4,
                drums="thrash, double kick", bass="chug, riff", chords="chug, riff", second="none, riff",
                lead="shred", minor=songs.METAL_MINOR, form="ivvcvcbsccv"),
            Feel(tempo_bpm=(58, 84), weight=1,
                drums="doom, half time", bass="hold, riff", chords="power hold, riff", second="none, pad",
                lead="riff", minor=songs.METAL_MINOR, form="ivvcvcbsc"),
            Feel(tempo_bpm=(64, 92), weight=0.7,
                drums="none, half time, ballad", bass="hold", chords="arpeggio 8", second="power hold, pad",
                lead="song", minor=(*songs.METAL_MINOR[3:4], *songs.POP_MINOR[:2], *songs.ROCK_MINOR[:1]),
                form="ivvcvcbsc"),
        ),
        bass="pick bass, finger bass, pick bass",
        chords="distorted guitar, overdriven guitar, distorted guitar",
        second="distorted guitar, strings, choir, overdriven guitar, clean guitar",
        lead="distorted guitar, overdriven guitar, saw lead, voice",
        kits="power kit, room kit, standard kit",
        mix=(0, -4, -1, -5, -4), dynamics=0.08,
    ),
    "pop": Style(
        feels=(
            Feel(tempo_bpm=(92, 126), weight=2,
                drums="backbeat, backbeat pushed, ballad", bass="root, hold, syncopated",
                chords="block, strum, arpeggio 8", second="pad, arpeggio 16, none", lead="song",
                major=songs.POP_MAJOR, minor=songs.POP_MINOR),
            Feel(tempo_bpm=(108, 130), weight=1.3,
                drums="dance pop, four on the floor", bass="root, octave", chords="block, offbeat, arpeggio 16",
                second="pad, stabs", lead="song",
                major=songs.POP_MAJOR, minor=songs.POP_MINOR),
            Feel(tempo_bpm=(66, 88), weight=1.1,
                drums="ballad, light, none", bass="hold", chords="arpeggio 8, block, nocturne", second="pad",
                lead="song", major=songs.POP_MAJOR, minor=songs.POP_MINOR),
            Feel(tempo_bpm=(120, 156), weight=0.9,
                drums="driving, backbeat", bass="root", chords="power 8, strum", second="arpeggio 8, pad",
                lead="song", major=songs.POP_MAJOR, minor=songs.POP_MINOR),
            Feel(tempo_bpm=(84, 104), swing=(1.0, 1.2), swing_unit=0.25, weight=0.8,
                drums="breakbeat, trap, rockers", bass="sub, dub", chords="skank, loop", second="pad, none",
                lead="song", major=songs.POP_MAJOR, minor=songs.POP_MINOR),
        ),
        bass="finger bass, synth bass, pick bass, synth bass 2",
        chords="piano, bright piano, steel guitar, clean guitar, fm piano, polysynth, overdriven guitar",
        second="strings, warm pad, synth strings, choir, saw lead",
        lead="voice, square lead, saw lead, flute, clean guitar, violin, alto sax",
        kits="standard kit, room kit, electronic kit, power kit",
        mix=(-1, -3, -4, -6, -1),
    ),
    "reggae": Style(
        feels=(
            Feel(tempo_bpm=(62, 84), swing=(1.0, 1.6), swing_unit=0.25, weight=2,
                drums="one drop", bass="dub", chords="skank", second="bubble, stabs", lead="song",
                major=songs.REGGAE_MAJOR, minor=songs.REGGAE_MINOR),
            Feel(tempo_bpm=(68, 92), swing=(1.0, 1.6), swing_unit=0.25, weight=1.2,
                drums="rockers, one drop", bass="dub, syncopated", chords="skank", second="bubble, none, fills",
                lead="song", major=(*songs.REGGAE_MAJOR, *songs.POP_MAJOR[:1]), minor=songs.REGGAE_MINOR),
            Feel(tempo_bpm=(70, 90), swing=(1.0, 1.4), swing_unit=0.25, weight=1,
                drums="steppers", bass="dub", chords="skank", second="bubble, pad", lead="hook",
                major=songs.REGGAE_MAJOR, minor=songs.REGGAE_MINOR),
            Feel(tempo_bpm=(112, 140), swing=(1.0, 1.5), swing_unit=0.5, weight=0.7,
                drums="train, two beat", bass="walk, boom", chords="skank", second="stabs, none", lead="riff",
                major=(*songs.REGGAE_MAJOR, "I | vi | IV | V"), minor=songs.REGGAE_MINOR),
        ),
        bass="finger bass, fretless bass, synth bass, pick bass",
        chords="clean guitar, muted guitar, steel guitar, piano, jazz guitar",
        second="drawbar organ, percussive organ, clavinet, brass, electric piano",
        lead="voice, trombone, tenor sax, rock organ, harmonica, muted trumpet, clean guitar",
        kits="standard kit, room kit, electronic kit",
        mix=(-2, 1, -5, -8, -4),
    ),
    "rock": Style(
        feels=(
            Feel(tempo_bpm=(104, 144), weight=2.4,
                drums="backbeat, backbeat pushed, driving", bass="root, riff", chords="power 8, riff, strum",
                second="none, arpeggio 8, power hold", lead="riff",
                major=songs.ROCK_MAJOR, minor=songs.ROCK_MINOR, form="ivvcvcsccvc"),
            Feel(tempo_bpm=(76, 104), weight=1.1,
                drums="half time, backbeat pushed, tom tom", bass="riff, root", chords="riff, strum, power hold",
                second="none, pad", lead="riff",
                major=songs.ROCK_MAJOR, minor=songs.ROCK_MINOR, form="ivvcvcsccvc"),
            Feel(tempo_bpm=(116, 148), swing=(1.6, 2.0), weight=0.5,
                drums="shuffle hats, flat shuffle", bass="boogie, shuffle root", chords="boogie, power 8",
                second="none, block", lead="blues",
                major=(*songs.ROCK_MAJOR, songs.BLUES_12), minor=songs.ROCK_MINOR, form="ivvcvcscc"),
            Feel(tempo_bpm=(66, 92), weight=0.9,
                drums="ballad, none, backbeat", bass="hold", chords="arpeggio 8, picking", second="pad, power hold",
                lead="song", major=(*songs.ROCK_MAJOR, *songs.POP_MAJOR[:2]),
                minor=(*songs.ROCK_MINOR, *songs.POP_MINOR[:1]), form="ivvcvcscc"),
            Feel(tempo_bpm=(150, 184), weight=0.8,
                drums="backbeat, driving", bass="root", chords="power 8", second="none, power 8", lead="riff",
                major=songs.ROCK_MAJOR, minor=songs.ROCK_MINOR, form="ivvcvcsccvc"),
        ),
        bass="finger bass, pick bass",
        chords="steel guitar, clean guitar, overdriven guitar, distorted guitar, piano",
        second="overdriven guitar, distorted guitar, rock organ, clean guitar, strings, piano",
        lead="overdriven guitar, distorted guitar, voice, clean guitar, rock organ, harmonica",
        kits="standard kit, room kit, power kit",
        mix=(0, -3, -2, -6, -3),
    ),
}  # fmt: skip
GENRES = tuple(sorted(STYLES))
