"""What a clip sounds like from outside: its level, its bandwidth, its faults and its fingerprint, measured in one hearing."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.audio import fingerprint, reader
from src.audio.reader import SILENCE
from src.clip import Clip

N_FFT = 4096  # samples: 11 Hz a row at 44.1 kHz
FLOOR_DB = 70.0  # below the strongest row of the mean spectrum: weaker is encoder's residue or dither, not music
FLAT_SAMPLES = 3  # samples in a row at the very peak: no wave of music stands still there
FULL_SCALE = 0.9999  # of full scale: what a lossy encoder made of clipped sound is beyond it


class ClipMeasures(NamedTuple):
    """One clip's measures; levels are re full scale. The fingerprint's codes are (N,), see fingerprint.py.

    `clipped` is the share of samples cut off at a peak or beyond full scale; `bandwidth_hz` the highest frequency whose
    mean power is within FLOOR_DB of the strongest one's. `digest` is a hash of the sound, whatever file it is in.
    """

    start_seconds: float  # of what was heard, in the file
    seconds: float
    sample_rate: int
    channels: int
    level_db: float
    peak_db: float
    clipped: float
    bandwidth_hz: float
    digest: str
    shortfall: str | None
    fault: str | None  # "silent", "constant": there are samples, but no sound
    codes: NDArray[np.uint32]


def measure(clip: Clip, max_seconds: float | None) -> ClipMeasures:
    """Decode a clip once, its middle where it is longer than `max_seconds`, and measure it. Raises AudioError."""
    sound = reader.sound(clip.path, clip.start_seconds, clip.stop_seconds, max_seconds)
    wave_T = reader.mono(sound.wave_TK)
    moving_T = wave_T - wave_T.mean()  # a direct current is no sound
    peak = float(np.abs(moving_T).max())
    fault = None if peak >= SILENCE else "constant" if np.abs(wave_T).max() >= SILENCE else "silent"
    low_T = reader.resample(wave_T, sound.sample_rate, fingerprint.SAMPLE_RATE)
    return ClipMeasures(
        start_seconds=sound.start_seconds,
        seconds=len(wave_T) / sound.sample_rate,
        sample_rate=sound.sample_rate,
        channels=sound.wave_TK.shape[1],
        level_db=_db(float(np.sqrt(np.mean(moving_T**2)))),
        peak_db=_db(peak),
        clipped=_clipped(sound.wave_TK),
        bandwidth_hz=_bandwidth(moving_T, sound.sample_rate),
        digest=hashlib.blake2b(wave_T.tobytes(), digest_size=8).hexdigest(),
        shortfall=sound.shortfall,
        fault=fault,
        codes=fingerprint.codes(low_T),
    )


def _db(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, 1e-10)))


def _clipped(wave_TK: NDArray[np.float32]) -> float:
    """The share of samples that stand at their channel's peak FLAT_SAMPLES or more in a row, or beyond full scale."""
    high_K, low_K = wave_TK.max(axis=0), wave_TK.min(axis=0)  # 16 bits reach a little further down than up
    at_TK = (wave_TK >= high_K - 1e-5 * np.abs(high_K)) | (wave_TK <= low_K + 1e-5 * np.abs(low_K))
    flat_TK = np.zeros_like(at_TK)
    run_TK = at_TK[: len(at_TK) - FLAT_SAMPLES + 1].copy()
    for k in range(1, FLAT_SAMPLES):
        run_TK &= at_TK[k : len(at_TK) - FLAT_SAMPLES + 1 + k]
    for k in range(FLAT_SAMPLES):
        flat_TK[k : len(flat_TK) - FLAT_SAMPLES + 1 + k] |= run_TK
    return float((flat_TK | (np.abs(wave_TK) >= FULL_SCALE)).mean())


def _bandwidth(wave_T: NDArray[np.float32], sample_rate: int) -> float:
    """The highest frequency, in Hz, of the mean power spectrum over Hann windows that is within FLOOR_DB of its maximum."""
    if len(wave_T) < N_FFT:
        wave_T = np.pad(wave_T, (0, N_FFT - len(wave_T)))
    frame_NT = wave_T[: len(wave_T) // N_FFT * N_FFT].reshape(-1, N_FFT)
    power_F = np.zeros(N_FFT // 2 + 1)
    window_T = np.hanning(N_FFT).astype(np.float32)
    for block_NT in np.array_split(
        frame_NT, max(1, len(frame_NT) // 64)
    ):  # a long file's spectra at once would fill memory
        power_F += (np.abs(np.fft.rfft(block_NT * window_T)) ** 2).sum(axis=0)
    strong_F = np.flatnonzero(power_F > power_F.max() * 10 ** (-FLOOR_DB / 10))
    return float(strong_F[-1] * sample_rate / N_FFT) if len(strong_F) else 0.0
