"""Make synthetic music of two genres that differ in the drum pattern only: `python -m benchmarks.known_truth DIR`.

The invented artists of `dataset=synth` each play both genres with the same kit, instruments and loudness. Clips come in
pairs, one of each genre: other songs, but the same tempo and length, the same drums with the same number of strokes of the
same strengths, and drums at the same level relative to the rest (`--drums-db`). Nothing but the times of the strokes tells
the genre: by `--differ-in places`, `straight` and `broken` have them at other places of the bar, and the gaps tell as much
as the strokes; by `--differ-in distances`, `even` and `rolls` have them far apart or close together. The mix is dry and linear, so that a
compressor, say, cannot carry the rhythm of the drums over to the rest.

Writes the clips to DIR/mix (FLAC, mono, 22,050 Hz), their stems, which sum to them sample by sample, to DIR/drums and
DIR/rest under the same names, and a manifest of each: DIR/manifest.csv, drums.csv and rest.csv.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from src.console import Parser, track
from src.dataset.composer.arrangement import arrange
from src.dataset.composer.artist import Artist, draw_artist, stream
from src.dataset.composer.bar import Note
from src.dataset.composer.drums import DRUMS, STRENGTH
from src.dataset.composer.instrument import KITS, program
from src.dataset.composer.names import MOST_ARTISTS, MOST_TRACKS, track_names
from src.dataset.composer.render import HIGHEST_PITCH, LEAD_IN_SECONDS, SAMPLE_RATE
from src.dataset.composer.song import Song, plan
from src.dataset.composer.soundfont import soundfont
from src.plain_files import write_csv

# One bar in sixteenths, in the notation of composer/drums.py. Both of a pair have the same strokes, and the same of them together.
GROOVES = {
    "straight": {"kick": "x.....o.x.....o.", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
    "broken": {"kick": "...o..x....o..x.", "snare": "....x.......x...", "hat": "...oxox....oxox."},
    "even": {"kick": "x...x...x...x...", "snare": "..x...x...x...x.", "hat": "x.x.x.x.x.x.x.x."},
    "rolls": {"kick": "xx......xx......", "snare": "..xx......xx....", "hat": "xxxx....xxxx...."},
}
PAIRS = {"places": ("straight", "broken"), "distances": ("even", "rolls")}  # what tells the two genres
BEATS, STEPS = 4, 4  # beats in a bar, steps in a beat
STYLES = ("pop", "rock", "disco", "hiphop", "reggae")  # of the rest, artist by artist: all in 4/4
LATEST_SECONDS = 0.03  # most that a stroke is early or late: less than half a sixteenth, so that it stays in its clip
HEADROOM_DB = 6.0  # below the loudness of the artist, because there is no limiter
FOLDERS = {"mix": "manifest.csv", "drums": "drums.csv", "rest": "rest.csv"}
COLUMNS = ("path", "genre", "artist", "track")

Wave = NDArray[np.float64]  # (T,)


class Stems(NamedTuple):
    """The drums of a clip and everything else, (T,) each; the clip is their sum."""

    drums_T: NDArray[np.int16]
    rest_T: NDArray[np.int16]


class Sound(NamedTuple):
    """A note in seconds from the start of the clip, with its MIDI pitch and velocity."""

    start: float
    length: float
    pitch: int
    velocity: int


def pair(
    seed: int,
    number: int,
    track_number: int,
    seconds: float,
    drums_db: float = 0.0,
    genres: Sequence[str] = PAIRS["places"],
) -> dict[str, Stems]:
    """Compose and render one clip of each genre by artist `number` (from 0), about `seconds` long in whole bars.

    `drums_db` is the level of the drums relative to the rest.
    """
    artist = draw_artist(seed, style_of(number), number)
    waves: dict[str, tuple[Wave, Wave]] = {}
    tempo_bpm = 0.0
    for k, genre in enumerate(genres):
        rng = stream(seed, artist.genre, number, len(genres) * track_number + k)
        song = plan(artist, rng, seconds + 60)
        tempo_bpm = tempo_bpm or song.tempo_bpm
        same_tempo = replace(song, tempo_bpm=tempo_bpm, swing=1.0, rubato=0.0)
        waves[genre] = _stems(artist, same_tempo, genre, seconds, drums_db, rng)
    peak = max(float(np.abs(drums_T + rest_T).max()) for drums_T, rest_T in waves.values())
    gain = 32_767 * min(1.0, 0.98 / peak)  # the same for both, so that the level does not tell the genre
    return {
        genre: Stems(*(np.round(gain * wave_T).astype(np.int16) for wave_T in both)) for genre, both in waves.items()
    }


def style_of(number: int) -> str:
    """The style in which an artist plays everything except the drums."""
    return STYLES[number % len(STYLES)]


def strokes(genre: str, bars: int) -> list[Note]:
    """The drum strokes of the first `bars` bars of a genre."""
    return [
        Note(BEATS * bar + step / STEPS, 0.2, DRUMS[drum], STRENGTH[mark])
        for bar in range(bars)
        for drum, pattern in GROOVES[genre].items()
        for step, mark in enumerate(pattern)
        if mark != "."
    ]


def _stems(
    artist: Artist, song: Song, genre: str, seconds: float, drums_db: float, rng: np.random.Generator
) -> tuple[Wave, Wave]:
    """Render drums and rest of a clip. It starts anywhere in a bar, but between two steps."""
    beat_seconds = 60 / song.tempo_bpm
    bar_seconds = BEATS * beat_seconds
    bars = max(1, round(seconds / bar_seconds))
    bars_before = int(np.ceil(LEAD_IN_SECONDS / bar_seconds)) + 1  # the strokes before the clip ring into it
    first_bar = int(rng.integers(bars_before, len(song.bars) - bars))
    start = first_bar * bar_seconds + (rng.integers(BEATS * STEPS) + 0.5) / STEPS * beat_seconds
    length = round(bars * bar_seconds * SAMPLE_RATE)

    def play(instrument: str, notes: Sequence[Note], first_beat: int = 0) -> Wave:
        return render(
            instrument, list(_sounds(artist, notes, beat_seconds, start - first_beat * beat_seconds, rng)), length
        )

    own_hat = {DRUMS["hat"]: DRUMS[artist.hat]}  # some artists play the hi-hat line on a ride, a shaker or a tambourine
    drums = [
        note._replace(pitch=own_hat.get(note.pitch, note.pitch)) for note in strokes(genre, bars_before + bars + 1)
    ]
    drums_T = play(artist.kit, drums, BEATS * (first_bar - bars_before))
    rest_T = np.zeros(length)
    for part in arrange(artist, song, rng, start - LEAD_IN_SECONDS, start + length / SAMPLE_RATE):
        if part.role != "drums":
            level_db = artist.levels["lead" if part.role == "solo" else part.role]
            rest_T += _at_level(play(part.instrument, part.notes), level_db)
    rest_db = (
        artist.loudness_db - HEADROOM_DB - 10 * np.log10(1 + 10 ** (drums_db / 10))
    )  # both together have the loudness
    noise_T = 10 ** ((artist.noise_db - HEADROOM_DB) / 20) * rng.standard_normal(length)
    return _at_level(drums_T, rest_db + drums_db), _at_level(rest_T, rest_db) + noise_T


def _sounds(
    artist: Artist, notes: Sequence[Note], beat_seconds: float, start: float, rng: np.random.Generator
) -> Iterator[Sound]:
    """Convert notes in beats to seconds from `start`, with the artist's looseness in time and a little in strength."""
    for note in notes:
        delay = float(np.clip(rng.normal(0, artist.looseness_seconds), -LATEST_SECONDS, LATEST_SECONDS))
        velocity = int(np.clip(127 * (0.25 + 0.72 * note.strength + rng.normal(0, 0.06)), 12, 127))
        pitch = note.pitch - 12 * max(0, -(-(note.pitch - HIGHEST_PITCH) // 12))
        yield Sound(note.start * beat_seconds - start + delay, max(0.03, note.length * beat_seconds), pitch, velocity)


def render(instrument: str, sounds: Sequence[Sound], length: int) -> Wave:
    """Render the notes of one instrument, with what rings on from the LEAD_IN_SECONDS before it -> wave (length,)."""
    from symusic.core import NoteSecond, ScoreSecond, TrackSecond

    seconds = LEAD_IN_SECONDS + length / SAMPLE_RATE
    part = TrackSecond(instrument, program(instrument), instrument in KITS)
    for sound in sounds:
        if 0 <= sound.start + LEAD_IN_SECONDS < seconds:
            part.notes.append(NoteSecond(sound.start + LEAD_IN_SECONDS, sound.length, sound.pitch, sound.velocity))
    if not len(part.notes):
        return np.zeros(length)
    # The renderer stops when the last note ends. An inaudible note after it lets all other notes ring out.
    part.notes.append(NoteSecond(seconds + 0.1, 0.1, 127, 1))
    score: Any = ScoreSecond(960)  # Any, because the stub lacks `tracks`
    score.tracks.append(part)
    stereo_KT = _synthesizer(instrument).render(score, stereo=True)
    first = round(LEAD_IN_SECONDS * SAMPLE_RATE)
    mono_T: Wave = np.asarray(stereo_KT, np.float64).mean(axis=0)
    return mono_T[first : first + length]


@cache
def _synthesizer(instrument: str) -> Any:
    """Load a synthesizer for this instrument only, as composer/render.py does, and for the same reason."""
    from symusic import Synthesizer

    return Synthesizer(sf_path=str(soundfont()), sample_rate=SAMPLE_RATE, quality=4)


def _at_level(wave_T: Wave, level_db: float) -> Wave:
    """Scale a wave to an RMS level in dB re full scale; silence stays silent."""
    rms = max(float(np.sqrt(np.mean(wave_T**2))), 1e-6)
    return wave_T * (10 ** (level_db / 20) / rms)


def write(
    folder: Path,
    seed: int,
    artists: int,
    tracks: int,
    seconds: float,
    drums_db: float = 0.0,
    genres: Sequence[str] = PAIRS["places"],
) -> Iterator[str]:
    """Write the corpus and yield the name of each clip; the manifests are written after the last one.

    Raises OSError if it cannot be written.
    """
    rows: list[tuple[str, str, str, str]] = []
    for number in range(artists):
        artist = draw_artist(seed, style_of(number), number).name
        titles = iter(track_names(seed, style_of(number), number, len(genres) * tracks))
        for track_number in range(tracks):
            for genre, stems in pair(seed, number, track_number, seconds, drums_db, genres).items():
                title = next(titles)
                name = f"{genre}/{artist}--{title}.flac".lower().replace(" ", "-")
                for kind, wave_T in (
                    ("mix", stems.drums_T + stems.rest_T),
                    ("drums", stems.drums_T),
                    ("rest", stems.rest_T),
                ):
                    path = folder / kind / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    soundfile.write(path, wave_T, SAMPLE_RATE, subtype="PCM_16")
                rows.append((name, genre, artist, title))
                yield name
    for kind, manifest in FOLDERS.items():
        write_csv(folder / manifest, COLUMNS, [(f"{kind}/{name}", *others) for name, *others in rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the corpus and print the paths of its manifests -> exit status."""
    parser = Parser(
        prog="python -m benchmarks.known_truth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder to write to: about 0.6 MB a clip")
    parser.add_argument("--artists", type=int, default=40, metavar="N", help="(default: %(default)s)")
    parser.add_argument(
        "--tracks", type=int, default=4, metavar="N", help="pairs of clips of each artist (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="length of a clip, to the nearest bar (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another one gives another corpus (default: %(default)s)"
    )
    parser.add_argument(
        "--drums-db",
        type=float,
        default=0.0,
        metavar="DB",
        help="level of the drums relative to the rest (default: %(default)s, equally loud)",
    )
    parser.add_argument(
        "--differ-in",
        choices=PAIRS,
        default="places",
        help="what tells the genres of the drum strokes (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    genres = PAIRS[options.differ_in]
    most_tracks = MOST_TRACKS // len(genres)
    for key, value, least, most in (
        ("artists", options.artists, 1, MOST_ARTISTS),
        ("tracks", options.tracks, 1, most_tracks),
        ("seconds", options.seconds, 1, 120),
        ("seed", options.seed, 0, 2**32 - 1),
        ("drums-db", options.drums_db, -40, 40),
    ):
        if not least <= value <= most:
            parser.error(f"--{key} is {value:g}: expected {least} to {most}.")
    if options.folder.exists() and not options.folder.is_dir():
        parser.error(f"DIR is {options.folder}, which is a file: name a folder.")
    clips = write(
        options.folder, options.seed, options.artists, options.tracks, options.seconds, options.drums_db, genres
    )
    try:
        for _ in track(clips, "Clips", total=len(genres) * options.artists * options.tracks):
            pass
    except OSError as error:
        parser.error(f"DIR is {options.folder}, which cannot be written: {error.strerror}.")
    for manifest in FOLDERS.values():
        print(options.folder / manifest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
