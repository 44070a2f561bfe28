"""Classic models: comparison with scikit-learn, save and load, and few training segments."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from torch import Tensor

from src.model.classic import Classic, statistics
from src.model.knn import Knn
from src.model.svm import Svm

ROWS, GENRES = 4, 5
UNTRAINED = 3  # a genre that no training clip has


def _svm(rows: int = ROWS, genres: int = GENRES, **settings: Any) -> Svm:
    arguments = {"c": 1.0, "kernel": "rbf", "gamma": "scale", "class_weight": None, **settings}
    return Svm(**arguments, rows=rows, genres=genres)


def _knn(rows: int = ROWS, genres: int = GENRES, **settings: Any) -> Knn:
    return Knn(**{"neighbours": 5, "weights": "distance", "metric": "euclidean", **settings}, rows=rows, genres=genres)


both_models = pytest.mark.parametrize("make", [_svm, _knn])


def _segments(count: int, seed: int = 0, genres: tuple[int, ...] = (0, 1, 2, 4)) -> tuple[Tensor, Tensor]:
    """Noise whose level, deviation and speed depend on the genre; the genres overlap a little."""
    random = torch.Generator().manual_seed(seed)
    genre_M = torch.tensor(genres).repeat_interleave(-(-count // len(genres)))[:count]
    noise_MFN = torch.randn(count, ROWS, 20, generator=random)
    slow_MFN = noise_MFN.cumsum(2) / 4
    genre_MFN = torch.where((genre_M % 2 == 0)[:, None, None], noise_MFN, slow_MFN)
    return genre_MFN * (1 + genre_M[:, None, None] / 4) + 0.2 * genre_M[:, None, None], genre_M


def _batches(feature_MFN: Tensor, genre_M: Tensor) -> list[tuple[Tensor, Tensor]]:
    return list(zip(feature_MFN.split(16), genre_M.split(16), strict=True))


def _fitted(model: Classic, count: int = 120) -> Classic:
    assert model.prepare(_batches(*_segments(count))) == {}
    return model


def test_statistics_are_mean_deviation_and_deviation_of_differences() -> None:
    ramp_N, alternating_N = torch.arange(9.0), torch.tensor([1.0, -1.0] * 4 + [1.0])
    statistic_BE = statistics(torch.stack((ramp_N, alternating_N))[None])
    difference_N = np.diff(alternating_N, prepend=1.0)
    expected = [
        4.0,
        1 / 9,
        np.std(ramp_N.numpy()),
        np.std(alternating_N.numpy()),
        np.std([0] + [1] * 8),
        np.std(difference_N),
    ]
    torch.testing.assert_close(statistic_BE, torch.tensor([expected], dtype=torch.float32))


def test_statistics_of_one_frame_are_its_value_and_zero_deviations() -> None:
    assert statistics(torch.tensor([[[3.0], [-1.0]]])).tolist() == [[3, -1, 0, 0, 0, 0]]


@both_models
def test_the_embedding_is_standardized_over_the_training_segments(make: Any) -> None:
    feature_MFN, _ = _segments(120)
    embedding_ME = _fitted(make()).embed(feature_MFN)
    torch.testing.assert_close(embedding_ME.mean(0), torch.zeros(3 * ROWS), atol=1e-5, rtol=0)
    torch.testing.assert_close(embedding_ME.std(0, correction=0), torch.ones(3 * ROWS), atol=1e-4, rtol=0)


@both_models
def test_a_constant_row_is_only_centred(make: Any) -> None:
    feature_MFN, genre_M = _segments(40)
    feature_MFN[:, 0] = 7.0
    model = make()
    model.prepare(_batches(feature_MFN, genre_M))
    assert not model.embed(feature_MFN)[:, 0].any()
    assert model(feature_MFN).isfinite().all()


@pytest.mark.parametrize("genres", [(0, 1, 2, 4), (1, 4)])
@pytest.mark.parametrize(
    "settings",
    [{"kernel": "rbf"}, {"kernel": "linear", "c": 0.3}, {"gamma": 0.2, "class_weight": "balanced", "c": 5.0}],
)
def test_svm_decisions_equal_those_of_scikit_learn(settings: dict[str, Any], genres: tuple[int, ...]) -> None:
    feature_MFN, genre_M = _segments(150, genres=genres)
    feature_MFN, genre_M = feature_MFN[10:], genre_M[10:]  # unequal classes
    new_BFN, _ = _segments(80, seed=1, genres=genres)
    model = _svm(**settings)
    model.prepare(_batches(feature_MFN, genre_M))
    svc_settings = {{"c": "C"}.get(key, key): value for key, value in settings.items()}
    svc = SVC(**svc_settings, break_ties=len(genres) > 2).fit(model.embed(feature_MFN).numpy(), genre_M.numpy())
    with torch.no_grad():
        standard_BE, logits_BC = model.embed(new_BFN), model(new_BFN)
        decision_BG = model.decide(standard_BE, {name: getattr(model, name) for name in model.fitted_names})
    assert (logits_BC.argmax(1).numpy() == svc.predict(standard_BE.numpy())).all()
    if len(genres) > 2:
        np.testing.assert_allclose(decision_BG.numpy(), svc.decision_function(standard_BE.numpy()), atol=1e-3)


def test_probabilities_of_the_svm_are_calibrated_on_held_out_segments() -> None:
    """The mean confidence is close to the accuracy; genres far apart give sharper probabilities."""
    model = _fitted(_svm(), 400)
    new_BFN, genre_B = _segments(400, seed=1)
    probability_BC = model(new_BFN).softmax(1)
    accuracy = float((probability_BC.argmax(1) == genre_B).float().mean())
    assert float(probability_BC.amax(1).mean()) == pytest.approx(accuracy, abs=0.1)
    feature_MFN, genre_M = _segments(120)
    far = _svm()
    far.prepare(_batches(feature_MFN + 5 * genre_M[:, None, None], genre_M))
    assert float(far.sharpness_1) > float(model.sharpness_1)


def test_random_labels_give_low_probabilities() -> None:
    feature_MFN, genre_M = _segments(120)
    model = _svm(c=100.0)
    model.prepare(_batches(feature_MFN, genre_M[torch.randperm(120, generator=torch.Generator().manual_seed(3))]))
    assert float(model(_segments(40, seed=1)[0]).softmax(1).max()) < 0.5


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("neighbours", [1, 7])
def test_neighbours_vote_as_in_scikit_learn(metric: str, weights: str, neighbours: int) -> None:
    feature_MFN, genre_M = _segments(120)
    new_BFN, _ = _segments(50, seed=1)
    model = _fitted(_knn(neighbours=neighbours, weights=weights, metric=metric))
    reference = KNeighborsClassifier(neighbours, weights=weights, metric=metric, algorithm="brute")
    reference.fit(model.embed(feature_MFN).double().numpy(), genre_M.numpy())
    vote_BG = reference.predict_proba(model.embed(new_BFN).double().numpy())
    expected_BG = (neighbours * vote_BG + 1 / 4) / (neighbours + 1)
    np.testing.assert_allclose(model(new_BFN).exp()[:, [0, 1, 2, 4]].numpy(), expected_BG, atol=1e-4)


def test_a_training_segment_is_its_own_nearest_neighbour() -> None:
    feature_MFN, genre_M = _segments(120)
    assert torch.equal(_fitted(_knn())(feature_MFN).argmax(1), genre_M)


@both_models
def test_logits_are_log_probabilities_of_the_trained_genres(make: Any) -> None:
    logits_BC = _fitted(make())(_segments(30, seed=1)[0])
    assert logits_BC.shape == (30, GENRES)
    torch.testing.assert_close(logits_BC.exp().sum(1), torch.ones(30), atol=1e-4, rtol=0)
    torch.testing.assert_close(logits_BC[:, UNTRAINED], torch.full((30,), 1e-6).log())
    # Genre numbers, not positions among the trained genres.
    assert logits_BC.argmax(1).unique().tolist() == [0, 1, 2, 4]


@both_models
def test_all_genres_are_equal_before_fitting(make: Any) -> None:
    assert torch.equal(make()(torch.zeros(2, ROWS, 9)), torch.zeros(2, GENRES))


@both_models
def test_a_loaded_model_gives_the_same_logits(make: Any) -> None:
    model, new_BFN = _fitted(make()), _segments(30, seed=1)[0]
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = make()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(new_BFN), model(new_BFN))
    assert not list(other.parameters())
    make().load_state_dict(make().state_dict())  # a model that was never fitted


@both_models
def test_loading_a_model_of_another_feature_is_refused(make: Any) -> None:
    with pytest.raises(RuntimeError, match="size mismatch"):
        make(rows=ROWS + 1).load_state_dict(_fitted(make()).state_dict())


@both_models
def test_fitting_twice_gives_the_same_logits(make: Any) -> None:
    new_BFN = _segments(30, seed=1)[0]
    assert torch.equal(_fitted(make())(new_BFN), _fitted(make())(new_BFN))
    twice = _fitted(_fitted(make(), 60))
    assert torch.equal(_fitted(make())(new_BFN), twice(new_BFN))


@both_models
def test_the_logits_of_a_segment_do_not_depend_on_its_batch(make: Any) -> None:
    model, new_BFN = _fitted(make()), _segments(30, seed=1)[0]
    alone = torch.cat([model(new_BFN[k : k + 1]) for k in range(30)])
    torch.testing.assert_close(alone, model(new_BFN), atol=1e-4, rtol=0)


@both_models
@pytest.mark.parametrize("genres", [[0, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1, 1, 4]])
def test_a_few_segments_are_enough(make: Any, genres: list[int]) -> None:
    feature_MFN, genre_M = torch.randn(len(genres), ROWS, 1), torch.tensor(genres)
    model = make()
    model.prepare([(feature_MFN, genre_M)])
    logits_BC = model(torch.randn(3, ROWS, 1))
    assert logits_BC.isfinite().all()
    assert set(logits_BC.argmax(1).tolist()) <= set(genres)


def test_with_one_genre_knn_always_predicts_it_and_the_svm_refuses() -> None:
    feature_MFN, genre_M = torch.randn(4, ROWS, 9), torch.full((4,), 2)
    model = _knn()
    model.prepare([(feature_MFN, genre_M)])
    assert model(feature_MFN).argmax(1).tolist() == [2, 2, 2, 2]
    with pytest.raises(ValueError, match="the training clips are all of one: .* or use model=knn or model=majority"):
        _svm().prepare([(feature_MFN, genre_M)])


@both_models
def test_a_waveform_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"a waveform of 66150 samples has none: choose a feature with frames"):
        make(rows=1)(torch.zeros(1, 1, 66150))
    assert make(rows=1)(torch.zeros(1, 1, 130)).shape == (
        1,
        GENRES,
    )  # one row of frames, such as loudness, is no waveform


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (_svm, {"c": 0.0}, "model.c is 0: expected more than 0."),
        (_svm, {"kernel": "poly"}, "model.kernel is 'poly': expected rbf or linear."),
        (_svm, {"gamma": "auto"}, "model.gamma is 'auto': expected scale or a number above 0."),
        (_svm, {"gamma": -1.0}, "model.gamma is -1.0: expected scale or a number above 0."),
        (_svm, {"class_weight": "rare"}, "model.class_weight is 'rare': expected null or balanced."),
        (_knn, {"neighbours": 0}, "model.neighbours is 0: expected 1 or more."),
        (_knn, {"weights": "near"}, "model.weights is 'near': expected uniform or distance."),
        (_knn, {"metric": "l3"}, "model.metric is 'l3': expected euclidean or manhattan or cosine."),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        make(**settings)


@both_models
def test_the_statistics_of_a_row_are_scaled_by_its_factor(make: Any) -> None:
    feature_MFN, _ = _segments(120)
    scale_F = torch.tensor([2.0, 0.5, 1.0, 3.0])
    embedding_ME = _fitted(make(scale_F=scale_F)).embed(feature_MFN)
    torch.testing.assert_close(embedding_ME, _fitted(make()).embed(feature_MFN) * scale_F.repeat(3))


@both_models
def test_a_small_part_is_heard_beside_a_large_one(make: Any) -> None:
    """One row tells the two genres, 300 are noise: the row is found if it weighs as much as all of them together."""
    random = torch.Generator().manual_seed(0)
    genre_M = torch.arange(200) % 2
    feature_MFN = torch.randn(200, 301, 1, generator=random)
    feature_MFN[:, 0, 0] = genre_M + 0.1 * feature_MFN[:, 0, 0]
    scale_F = torch.tensor([150.5, *[301 / 600] * 300]).sqrt()
    correct = []
    for factors in (scale_F, None):
        model = make(rows=301, genres=2, scale_F=factors)
        model.prepare(_batches(feature_MFN[:100], genre_M[:100]))
        correct.append(float((model(feature_MFN[100:]).argmax(dim=1) == genre_M[100:]).float().mean()))
    assert correct[0] == 1
    assert correct[1] < 0.8
