"""Reduced sound: noise that keeps one trait of a clip and none of its notes.

A model that recognizes reduced sound uses this trait. A model that was trained on it shows how much of the genre the trait
gives away. Each function: wave (T,) at `rate` Hz, generator -> noise (T,).
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from src.alteration.waves import Wave, with_level_of

N_FFT = 4096  # samples of a frame for the long-term spectrum: 11 Hz at 44.1 kHz
FLOOR_DB = 70.0  # energy this far below the strongest frequency is no part of the bandwidth, as in the audit
BAND_EDGES_HZ = (0.0, 200.0, 800.0, 3200.0)  # of the noise vocoder, each two octaves: bass, low, middle and high
ENVELOPE_HZ = 25.0  # what is faster than this is no rhythm
RHYTHM_LEVEL = 0.05  # root mean square of each band: -26 dB re full scale


def level_and_bandwidth(wave_T: Wave, rate: int, random: np.random.Generator) -> Wave:
    """White noise up to the clip's bandwidth, with its root mean square.

    The bandwidth is the highest frequency whose mean power is at most FLOOR_DB below that of the strongest frequency.
    """
    power_F = long_term_power(wave_T)
    strong_F = np.flatnonzero(power_F >= power_F.max() * 10 ** (-FLOOR_DB / 10))
    gain_F = (np.arange(len(power_F)) <= strong_F[-1]).astype(np.float64)
    return with_level_of(_shaped_noise(len(wave_T), gain_F, random), wave_T)


def long_term_spectrum(wave_T: Wave, rate: int, random: np.random.Generator) -> Wave:
    """Stationary noise with the clip's mean power spectrum and its root mean square: no rhythm, notes or form are left."""
    return with_level_of(_shaped_noise(len(wave_T), np.sqrt(long_term_power(wave_T)), random), wave_T)


def rhythm(wave_T: Wave, rate: int, random: np.random.Generator) -> Wave:
    """Noise in a few bands with the envelopes of the clip's bands, each band at the same level: a noise vocoder.

    Rhythm is left, and how it is spread over the bands; the level, the spectrum and the notes are not. A band is constant
    noise if the clip has nothing in it.
    Source: Shannon et al. 1995, Speech recognition with primarily temporal cues; our bands are wider and equally loud.
    """
    frequency_F = np.fft.rfftfreq(len(wave_T), 1 / rate)
    spectrum_F, noise_F = np.fft.rfft(wave_T), np.fft.rfft(random.standard_normal(len(wave_T)))
    smooth = signal.butter(2, ENVELOPE_HZ, fs=rate, output="sos")
    total_T = np.zeros(len(wave_T))
    highest_hz = rate / 2
    edges = [*(edge for edge in BAND_EDGES_HZ if edge < highest_hz), highest_hz + 1]
    for low_hz, high_hz in pairwise(edges):
        inside_F = (frequency_F >= low_hz) & (frequency_F < high_hz)
        band_T, carrier_T = (np.fft.irfft(each_F * inside_F, n=len(wave_T)) for each_F in (spectrum_F, noise_F))
        padding = min(3 * rate // 25, len(wave_T) - 1)
        envelope_T = np.maximum(signal.sosfiltfilt(smooth, np.abs(band_T), padlen=padding), 0)
        modulated_T = carrier_T * (envelope_T if envelope_T.max() > 1e-6 else 1.0)
        total_T += modulated_T * (RHYTHM_LEVEL / max(float(np.sqrt(np.mean(modulated_T**2))), 1e-12))
    return total_T.astype(np.float32)


def long_term_power(wave_T: Wave) -> NDArray[np.float64]:
    """Mean power spectrum over frames of N_FFT samples (Hann windows, half overlapping): (N_FFT / 2 + 1,)."""
    padded_T = np.pad(wave_T, (0, max(0, N_FFT - len(wave_T))))
    _, power_F = signal.welch(padded_T.astype(np.float64), nperseg=N_FFT, detrend=False, scaling="spectrum")
    return np.asarray(power_F, np.float64)


def _shaped_noise(length: int, gain_F: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """White noise whose spectrum is multiplied by gains given at evenly spaced frequencies up to half the sample rate."""
    spectrum_F = np.fft.rfft(random.standard_normal(length))
    place_F = np.linspace(0, len(gain_F) - 1, len(spectrum_F))
    return np.fft.irfft(spectrum_F * np.interp(place_F, np.arange(len(gain_F)), gain_F), n=length)
