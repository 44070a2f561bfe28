"""Embeddings by musicnn, a pretrained network."""

from typing import Any

import torch
from torch import Tensor, nn

from src.feature.feature import Feature, check_choice, check_number, freeze
from src.pretrained import CORPORA, NETWORKS, TAGS, Layers, logmel
from src.pretrained import Musicnn as Network
from src.pretrained.musicnn import FRAMES, HOP_LENGTH, ROWS, SAMPLE_RATE

LAYERS_AFTER = {"pool": ("pooled", "dense", "hidden", "tags"), "penultimate": ("tags",), "tags": ()}  # of each layer


class Musicnn(Feature):
    """Embeddings by musicnn, one for each patch of 3 s: wave (B, T) at 16 kHz -> (B, E, N).

    layer    pool         maximum and mean over the patch of all feature maps of the convolutions, E = 1506 per network
             penultimate  the layer before the tags, E = 200 per network
             tags         log-odds of each tag in nats, minus their mean over the network's training songs, E = 50 per
                          network. Above 0, the tag is more likely than on the average training song. The mean is read
                          from the batch-norm shift, which is the mean of the batch-norm output. The paper's semantic
                          and emotional features are such tags.
    network  msd, mtt or both: the rows of msd, then the rows of mtt

    Patches start every `hop_seconds`. N is the number of patches that fit; a wave shorter than a patch is repeated to
    fill one. With `trainable`, the weights are trained with the model, but the batch-norm statistics stay fixed.
    Otherwise the weights are not saved in checkpoints, because the installed package contains them.
    Source: Pons and Serra 2019; weights under the ISC licence.
    """

    patch_length = FRAMES * HOP_LENGTH

    def __init__(self, sample_rate: int, network: str, layer: str, hop_seconds: float, trainable: bool) -> None:
        if sample_rate != SAMPLE_RATE:
            raise ValueError(
                f"feature.sample_rate is {sample_rate}: expected {SAMPLE_RATE}, because musicnn was trained on it. "
                "Do not set feature.sample_rate."
            )
        self.layer = check_choice("layer", layer, *ROWS)
        names = NETWORKS if check_choice("network", network, *NETWORKS, "both") == "both" else (network,)
        hop = round(check_number("hop_seconds", hop_seconds, 0.1, 60.0) * SAMPLE_RATE / HOP_LENGTH)
        super().__init__(sample_rate, hop * HOP_LENGTH, ROWS[layer] * len(names))
        if layer == "tags":
            self.row_names = tuple(f"{name}/{tag}" for name in names for tag in TAGS[name])
        self.hop, self.cached = hop, not trainable
        self.pretrained = " and ".join(CORPORA[name] for name in names)
        self.networks = nn.ModuleList([Network(name) for name in names])
        if not trainable:
            freeze(self)
        for tagger in self.networks:  # layers that never get a gradient, for which several processes would wait
            for name in LAYERS_AFTER[layer]:
                getattr(tagger, name).requires_grad_(False)

    @property
    def mean_logits(self) -> Tensor:
        """Mean log-odds of the tags over the training songs of their networks, (100,) for both."""
        return torch.cat([network.mean_logits for network in self.networks])  # type: ignore[misc]

    def frames(self, samples: int) -> int:
        return 1 + max(0, 1 + samples // HOP_LENGTH - FRAMES) // self.hop

    def extract(self, wave_BT: Tensor) -> Tensor:
        mel_BMN = logmel(wave_BT)
        if mel_BMN.shape[2] < FRAMES:
            mel_BMN = mel_BMN.repeat(1, 1, -(-FRAMES // mel_BMN.shape[2]))[:, :, :FRAMES]
        patch_BMPN = mel_BMN.unfold(2, FRAMES, self.hop)  # P patches
        patch_LMN = patch_BMPN.transpose(1, 2).flatten(0, 1)  # L = B * P
        embedding_LE = torch.cat([self._embed(network, patch_LMN) for network in self.networks], dim=1)
        return torch.unflatten(embedding_LE, 0, (len(wave_BT), -1)).transpose(1, 2)

    def _embed(self, network: Any, patch_LMN: Tensor) -> Tensor:
        layers: Layers = network(patch_LMN)
        outputs: dict[str, Tensor] = {
            "pool": layers.pool,
            "penultimate": layers.penultimate,
            "tags": layers.logits - network.mean_logits,
        }
        return outputs[self.layer]
