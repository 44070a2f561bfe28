"""From notes to sound: recorded instruments through a SoundFont, and the artist's mix. Also the rendering worker.

`python -m src.dataset.composer.render` reads one JSON object a line, {"seed", "genre", "artist", "track", "seconds",
"path"}, writes the clip to `path` and answers with a line: "ok", or what went wrong. Workers are processes because the
synthesizer holds Python's lock, and programs of their own (not forks) so that they load nothing but what they need.
"""

import json
import sys
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from src.dataset.composer.arrangement import Part, arrange
from src.dataset.composer.artist import Artist, draw_artist, stream
from src.dataset.composer.instrument import program
from src.dataset.composer.song import Song, plan
from src.dataset.composer.soundfont import soundfont

SAMPLE_RATE = 22_050
Wave = NDArray[np.float32]  # (T,)
HIGHEST = 88  # MIDI pitch; what is higher sounds octaves lower: above 91 symusic 0.5.9 hangs on some instruments
LEAD_IN_SECONDS = 1.5  # notes that began this long before the clip still sound in it


def clip(seed: int, genre: str, artist_number: int, track: int, seconds: float) -> NDArray[np.int16]:
    """A stretch from somewhere within a track -> wave (T,), mono, 22,050 Hz."""
    artist = draw_artist(seed, genre, artist_number)
    rng = stream(seed, genre, artist_number, track)
    song = plan(artist, rng, seconds + 60)
    start = rng.uniform(0, song.seconds - seconds)
    return mix(artist, song, start, seconds, rng)


def mix(artist: Artist, song: Song, start: float, seconds: float, rng: np.random.Generator) -> NDArray[np.int16]:
    """Render a song's stretch of `seconds` from `start` (seconds) as the artist sounds -> wave (T,)."""
    length = round(seconds * SAMPLE_RATE)
    skip = round(LEAD_IN_SECONDS * SAMPLE_RATE)
    wave = np.zeros(length + skip, np.float32)
    for part in arrange(artist, song, rng, start - LEAD_IN_SECONDS, start + seconds):
        dry = _play(artist, song, part, start - LEAD_IN_SECONDS, seconds + LEAD_IN_SECONDS, rng)[: len(wave)]
        loud = dry[np.abs(dry) > 1e-4]
        if len(loud) < SAMPLE_RATE // 20:
            continue
        level_db = artist.levels["lead" if part.role == "solo" else part.role]
        dry = dry * np.float32(0.1 * 10 ** (level_db / 20) / np.sqrt(np.mean(loud**2)))
        if artist.drive and part.role in ("bass", "chords", "lead", "solo"):
            dry = np.tanh(dry * 4 * artist.drive) / (4 * artist.drive)  # an amplifier at its limit
        wave[: len(dry)] += dry
    wave = _shelves(wave, artist)
    wave = _reverberate(wave, artist)[skip:]
    wave = _compress(wave, artist.ratio)
    wave /= np.sqrt(np.mean(wave**2)) + 1e-9
    wave += rng.standard_normal(length, np.float32) * np.float32(10 ** ((artist.noise_db - artist.loudness_db) / 20))
    return _quantize(wave * 10 ** (artist.loudness_db / 20))


def _play(artist: Artist, song: Song, part: Part, start: float, seconds: float, rng: np.random.Generator) -> Wave:
    """The part's stretch, dry -> (T,)."""
    from symusic.core import NoteSecond, ScoreSecond, TrackSecond

    times = song.time(np.array([note.start for note in part.notes]))
    ends = song.time(np.array([note.start + note.length for note in part.notes]))
    inside = np.flatnonzero((times >= start) & (times < start + seconds))
    track = TrackSecond(part.role, program(part.instrument), part.role == "drums")
    late = artist.late_seconds if part.role == "drums" else 0.0
    jitter = rng.normal(0, artist.looseness_seconds, len(inside))
    touch = rng.normal(0, 0.06, len(inside))
    for index, early, soft in zip(inside, jitter, touch, strict=True):
        note = part.notes[index]
        onset = times[index] - start + early + (late if note.pitch in (37, 38, 39, 40) else 0.0)
        span = float(ends[index] - times[index])
        velocity = int(np.clip(127 * (0.25 + 0.72 * note.strength + soft), 12, 127))
        pitch = note.pitch - 12 * max(0, -(-(note.pitch - HIGHEST) // 12))
        track.notes.append(NoteSecond(max(0.0, float(onset)), max(0.03, span), pitch, velocity))
    if not len(inside):
        return np.zeros(1, np.float32)
    # The renderer stops at the last note's end: a note that nobody hears lets everything ring out.
    track.notes.append(NoteSecond(seconds + 0.1, 0.1, 127, 1))
    score: Any = ScoreSecond(960)  # Any: its stub lacks `tracks`
    score.tracks.append(track)
    left, right = _synthesizer(part.instrument).render(score, stereo=True)
    mono: Wave = (left + right) / 2
    return mono


@cache
def _synthesizer(instrument: str) -> Any:
    """A synthesizer for one instrument alone: instruments that share samples (violin, viola) change one another's
    sound in symusic 0.5.9, so a clip would depend on what was rendered before it. All together take 100 MB.
    """
    from symusic import Synthesizer

    # Quality 4 interpolates between samples; 7, the highest, renders silence at 44.1 kHz.
    return Synthesizer(sf_path=str(soundfont()), sample_rate=SAMPLE_RATE, quality=4)


def _lowpass(wave: Wave, cutoff_hz: float) -> Wave:
    """First order."""
    keep = np.exp(-2 * np.pi * cutoff_hz / SAMPLE_RATE)
    low: Wave = signal.lfilter(np.array([1 - keep], np.float32), np.array([1, -keep], np.float32), wave)
    return low


def _shelves(wave: Wave, artist: Artist) -> Wave:
    """The artist's bass and treble, and the upper end of the recording."""
    bass = _lowpass(wave, 180)
    dark = _lowpass(wave, 2500)
    wave = wave + (10 ** (artist.bass_db / 20) - 1) * bass + (10 ** (artist.treble_db / 20) - 1) * (wave - dark)
    sections = signal.butter(4, artist.cutoff_hz, fs=SAMPLE_RATE, output="sos").astype(np.float32)
    filtered: Wave = signal.sosfilt(sections, wave)
    return filtered


def _reverberate(wave: Wave, artist: Artist) -> Wave:
    """The artist's room: noise that decays by 60 dB in `reverb_seconds`."""
    rng = np.random.default_rng([artist.habits, 1])
    times = np.arange(int(artist.reverb_seconds * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    decay = (10 ** (-3 * times / artist.reverb_seconds)).astype(np.float32)
    room = _lowpass(rng.standard_normal(len(times), np.float32) * decay, 4000)
    room *= 10 ** (artist.reverb_db / 20) / np.sqrt(np.sum(room**2))
    length = fft.next_fast_len(len(wave) + len(room) - 1, real=True)
    wet = fft.irfft(fft.rfft(wave, length) * fft.rfft(room, length), length)
    return np.asarray(wave + wet[: len(wave)], np.float32)


def _compress(wave: Wave, ratio: float) -> Wave:
    """Lower what is louder than average by `ratio`, with 50 ms of memory."""
    hop = 256
    power = (np.add.reduceat(wave**2, np.arange(0, len(wave), hop)) / hop).astype(np.float32)
    level_db = 10 * np.log10(_smooth(power, 0.05 * SAMPLE_RATE / hop) + 1e-12)
    threshold_db = 10 * np.log10(np.mean(wave**2) + 1e-12) - 3
    gain_db = -np.maximum(0, level_db - threshold_db) * (1 - 1 / ratio)
    gain = np.interp(np.arange(len(wave)), np.arange(len(gain_db)) * hop, 10 ** (gain_db / 20))
    return np.asarray(wave * gain, np.float32)


def _smooth(values: Wave, steps: float) -> Wave:
    keep = np.exp(-1 / steps)
    smooth: Wave = signal.lfilter([1 - keep], [1, -keep], values, zi=[keep * values[0]])[0]
    return smooth


def _quantize(wave: Wave) -> NDArray[np.int16]:
    """Bend peaks above 0.7 smoothly, so that nothing clips, and round to 16 bits."""
    loud = np.abs(wave) > 0.7
    wave[loud] = np.sign(wave[loud]) * (0.7 + 0.28 * np.tanh((np.abs(wave[loud]) - 0.7) / 0.28))
    return np.round(wave * 32767).astype(np.int16)


def main() -> None:
    """Answer jobs until standard input ends."""
    import soundfile

    for line in sys.stdin:
        job = json.loads(line)
        try:
            wave = clip(job["seed"], job["genre"], job["artist"], job["track"], job["seconds"])
            # Through memory: on a full disk libsndfile leaves a short file without a word.
            flac = BytesIO()
            soundfile.write(flac, wave, SAMPLE_RATE, subtype="PCM_16", format="FLAC")
            Path(job["path"]).write_bytes(flac.getvalue())
            print("ok", flush=True)
        except OSError as error:
            print(str(error).replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
