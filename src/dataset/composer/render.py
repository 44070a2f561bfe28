"""Rendering of notes to audio with a SoundFont of recorded instruments and the artist's mix; also the worker program.

`python -m src.dataset.composer.render` reads one job per line, a JSON object with the keys seed, genre, artist, track,
seconds and path. It writes the clip to `path` and prints one line: "ok", or the error. Workers are processes because
the synthesizer holds Python's global interpreter lock. They are separate programs, not forks, so that they import only
what they need.
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
# MIDI pitch; higher notes are moved down by octaves, because above 91 symusic 0.5.9 hangs on some instruments.
HIGHEST_PITCH = 88
LEAD_IN_SECONDS = 1.5  # rendered before the clip and cut off, so that notes that began there still sound in the clip


def clip(seed: int, genre: str, artist_number: int, track: int, seconds: float) -> NDArray[np.int16]:
    """Compose a track and render a clip from a random place in it -> wave (T,), mono, 22,050 Hz."""
    artist = draw_artist(seed, genre, artist_number)
    rng = stream(seed, genre, artist_number, track)
    song = plan(artist, rng, seconds + 60)
    start = rng.uniform(0, song.seconds - seconds)
    return mix(artist, song, start, seconds, rng)


def mix(artist: Artist, song: Song, start: float, seconds: float, rng: np.random.Generator) -> NDArray[np.int16]:
    """Render `seconds` of a song from time `start`, in seconds, with the artist's mix -> wave (T,)."""
    length = round(seconds * SAMPLE_RATE)
    skip = round(LEAD_IN_SECONDS * SAMPLE_RATE)
    wave = np.zeros(length + skip, np.float32)
    for part in arrange(artist, song, rng, start - LEAD_IN_SECONDS, start + seconds):
        dry = _synthesize(artist, song, part, start - LEAD_IN_SECONDS, seconds + LEAD_IN_SECONDS, rng)[: len(wave)]
        sounding = dry[np.abs(dry) > 1e-4]
        if len(sounding) < SAMPLE_RATE // 20:  # under 50 ms of sound in all: the part is left out
            continue
        level_db = artist.levels["lead" if part.role == "solo" else part.role]
        dry = dry * np.float32(0.1 * 10 ** (level_db / 20) / np.sqrt(np.mean(sounding**2)))
        if artist.drive and part.role in ("bass", "chords", "lead", "solo"):
            dry = np.tanh(dry * 4 * artist.drive) / (4 * artist.drive)  # the distortion of an overdriven amplifier
        wave[: len(dry)] += dry
    wave = _equalize(wave, artist)
    wave = _reverberate(wave, artist)[skip:]
    wave = _compress(wave, artist.compressor_ratio)
    wave /= np.sqrt(np.mean(wave**2)) + 1e-9
    wave += rng.standard_normal(length, np.float32) * np.float32(10 ** ((artist.noise_db - artist.loudness_db) / 20))
    return _quantize(wave * 10 ** (artist.loudness_db / 20))


def _synthesize(artist: Artist, song: Song, part: Part, start: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Render `seconds` of one part from time `start` with its instrument, without the mix -> wave (T,).

    The wave is a little longer than `seconds`; it is a single zero if no note starts in this time.
    """
    from symusic.core import NoteSecond, ScoreSecond, TrackSecond

    starts = song.time(np.array([note.start for note in part.notes]))
    ends = song.time(np.array([note.start + note.length for note in part.notes]))
    inside = np.flatnonzero((starts >= start) & (starts < start + seconds))
    track = TrackSecond(part.role, program(part.instrument), part.role == "drums")
    snare_delay = artist.snare_delay_seconds if part.role == "drums" else 0.0
    time_offsets = rng.normal(0, artist.looseness_seconds, len(inside))
    strength_offsets = rng.normal(0, 0.06, len(inside))
    for index, time_offset, strength_offset in zip(inside, time_offsets, strength_offsets, strict=True):
        note = part.notes[index]
        onset = starts[index] - start + time_offset + (snare_delay if note.pitch in (37, 38, 39, 40) else 0.0)
        length = float(ends[index] - starts[index])
        velocity = int(np.clip(127 * (0.25 + 0.72 * note.strength + strength_offset), 12, 127))
        pitch = note.pitch - 12 * max(0, -(-(note.pitch - HIGHEST_PITCH) // 12))
        track.notes.append(NoteSecond(max(0.0, float(onset)), max(0.03, length), pitch, velocity))
    if not len(inside):
        return np.zeros(1, np.float32)
    # The renderer stops when the last note ends. An inaudible note after it lets all other notes ring out.
    track.notes.append(NoteSecond(seconds + 0.1, 0.1, 127, 1))
    score: Any = ScoreSecond(960)  # Any, because the stub lacks `tracks`
    score.tracks.append(track)
    left, right = _synthesizer(part.instrument).render(score, stereo=True)
    mono: Wave = (left + right) / 2
    return mono


@cache
def _synthesizer(instrument: str) -> Any:
    """Load a synthesizer that is used for this instrument only. Those of all instruments take 100 MB together.

    In symusic 0.5.9 instruments that share samples (violin, viola) change each other's sound, so with one synthesizer
    for all instruments a clip would depend on the clips rendered before it.
    """
    from symusic import Synthesizer

    # Quality 4 interpolates between samples; 7, the highest, renders silence at 44.1 kHz.
    return Synthesizer(sf_path=str(soundfont()), sample_rate=SAMPLE_RATE, quality=4)


def _lowpass(wave: Wave, cutoff_hz: float) -> Wave:
    """Filter with a first-order low-pass."""
    pole = np.exp(-2 * np.pi * cutoff_hz / SAMPLE_RATE)
    filtered: Wave = signal.lfilter(np.array([1 - pole], np.float32), np.array([1, -pole], np.float32), wave)
    return filtered


def _equalize(wave: Wave, artist: Artist) -> Wave:
    """Apply the artist's low shelf (180 Hz), high shelf (2,500 Hz) and low-pass filter (fourth order)."""
    bass = _lowpass(wave, 180)
    below_treble = _lowpass(wave, 2500)
    treble = wave - below_treble
    wave = wave + (10 ** (artist.bass_db / 20) - 1) * bass + (10 ** (artist.treble_db / 20) - 1) * treble
    sections = signal.butter(4, artist.cutoff_hz, fs=SAMPLE_RATE, output="sos").astype(np.float32)
    filtered: Wave = signal.sosfilt(sections, wave)
    return filtered


def _reverberate(wave: Wave, artist: Artist) -> Wave:
    """Add the reverb of the artist's room, whose impulse response is noise that decays by 60 dB in `reverb_seconds`."""
    rng = np.random.default_rng([artist.habit_seed, 1])
    times = np.arange(int(artist.reverb_seconds * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    decay = (10 ** (-3 * times / artist.reverb_seconds)).astype(np.float32)
    room = _lowpass(rng.standard_normal(len(times), np.float32) * decay, 4000)
    room *= 10 ** (artist.reverb_db / 20) / np.sqrt(np.sum(room**2))
    length = fft.next_fast_len(len(wave) + len(room) - 1, real=True)
    wet = fft.irfft(fft.rfft(wave, length) * fft.rfft(room, length), length)
    return np.asarray(wave + wet[: len(wave)], np.float32)


def _compress(wave: Wave, ratio: float) -> Wave:
    """Compress by `ratio` above a threshold 3 dB below the mean level; the level is smoothed over 50 ms."""
    hop = 256
    power = (np.add.reduceat(wave**2, np.arange(0, len(wave), hop)) / hop).astype(np.float32)
    level_db = 10 * np.log10(_smooth(power, 0.05 * SAMPLE_RATE / hop) + 1e-12)
    threshold_db = 10 * np.log10(np.mean(wave**2) + 1e-12) - 3
    gain_db = -np.maximum(0, level_db - threshold_db) * (1 - 1 / ratio)
    gain = np.interp(np.arange(len(wave)), np.arange(len(gain_db)) * hop, 10 ** (gain_db / 20))
    return np.asarray(wave * gain, np.float32)


def _smooth(values: Wave, steps: float) -> Wave:
    """Smooth exponentially with a time constant of `steps` values, starting from the first value."""
    pole = np.exp(-1 / steps)
    smoothed: Wave = signal.lfilter([1 - pole], [1, -pole], values, zi=[pole * values[0]])[0]
    return smoothed


def _quantize(wave: Wave) -> NDArray[np.int16]:
    """Limit peaks above 0.7 smoothly (tanh), so that no sample clips, and round to 16 bits."""
    loud = np.abs(wave) > 0.7
    wave[loud] = np.sign(wave[loud]) * (0.7 + 0.28 * np.tanh((np.abs(wave[loud]) - 0.7) / 0.28))
    return np.round(wave * 32767).astype(np.int16)


def main() -> None:
    """Render the jobs from standard input until it ends."""
    import soundfile

    for line in sys.stdin:
        job = json.loads(line)
        try:
            wave = clip(job["seed"], job["genre"], job["artist"], job["track"], job["seconds"])
            # Encode in memory first: on a full disk libsndfile writes a truncated file and raises no error.
            flac = BytesIO()
            soundfile.write(flac, wave, SAMPLE_RATE, subtype="PCM_16", format="FLAC")
            Path(job["path"]).write_bytes(flac.getvalue())
            print("ok", flush=True)
        except OSError as error:
            print(str(error).replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
