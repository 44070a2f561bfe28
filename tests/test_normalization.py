"""Normalization of feature rows, compared with numpy."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from src.model.classic import statistics
from src.normalization import Instance, Standard, Unchanged

ROWS = 5


def _batches(mean: float, deviation: float, drift: float = 0.0) -> list[tuple[Tensor, Tensor]]:
    """Batches of different sizes. Each row has another mean, and all means drift from batch to batch."""
    random = torch.Generator().manual_seed(0)
    batches = []
    for k, (clips, frames) in enumerate([(4, 50), (1, 7), (3, 1), (8, 120)]):
        feature_BFN = torch.randn(clips, ROWS, frames, generator=random, dtype=torch.float64)
        mean_F1 = mean * torch.arange(1, ROWS + 1)[:, None] + drift * k
        batches.append(((mean_F1 + deviation * feature_BFN).float(), torch.zeros(clips).long()))
    return batches


def _rows(batches: list[tuple[Tensor, Tensor]]) -> np.ndarray:
    """All frames of all batches, (F, frames), in float64."""
    return np.concatenate(
        [f.numpy().astype(np.float64).transpose(1, 0, 2).reshape(ROWS, -1) for f, _ in batches], axis=1
    )


@pytest.mark.parametrize(
    ("mean", "deviation", "drift"),
    [(0, 1, 0), (-80, 20, 3), (1e4, 1e-2, 0), (1e4, 1e-2, 5e-2), (1e-4, 1e-6, 0), (0, 1e6, 0)],
    ids=["usual", "decibel", "tiny around large", "tiny, large and drifting", "tiny", "huge"],
)
def test_standard_fits_the_mean_and_deviation_of_numpy(mean: float, deviation: float, drift: float) -> None:
    batches = _batches(mean, deviation, drift)
    normalization = Standard(ROWS)
    normalization.prepare(batches)
    expected = _rows(batches)
    np.testing.assert_allclose(normalization.mean_F1[:, 0], expected.mean(axis=1), rtol=1e-6, atol=1e-7 * deviation)
    np.testing.assert_allclose(normalization.deviation_F1[:, 0], expected.std(axis=1), rtol=1e-6)


def test_standard_brings_each_row_to_mean_0_and_deviation_1() -> None:
    batches = _batches(-80, 20, drift=3)
    normalization = Standard(ROWS)
    normalization.prepare(batches)
    scaled = _rows([(normalization(feature_BFN), genre_B) for feature_BFN, genre_B in batches])
    np.testing.assert_allclose(scaled.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=1), 1, atol=1e-5)


def test_standard_does_not_depend_on_how_frames_are_batched() -> None:
    batches = _batches(3, 2, drift=1)
    whole, single = Standard(ROWS), Standard(ROWS)
    whole.prepare(batches)
    single.prepare([(f[k : k + 1], g[k : k + 1]) for f, g in batches for k in range(len(g))])
    torch.testing.assert_close(single.mean_F1, whole.mean_F1)
    torch.testing.assert_close(single.deviation_F1, whole.deviation_F1)


@pytest.mark.parametrize("value", [0.0, -100.0, 0.1, 12345.678])
def test_standard_only_centres_a_row_that_never_varies(value: float) -> None:
    batches = _batches(0, 1)
    for feature_BFN, _ in batches:
        feature_BFN[:, 2] = value
    normalization = Standard(ROWS)
    normalization.prepare(batches)
    assert float(normalization.deviation_F1[2]) == 1
    assert normalization(batches[0][0])[:, 2].abs().max() <= 1e-7 * abs(value)
    assert normalization(batches[0][0] + 1)[:, 2] == pytest.approx(1, abs=1e-6 * abs(value) + 1e-6)


def test_standard_changes_nothing_before_the_fit_and_is_saved_in_checkpoints() -> None:
    [(feature_BFN, _), *_] = batches = _batches(3, 2)
    normalization, restored = Standard(ROWS), Standard(ROWS)
    assert torch.equal(normalization(feature_BFN), feature_BFN)
    normalization.prepare(batches)
    restored.load_state_dict(copy.deepcopy(normalization.state_dict()))
    assert torch.equal(restored(feature_BFN), normalization(feature_BFN))
    assert list(normalization.parameters()) == []


def test_instance_removes_level_and_spectral_colour() -> None:
    [(feature_BFN, _), *_] = _batches(1, 1)
    colour_F1, level_B11 = torch.randn(ROWS, 1), torch.tensor([0.1, 1.0, 7.0, 30.0])[:, None, None]
    torch.testing.assert_close(
        Instance()(level_B11 * feature_BFN + colour_F1), Instance()(feature_BFN), atol=1e-4, rtol=0
    )


def test_instance_scales_each_row_of_each_example_separately() -> None:
    [(feature_BFN, _), *_] = _batches(5, 3)
    expected = feature_BFN.double().numpy()
    expected = (expected - expected.mean(axis=2, keepdims=True)) / expected.std(axis=2, keepdims=True)
    np.testing.assert_allclose(Instance()(feature_BFN), expected, atol=1e-4)
    assert torch.equal(Instance()(feature_BFN)[1:2], Instance()(feature_BFN[1:2]))


def test_instance_sets_a_row_that_does_not_vary_to_0() -> None:
    feature_BFN = torch.full((2, ROWS, 40), -100.0)
    assert torch.equal(Instance()(feature_BFN), torch.zeros(2, ROWS, 40))
    assert torch.equal(Instance()(feature_BFN[:, :, :1]), torch.zeros(2, ROWS, 1))


def test_unchanged_changes_nothing() -> None:
    [(feature_BFN, _), *_] = batches = _batches(5, 3)
    Unchanged().prepare(batches)
    assert torch.equal(Unchanged()(feature_BFN), feature_BFN)


@pytest.mark.parametrize(
    "make", [lambda: Standard(rows=4), lambda: Standard(4, torch.tensor([3.0, 1.0, 0.5, 1.0])), Instance, Unchanged]
)
def test_statistics_of_a_normalized_feature_follow_from_those_of_the_feature(make: Callable[[], Any]) -> None:
    """One row far from 0, one that hardly varies, one that never does."""
    random = torch.Generator().manual_seed(0)
    scale_F1, mean_F1 = torch.tensor([[3.0], [0.1], [1e-3], [0.0]]), torch.tensor([[-60.0], [4000.0], [0.0], [2.5]])
    feature_BFN = mean_F1 + scale_F1 * torch.randn(30, 4, 50, generator=random)
    genre_B = torch.zeros(30).long()
    fitted, fitted_to_statistics = make(), make()
    statistic_BE = statistics(feature_BFN.double())
    fitted.prepare([(part_BFN, genre_B) for part_BFN in feature_BFN.split(7)])
    if isinstance(fitted, Standard):
        fitted_to_statistics.prepare_from_statistics([(part_BE, genre_B) for part_BE in statistic_BE.split(11)])
        for name, buffer in fitted.named_buffers():
            torch.testing.assert_close(fitted_to_statistics.get_buffer(name), buffer, rtol=1e-6, atol=1e-6)
    expected_BE = statistics(fitted(feature_BFN.double()))
    torch.testing.assert_close(fitted.normalized_statistics(statistic_BE), expected_BE, rtol=1e-6, atol=1e-6)


def test_rows_with_a_factor_get_it_as_their_deviation() -> None:
    batches, scale_F = _batches(-80, 20, drift=3), torch.tensor([2.0, 0.5, 0.5, 0.5, 1.0])
    normalization, without_factors = Standard(ROWS, scale_F), Standard(ROWS)
    normalization.prepare(batches)
    without_factors.prepare(batches)
    scaled = _rows([(normalization(feature_BFN), genre_B) for feature_BFN, genre_B in batches])
    np.testing.assert_allclose(scaled.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=1), scale_F, rtol=1e-5)
    torch.testing.assert_close(normalization(batches[0][0]), without_factors(batches[0][0]) * scale_F[:, None])
