"""The average of the predictions of several runs, against a calculation by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from src.judging.average import mean
from src.judging.predictions import RunPredictions
from src.rundir import RunDir
from src.training.module import Predictions


def given(clips: list[str], genres: list[str], logits: Any, temperature: float) -> RunPredictions:
    """Predictions for clips whose true genre is the first of the alphabet."""
    data: Any = SimpleNamespace(clips=[SimpleNamespace(name=name) for name in clips], genres=genres)
    number = torch.arange(len(clips))
    true = torch.full((len(clips),), genres.index(min(genres, key=str.casefold)))
    nothing: Any = None
    return RunPredictions(
        RunDir(Path("".join(genres))), {}, data, False, Predictions(number, true, torch.tensor(logits)), temperature, nothing, []
    )  # fmt: skip


def softmax(logits: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    exponential = np.exp(np.array(logits))
    return exponential / exponential.sum(axis=-1, keepdims=True)


def test_probabilities_are_calibrated_and_then_averaged_by_the_names_of_clips_and_genres() -> None:
    first = given(["a", "b"], ["jazz", "pop", "rock"], [[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]], 2.0)
    other = given(["b", "a"], ["Rock", "jazz", "pop"], [[4.0, 0.0, 1.0], [-2.0, 0.0, 0.5]], 0.5)
    averaged = mean([first, other])
    one = softmax(np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]]) / 2.0)
    two = softmax(np.array([[0.0, 0.5, -2.0], [0.0, 1.0, 4.0]]) / 0.5)
    assert averaged.logits.exp().numpy() == pytest.approx((one + two) / 2, abs=1e-12)
    assert averaged.clip.tolist() == first.predictions.clip.tolist()
    assert averaged.genre.tolist() == first.predictions.genre.tolist()


def test_a_probability_of_almost_0_stays_above_0() -> None:
    sure = given(["a"], ["jazz", "rock"], [[0.0, 2000.0]], 1.0)
    assert mean([sure, sure]).logits[0, 0].item() == pytest.approx(-2000)
    never = given(["a"], ["jazz", "rock"], [[float("-inf"), 0.0]], 1.0)
    assert mean([never, never]).logits[0].tolist() == [float("-inf"), 0.0]


def test_other_clips_or_genres_are_refused() -> None:
    first = given(["a", "b"], ["jazz", "rock"], [[1.0, 2.0]] * 2, 1.0)
    with pytest.raises(
        ValueError, match=r"cannot use the same clips: 1 clip can be used by one of them only, such as b\."
    ):
        mean([first, given(["a"], ["jazz", "rock"], [[1.0, 2.0]], 1.0)])
    with pytest.raises(ValueError, match="have different genres: only jazzrock has rock; only jazzpolka has polka"):
        mean([first, given(["a", "b"], ["jazz", "polka"], [[1.0, 2.0]] * 2, 1.0)])
