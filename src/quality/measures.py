"""Measure the audio of a clip: level, spectrum, faults and fingerprint. The file is decoded only once."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.audio import fingerprint, reader
from src.audio.corrections import SILENCE, Note
from src.clip import Clip
from src.quality.spectrum import long_term_spectrum

FLAT_SAMPLES = 3  # this many consecutive samples at the peak count as clipped: music does not stay there
FULL_SCALE = 0.9999  # samples at or above this count as clipped: a lossy encoder moves clipped peaks beyond full scale


class ClipMeasures(NamedTuple):
    """The measures of one clip.

    `level_db` is the RMS level and `peak_db` the peak, both in dB re full scale and without the constant offset.
    `clipped` is the share of samples (0 to 1) that are cut off at a peak or beyond full scale. `digest` is a hash of the
    decoded mono samples, independent of the file format. `codes` (N,) is the fingerprint, see fingerprint.py. For
    `bandwidth_hz` and the last three, see spectrum.py.
    """

    start_seconds: float  # position of the measured part in the file
    seconds: float  # length of the measured part
    sample_rate: int  # Hz, of the file
    channels: int
    level_db: float
    peak_db: float
    clipped: float
    bandwidth_hz: float
    digest: str
    shortfall: str | None  # describes what is missing from the file; None if it is complete
    fault: str | None  # "silent" or "constant": there are samples, but no sound
    codes: NDArray[np.uint32]
    notes: tuple[Note, ...] = ()  # what was corrected before measuring
    third_octaves_db: tuple[float, ...] = ()
    steady_hz: tuple[float, ...] = ()
    limit_hz: float | None = None


def measure(clip: Clip, max_seconds: float | None) -> ClipMeasures:
    """Decode a clip and measure it; of a clip longer than `max_seconds`, only the middle part of that length.

    Raises AudioError if it cannot be decoded.
    """
    sound = reader.read_native(clip.path, clip.start_seconds, clip.stop_seconds, max_seconds)
    wave_T = sound.wave_T
    centred_T = wave_T - wave_T.mean()  # a constant offset is not sound
    peak = float(np.abs(centred_T).max())
    fault = None if not sound.silent else "constant" if np.abs(sound.wave_TK).max() >= SILENCE else "silent"
    low_T = reader.resample(wave_T, sound.sample_rate, fingerprint.SAMPLE_RATE)
    spectrum = long_term_spectrum(centred_T, sound.sample_rate)
    return ClipMeasures(
        start_seconds=sound.start_seconds,
        seconds=len(wave_T) / sound.sample_rate,
        sample_rate=sound.sample_rate,
        channels=sound.wave_TK.shape[1],
        level_db=_db(float(np.sqrt(np.mean(centred_T**2)))),
        peak_db=_db(peak),
        clipped=_clipped(sound.wave_TK),
        bandwidth_hz=spectrum.bandwidth_hz,
        digest=hashlib.blake2b(wave_T.tobytes(), digest_size=8).hexdigest(),
        shortfall=sound.shortfall,
        fault=fault,
        codes=fingerprint.codes(low_T),
        notes=sound.notes,
        third_octaves_db=spectrum.third_octaves_db,
        steady_hz=spectrum.steady_hz,
        limit_hz=spectrum.limit_hz,
    )


def _db(amplitude: float) -> float:
    """Amplitude re full scale in dB; silence is -200 dB."""
    return 20 * float(np.log10(max(amplitude, 1e-10)))


def _clipped(wave_TK: NDArray[np.float32]) -> float:
    """Share of clipped samples of a wave (T samples, K channels).

    A sample is clipped if it is beyond full scale, or one of FLAT_SAMPLES or more consecutive samples at the peak of its
    channel.
    """
    high_K, low_K = wave_TK.max(axis=0), wave_TK.min(axis=0)  # 16-bit samples reach -1, but not +1
    peak_TK = (wave_TK >= high_K - 1e-5 * np.abs(high_K)) | (wave_TK <= low_K + 1e-5 * np.abs(low_K))
    flat_TK = np.zeros_like(peak_TK)
    run_TK = peak_TK[: len(peak_TK) - FLAT_SAMPLES + 1].copy()
    for k in range(1, FLAT_SAMPLES):
        run_TK &= peak_TK[k : len(peak_TK) - FLAT_SAMPLES + 1 + k]
    for k in range(FLAT_SAMPLES):
        flat_TK[k : len(flat_TK) - FLAT_SAMPLES + 1 + k] |= run_TK
    return float((flat_TK | (np.abs(wave_TK) >= FULL_SCALE)).mean())
