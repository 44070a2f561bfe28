"""Faithfulness of maps that are right, wrong or random by construction."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from src.explanation import faithfulness
from src.explanation.feature_map import feature_map
from src.metrics.rank_correlation import spearman
from src.model import Cnn
from tests.explanation_models import Weighted, explained, noise, sound

ROWS = slice(20, 24)  # that decide


def measured(map_FN: np.ndarray, seed: int = 0) -> dict:
    """The curves of a map, for a model that hears four rows only."""
    weight_F = torch.zeros(32)
    weight_F[ROWS] = 2.0
    model = explained(Weighted(weight_F))
    model.classifier.normalization.mean_F1.fill_(-60.0)
    inputs = feature_map(model, sound(model, noise(2.0, seed)))
    return faithfulness.measure(inputs, 0, np.resize(map_FN, (32, inputs.columns)), faithfulness.LOUDEST, seed)


def right() -> np.ndarray:
    map_F1 = np.zeros((32, 1), np.float32)
    map_F1[ROWS] = 1.0
    return map_F1 + np.zeros((32, 1000), np.float32)


def test_a_right_map_is_far_better_than_random_masks() -> None:
    found = measured(right()[:, :87])
    own, random = found["map"]["area"], found["random"]["area"]
    assert own["deletion"] < random["deletion"] - 0.05
    assert own["insertion"] > random["insertion"] + 0.04


def test_the_curves_begin_and_end_at_the_sound_and_the_baseline() -> None:
    found = measured(right()[:, :87])
    for name in ("map", "random", "loudest"):
        deletion, insertion = found[name]["deletion"], found[name]["insertion"]
        assert deletion[0] == insertion[-1]
        assert deletion[-1] == insertion[0] == pytest.approx(1 / 3, abs=1e-6)
        assert len(deletion) == len(found["shares"])


def test_a_random_mask_has_the_area_and_the_edges_of_the_map() -> None:
    map_FN = torch.zeros(32, 100)
    map_FN[5:9, 20:60] = 1.0
    moved_FN = faithfulness.moved(map_FN, np.random.default_rng(1))
    assert not torch.equal(moved_FN, map_FN)
    assert moved_FN.sum() == map_FN.sum()
    edges = [(each != each.roll(1, axis)).sum() for each in (map_FN, moved_FN) for axis in (0, 1)]
    assert edges[:2] == edges[2:]


def test_gaps_between_windows_belong_to_no_mask() -> None:
    """The gaps have the largest values of the map, and still the curves are those of the part that the model hears."""
    model = explained(Weighted(torch.zeros(32).index_fill_(0, torch.arange(20, 24), 2.0)))
    model.classifier.normalization.mean_F1.fill_(-60.0)
    inputs = feature_map(model, sound(model, noise(2.0, 0)))
    apart = replace(inputs, column_S=[2 * first for first in inputs.column_S], columns=2 * inputs.columns)
    assert 0 < int((~apart.covered_N).sum()) < apart.columns
    map_FN = np.zeros((32, apart.columns), np.float32)
    map_FN[ROWS] = 1.0
    loud_FN = np.where(apart.covered_N.numpy(), map_FN, 9.0).astype(np.float32)
    plain, loud = (faithfulness.measure(apart, 0, each, faithfulness.LOUDEST, 0) for each in (map_FN, loud_FN))
    assert plain == loud


def test_a_random_map_is_said_to_be_no_better() -> None:
    rng = np.random.default_rng(0)
    clips = [measured(rng.standard_normal((32, 87)).astype(np.float32), seed) for seed in range(10)]
    rows = [row for row in faithfulness.summarize(clips, [None] * 10) if row["other"] == faithfulness.RANDOM]
    assert {row["verdict"] for row in rows} <= {"no better", "worse"}
    assert all(abs(row["gain"]) < 0.03 for row in rows)


def test_a_right_map_is_said_to_be_better_with_an_interval_over_artists_where_there_are_enough() -> None:
    clips = [measured(right()[:, :87], seed) for seed in range(12)]
    for artists, over in (
        ([None] * 12, "clips"),
        ([f"artist {k}" for k in range(12)], "artists"),
        (["x", "y"] * 6, "clips"),
    ):
        rows = [row for row in faithfulness.summarize(clips, artists) if row["other"] == faithfulness.RANDOM]
        assert {row["verdict"] for row in rows} == {"better"}
        assert {row["over"] for row in rows} == {over}
        assert all(row["interval"][0] <= row["gain"] <= row["interval"][1] for row in rows)


def test_few_clips_have_no_interval() -> None:
    rows = faithfulness.summarize([measured(right()[:, :87])], [None])
    assert all(row["interval"] is None and row["verdict"] == "unknown" for row in rows)


def test_a_random_network_has_other_weights_and_leaves_the_first_as_it_is() -> None:
    network = Cnn(2, 4, 0.0, "relu", rows=32, genres=3)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    other = faithfulness.random_network(network)
    assert other is not None
    assert all(torch.equal(before[name], weight) for name, weight in network.state_dict().items())
    name = "blocks.0.convolution.weight"
    assert abs(spearman(other.state_dict()[name].numpy(), before[name].numpy())) < 0.5
    again = faithfulness.random_network(network)
    assert again is not None
    assert torch.equal(again.state_dict()[name], other.state_dict()[name])


def test_a_model_without_layers_has_no_random_copy() -> None:
    assert faithfulness.random_network(Weighted(torch.ones(3))) is None
