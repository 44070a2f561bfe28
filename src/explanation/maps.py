"""Maps of relevance over the feature, how faithful they are, and how they sound."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from src.explanation import attribution, faithfulness
from src.explanation.attribution import Relevance
from src.explanation.explanation import Explanation, Map
from src.explanation.feature_map import FeatureMap, feature_map, row_hz, row_names
from src.explanation.listening import Audible, listen
from src.explanation.model import ExplainedModel, ExplainedSound
from src.metrics.rank_correlation import spearman

METHODS = ("integrated_gradients", "occlusion", "gradcam")
CHECKED_WINDOWS = 3  # whose map is compared with that of random weights
SMOOTH_ROWS, SMOOTH_SECONDS = 3, 0.1  # over which a map with a frequency axis is averaged


def add(
    explanation: Explanation, model: ExplainedModel, sound: ExplainedSound, methods: Sequence[str]
) -> Audible | None:
    """Fill `maps`, `picture` and `listening` of an explanation, or `no_map`; return the sounds of the first map, if any.

    Raises ValueError if the model has no convolutions for Grad-CAM.
    """
    explanation.no_map = model.no_gradients
    if explanation.no_map:
        return None
    genre = model.genres.index(explanation.predicted)
    inputs = feature_map(model, sound)
    hz_F = row_hz(model.feature)
    explanation.baseline = inputs.baseline
    explanation.row_names, explanation.row_hz = row_names(model.feature), None if hz_F is None else hz_F.tolist()
    explanation.value_FN = inputs.whole(inputs.value_SFN, mean=True)
    untrained = faithfulness.random_network(model.classifier.model)
    first_FN: NDArray[np.float32] | None = None
    for method in methods:
        relevance = relevance_of(model, inputs, genre, method, model.classifier.model)
        whole_FN = smooth(inputs.whole(relevance.relevance_SFN), model)
        first_FN = whole_FN if first_FN is None else first_FN
        explanation.maps.append(
            Map(
                method,
                whole_FN,
                whole_FN.sum(axis=1).tolist(),
                relevance.gap,
                _correlations(model, sound, inputs, genre, method, relevance.relevance_SFN, untrained),
                faithfulness.measure(
                    inputs,
                    genre,
                    whole_FN,
                    faithfulness.UNUSUAL if hz_F is None else faithfulness.LOUDEST,
                    seed=0,
                ),
            )
        )
    assert first_FN is not None
    audible = listen(model, sound, inputs, first_FN, genre)
    explanation.listening = dict(audible.predictions) if audible else {}
    return audible


def smooth(relevance_FN: NDArray[np.float32], model: ExplainedModel) -> NDArray[np.float32]:
    """Average a map with a frequency axis over SMOOTH_ROWS rows and SMOOTH_SECONDS; its sum stays the same inside.

    Single values say little: neighbouring bins share the sound of one note. Other maps are returned unchanged.
    """
    if row_hz(model.feature) is None:
        return relevance_FN
    frames = max(1, round(SMOOTH_SECONDS * model.feature.sample_rate / model.feature.hop_length)) // 2 * 2 + 1
    rows = min(SMOOTH_ROWS, len(relevance_FN)) // 2 * 2 + 1 if len(relevance_FN) > 1 else 1
    image = torch.from_numpy(relevance_FN)[None, None]
    padding = (rows // 2, frames // 2)
    smoothed = functional.avg_pool2d(image, (rows, frames), stride=1, padding=padding, count_include_pad=False)
    return np.asarray(smoothed[0, 0].numpy())


def relevance_of(model: ExplainedModel, inputs: FeatureMap, genre: int, method: str, network: Any) -> Relevance:
    """The relevance of the windows by a method; `network` is the model's or a copy of it, of which `inputs` is the input."""
    if method == "integrated_gradients":
        return attribution.integrated_gradients(inputs, genre)
    if method == "gradcam":
        return attribution.gradcam(inputs, genre, network)
    rows, frames = inputs.value_SFN.shape[1:]
    if row_hz(model.feature) is None:  # the order of the rows has no meaning: each row alone, over the whole window
        return attribution.occlusion(inputs, genre, (1, frames))
    patch_frames = round(attribution.PATCH_SECONDS * model.feature.sample_rate / model.feature.hop_length)
    return attribution.occlusion(inputs, genre, (max(1, -(-rows // attribution.BANDS)), max(1, patch_frames)))


def _correlations(
    model: ExplainedModel,
    sound: ExplainedSound,
    inputs: FeatureMap,
    genre: int,
    method: str,
    relevance_SFN: Tensor,
    untrained: Any,
) -> dict[str, float]:
    """Spearman's correlations of absolute values over a few windows: with random weights, and with |input - baseline|.

    `random_weights_given_input` is the partial correlation: what the two maps share beyond |input - baseline|, through which
    gradient times input maps of any model look alike.
    """
    chosen = np.unique(np.linspace(0, len(relevance_SFN) - 1, CHECKED_WINDOWS).round().astype(int)).tolist()
    own = relevance_SFN[chosen].abs().cpu().numpy()
    distance = faithfulness.unusual(inputs)[chosen].cpu().numpy()
    found = {"input": spearman(own, distance)}
    if untrained is not None:
        few = replace(
            feature_map(model, sound, untrained),
            value_SFN=inputs.value_SFN[chosen],
            baseline_SFN=inputs.baseline_SFN[chosen],
        )
        other = relevance_of(model, few, genre, method, untrained).relevance_SFN.abs().cpu().numpy()
        both, theirs = spearman(own, other), spearman(other, distance)
        found["random_weights"] = both
        scale = np.sqrt((1 - found["input"] ** 2) * (1 - theirs**2))
        found["random_weights_given_input"] = float((both - found["input"] * theirs) / scale) if scale > 0 else 0.0
    return found
