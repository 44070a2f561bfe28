"""Embeddings by any audio network that the library transformers loads."""

from typing import Any

import torch
from torch import Tensor, nn

from src.feature.feature import Feature, check_number, freeze
from src.pretrained import audio_network
from src.settings.networks import NetworkError

OUTPUT, ALL = "output", "all"
TOLERANCE = 0.01  # of the known answer's length: processors round differently, by about 1e-5


class Transformers(Feature):
    """Embeddings by a network of the user's, one for each piece of sound: wave (B, T) -> (B, E, N).

    `name` is the folder of the network, or its id on the Hugging Face Hub. The wave is cut into N equal pieces, as few
    as possible, of at most `piece_seconds`; null means what the network was made for: AST 10.24 s, CLAP 10 s, others
    10 s. A piece below 0.1 s is repeated.

    layer   output  AST: the pooled output; CLAP: the audio embedding; others: the last layer, averaged over time
            number  others: this layer, averaged over time; 0 is the input of the first layer
            all     others: a weighted mean of all layers. Its weights, softmax(w), are equal at first and trained with
                    the model; a model that is fitted in one step leaves them equal

    A frozen network is not saved in checkpoints: a run finds it again by `name`. What is saved is `known_answer`, the
    embedding of a known sound. Loading a run compares it, and raises ValueError if the network answers otherwise, e.g.
    because its folder has other weights now. With `trainable`, the weights are trained with the model and saved, but the
    folder is still needed. `trust_remote_code` runs code that comes with the network. `sha256`, the digest of its files, is
    recorded by training, so that a training on other files is another run; it is not compared here.

    Sources: Gong et al. 2021 (AST); Wu et al. 2023 (CLAP); Baevski et al. 2020 (wav2vec 2.0); Hsu et al. 2021 (HuBERT);
    Yang et al. 2021 (SUPERB), for the mean of all layers.
    """

    known_answer: Tensor

    def __init__(
        self,
        sample_rate: int,
        name: str,
        layer: str | int,
        piece_seconds: float | None,
        trainable: bool,
        trust_remote_code: bool,
        sha256: str | None = None,
    ) -> None:
        loaded = audio_network.load(name, trust_remote_code)
        network = audio_network.AudioNetwork(loaded)
        if sample_rate != network.sample_rate:
            raise ValueError(
                f"feature.sample_rate is {sample_rate}: expected {network.sample_rate}, because the network {name} was "
                "trained on it. Do not set feature.sample_rate."
            )
        layers, rows = network.known_answer_LE.shape
        self.layer = check_layer(name, layer, layers)
        longest = network.longest_seconds
        seconds = longest if piece_seconds is None else check_number("piece_seconds", piece_seconds, 0.1, 60.0)
        if seconds > longest and layers == 1:
            raise ValueError(
                f"feature.piece_seconds is {seconds:g}: expected at most {longest:g}, because the network {name} reads no more."
            )
        super().__init__(sample_rate, round(seconds * sample_rate), rows)
        self.name, self.cached = name, not trainable
        self.pretrained = f"the data of {name}"
        self.audio_network = network
        if trainable:
            network.train_what_is_used(self.layer)
        else:
            freeze(network)
        if self.layer is None:
            self.layer_weight = nn.Parameter(torch.zeros(layers))
        answer_LE = network.known_answer_LE
        self.register_buffer("known_answer", (answer_LE if self.layer is None else answer_LE[self.layer]).flatten())

    def frames(self, samples: int) -> int:
        return max(1, -(-samples // self.hop_length))

    def extract(self, wave_BT: Tensor) -> Tensor:
        """Compute the frozen part, which is cached: (B, T) -> (B, E, N), or (B, L * E, N) with layer=all."""
        pieces = self.frames(wave_BT.shape[1])
        length = wave_BT.shape[1] // pieces
        piece_MT = wave_BT[:, : pieces * length].reshape(len(wave_BT) * pieces, length)
        embedding_MLE = torch.cat([self.audio_network(piece_MT[k : k + 1]) for k in range(len(piece_MT))])
        if self.layer is not None:
            embedding_MLE = embedding_MLE[:, self.layer : self.layer + 1]
        return torch.unflatten(embedding_MLE.flatten(1), 0, (len(wave_BT), pieces)).transpose(1, 2)

    def weigh(self, feature_BFN: Tensor) -> Tensor:
        """Average the layers with their trained weights: (B, L * E, N) -> (B, E, N). One layer is returned unchanged."""
        if self.layer is not None:
            return feature_BFN
        weight_L = self.layer_weight.softmax(dim=0)
        return torch.einsum("l,blen->ben", weight_L, torch.unflatten(feature_BFN, 1, (len(weight_L), self.rows)))

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *arguments: Any) -> None:
        stored = state_dict.get(f"{prefix}known_answer")
        if stored is not None:
            self.check_known_answer(stored)
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def check_known_answer(self, stored: Tensor) -> None:
        """Raise NetworkError if the network's embedding of the known sound is not the stored one."""
        own = self.known_answer
        stored = stored.to(own)
        if stored.shape == own.shape and bool((own - stored).norm() <= TOLERANCE * own.norm()):
            return
        raise NetworkError(
            f"the network {self.name} answers otherwise than when this run was trained: its files or the library transformers "
            "have changed. Restore them, or train the run again."
        )


def check_layer(name: str, layer: str | int, layers: int) -> int | None:
    """The index of a layer, or None for all of `layers`. Raises ValueError if the network has no such layer."""
    if layers == 1 and layer != OUTPUT:
        raise ValueError(f"feature.layer is {layer}: expected {OUTPUT}, the only layer that the network {name} gives.")
    if layer == OUTPUT:
        return layers - 1
    if layer == ALL:
        return None
    if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < layers:
        raise ValueError(
            f"feature.layer is {layer}: expected {OUTPUT}, {ALL} or a number from 0 to {layers - 1}, the layers of {name}."
        )
    return layer
