"""Waveform augmentation: random changes that make the same music sound like another recording."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from src.alteration.equalizer import KNOTS, equalize
from src.alteration.vocoder import bend


class Wave(nn.Module):
    """Change pitch and tempo, then equalization, time shift, noise, polarity and gain, all drawn for each example.

    wave (B, T) in about [-1, 1] -> (B, T). Nothing is clipped, because no feature needs it. Silence stays silent.

    gain_db          the gain is drawn uniformly from -gain_db to gain_db
    polarity         probability that the sign flips
    noise            probability that white Gaussian noise is added
    noise_snr_db     [low, high]: the signal-to-noise ratio is drawn uniformly in dB from this range; the signal's power
                     is the mean power of the example
    shift_share      the example is rotated in time by up to this share of its length, so that no sample is lost
    filter           probability of an equalization (see `equalize`)
    filter_db        the gain at each of its knots is drawn uniformly from -filter_db to filter_db
    pitch_semitones  the pitch changes by a whole number of semitones, at most this; length and tempo stay
    stretch_share    the tempo is 1 - stretch_share to 1 + stretch_share times the original; pitch and length stay

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
        in_order = isinstance(noise_snr_db, Sequence) and len(noise_snr_db) == 2 and noise_snr_db[0] <= noise_snr_db[1]
        _check("noise_snr_db", noise_snr_db, in_order, "[low, high] in dB, as in [15,40]")
        _check("pitch_semitones", pitch_semitones, pitch_semitones in range(13), "a whole number from 0 to 12")
        _check("stretch_share", stretch_share, 0 <= stretch_share <= 0.5, "a share between 0 and 0.5")
        super().__init__()
        self.gain_db, self.polarity, self.shift_share = gain_db, polarity, shift_share
        self.noise, (self.low_db, self.high_db) = noise, noise_snr_db
        self.filter, self.filter_db = filter, filter_db
        self.pitch_semitones, self.stretch_share = int(pitch_semitones), stretch_share

    def forward(self, wave_BT: Tensor) -> Tensor:
        # No autocast: bfloat16 has 8 bits, whose steps in a gain curve are audible.
        with torch.autocast(wave_BT.device.type, enabled=False):
            if self.pitch_semitones or self.stretch_share:
                wave_BT = self._change_pitch_and_tempo(wave_BT)
            if self.filter:
                wave_BT = self._equalize(wave_BT, _draw_examples(wave_BT, self.filter))
            if self.shift_share:
                wave_BT = _rotate(wave_BT, self.shift_share)
            if self.noise:
                wave_BT = self._add_noise(wave_BT, _draw_examples(wave_BT, self.noise))
            sign_B1 = torch.ones_like(wave_BT[:, :1])
            sign_B1[_draw_examples(wave_BT, self.polarity)] = -1
            return wave_BT * sign_B1 * _amplitude(_uniform(wave_BT, -self.gain_db, self.gain_db))

    def _change_pitch_and_tempo(self, wave_BT: Tensor) -> Tensor:
        limit = self.pitch_semitones
        semitones_B = torch.randint(-limit, limit + 1, (len(wave_BT),))  # not on a GPU, as `bend` has to know them
        return bend(wave_BT, _uniform(wave_BT, 1 - self.stretch_share, 1 + self.stretch_share)[:, 0], semitones_B)

    def _equalize(self, wave_BT: Tensor, drawn_D: Tensor) -> Tensor:
        if not len(drawn_D):  # MKL raises an error on an empty batch
            return wave_BT
        drawn_BT = wave_BT[drawn_D]  # the other examples are not computed and stay bit-identical
        knot_db_BK = _uniform(drawn_BT, -self.filter_db, self.filter_db, KNOTS)
        return wave_BT.index_put((drawn_D,), equalize(drawn_BT, knot_db_BK))

    def _add_noise(self, wave_BT: Tensor, drawn_D: Tensor) -> Tensor:
        drawn_BT = wave_BT[drawn_D]
        ratio_B1 = _amplitude(_uniform(drawn_BT, self.low_db, self.high_db))
        level_B1 = drawn_BT.square().mean(dim=1, keepdim=True).sqrt() / ratio_B1
        return wave_BT.index_put((drawn_D,), torch.randn_like(drawn_BT).mul_(level_B1).add_(drawn_BT))


def _rotate(wave_BT: Tensor, share: float) -> Tensor:
    """Rotate each example in time: remove a random part, up to `share` of its length, at the start; append it at the end."""
    examples, length = wave_BT.shape
    limit = int(share * (length - 1))
    start_B = torch.randint(limit + 1, (examples,), device=wave_BT.device)
    starts_BST = torch.cat((wave_BT, wave_BT[:, :limit]), dim=1).unfold(1, length, 1)  # S: a view for each start
    return starts_BST[torch.arange(examples, device=wave_BT.device), start_B]


def _uniform(wave_BT: Tensor, low: float, high: float, columns: int = 1) -> Tensor:
    """Draw numbers uniformly from `low` to `high` for each example: (B, columns)."""
    return wave_BT.new_empty(len(wave_BT), columns).uniform_(low, high)


def _draw_examples(wave_BT: Tensor, probability: float) -> Tensor:
    """Draw the examples to change, each with this probability -> their D indices, on the wave's device.

    They are drawn on the processor: their number decides shapes, and asking a GPU for it would stop its work.
    """
    drawn_D = (torch.rand(len(wave_BT)) < probability).nonzero()[:, 0]
    return drawn_D.to(wave_BT.device, non_blocking=True)


def _amplitude(level_db: Tensor) -> Tensor:
    """Convert a level in dB to a ratio of amplitudes."""
    return 10 ** (level_db / 20)


def _check(key: str, value: object, valid: bool, expected: str) -> None:
    if not valid:
        raise ValueError(f"augmentation.wave.{key} is {value}: expected {expected}.")
