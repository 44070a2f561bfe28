"""Tags of the pretrained networks for a feature that they compute: log-odds of musicnn's tags and of AudioSet's classes.

Shapes: S segments, F rows of the feature, N patches, Q tags.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import relu

from src import feature as features
from src.feature.feature import Feature
from src.pretrained import CORPORA, NETWORKS, TAGS
from src.pretrained.efficientat import TAGS as AUDIOSET_TAGS

NO_TAGS = "the feature does not come from musicnn or EfficientAT, which have tags"
# Of AudioSet's classes, those of music, from "Music" up to before "Wind", and those of singing: Fart and Toothbrush describe no genre.
MUSIC_CLASSES = frozenset(
    {
        *AUDIOSET_TAGS[AUDIOSET_TAGS.index("Music") : AUDIOSET_TAGS.index("Wind")],
        *AUDIOSET_TAGS[AUDIOSET_TAGS.index("Singing") : AUDIOSET_TAGS.index("Humming") + 1],
    }
)
FINE_TUNED = "the pretrained network was fine-tuned, and its tags were not: they do not belong together any more"


def tag_problem(feature: Feature) -> str:
    """Why a feature has no tags; "" if it has."""
    deep = feature.deep if isinstance(feature, features.DeepClassic) else feature
    if not isinstance(deep, features.Musicnn | features.Efficientat | features.Pretrained):
        return NO_TAGS
    return FINE_TUNED if any(True for _ in deep.parameters()) else ""


def tag_names(feature: Feature) -> list[str]:
    """The names of the Q tags of a feature that has them: "msd/rock", "mtt/piano", "audioset/Harpsichord"."""
    if isinstance(feature, features.DeepClassic):
        return tag_names(feature.deep)
    if isinstance(feature, features.Pretrained):
        return tag_names(feature.musicnn) + tag_names(feature.efficientat)
    if isinstance(feature, features.Musicnn):
        return [f"{name}/{tag}" for name in NETWORKS if CORPORA[name] in str(feature.pretrained) for tag in TAGS[name]]
    return [f"audioset/{tag}" for tag in AUDIOSET_TAGS]


def of_music(name: str) -> bool:
    """True for tags of musicnn, and for AudioSet's classes of music and singing."""
    network, _, tag = name.partition("/")
    return network != "audioset" or tag in MUSIC_CLASSES


@torch.no_grad()
def tag_values(feature: Feature, feature_SFN: Tensor) -> Tensor:
    """Log-odds of the tags (Q,) in nats, averaged over patches and segments, from the feature (S, F, N), not normalized.

    Those of musicnn are minus their mean over the training songs of the network. From an embedding, the tags are what the last
    layers of the network make of it.
    """
    if isinstance(feature, features.DeepClassic):
        return tag_values(feature.deep, feature_SFN[:, : feature.deep.rows])
    if isinstance(feature, features.Pretrained):
        rows = feature.musicnn.rows
        of_musicnn_SFN, of_efficientat_SFN = feature_SFN[:, :rows], feature_SFN[:, rows:]
        return torch.cat(
            [tag_values(feature.musicnn, of_musicnn_SFN), tag_values(feature.efficientat, of_efficientat_SFN)]
        )
    patch_LF = feature_SFN.transpose(1, 2).flatten(0, 1)  # L = S * N
    if feature.layer == "tags":
        return patch_LF.mean(dim=0)
    if isinstance(feature, features.Musicnn):
        networks: list[Any] = list(feature.networks)
        each = zip(networks, patch_LF.chunk(len(networks), dim=1), strict=True)
        return torch.cat([_of_musicnn(network, row_LE, feature.layer).mean(dim=0) for network, row_LE in each])
    assert isinstance(feature, features.Efficientat)
    tag_LQ: Tensor = feature.network.network.classifier(patch_LF)
    return tag_LQ.mean(dim=0)


def _of_musicnn(network: Any, row_LE: Tensor, layer: str) -> Tensor:
    """The log-odds minus their training means, (L, 50), from the layer pool or penultimate of a network of musicnn."""
    if layer == "pool":
        row_LE = network.hidden(relu(network.dense(network.pooled(row_LE))))
    tag_LQ: Tensor = network.tags(row_LE) - network.mean_logits
    return tag_LQ
