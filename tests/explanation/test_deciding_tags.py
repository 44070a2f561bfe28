"""Tags that decide, for the tag table of the project, and tags that go with a decision that is known."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr

from src import feature as features
from src.classifier.classifier import Classifier
from src.explanation import deciding_tags
from src.explanation.model_input import ModelInput
from src.explanation.tag_values import tag_names, tag_problem, tag_values
from src.model.tags import Tags
from src.normalization import Unchanged

ROWS = ["msd/rock", "msd/jazz", "msd/guitar", "mtt/rock", "mtt/jazz", "mtt/piano"]


def tags_model(mean_F: list[float]) -> ModelInput:
    table = {"jazz": ["jazz"], "rock": ["rock"]}
    model = Tags(table, 0.2, genre_names=["jazz", "rock"], row_names=ROWS, normalized=False)
    return ModelInput(
        Classifier(torch.nn.Identity(), Unchanged(), model, ["jazz", "rock"]), torch.tensor(mean_F)[:, None]
    )


def test_effects_of_tags_are_exact() -> None:
    # The margin of jazz is the mean over the networks of (jazz - rock).
    model = tags_model([0.0, 1.0, 0.0, 0.0, 0.0, 9.0])
    value_SFN = torch.tensor([[-1.0, 3.0, 5.0, 1.0, 2.0, 4.0]])[:, :, None]
    decision = deciding_tags.decide(model, value_SFN, ROWS, genre=0, rival=1)
    assert decision.margin == pytest.approx((3 + 1 + 2 - 1) / 2)
    assert [(tag.name, round(tag.effect, 5)) for tag in decision.tags] == [
        ("msd/jazz", 1.0), ("mtt/jazz", 1.0), ("msd/rock", 0.5), ("mtt/rock", -0.5)
    ]  # fmt: skip
    assert decision.total == pytest.approx(2.5 - 0.5)
    assert decision.remainder == pytest.approx(0)
    assert decision.as_json()["tags"][0] == {
        "tag": "msd/jazz", "value_nats": 3.0, "training_mean_nats": 1.0, "effect_nats": pytest.approx(1.0)
    }  # fmt: skip


def test_tags_that_can_replace_each_other_leave_a_remainder() -> None:
    table = {"jazz": ["jazz", "guitar"], "rock": ["rock"]}
    tags = Tags(table, 0.2, genre_names=["jazz", "rock"], row_names=ROWS[:3], normalized=False)
    model = ModelInput(Classifier(torch.nn.Identity(), Unchanged(), tags, ["jazz", "rock"]), torch.zeros(3, 1))
    decision = deciding_tags.decide(model, torch.tensor([[0.0, 4.0, 4.0]])[:, :, None], ROWS[:3], genre=0, rival=1)
    assert decision.tags == []  # without jazz, guitar has the same value, and the reverse
    assert decision.remainder == decision.total == pytest.approx(4)


def test_only_the_classes_of_audioset_that_are_of_music_go_with_a_decision() -> None:
    names = ["msd/jazz", *(f"audioset/{tag}" for tag in ("Music", "Scary music", "Humming", "Wind", "Toothbrush"))]
    value_K = np.linspace(-1, 1, 20)
    tags = deciding_tags.related(np.ones(6), np.repeat(value_K[:, None], 6, axis=1), value_K, names)
    assert [tag.name for tag in tags] == names[:4]


def test_a_tag_that_goes_with_the_decision_is_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    training_KQ = rng.normal(size=(200, 3)) + np.array([5, 0, 0])
    margin_K = 2 * training_KQ[:, 0] - training_KQ[:, 1] + 0.1 * rng.normal(size=200)
    first, second = deciding_tags.related([8.0, 2.0, 9.0], training_KQ, margin_K, ["with", "against", "noise"])
    assert (first.name, second.name) == ("with", "against")
    assert first.score > 0 > second.score
    for tag, q in ((first, 0), (second, 1)):
        theirs = pearsonr(training_KQ[:, q], margin_K)
        assert tag.correlation == pytest.approx(theirs.statistic)
        interval = theirs.confidence_interval(0.95)
        assert (tag.low, tag.high) == pytest.approx((interval.low, interval.high), abs=1e-4)
    assert first.deviations == pytest.approx((8 - training_KQ[:, 0].mean()) / training_KQ[:, 0].std())


def test_tags_that_do_not_vary_and_margins_that_do_not_vary_say_nothing() -> None:
    training_KQ = np.random.default_rng(0).normal(size=(20, 2))
    training_KQ[:, 1] = 3
    names = ["varies", "constant"]
    assert [tag.name for tag in deciding_tags.related([1, 3], training_KQ, training_KQ[:, 0], names)] == ["varies"]
    assert deciding_tags.related([1, 3], training_KQ, np.ones(20), names) == []
    with pytest.raises(ValueError, match="the run has 9 training clips: a correlation needs 10 or more"):
        deciding_tags.related([1, 3], training_KQ[:9], np.arange(9.0), names)


def musicnn(layer: str, network: str = "both") -> features.Musicnn:
    return features.Musicnn(16000, network, layer, 3.0, trainable=False)


def test_tags_of_embeddings_are_those_that_the_network_computes_itself() -> None:
    wave_ST = 0.1 * torch.randn(1, 3 * 16000, generator=torch.Generator().manual_seed(0))
    expected_Q = tag_values(musicnn("tags"), musicnn("tags")(wave_ST))
    assert len(tag_names(musicnn("tags"))) == len(expected_Q) == 100
    assert tuple(tag_names(musicnn("tags"))) == musicnn("tags").row_names
    for layer in ("penultimate", "pool"):
        feature = musicnn(layer)
        assert tag_names(feature) == tag_names(musicnn("tags"))
        assert tag_values(feature, feature(wave_ST)).tolist() == pytest.approx(expected_Q.tolist(), abs=1e-4)
    alone = musicnn("penultimate", "mtt")
    assert tag_values(alone, alone(wave_ST)).tolist() == pytest.approx(expected_Q[50:].tolist(), abs=1e-4)


def test_features_without_tags_say_why() -> None:
    assert "does not come from musicnn or EfficientAT" in tag_problem(features.ZeroCrossing(22050, 512, 2048))
    assert "was fine-tuned" in tag_problem(features.Musicnn(16000, "msd", "penultimate", 3.0, trainable=True))
    assert tag_problem(musicnn("penultimate", "msd")) == ""
