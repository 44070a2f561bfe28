"""Embeddings by both pretrained networks, musicnn and EfficientAT."""

import torch
from torch import Tensor
from torchaudio.transforms import Resample

from src.feature.efficientat import Efficientat
from src.feature.feature import Feature, check_choice
from src.feature.musicnn import Musicnn
from src.feature.spectrum import exact_convolution, exclude_from_checkpoint
from src.pretrained.efficientat import FRAMES, HOP_LENGTH, SAMPLE_RATE
from src.pretrained.musicnn import SAMPLE_RATE as MUSICNN_SAMPLE_RATE

LAYERS = {"embedding": "penultimate", "tags": "tags"}  # and the layer of musicnn that belongs to it
MUSICNN_HOP_SECONDS = 3.0  # so its patches do not overlap
RATIO = SAMPLE_RATE // MUSICNN_SAMPLE_RATE
# The low-pass filter of soxr's quality HQ, which all other features get their sound by: it passes frequencies up to 91.3 %
# of half the new sample rate, and stops those above half of it, at about -126 dB. The number of zero crossings on a side
# and beta follow by Kaiser's formulas. musicnn hears the difference between filters: its highest bands reach to 8 kHz.
FILTER = {"rolloff": (0.913 + 1) / 2, "lowpass_filter_width": 95, "beta": 12.9}


class Pretrained(Feature):
    """Rows of musicnn, then rows of EfficientAT, for each patch of 10 s: wave (B, T) at 32 kHz -> (B, E, N).

    layer    embedding  penultimate layer of musicnn, 200 rows for each of its networks; embedding of EfficientAT
             tags       log-odds of musicnn's tags minus their training means; log-odds of AudioSet's classes

    The patches are those of EfficientAT: they start every `hop_seconds`. The rows of musicnn are the mean over its patches of
    3 s from the start of the patch, three in 10 s: so each frame of the feature is one time for both. EfficientAT gets a
    shorter wave repeated to 10 s, musicnn the wave itself: 3 s are one of its patches.

    musicnn gets the wave at 16 kHz, resampled by the filter of soxr's quality HQ. `network` is musicnn's: msd, mtt or
    both. `weights` and `sha256` are EfficientAT's. Both networks are trained with `trainable`. The rows of musicnn and of
    EfficientAT are two parts of equal weight, see `scale_F`.
    """

    patch_length = FRAMES * HOP_LENGTH

    def __init__(
        self,
        sample_rate: int,
        network: str,
        layer: str,
        hop_seconds: float,
        trainable: bool,
        weights: str | None = None,
        sha256: str | None = None,
    ) -> None:
        efficientat = Efficientat(
            sample_rate, check_choice("layer", layer, *LAYERS), hop_seconds, trainable, weights, sha256
        )
        musicnn = Musicnn(MUSICNN_SAMPLE_RATE, network, LAYERS[layer], MUSICNN_HOP_SECONDS, trainable)
        super().__init__(sample_rate, efficientat.hop_length, musicnn.rows + efficientat.rows)
        self.musicnn, self.efficientat, self.cached = musicnn, efficientat, not trainable
        self.row_names = musicnn.row_names + efficientat.row_names
        self.pretrained = f"{musicnn.pretrained}, and {efficientat.pretrained}"
        resample = Resample(SAMPLE_RATE, MUSICNN_SAMPLE_RATE, "sinc_interp_kaiser", **FILTER)
        self.resample = exclude_from_checkpoint(resample)

    @property
    def part_rows(self) -> tuple[int, ...]:
        return (self.musicnn.rows, self.efficientat.rows)

    def frames(self, samples: int) -> int:
        return self.efficientat.frames(samples)

    def extract(self, wave_BT: Tensor) -> Tensor:
        efficientat_BEN = self.efficientat.extract(wave_BT)
        with exact_convolution():
            slow_BT = self.resample(wave_BT)
        # The centres of EfficientAT's frames, from the first to the last of a patch.
        length = min((FRAMES - 1) * HOP_LENGTH // RATIO, slow_BT.shape[1])
        patch_BNT = slow_BT.unfold(1, length, self.hop_length // RATIO)[:, : efficientat_BEN.shape[2]]
        musicnn_LE = self.musicnn.extract(patch_BNT.flatten(0, 1)).mean(dim=2)  # L = B * N
        musicnn_BEN = torch.unflatten(musicnn_LE, 0, patch_BNT.shape[:2]).transpose(1, 2)
        return torch.cat([musicnn_BEN, efficientat_BEN], dim=1)
