"""The explanation of one prediction: everything that the page and the JSON of `src.explain` show of a sound."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Map:
    """Relevance of each value of the feature for the predicted genre, by one method.

    `relevance_FN` (F rows, N frames of the whole sound) is in nats of the score, see `feature_map.score`; positive values speak
    for the genre. `row_relevance` are its sums over time. `correlations` are Spearman's, of absolute values: with the map of a
    model with random weights, and with |input - baseline|, see `maps`. `completeness_gap_nats` is of integrated gradients
    only: what the sum of the map lacks of the difference of the scores. `faithfulness` has the curves of the sound, see
    `faithfulness.measure`.
    """

    method: str
    relevance_FN: NDArray[np.float32] | None
    row_relevance: list[float]
    completeness_gap_nats: float | None = None
    correlations: dict[str, float] = field(default_factory=dict)
    faithfulness: dict[str, Any] = field(default_factory=dict)


@dataclass
class Explanation:
    """One sound, its prediction and the parts of its explanation; a part that does not exist for a run is empty.

    `genre` and `artist` are None if unknown, as for files on the command line. `maps`: the first is drawn and made audible;
    `no_map` says why there is none. `row_groups`, `tags` and `neighbours` are plain dictionaries for page and JSON: see `words`.
    `sounds` are paths relative to the page, by kind: whole, only, without; `listening` has what the run predicts for the latter
    two, see `listening.listen`. `notes` are sentences about the sound. With maps, `baseline` describes their baseline, `row_names`
    and `row_hz` (None without a frequency axis) their rows, and `value_FN` is the feature.
    """

    clip: str
    predicted: str
    rival: str
    probabilities: dict[str, float]
    start_seconds: float
    seconds: float
    genre: str | None = None
    artist: str | None = None
    maps: list[Map] = field(default_factory=list)
    no_map: str = ""
    baseline: str = ""
    row_names: list[str] = field(default_factory=list)
    row_hz: list[float] | None = None
    value_FN: NDArray[np.float32] | None = None
    row_groups: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)
    neighbours: dict[str, Any] = field(default_factory=dict)
    sounds: dict[str, str] = field(default_factory=dict)
    listening: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def drop_pictures(self) -> None:
        """Free the memory of the arrays that only a picture needs; the relevance of rows stays."""
        self.value_FN = None
        for each in self.maps:
            each.relevance_FN = None
