"""What a network heard in music that others trained it on."""

from typing import Any

import torch
from torch import Tensor, nn

from src.feature.feature import Feature, choice, number
from src.pretrained import CORPORA, NETWORKS, TAGS, Layers, logmel
from src.pretrained import Musicnn as Network
from src.pretrained.musicnn import FRAMES, HOP_LENGTH, ROWS, SAMPLE_RATE


class Musicnn(Feature):
    """Embeddings by musicnn, one a patch of 3 s: wave (B, T) at 16 kHz -> (B, E, N).

    `layer`: "pool" (E = 1506 a network), the maximum and the mean over the patch of all that its convolutions found;
    "penultimate" (200); or "tags" (50), how much more likely each tag is than on the average song of the network's own
    training: its log-odds in nats, less their mean there, which batch normalization remembers (its shift is the mean of
    what comes out of it). Above 0 is more than usual. The paper's semantic and emotional features are such tags.

    `network`: "msd", "mtt" or "both", one below the other. Patches start every `hop_seconds`; N counts those that fit,
    and a wave shorter than one is repeated to fill it. `trainable` weights learn with the model, except that batch
    normalization keeps its statistics; otherwise they are in no checkpoint, since the installed wheel holds them.
    Source: Pons and Serra 2019; weights under the ISC licence.
    """

    def __init__(self, sample_rate: int, network: str, layer: str, hop_seconds: float, trainable: bool) -> None:
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"feature.sample_rate is {sample_rate}: musicnn hears {SAMPLE_RATE} only.")
        self.layer = choice("layer", layer, *ROWS)
        names = NETWORKS if choice("network", network, *NETWORKS, "both") == "both" else (network,)
        hop = round(number("hop_seconds", hop_seconds, 0.1, 60.0) * SAMPLE_RATE / HOP_LENGTH)
        super().__init__(sample_rate, hop * HOP_LENGTH, ROWS[layer] * len(names))
        if layer == "tags":
            self.row_names = tuple(f"{name}/{tag}" for name in names for tag in TAGS[name])
        self.hop, self.kept = hop, not trainable
        self.pretrained = " and ".join(CORPORA[name] for name in names)
        self.networks = nn.ModuleList([Network(name) for name in names])
        if not trainable:
            forget(self)

    def frames(self, samples: int) -> int:
        return 1 + max(0, 1 + samples // HOP_LENGTH - FRAMES) // self.hop

    def extract(self, wave_BT: Tensor) -> Tensor:
        mel_BMN = logmel(wave_BT)
        if mel_BMN.shape[2] < FRAMES:
            mel_BMN = mel_BMN.repeat(1, 1, -(-FRAMES // mel_BMN.shape[2]))[:, :, :FRAMES]
        patch_BMPN = mel_BMN.unfold(2, FRAMES, self.hop)  # P patches
        patch_LMN = patch_BMPN.transpose(1, 2).flatten(0, 1)
        embedding_LE = torch.cat([self._embed(network, patch_LMN) for network in self.networks], dim=1)
        return torch.unflatten(embedding_LE, 0, (len(wave_BT), -1)).transpose(1, 2)

    def _embed(self, network: Any, patch_LMN: Tensor) -> Tensor:
        layers: Layers = network(patch_LMN)
        rows: dict[str, Tensor] = {
            "pool": layers.pool,
            "penultimate": layers.penultimate,
            "tags": layers.logits - network.usual_logits,
        }
        return rows[self.layer]


def forget(network: nn.Module) -> None:
    """Make all weights constants, which neither learn nor are saved."""
    for module in network.modules():
        for name, weight in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if name in module._parameters:
                del module._parameters[name]
            module.register_buffer(name, weight.detach(), persistent=False)
