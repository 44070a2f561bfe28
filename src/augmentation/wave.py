"""The same music under another recording: level, sign, colour, place in time and hiss; if asked, pitch and tempo."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from src.augmentation.equalizer import KNOTS, equalize
from src.augmentation.vocoder import bend


class Wave(nn.Module):
    """Pitch and tempo, then equalization, time shift, noise, sign and gain, each example by its own draws.

    wave (B, T) in about [-1, 1] -> (B, T). Nothing is clipped, since no feature needs it. Silence stays silent.

    gain_db          level: drawn evenly from -gain_db to gain_db
    polarity         probability that the sign flips
    noise            probability that white Gaussian noise is added, at a signal-to-noise ratio drawn evenly in dB
    noise_snr_db     from [low, high], by the example's own mean power
    shift_share      the stretch rolls around by up to this share of its length, so that all of it is still heard
    filter           probability of an equalization (see `equalize`)
    filter_db        each knot of which is drawn evenly from -filter_db to filter_db
    pitch_semitones  higher or lower by a whole number of semitones up to this; length and tempo stay
    stretch_share    1 - stretch_share to 1 + stretch_share times as fast; pitch and length stay

    Source: McFee, Humphrey and Bello 2015, A software framework for musical data augmentation.
    """

    def __init__(
        self,
        gain_db: float,
        polarity: float,
        noise: float,
        noise_snr_db: Sequence[float],
        shift_share: float,
        filter: float,
        filter_db: float,
        pitch_semitones: int = 0,
        stretch_share: float = 0.0,
    ) -> None:
        for key, share in (("polarity", polarity), ("noise", noise), ("filter", filter)):
            _check(key, share, 0 <= share <= 1, "a probability between 0 and 1")
        _check("shift_share", shift_share, 0 <= shift_share <= 1, "a share between 0 and 1")
        for key, level_db in (("gain_db", gain_db), ("filter_db", filter_db)):
            _check(key, level_db, 0 <= level_db < float("inf"), "0 dB or more")
        pair = isinstance(noise_snr_db, Sequence) and len(noise_snr_db) == 2 and noise_snr_db[0] <= noise_snr_db[1]
        _check("noise_snr_db", noise_snr_db, pair, "[low, high] in dB, as in [15,40]")
        _check("pitch_semitones", pitch_semitones, pitch_semitones in range(13), "a whole number from 0 to 12")
        _check("stretch_share", stretch_share, 0 <= stretch_share <= 0.5, "a share between 0 and 0.5")
        super().__init__()
        self.gain_db, self.polarity, self.shift_share = gain_db, polarity, shift_share
        self.noise, (self.low_db, self.high_db) = noise, noise_snr_db
        self.filter, self.filter_db = filter, filter_db
        self.pitch_semitones, self.stretch_share = int(pitch_semitones), stretch_share

    def forward(self, wave_BT: Tensor) -> Tensor:
        with torch.autocast(wave_BT.device.type, enabled=False):  # 8 bits of a gain curve would be heard as steps
            if self.pitch_semitones or self.stretch_share:
                wave_BT = self._bent(wave_BT)
            if self.filter:
                wave_BT = self._equalized(wave_BT, _happens(wave_BT, self.filter))
            if self.shift_share:
                wave_BT = _shifted(wave_BT, self.shift_share)
            if self.noise:
                wave_BT = self._noisy(wave_BT, _happens(wave_BT, self.noise))
            sign_B1 = 1 - 2 * _happens(wave_BT, self.polarity)[:, None].to(wave_BT)
            return wave_BT * sign_B1 * _ratio(_even(wave_BT, -self.gain_db, self.gain_db))

    def _bent(self, wave_BT: Tensor) -> Tensor:
        most = self.pitch_semitones
        semitones_B = torch.randint(-most, most + 1, (len(wave_BT),), device=wave_BT.device)
        return bend(wave_BT, _even(wave_BT, 1 - self.stretch_share, 1 + self.stretch_share)[:, 0], semitones_B)

    def _equalized(self, wave_BT: Tensor, these_B: Tensor) -> Tensor:
        these_BT = wave_BT[these_B]  # the others cost nothing, and stay as they are to the last bit
        if not len(these_BT):  # MKL refuses to transform nothing
            return wave_BT
        knot_db_BK = _even(these_BT, -self.filter_db, self.filter_db, KNOTS)
        return wave_BT.index_put((these_B,), equalize(these_BT, knot_db_BK))

    def _noisy(self, wave_BT: Tensor, these_B: Tensor) -> Tensor:
        these_BT = wave_BT[these_B]
        ratio_B1 = _ratio(_even(these_BT, self.low_db, self.high_db))
        level_B1 = these_BT.square().mean(dim=1, keepdim=True).sqrt() / ratio_B1
        return wave_BT.index_put((these_B,), torch.randn_like(these_BT).mul_(level_B1).add_(these_BT))


def _shifted(wave_BT: Tensor, share: float) -> Tensor:
    """Each example rolled around by up to `share` of its length, to an earlier or, which is the same, a later start."""
    examples, length = wave_BT.shape
    most = int(share * (length - 1))
    start_B = torch.randint(most + 1, (examples,), device=wave_BT.device)
    starts_BST = torch.cat((wave_BT, wave_BT[:, :most]), dim=1).unfold(1, length, 1)  # every start, as a view
    return starts_BST[torch.arange(examples, device=wave_BT.device), start_B]


def _even(wave_BT: Tensor, low: float, high: float, columns: int = 1) -> Tensor:
    """Evenly drawn numbers of each example, (B, columns)."""
    return wave_BT.new_empty(len(wave_BT), columns).uniform_(low, high)


def _happens(wave_BT: Tensor, probability: float) -> Tensor:
    """Whether an event of this probability happens to each example, (B,)."""
    return torch.rand(len(wave_BT), device=wave_BT.device) < probability


def _ratio(level_db: Tensor) -> Tensor:
    """A level in dB as a ratio of amplitudes."""
    return 10 ** (level_db / 20)


def _check(key: str, value: object, good: bool, expected: str) -> None:
    if not good:
        raise ValueError(f"augmentation.wave.{key} is {value}: expected {expected}.")
