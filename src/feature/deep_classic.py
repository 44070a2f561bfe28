"""Embeddings of a pretrained network beside statistics of hand-made features."""

from collections.abc import Mapping

import torch
from torch import Tensor

from src.feature.combined import Combined
from src.feature.feature import Feature


class DeepClassic(Feature):
    """Embedding of each patch, then mean and deviation of hand-made features over the same patch.

    wave (B, T) -> (B, E + 2 F, N): the E rows of `deep`, a feature with patches (musicnn), the means of the F rows of all
    `parts`, and their standard deviations. Patch n has the frames whose centres are in it; the frames of a wave shorter
    than a patch are all in the only patch. Hand-made features have the sample rate of `deep`, so that the sound is decoded
    once, and they are cached with its embeddings.

    The embeddings and the hand-made features are two parts of equal weight: see `scale_F`.
    Source: Guo 2024, section 2.5, who combines features of deep learning with traditional ones such as MFCC.
    """

    def __init__(self, sample_rate: int, deep: Feature, parts: Mapping[str, Feature]) -> None:
        if deep.patch_length is None:
            raise ValueError(
                f"feature.deep is {type(deep).__name__}: expected a pretrained network with patches, musicnn, efficientat or "
                "pretrained, as in feature@feature.deep=musicnn."
            )
        if deep.sample_rate != sample_rate:
            raise ValueError(
                f"feature.sample_rate is {sample_rate}: expected {deep.sample_rate}, the rate of feature.deep. Do not set "
                "feature.sample_rate."
            )
        classic = Combined(sample_rate, parts)
        super().__init__(sample_rate, deep.hop_length, deep.rows + 2 * classic.rows)
        self.deep, self.classic, self.patch_length = deep, classic, deep.patch_length
        self.pretrained = deep.pretrained
        self.cached = deep.cached and not any(True for _ in classic.parameters())

    @property
    def part_rows(self) -> tuple[int, ...]:
        return (*self.deep.part_rows, 2 * self.classic.rows)

    def frames(self, samples: int) -> int:
        return self.deep.frames(samples)

    def extract(self, wave_BT: Tensor) -> Tensor:
        embedding_BEN, classic_BFM = self.deep.extract(wave_BT), self.classic.extract(wave_BT)
        patches = [classic_BFM[:, :, self._frames_of(n)] for n in range(embedding_BEN.shape[2])]
        mean_BFN = torch.stack([patch_BFM.mean(dim=2) for patch_BFM in patches], dim=2)
        deviation_BFN = torch.stack([patch_BFM.std(dim=2, correction=0) for patch_BFM in patches], dim=2)
        return torch.cat([embedding_BEN, mean_BFN, deviation_BFN], dim=1)

    def _frames_of(self, n: int) -> slice:
        """The frames of the hand-made features with their centres in patch n."""
        assert self.patch_length is not None
        start = n * self.hop_length
        return slice(*(-(-sample // self.classic.hop_length) for sample in (start, start + self.patch_length)))
