"""Agreement against published examples, statsmodels, scikit-learn, and annotators of known reliability."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score
from statsmodels.stats import inter_rater

from src.metrics import agreement
from src.metrics.agreement import MISSING

# Fleiss 1971, table 1: 30 patients, each diagnosed by 6 psychiatrists as one of 5 categories; kappa 0.430.
FLEISS_ROWS = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 "
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)
FLEISS_KC = np.array([[int(digit) for digit in row] for row in FLEISS_ROWS.split()])
N = MISSING
# Krippendorff 2011, example C: 4 observers, 12 units, nominal categories 1 to 5, missing values; alpha 0.743.
KRIPPENDORFF_AK = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
)
# Krippendorff 2011, example B: two observers, 12 articles, nominal categories a to e; alpha 0.692.
TWO_AK = np.array([list("aabbdcccedda"), list("babbbccceddd")])


def _indices(label_AK: np.ndarray) -> np.ndarray:
    return np.where(label_AK == N, N, label_AK - 1).T


def _clusters(clips: int) -> list[str]:
    return [str(k) for k in range(clips)]


def test_kappa_is_that_of_the_published_example() -> None:
    found = agreement.fleiss_kappa(FLEISS_KC, _clusters(30))
    assert found
    estimate, labels = found
    assert (round(estimate.value, 3), estimate.clips, labels) == (0.43, 30, 6)
    assert estimate.interval[0] < estimate.value < estimate.interval[1]


def test_alpha_is_that_of_the_published_example_with_missing_values() -> None:
    count_KC = agreement.counts(_indices(KRIPPENDORFF_AK), 5)
    estimate = agreement.krippendorff_alpha(count_KC, _clusters(12))
    assert estimate
    assert (round(estimate.value, 3), estimate.clips) == (0.743, 11)  # unit 12 has one value, which cannot be paired


def test_alpha_is_that_of_the_published_example_of_two_observers() -> None:
    label_KA = np.array([["abcde".index(letter) for letter in row] for row in TWO_AK]).T
    estimate = agreement.krippendorff_alpha(agreement.counts(label_KA, 5), _clusters(12))
    assert estimate
    assert round(estimate.value, 3) == 0.692


def test_alpha_of_two_observers_is_scotts_pi_with_its_correction_for_few_values() -> None:
    # With n values, alpha = 1 - (1 - pi) (n - 1) / n; with many, Scott's pi and Cohen's kappa are close.
    random = np.random.default_rng(0)
    first = random.integers(3, size=4000)
    second = np.where(random.random(4000) < 0.6, first, random.integers(3, size=4000))
    estimate = agreement.krippendorff_alpha(agreement.counts(np.stack([first, second], axis=1), 3), _clusters(4000))
    assert estimate
    assert estimate.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-3)


def test_the_kappa_of_resamples_is_that_of_statsmodels() -> None:
    # A cluster that is drawn always gives one replicate: the value itself.
    found = agreement.fleiss_kappa(FLEISS_KC, ["one"] * 30)
    assert found
    assert found[0].interval == pytest.approx([inter_rater.fleiss_kappa(FLEISS_KC)] * 2)


def test_kappa_uses_the_number_of_labels_with_the_most_labels() -> None:
    count_KC = np.array([[3, 0], [2, 1], [0, 3], [1, 0], [1, 1]])
    found = agreement.fleiss_kappa(count_KC, _clusters(5))
    assert found
    assert (found[0].clips, found[1]) == (3, 3)
    assert found[0].value == pytest.approx(inter_rater.fleiss_kappa(count_KC[:3]))


@pytest.mark.parametrize("count_KC", [[[1, 0], [0, 1]], [[2, 0], [3, 0]]], ids=["one label each", "one genre"])
def test_agreement_that_cannot_be_measured_is_none(count_KC: list[list[int]]) -> None:
    assert agreement.fleiss_kappa(np.array(count_KC), _clusters(2)) is None
    assert agreement.krippendorff_alpha(np.array(count_KC), _clusters(2)) is None


def test_the_draw_decides_ties_only() -> None:
    count_KC = np.array([[2, 2, 0], [2, 2, 0], [1, 2, 0], [0, 0, 0]])
    assert agreement.most_frequent(count_KC, np.array([0, 1, 0, 0])).tolist() == [0, 1, 1, MISSING]


def test_the_majority_of_the_others_leaves_out_the_annotator() -> None:
    label_KA = np.array([[0, 1, 1], [0, 0, 1], [N, 1, 1], [0, N, N]])
    count_KC = agreement.counts(label_KA, 2)
    assert agreement.others_majority(label_KA, 0, count_KC, np.zeros(4, dtype=np.int64)).tolist() == [1, 0, N, N]


def test_a_ceiling_has_the_scores_of_scikit_learn_and_paired_replicates() -> None:
    random = np.random.default_rng(1)
    true_K, predicted_K = random.integers(4, size=60), random.integers(4, size=60)
    artists = [f"artist {k % 12}" for k in range(60)]
    scored = agreement.ceiling(predicted_K, true_K, 4, artists)
    assert scored.accuracy == pytest.approx(accuracy_score(true_K, predicted_K))
    assert scored.f1_macro == pytest.approx(f1_score(true_K, predicted_K, average="macro"))
    again = agreement.ceiling(true_K, true_K, 4, artists)
    assert np.all(again.accuracy_R == 1)
    half = np.where(np.arange(60) % 12 < 6, true_K, MISSING)  # the clips of six artists are not scored
    part = agreement.ceiling(predicted_K, half, 4, artists)
    used = half != MISSING
    assert (part.clips, part.accuracy) == (30, pytest.approx(accuracy_score(true_K[used], predicted_K[used])))
