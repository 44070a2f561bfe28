"""Transformer over patches of frames."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.model.network import ACTIVATIONS, Network, check, pool_time, sequence


class Transformer(Network):
    """`layers` layers of self-attention over patches of `patch` frames and all rows; mean and maximum over time.

    Positions are encoded by sines (`positions`), so any number of frames is possible. Normalization comes before each
    part of a layer, which trains without a warm-up. Source: Vaswani et al. 2017; patches of spectrograms, Gong et al.
    2021, here along time only, since a frequency band has another meaning an octave higher.
    """

    def __init__(
        self,
        layers: int,
        width: int,
        dropout: float,
        activation: str,
        heads: int,
        patch: int,
        *,
        rows: int,
        genres: int,
    ) -> None:
        check(layers, width, dropout, activation)
        if heads < 1 or width % heads:
            raise ValueError(f"model.heads is {heads}: expected a number that divides model.width, which is {width}.")
        if patch < 1:
            raise ValueError(f"model.patch is {patch}: expected 1 frame or more.")
        super().__init__(2 * width, genres, dropout)
        self.patch = patch
        self.token = nn.Linear(rows * patch, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, ACTIVATIONS[activation](), batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """Embed the feature: (B, F, N) -> (B, E = 2 * width). Zeros, the mean of a feature, fill the last patch."""
        padding = -feature_BFN.shape[2] % self.patch
        patch_BFPK = functional.pad(feature_BFN, (0, padding)).unfold(2, self.patch, self.patch)
        token_BPE = self.token(sequence(patch_BFPK.transpose(2, 3).flatten(1, 2)))
        hidden_BPE: Tensor = self.encoder(token_BPE + positions(token_BPE))
        return pool_time(hidden_BPE.transpose(1, 2))


def positions(token_BPE: Tensor) -> Tensor:
    """Position encoding, (P, E): sines and cosines with geometrically spaced periods.

    Source: Vaswani et al. 2017, section 3.5.
    """
    steps, width = token_BPE.shape[1:]
    column_E = torch.arange(width, device=token_BPE.device)
    rate_E = torch.exp(-math.log(10_000) * (column_E - column_E % 2) / width)
    angle_PE = torch.arange(steps, device=token_BPE.device)[:, None] * rate_E
    return torch.where(column_E % 2 == 0, angle_PE.sin(), angle_PE.cos()).to(token_BPE.dtype)
