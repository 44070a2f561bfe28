"""Measures of how well a map describes its model: deletion and insertion curves, and the map of a model with random weights."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from src.explanation.clip_interval import clip_interval
from src.explanation.feature_map import FeatureMap
from src.metrics.intervals import RESAMPLES

SHARES = (0.03, 0.1, 0.2, 0.4, 0.7)  # of the map that is deleted or inserted; the ends 0 and 1 are added
RANDOM_MASKS = 3  # for each sound
BATCH = 64  # windows in one pass through the network
MAP, RANDOM, LOUDEST, UNUSUAL = "map", "random", "loudest", "unusual"
CURVES = ("deletion", "insertion")


def measure(
    inputs: FeatureMap, genre: int, relevance_FN: NDArray[np.float32], reference: str, seed: int
) -> dict[str, Any]:
    """Deletion and insertion curves of a map, of random masks and of a reference ranking.

    Deletion replaces the most relevant share of the map by the baseline, insertion puts it into a baseline without anything
    else; a curve is the probability of the genre over the share, and its area the mean height. A faithful map has a small
    area of deletion and a large one of insertion. A random mask is the mask of the map itself, moved around in time and
    frequency by a random distance, so area and contiguity are the same. Gaps between the windows belong to no mask. `reference` is LOUDEST (the highest values of a
    feature in dB) or UNUSUAL (the values farthest from the baseline).
    Source: Petsiuk, Das and Saenko 2018, with masks that keep contiguity.
    """
    device = inputs.value_SFN.device
    covered_N = inputs.covered_N
    map_FN = torch.from_numpy(relevance_FN).to(device)[:, covered_N]
    rng = np.random.default_rng([seed, 1])
    rankings = {MAP: [map_FN], reference: [_reference(inputs, reference, device)[:, covered_N]]}
    rankings[RANDOM] = [moved(map_FN, rng) for _ in range(RANDOM_MASKS)]
    full, empty = (probability(inputs, genre, each) for each in (inputs.value_SFN, inputs.baseline_SFN))
    result: dict[str, Any] = {"shares": [0.0, *SHARES, 1.0], "reference": reference}
    for name, ranked in rankings.items():
        curves = [_curves(inputs, genre, each_FN) for each_FN in ranked]
        deletion = [full, *np.mean([each[0] for each in curves], axis=0).tolist(), empty]
        insertion = [empty, *np.mean([each[1] for each in curves], axis=0).tolist(), full]
        areas = {
            key: float(np.trapezoid(curve, result["shares"]))
            for key, curve in zip(CURVES, (deletion, insertion), strict=True)
        }
        result[name] = {"deletion": deletion, "insertion": insertion, "area": areas}
    return result


@torch.no_grad()
def probability(inputs: FeatureMap, genre: int, value_SFN: Tensor) -> float:
    """The probability of a genre for a sound whose feature is replaced by `value_SFN`, as `predict` computes it."""
    logits_SC = torch.cat([inputs.network(value_MFN) for value_MFN in torch.split(value_SFN, BATCH)])
    return float(logits_SC.double().mean(dim=0).softmax(dim=0)[genre])


def _curves(inputs: FeatureMap, genre: int, ranking_FN: Tensor) -> tuple[list[float], list[float]]:
    """The probabilities of a genre if each of SHARES is deleted, and if it is inserted.

    `ranking_FN` has the covered columns of the map.
    """
    ordered = ranking_FN.flatten().sort(descending=True)
    place_FN = torch.empty_like(ordered.indices)
    place_FN[ordered.indices] = torch.arange(len(place_FN), device=place_FN.device)
    whole_FN = place_FN.new_zeros(len(ranking_FN), inputs.columns)
    whole_FN[:, inputs.covered_N] = place_FN.reshape(ranking_FN.shape)
    place_SFN = inputs.windows(whole_FN)
    deleted, inserted = [], []
    for share in SHARES:
        chosen_SFN = place_SFN < share * len(place_FN)
        deleted.append(probability(inputs, genre, torch.where(chosen_SFN, inputs.baseline_SFN, inputs.value_SFN)))
        inserted.append(probability(inputs, genre, torch.where(chosen_SFN, inputs.value_SFN, inputs.baseline_SFN)))
    return deleted, inserted


def _reference(inputs: FeatureMap, reference: str, device: torch.device) -> Tensor:
    values_SFN = inputs.value_SFN if reference == LOUDEST else unusual(inputs)
    return torch.from_numpy(inputs.whole(values_SFN, mean=True)).to(device)


def unusual(inputs: FeatureMap) -> Tensor:
    """|input - baseline| of the windows, each row divided by its deviation over the sound, (S, F, N)."""
    difference_SFN = (inputs.value_SFN - inputs.baseline_SFN).abs()
    deviation_1F1 = inputs.value_SFN.transpose(0, 1).flatten(1).std(dim=1, correction=0)[None, :, None]
    return difference_SFN / deviation_1F1.clamp_min(1e-6)


def moved(map_FN: Tensor, rng: np.random.Generator) -> Tensor:
    """Move a map by a random distance in both directions; what leaves it at one end enters at the other."""
    rows, columns = map_FN.shape
    return map_FN.roll((int(rng.integers(rows)), int(rng.integers(columns))), (0, 1))


def random_network(network: Any, seed: int = 0) -> nn.Module | None:
    """A copy of a network with random weights, as before training; None if no layer can be reset.

    Source: Adebayo et al. 2018, "Sanity checks for saliency maps".
    """
    untrained: nn.Module = copy.deepcopy(network)
    resets = [
        reset
        for module in untrained.modules()
        for reset in [getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)]
        if callable(reset)
    ]
    if not resets:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for reset in resets:
            reset()
    return untrained.eval()


def gain(own: Sequence[float], others: Sequence[float], artists: Sequence[str | None]) -> dict[str, Any]:
    """mean(own) - mean(others) over clips, with an interval that is paired by clip, and a verdict in a word.

    The interval is that of `clip_interval`.
    """
    found = clip_interval(np.subtract(own, others), artists, RESAMPLES)
    return {
        "gain": found.mean,
        "interval": None if found.interval is None else list(found.interval),
        "over": found.by,
        "clips": found.clips,
        "verdict": "unknown" if found.interval is None else _verdict(found.interval),
    }


def summarize(clips: Sequence[dict[str, Any]], artists: Sequence[str | None]) -> list[dict[str, Any]]:
    """Compare the areas of a map with those of random masks and of the reference, over the results of `measure` for clips.

    `gain` is how much better the map is: its area of insertion minus the other's, and the other's area of deletion minus its
    own; see `gain`.
    """
    rows = []
    for other in (RANDOM, clips[0]["reference"]) if clips else ():
        for curve, sign in zip(CURVES, (-1, 1), strict=True):
            own, others = ([sign * clip[name]["area"][curve] for clip in clips] for name in (MAP, other))
            rows.append(
                {
                    "curve": curve,
                    "other": other,
                    "area": sign * float(np.mean(own)),
                    "other_area": sign * float(np.mean(others)),
                    **gain(own, others, artists),
                }
            )
    return rows


def _verdict(interval: Sequence[float]) -> str:
    return "better" if interval[0] > 0 else "worse" if interval[1] < 0 else "no better"
