"""Embeddings by EfficientAT, a pretrained network whose weights are a file of the user's."""

import torch
from torch import Tensor

from src.feature.feature import Feature, check_choice, check_number, freeze
from src.pretrained import files
from src.pretrained.efficientat import FRAMES, HOP_LENGTH, SAMPLE_RATE, TAGS, EfficientAT, Layers, logmel


class Efficientat(Feature):
    """Embeddings by EfficientAT, one for each patch of 10 s: wave (B, T) at 32 kHz -> (B, E, N).

    layer    embedding  mean over frequency and time of the last feature maps, E = 384 for mn04, 960 for mn10
             tags       log-odds of each of AudioSet's 527 classes, in nats

    Patches start every `hop_seconds`. N is the number of patches that fit; a wave shorter than a patch is repeated to
    fill one. `weights` is the file, by default the one that `src.pretrained.files` finds; `sha256` its digest, which training records, so
    that another file is refused. With `trainable`, the weights are trained with the model, but the batch-norm statistics
    stay fixed. Otherwise the weights are not saved in checkpoints.
    Source: Schmid, Koutini and Widmer 2023; weights under the MIT licence.
    """

    patch_length = FRAMES * HOP_LENGTH
    pretrained = "AudioSet (2 million clips of 10 s)"

    def __init__(
        self,
        sample_rate: int,
        layer: str,
        hop_seconds: float,
        trainable: bool,
        weights: str | None = None,
        sha256: str | None = None,
    ) -> None:
        if sample_rate != SAMPLE_RATE:
            raise ValueError(
                f"feature.sample_rate is {sample_rate}: expected {SAMPLE_RATE}, because EfficientAT was trained on it. "
                "Do not set feature.sample_rate."
            )
        self.layer = check_choice("layer", layer, "embedding", "tags")
        hop = round(check_number("hop_seconds", hop_seconds, 0.1, 60.0) * SAMPLE_RATE / HOP_LENGTH)
        network = EfficientAT(files.require(files.EFFICIENTAT, weights, sha256))
        super().__init__(sample_rate, hop * HOP_LENGTH, network.rows[layer])
        if layer == "tags":
            self.row_names = tuple(f"audioset/{tag}" for tag in TAGS)
        self.hop, self.cached, self.network = hop, not trainable, network
        if not trainable:
            freeze(network)
        elif layer == "embedding":  # these layers never get a gradient, for which several processes would wait
            network.network.classifier.requires_grad_(False)

    def frames(self, samples: int) -> int:
        return 1 + max(0, 1 + (samples - 1) // HOP_LENGTH - FRAMES) // self.hop

    def extract(self, wave_BT: Tensor) -> Tensor:
        mel_BMN = logmel(wave_BT)
        # Repetition comes nearer to the embedding of 10 s than a shorter patch or one with zeros: docs/results.md.
        if mel_BMN.shape[2] < FRAMES:
            mel_BMN = mel_BMN.repeat(1, 1, -(-FRAMES // mel_BMN.shape[2]))[:, :, :FRAMES]
        patch_BMPN = mel_BMN.unfold(2, FRAMES, self.hop)  # P patches
        layers: Layers = self.network(patch_BMPN.transpose(1, 2).flatten(0, 1))
        row_LE = layers.embedding if self.layer == "embedding" else layers.logits
        return torch.unflatten(row_LE, 0, (len(wave_BT), -1)).transpose(1, 2)
