"""Tell noise, hum, clicks and single tones from music, by how little their spectrum changes; no network is involved."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

FRAME, HOP = 0.064, 0.016  # seconds
BLOCK_FRAMES = 16  # frames that are averaged, 0.26 s: the random fluctuation of noise almost disappears
BANDS, LOWEST_HZ = 24, 50.0
FLOOR = 1e-4  # of a block's power: bands more than 40 dB below the block are all equally quiet
AUDIBLE = 1e-3  # blocks and frames more than 30 dB below the loudest one are pauses, which have no spectrum
# Change of the spectrum in dB: of the 103 real recordings 1.8 or more, of their middle 3 s 1.2 or more; of coloured
# noise, wind, hum and clicks 0.8 or less. Within 1 or 2 s, music too changes less.
STEADY_DB, STEADY_SHORT_DB = 1.1, 0.6
LONG_SECONDS, LEAST_SECONDS = 3.0, 1.0
PURE = 0.995  # share of one peak in the power of a frame; in the recordings 0.976 or less in half of the frames
PEAK_BINS = 3  # on each side of the strongest bin


class Spectrum(NamedTuple):
    """Spectra of S windows: power of the bands in blocks `block_SNB`; power and share of the strongest peak, `power_SF`, `peak_SF`."""

    block_SNB: Tensor
    power_SF: Tensor
    peak_SF: Tensor


def spectrum(wave_ST: Tensor, sample_rate: int) -> Spectrum:
    """Measure windows: wave (S, T) -> the powers that `is_music` needs. Windows below one block (0.3 s) are repeated."""
    frame, hop = round(FRAME * sample_rate), round(HOP * sample_rate)
    block_length = frame + (BLOCK_FRAMES - 1) * hop
    wave_ST = wave_ST.repeat(1, -(-block_length // wave_ST.shape[1]))
    window = torch.hann_window(frame, device=wave_ST.device)
    spectrum_SKF = torch.stft(wave_ST, frame, hop, window=window, center=False, return_complex=True)
    power_SKF = torch.view_as_real(spectrum_SKF).square().sum(-1)
    band_SFB = power_SKF.transpose(1, 2) @ _bands(frame, sample_rate).to(wave_ST.device)
    blocks = band_SFB.shape[1] // BLOCK_FRAMES
    block_SNB = torch.unflatten(band_SFB[:, : blocks * BLOCK_FRAMES], 1, (blocks, BLOCK_FRAMES)).mean(dim=2)
    total_SF = power_SKF.sum(dim=1)
    around_SFK = torch.nn.functional.avg_pool1d(
        power_SKF.transpose(1, 2), 2 * PEAK_BINS + 1, stride=1, padding=PEAK_BINS
    ) * (2 * PEAK_BINS + 1)
    peak_SF = around_SFK.gather(2, power_SKF.argmax(dim=1)[:, :, None])[:, :, 0]
    return Spectrum(block_SNB.cpu(), total_SF.cpu(), (peak_SF / total_SF.clamp_min(1e-20)).cpu())


@cache
def _bands(frame: int, sample_rate: int) -> Tensor:
    """Mel filters, (frame // 2 + 1, BANDS)."""
    bins = frame // 2 + 1
    filters: Tensor = melscale_fbanks(bins, LOWEST_HZ, sample_rate / 2, BANDS, sample_rate, "slaney", "slaney")
    return filters


def join(spectra: Sequence[Spectrum]) -> Spectrum:
    """Join the spectra of batches of windows."""
    return Spectrum(*(torch.cat(tensors) for tensors in zip(*spectra, strict=True)))


def is_music(windows: Spectrum, seconds: float) -> bool:
    """False for silence, a sound whose spectrum does not change, and one pure tone at a time; else True.

    The spectrum of music changes with every note and beat. That of noise, wind, hum and clicks stays the same, whatever
    its level does; therefore the level of each block is removed first. The change is the standard deviation of a band's
    level over the blocks, in dB, averaged over the bands. A siren or a sweep changes, but has one spectral peak only;
    instruments have overtones. `seconds` is the length of the sound: below 1 s, only silence is not music.
    """
    block_NB = windows.block_SNB.flatten(0, 1)
    level_N = block_NB.sum(dim=1)
    if level_N.max() <= 0:
        return False
    if seconds < LEAST_SECONDS:
        return True
    audible_NB = block_NB[level_N > AUDIBLE * level_N.max()]
    level_db_NB = 10 * (audible_NB / audible_NB.sum(dim=1, keepdim=True) + FLOOR).log10()
    change_db = float(level_db_NB.std(dim=0, correction=0).mean())
    peak = float(windows.peak_SF[windows.power_SF > AUDIBLE * windows.power_SF.max()].median())
    return change_db >= (STEADY_DB if seconds >= LONG_SECONDS else STEADY_SHORT_DB) and peak <= PURE
