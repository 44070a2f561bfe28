"""Opinions as arrays: estimates match what follows from annotators of known errors, and the best model is the true one."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from src.clip import Opinion
from src.data import opinions
from src.metrics import opinions as measures
from src.rundir import schema
from tests.annotators import CONFUSION_CC, GENRES, clip, draw_clips, true_ceiling, true_entropy, true_kappa

CLIPS, ANNOTATORS = 2000, 5


@pytest.fixture(scope="module")
def collected() -> tuple[opinions.Opinions, np.ndarray]:
    clips, true_K = draw_clips(CLIPS, ANNOTATORS)
    return opinions.collect(clips, GENRES), CONFUSION_CC[true_K]


def test_agreement_is_that_of_the_known_errors(collected: tuple[opinions.Opinions, np.ndarray]) -> None:
    found = opinions.agree(collected[0])
    for estimate, value in ((found["fleiss"], "kappa"), (found["krippendorff"], "alpha")):
        assert estimate[value] == pytest.approx(true_kappa(), abs=0.03)
        assert estimate["interval"][0] < true_kappa() < estimate["interval"][1]
    ceiling = found["ceiling"]
    assert ceiling["accuracy"] == pytest.approx(true_ceiling(ANNOTATORS - 1), abs=0.02)
    assert ceiling["accuracy_interval"][0] < true_ceiling(ANNOTATORS - 1) < ceiling["accuracy_interval"][1]
    assert (found["clips"], found["annotators"], found["labels"], found["resampled"]) == (CLIPS, 5, 5 * CLIPS, "artist")


def test_missing_labels_change_neither_alpha_nor_the_ceiling_much() -> None:
    clips, _ = draw_clips(CLIPS, ANNOTATORS, seed=1, missing=0.4)
    found = opinions.agree(opinions.collect(clips, GENRES))
    assert found["krippendorff"]["alpha"] == pytest.approx(true_kappa(), abs=0.03)
    assert found["fleiss"]["clips"] < found["krippendorff"]["clips"] < CLIPS
    assert true_ceiling(1) < found["ceiling"]["accuracy"] < true_ceiling(ANNOTATORS - 1)


def test_the_true_shares_have_the_least_cross_entropy(collected: tuple[opinions.Opinions, np.ndarray]) -> None:
    given, true_KC = collected
    random = np.random.default_rng(0)

    def scored(probability_KC: np.ndarray) -> float:
        return float(measures.cross_entropy(given.share_KC, probability_KC).mean())

    least = scored(true_KC)
    assert least == pytest.approx(true_entropy(), abs=0.03)
    for others_KC in (
        true_KC**2 / (true_KC**2).sum(axis=1, keepdims=True),  # too sure
        (true_KC + 1 / 3) / 2,  # not sure enough
        0.9 * true_KC + 0.1 * random.dirichlet(np.ones(3), CLIPS),
    ):
        assert scored(others_KC) > least + 0.005


def test_a_model_with_the_true_shares_is_beside_the_annotators(collected: tuple[opinions.Opinions, np.ndarray]) -> None:
    given, true_KC = collected
    scores = opinions.score(given, true_KC, true_KC)
    assert scores["shares"]["cross_entropy"] == pytest.approx(true_entropy(), abs=0.03)
    beside, people = scores["beside_people"], scores["agreement"]["ceiling"]
    assert beside["accuracy"] > people["accuracy"]  # it always gives the likeliest genre, an annotator does not
    assert beside["accuracy_difference"] == pytest.approx(beside["accuracy"] - people["accuracy"])
    low, high = beside["accuracy_difference_interval"]
    assert 0 < low < beside["accuracy_difference"] < high
    assert scores["disagreement"]["spearman"] > 0
    schema.check(given.clips[0].path, {"opinions": json.loads(json.dumps(scores))}, {"opinions": schema.OPINIONS})


def test_a_model_that_doubts_where_people_agree_has_a_negative_correlation(
    collected: tuple[opinions.Opinions, np.ndarray],
) -> None:
    few = opinions.collect(collected[0].clips[:200], GENRES)
    agree_K1 = few.share_KC.max(axis=1, keepdims=True) > 0.7
    doubting_KC = np.where(agree_K1, [0.4, 0.3, 0.3], [0.98, 0.01, 0.01])
    assert opinions.score(few, doubting_KC, doubting_KC)["disagreement"]["interval"][1] < 0


def test_scores_against_an_annotator_are_those_of_scikit_learn() -> None:
    clips, _ = draw_clips(60, 3, missing=0.3)
    given = opinions.collect(clips, GENRES)
    probability_KC = np.random.default_rng(1).dirichlet(np.ones(3), 60)
    scores = opinions.score(given, probability_KC, probability_KC)["annotators"]
    for column, name in enumerate(given.annotators):
        used = given.label_KA[:, column] >= 0
        true_K, predicted_K = given.label_KA[used, column], probability_KC[used].argmax(axis=1)
        assert scores[name]["clips"] == used.sum()
        assert scores[name]["accuracy"] == pytest.approx(accuracy_score(true_K, predicted_K))
        assert scores[name]["f1_macro"] == pytest.approx(f1_score(true_K, predicted_K, average="macro"))
        nll = -np.log(probability_KC[used][np.arange(used.sum()), true_K]).mean()
        assert scores[name]["nll"] == pytest.approx(nll)


def test_annotators_with_few_clips_are_listed_and_shares_have_no_agreement() -> None:
    clips, _ = draw_clips(30, 2)
    few = [*clips[:29], clip("z.wav", (Opinion("jazz", 1.0, "a0"), Opinion("jazz", 1.0, "once")))]
    found = opinions.agree(opinions.collect(few, GENRES))
    assert (found["few"], list(found["ceiling"]["annotators"])) == ({"once": 1}, ["a0", "a1"])
    shares = [clip(f"{k}.wav", (Opinion("jazz", 0.75), Opinion("blues", 0.25))) for k in range(5)]
    given = opinions.collect(shares, GENRES)
    found = opinions.agree(given)
    assert [found[key] for key in ("annotators", "labels", "fleiss", "krippendorff", "ceiling")] == [
        0,
        0,
        None,
        None,
        None,
    ]
    assert found["unanimous"] == 0
    scores = opinions.score(given, given.share_KC, given.share_KC)
    assert scores["shares"]["cross_entropy"] == pytest.approx(found["entropy"])
    assert (scores["annotators"], scores["beside_people"], scores["disagreement"]) == ({}, None, None)


def test_an_impossible_opinion_has_no_cross_entropy() -> None:
    given = opinions.collect([clip("a.wav", (Opinion("jazz", 1.0, "ann"),))], GENRES)
    sure = np.array([[1.0, 0.0, 0.0]])
    scores = opinions.score(given, sure, sure)
    assert scores["shares"]["cross_entropy"] is None
    assert scores["annotators"]["ann"]["nll"] is None
