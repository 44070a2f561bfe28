"""Tempo and pitch, one without the other, by a phase vocoder in which every example has its own rate."""

from fractions import Fraction
from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d
from torchaudio.functional import resample

N_FFT, HOP_LENGTH = 2048, 512  # 93 ms at 22,050 Hz: partials of a chord lie in bins of their own, drums smear a little


def bend(wave_BT: Tensor, tempo_B: Tensor, semitones_B: Tensor) -> Tensor:
    """Play each example `tempo` times as fast, and whole `semitones` higher at that tempo: wave (B, T) -> (B, T).

    It is stretched by the phase vocoder, then resampled to the pitch. What is slower is cut at the end; what is faster
    starts again. Pitch is in tune within 2 cents.
    """
    length = wave_BT.shape[1]
    bent_BT = torch.empty_like(wave_BT)
    longest = ceil(length * _ratio(int(semitones_B.max())))
    stretched_BT = stretch(wave_BT, tempo_B / 2 ** (semitones_B / 12), longest)
    for semitones in set(semitones_B.tolist()):  # a polyphase filter serves one ratio
        ratio, these_B = _ratio(semitones), semitones_B == semitones
        these_BT = stretched_BT[these_B, : ceil(length * ratio)]
        bent_BT[these_B] = resample(these_BT, ratio.numerator, ratio.denominator)[:, :length]
    return bent_BT


def stretch(wave_BT: Tensor, rate_B: Tensor, length: int) -> Tensor:
    """Play each example `rate` times as fast at its own pitch: wave (B, T), T > 1024 -> (B, length), as a loop.

    Frame n of N is read at place n * rate between two of the M frames of the wave's Fourier transform: their magnitudes
    interpolated, and the phase of a partial, the strongest bin within four, turned on from the frame before by as much
    as it turns between those two. The bins around keep their phases to it, without which a struck note would blur.
    Source: Laroche and Dolson 1999, Improved phase vocoder time-scale modification of audio.
    """
    window = torch.hann_window(N_FFT, device=wave_BT.device, dtype=wave_BT.dtype)
    spectrum_BKM = torch.stft(wave_BT, N_FFT, HOP_LENGTH, window=window, pad_mode="circular", return_complex=True)
    place_NB = torch.arange(1 + length // HOP_LENGTH, device=wave_BT.device)[:, None] * rate_B
    frame_NB = place_NB.long()
    here_NBK, next_NBK = (_frames(spectrum_BKM, frame_NB + step) for step in (0, 1))
    magnitude_NBK = here_NBK.abs().lerp(next_NBK.abs(), (place_NB - frame_NB)[..., None])
    own_NBK, turn_NBK = here_NBK.angle(), (next_NBK * here_NBK.conj()).angle()
    partial_NBK = max_pool1d(magnitude_NBK, kernel_size=9, stride=1, padding=4, return_indices=True)[1]
    phase_NBK = own_NBK.clone()
    for n in range(1, len(phase_NBK)):
        reached_BK = phase_NBK[n - 1] + turn_NBK[n - 1] - own_NBK[n]
        phase_NBK[n] += reached_BK.gather(1, partial_NBK[n])
    bent_BKN = torch.polar(magnitude_NBK, phase_NBK).permute(1, 2, 0)
    return torch.istft(bent_BKN, N_FFT, HOP_LENGTH, window=window, length=length)


def _frames(spectrum_BKM: Tensor, frame_NB: Tensor) -> Tensor:
    """Each example's own frames, after the last the first again: (B, K, M), numbers (N, B) -> (N, B, K)."""
    examples, _, frames = spectrum_BKM.shape
    return spectrum_BKM.permute(2, 0, 1)[frame_NB % frames, torch.arange(examples, device=frame_NB.device)]


def _ratio(semitones: int) -> Fraction:
    """The ratio of frequencies, in numbers small enough for a short filter: a semitone is 18/17."""
    return Fraction(2 ** (semitones / 12)).limit_denominator(50)
