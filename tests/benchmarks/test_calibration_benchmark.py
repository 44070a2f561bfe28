"""The benchmark of the prior on the temperature: its numbers for logits of known temperature."""

import math

import pytest
import torch

from benchmarks import calibration
from src import metrics
from src.training.module import Predictions

GENRES = ["a", "b", "c"]


def _draw(seed: int, clips: int, factor: float) -> Predictions:
    generator = torch.Generator().manual_seed(seed)
    logits_KC = 2 * torch.randn(clips, 3, generator=generator)
    genre_K = torch.multinomial(logits_KC.softmax(dim=1), 1, generator=generator)[:, 0]
    return Predictions(torch.arange(clips), genre_K, factor * logits_KC)


def test_each_weight_is_measured_on_the_test_clips_with_its_temperature() -> None:
    val, test = _draw(0, 40, 3.0), _draw(1, 500, 3.0)
    results = calibration.measure(val, test, GENRES, seed=0)
    assert {clips for clips, _ in results} == set(calibration.CLIPS)
    [(nll, ece, temperature)] = results[0, calibration.UNCALIBRATED]
    scores = metrics.score(test.logits, test.genre, GENRES)
    assert (nll, ece, temperature) == pytest.approx((scores["nll"], scores["ece"], 1.0))
    for clips in calibration.CLIPS:
        assert len(results[clips, 0.0]) == (calibration.DRAWS if clips else 1)
        for draw in range(len(results[clips, 0.0])):
            distances = [abs(math.log(results[clips, weight][draw][2])) for weight in calibration.WEIGHTS]
            assert distances == sorted(distances, reverse=True)
    [(nll_fitted, _, fitted)] = results[0, 1.0]
    assert nll_fitted < nll
    assert fitted == pytest.approx(3, rel=0.5)
