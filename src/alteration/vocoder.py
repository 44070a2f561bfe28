"""Independent changes of tempo and pitch by a phase vocoder, with a separate rate for each example."""

from fractions import Fraction
from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d
from torchaudio.functional import resample

N_FFT, HOP_LENGTH = 2048, 512  # 93 ms at 22,050 Hz: separates the partials of a chord, blurs drums a little


def bend(wave_BT: Tensor, tempo_B: Tensor, semitones_B: Tensor) -> Tensor:
    """Play each example `tempo` times as fast, and shift its pitch by whole `semitones`: wave (B, T) -> (B, T).

    `semitones` is on the processor, so that a GPU need not be asked for them.
    The phase vocoder stretches the example, then resampling gives the pitch. A slower example is cut at the end; a
    faster one starts again from its beginning. The pitch is accurate within 2 cents.
    """
    length = wave_BT.shape[1]
    bent_BT = torch.empty_like(wave_BT)
    max_length = ceil(length * _frequency_ratio(int(semitones_B.max())))
    pitch_B = (2 ** (semitones_B / 12)).to(wave_BT.device, non_blocking=True)
    stretched_BT = time_stretch(wave_BT, tempo_B / pitch_B, max_length)
    for semitones in set(semitones_B.tolist()):  # a resampling filter has one ratio
        ratio, same_S = _frequency_ratio(semitones), (semitones_B == semitones).nonzero()[:, 0]
        same_S = same_S.to(wave_BT.device, non_blocking=True)
        same_BT = stretched_BT[same_S, : ceil(length * ratio)]
        bent_BT[same_S] = resample(same_BT, ratio.numerator, ratio.denominator)[:, :length]
    return bent_BT


def time_stretch(wave_BT: Tensor, rate_B: Tensor, length: int) -> Tensor:
    """Play each example `rate` times as fast without changing its pitch: wave (B, T), T > 1024 -> (B, length).

    The wave is treated as a loop. Output frame n of N lies at position n * rate, between two of the M frames of the
    wave's short-time Fourier transform. Its magnitude is interpolated between these two. The phase of a partial (the
    strongest bin among its four neighbours on each side) advances from the previous output frame by as much as it
    advances between these two. The bins around the partial keep their phase relative to it; without this, a struck note
    would blur.
    Source: Laroche and Dolson 1999, Improved phase vocoder time-scale modification of audio.
    """
    window = torch.hann_window(N_FFT, device=wave_BT.device, dtype=wave_BT.dtype)
    spectrum_BKM = torch.stft(wave_BT, N_FFT, HOP_LENGTH, window=window, pad_mode="circular", return_complex=True)
    position_NB = torch.arange(1 + length // HOP_LENGTH, device=wave_BT.device)[:, None] * rate_B
    frame_NB = position_NB.long()
    before_NBK, after_NBK = (_frames(spectrum_BKM, frame_NB + step) for step in (0, 1))
    magnitude_NBK = before_NBK.abs().lerp(after_NBK.abs(), (position_NB - frame_NB)[..., None])
    input_phase_NBK, advance_NBK = before_NBK.angle(), (after_NBK * before_NBK.conj()).angle()
    partial_NBK = max_pool1d(magnitude_NBK, kernel_size=9, stride=1, padding=4, return_indices=True)[1]
    phase_NBK = input_phase_NBK.clone()
    for n in range(1, len(phase_NBK)):
        correction_BK = phase_NBK[n - 1] + advance_NBK[n - 1] - input_phase_NBK[n]
        phase_NBK[n] += correction_BK.gather(1, partial_NBK[n])
    stretched_BKN = torch.polar(magnitude_NBK, phase_NBK).permute(1, 2, 0)
    return torch.istft(stretched_BKN, N_FFT, HOP_LENGTH, window=window, length=length)


def _frames(spectrum_BKM: Tensor, frame_NB: Tensor) -> Tensor:
    """Select frames of each example by index, modulo M: spectrum (B, K, M), frame indices (N, B) -> (N, B, K)."""
    examples, _, frames = spectrum_BKM.shape
    return spectrum_BKM.permute(2, 0, 1)[frame_NB % frames, torch.arange(examples, device=frame_NB.device)]


def _frequency_ratio(semitones: int) -> Fraction:
    """Frequency ratio as a fraction of small numbers, for a short resampling filter: a semitone is 18/17."""
    return Fraction(2 ** (semitones / 12)).limit_denominator(50)
