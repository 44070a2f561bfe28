"""Measure the long-term spectrum of a clip: bandwidth, third-octave levels, steady narrow peaks and a steep upper limit."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

N_FFT = 4096  # samples: a resolution of 11 Hz at 44.1 kHz
SEGMENT_SECONDS = 1.0  # a steady peak stands out in the mean spectra of most segments of this length
LEAST_SEGMENTS = 4  # in a shorter clip, a note that is held looks like a steady peak
# Bandwidth ignores energy this far below the maximum of the mean spectrum: it is coding noise or dither.
FLOOR_DB = 70.0
THIRD_OCTAVES_HZ = tuple(
    1000 * 2 ** (k / 3) for k in range(-13, 13)
)  # band centres, 50 Hz to 16 kHz; IEC 61260, base 2
LOWEST_BAND_DB = -90.0  # lower levels, and bands above half the sample rate, read this

PEAK_DB = 10.0  # a peak is at least this far above its neighbours, in all but TAIL of the segments
TAIL = 0.1
PEAK_RANGE_DB = 6.0  # its level varies by at most this from segment to segment, without TAIL at both ends
NEAR, FAR = 4, 16  # the neighbours are the bins at these distances, and between them, on both sides
LOWEST_PEAK_HZ = 40.0
MOST_PEAKS = 20  # the most prominent ones of a clip

STEP = 12  # parts of an octave in which a limit is searched
LOWEST_LIMIT_HZ = 2000.0
LIMIT_DB = 20.0  # the spectrum falls by this within 5 / 12 octave: 48 dB per octave, far steeper than music falls
HIGHEST_LIMIT = 0.9  # as a share of half the sample rate: higher limits are those of the resampling


class LongTermSpectrum(NamedTuple):
    """Measures of the mean spectrum of a clip.

    `bandwidth_hz` is the highest frequency whose mean power is at most FLOOR_DB below that of the strongest frequency.
    `third_octaves_db` are the levels of the bands THIRD_OCTAVES_HZ re the level of the clip. `steady_hz` are the frequencies of
    narrow peaks that stay at one frequency and level while the music changes. `limit_hz` is where the spectrum ends steeply
    far below half the sample rate, as after a low pass; None if it does not.
    """

    bandwidth_hz: float
    third_octaves_db: tuple[float, ...]
    steady_hz: tuple[float, ...]
    limit_hz: float | None


def long_term_spectrum(wave_T: NDArray[np.float32], sample_rate: int) -> LongTermSpectrum:
    """Measure a wave (T,), mono. It is cut into frames with Hann windows, without overlap."""
    power_SF = segment_powers(wave_T, sample_rate)
    power_F = power_SF.mean(axis=0)
    resolution_hz = sample_rate / N_FFT
    strong_F = np.flatnonzero(power_F > power_F.max() * 10 ** (-FLOOR_DB / 10))
    return LongTermSpectrum(
        bandwidth_hz=float(strong_F[-1] * resolution_hz) if len(strong_F) else 0.0,
        third_octaves_db=third_octaves(power_F, resolution_hz),
        steady_hz=steady_peaks(power_SF, resolution_hz),
        limit_hz=steep_limit(power_F, resolution_hz),
    )


def segment_powers(wave_T: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Mean power spectra (S, F) of segments of about SEGMENT_SECONDS each."""
    if len(wave_T) < N_FFT:
        wave_T = np.pad(wave_T, (0, N_FFT - len(wave_T)))
    frame_NT = wave_T[: len(wave_T) // N_FFT * N_FFT].reshape(-1, N_FFT)
    window_T = np.hanning(N_FFT).astype(np.float32)
    frames = max(1, round(SEGMENT_SECONDS * sample_rate / N_FFT))
    power_SF = np.empty((max(1, len(frame_NT) // frames), N_FFT // 2 + 1))
    # Segment by segment: all spectra of a long file at once would fill the memory.
    for power_F, block_NT in zip(power_SF, np.array_split(frame_NT, len(power_SF)), strict=True):
        spectrum_NF = np.fft.rfft(block_NT * window_T)
        power_F[:] = (spectrum_NF.real**2 + spectrum_NF.imag**2).mean(axis=0)
    return power_SF


def third_octaves(power_F: NDArray[np.float64], resolution_hz: float) -> tuple[float, ...]:
    """Levels of the bands THIRD_OCTAVES_HZ, in dB re the sum of all power. Bins that a limit of bands divides are shared."""
    centre_B = np.array(THIRD_OCTAVES_HZ)
    cumulated_F = np.concatenate([[0.0], np.cumsum(power_F)])
    limits_hz = (np.arange(len(cumulated_F)) - 0.5) * resolution_hz  # a bin reaches half a bin down and up
    low_B, high_B = (np.interp(centre_B * 2 ** (sign / 6), limits_hz, cumulated_F) for sign in (-1, 1))
    share_B = (high_B - low_B) / max(cumulated_F[-1], 1e-30)
    level_B = np.maximum(LOWEST_BAND_DB, 10 * np.log10(np.maximum(share_B, 1e-12)))
    return tuple(level_B.round(1).tolist())


def steady_peaks(power_SF: NDArray[np.float64], resolution_hz: float) -> tuple[float, ...]:
    """Frequencies in Hz of the peaks that stand out by PEAK_DB, at a level within PEAK_RANGE_DB, in nearly all segments."""
    if len(power_SF) < LEAST_SEGMENTS:
        return ()
    level_SF = 10 * np.log10(power_SF + 1e-20)
    # Sums over a range of bins are differences of cumulated sums.
    cumulated_SF = np.cumsum(np.pad(level_SF, ((0, 0), (1, 0))), axis=1)
    bins_F = np.arange(FAR, level_SF.shape[1] - FAR)
    below_SF = cumulated_SF[:, bins_F - NEAR + 1] - cumulated_SF[:, bins_F - FAR]
    above_SF = cumulated_SF[:, bins_F + FAR + 1] - cumulated_SF[:, bins_F + NEAR]
    prominence_SF = level_SF[:, bins_F] - (below_SF + above_SF) / (2 * (FAR - NEAR + 1))
    prominence_F = np.quantile(prominence_SF, TAIL, axis=0)
    level_F = level_SF.mean(axis=0)
    peaks: list[tuple[float, float]] = []
    for k in np.flatnonzero((prominence_F >= PEAK_DB) & (bins_F * resolution_hz >= LOWEST_PEAK_HZ)):
        bin_ = int(bins_F[k])
        low, high = np.quantile(level_SF[:, bin_], (TAIL, 1 - TAIL))
        if high - low <= PEAK_RANGE_DB and level_F[bin_] == level_F[bin_ - NEAR : bin_ + NEAR + 1].max():
            left, middle, right = level_F[bin_ - 1 : bin_ + 2]
            shift = 0.5 * (left - right) / min(left - 2 * middle + right, -1e-9)  # the maximum of a parabola
            peaks.append((-float(prominence_F[k]), round((bin_ + float(shift)) * resolution_hz, 1)))
    return tuple(sorted(hz for _, hz in sorted(peaks)[:MOST_PEAKS]))


def steep_limit(power_F: NDArray[np.float64], resolution_hz: float) -> float | None:
    """The frequency in Hz above which the spectrum stays at least LIMIT_DB lower than the quarter octave below it.

    It falls within a sixth of an octave. Of several such frequencies, the lowest is taken.
    """
    half_rate_hz = (len(power_F) - 1) * resolution_hz
    bands = int(STEP * np.log2(half_rate_hz * 0.97 / LOWEST_LIMIT_HZ)) + STEP // 2
    if bands < STEP:
        return None
    edge_B = LOWEST_LIMIT_HZ * 2 ** ((np.arange(bands + 1) - STEP // 2) / STEP)
    cumulated_F = np.concatenate([[0.0], np.cumsum(power_F)])
    cumulated_B = np.interp(edge_B, (np.arange(len(cumulated_F)) - 0.5) * resolution_hz, cumulated_F)
    level_B = 10 * np.log10(np.diff(cumulated_B) / np.diff(edge_B) + 1e-20)
    for b in range(STEP // 2, bands - 2):  # the limit lies at the lower edge of band b
        if edge_B[b] > HIGHEST_LIMIT * half_rate_hz:
            break
        if level_B[b - 3 : b].mean() - level_B[b + 2 :].max() >= LIMIT_DB:
            return round(float(edge_B[b]), 1)
    return None
