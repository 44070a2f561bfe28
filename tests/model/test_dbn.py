"""Deep belief network: windows, Boltzmann machines on known distributions, and the benefit of pre-training."""

import io
from typing import Any

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from src.model import dbn
from src.model.dbn import BoltzmannMachine, Dbn, sample_windows, windows

ROWS = 4


def _dbn(**settings: Any) -> Dbn:
    defaults = {"layers": 2, "width": 16, "dropout": 0.0, "activation": "relu", "window": 5, "passes": 10}
    torch.manual_seed(0)
    return Dbn(**{**defaults, "pretraining_lr": 0.2, "rows": ROWS, **settings}, genres=3).eval()


def _structured(clips: int, seed: int, frames: int = 25, rows: int = ROWS) -> tuple[Tensor, Tensor]:
    """Noise in which genre g = 0, 1, 2 correlates the rows of the g-th third; mean and deviation are equal."""
    random = torch.Generator().manual_seed(seed)
    genre_B = torch.arange(clips) % 3
    noise_BFN = torch.randn(clips, rows, frames, generator=random)
    common_B1N = torch.randn(clips, 1, frames, generator=random)
    correlated_BF1 = (torch.arange(rows) * 3 // rows == genre_B[:, None])[:, :, None]
    return torch.where(correlated_BF1, 0.9 * common_B1N + 0.44 * noise_BFN, noise_BFN), genre_B


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (6, [[0, 1, 2], [3, 4, 5]]),
        (7, [[0, 1, 2], [2, 3, 4], [4, 5, 6]]),
        (3, [[0, 1, 2]]),
        (2, [[0, 1, 0]]),
        (1, [[0, 0, 0]]),
    ],
)
def test_windows_cover_every_frame(frames: int, expected: list[list[int]]) -> None:
    feature_BFN = torch.arange(frames).repeat(1, 2, 1)
    assert windows(feature_BFN, 3)[0, :, 1].tolist() == expected


def test_logits_are_the_mean_of_the_windows_logits() -> None:
    network, feature_BFN = _dbn(), torch.randn(2, ROWS, 20)
    alone = torch.stack([network(feature_BFN[:, :, k : k + 5]) for k in range(0, 20, 5)])
    torch.testing.assert_close(network(feature_BFN), alone.mean(0))


def test_a_sample_is_all_of_a_short_stream_and_a_fair_part_of_a_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = torch.arange(1000.0).reshape(10, 20, 5, 1, 1)
    assert torch.equal(sample_windows(iter(stream)).flatten(), torch.arange(1000.0))
    monkeypatch.setattr(dbn, "MAX_WINDOWS", 100)
    torch.manual_seed(0)
    sampled = torch.stack([sample_windows(iter(stream)).flatten() for _ in range(10)])
    assert all(len(row.unique()) == 100 for row in sampled)
    assert float(sampled.mean()) == pytest.approx(499.5, abs=40)  # more than four standard errors
    assert float(sampled.std()) == pytest.approx(288.7, abs=30)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid"])
def test_the_reconstruction_error_falls_in_every_layer(activation: str) -> None:
    network = _dbn(activation=activation, layers=3)
    curves = network.prepare([_structured(30, seed) for seed in range(4)])
    assert list(curves) == [f"rbm{n}/reconstruction_error" for n in (1, 2, 3)]
    for errors in curves.values():
        assert len(errors) == 10
        assert errors[-1] < 0.95 * errors[0]
    assert network(_structured(5, 9)[0]).isfinite().all()


def test_the_gradient_with_zero_weights_is_known_by_hand() -> None:
    """Zero weights: binary hidden units have the mean 1/2, and Gaussian visible units reconstruct the bias, 0."""
    layer = nn.Linear(2, 3)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    visible_BV = torch.tensor([[1.0, -2.0], [3.0, -2.0]])
    machine = BoltzmannMachine(layer, nn.Sigmoid(), nn.Identity())
    with torch.no_grad():
        weight_HV, bias_H, visible_V, error_BV = machine.contrastive_divergence(visible_BV)
    torch.testing.assert_close(weight_HV, torch.tensor([[1.0, -1.0]]).repeat(3, 1))  # mean of v / 2
    torch.testing.assert_close(bias_H, torch.zeros(3))
    torch.testing.assert_close(visible_V, torch.tensor([2.0, -2.0]))
    torch.testing.assert_close(error_BV, visible_BV)


def test_contrastive_divergence_raises_the_likelihood() -> None:
    """Two equal bits: the exact log-likelihood, a sum over all states of a binary machine, rises to nearly log 1/2."""
    torch.manual_seed(0)
    layer = nn.Linear(2, 3)
    machine = BoltzmannMachine(layer, nn.Sigmoid(), nn.Sigmoid())
    state_KV = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])

    def likelihood() -> float:
        energy_K = nn.functional.softplus(layer(state_KV)).sum(1) + state_KV @ machine.visible_bias_V
        return float(energy_K.log_softmax(0)[[0, 3]].mean())

    with torch.no_grad():
        before = likelihood()
        for number in range(30):
            machine.train_pass(state_KV[[0, 3]].repeat(500, 1), 0.2, number)
        assert before < -1.2  # four states are equally likely, log 1/4
        assert likelihood() > -0.85  # two of them have nearly all the probability, log 1/2 = -0.69


def test_rectified_units_are_sampled_around_their_input() -> None:
    torch.manual_seed(0)
    machine = BoltzmannMachine(nn.Linear(1, 1), nn.ReLU(), nn.Identity())
    sampled = machine.sample_hidden(torch.full((20_000, 1), 6.0))
    assert float(sampled.mean()) == pytest.approx(6, abs=0.05)
    assert float(sampled.std()) == pytest.approx(1, abs=0.02)  # sigmoid(6) = 0.998
    assert float(machine.sample_hidden(torch.full((100, 1), -9.0)).max()) < 0.1


def test_binary_units_are_sampled_with_their_probability() -> None:
    torch.manual_seed(0)
    sampled = BoltzmannMachine(nn.Linear(1, 1), nn.Sigmoid(), nn.Identity()).sample_hidden(torch.full((20_000, 1), 1.0))
    assert set(sampled.unique().tolist()) == {0.0, 1.0}
    assert float(sampled.mean()) == pytest.approx(0.731, abs=0.01)


def test_pre_training_learns_structure_that_random_weights_miss() -> None:
    """A linear classifier separates the genres better on pre-trained embeddings; pre-training does not use genres."""
    (train_BFN, train_genre_B), (test_BFN, test_genre_B) = (
        _structured(300, seed, frames=10, rows=60) for seed in (1, 2)
    )
    score = {}
    for passes in (0, 20):
        network = _dbn(passes=passes, layers=1, width=8, window=1, rows=60)
        network.prepare([(train_BFN, torch.zeros_like(train_genre_B))])
        with torch.no_grad():
            classifier = LogisticRegression(max_iter=1000).fit(network.embed(train_BFN), train_genre_B)
            score[passes] = classifier.score(network.embed(test_BFN), test_genre_B)
    assert score[20] > score[0] + 0.1


def test_the_scale_of_a_feature_does_not_matter() -> None:
    feature_BFN, genre_B = _structured(30, 1)
    plain, loud = _dbn(), _dbn()
    errors = []
    for network, scaled_BFN in ((plain, feature_BFN), (loud, 1000 * feature_BFN + 7)):
        torch.manual_seed(0)
        errors.append(network.prepare([(scaled_BFN, genre_B)])["rbm1/reconstruction_error"])
    assert errors[1] == pytest.approx(errors[0], rel=1e-3)
    torch.testing.assert_close(loud(1000 * feature_BFN + 7), plain(feature_BFN), atol=1e-3, rtol=0)


def test_without_passes_the_weights_do_not_change() -> None:
    network = _dbn(passes=0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert network.prepare([_structured(6, 1)]) == {}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_pre_training_changes_parameters_in_place_and_is_repeatable() -> None:
    """An optimizer may already refer to the parameters. The same seed gives the same weights; a checkpoint stores them."""
    one, other, loaded = _dbn(), _dbn(), _dbn(passes=0)
    parameters = list(one.parameters())
    for network in (one, other):
        torch.manual_seed(5)
        network.prepare([_structured(30, 1)])
    assert all(a is b for a, b in zip(parameters, one.parameters(), strict=True))
    assert all(parameter.requires_grad for parameter in parameters)
    file = io.BytesIO()
    torch.save(one.state_dict(), file)
    file.seek(0)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    feature_BFN = _structured(6, 2)[0]
    assert torch.equal(one(feature_BFN), other(feature_BFN))
    assert torch.equal(one(feature_BFN), loaded(feature_BFN))


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_a_single_short_clip_of_silence_is_enough(activation: str) -> None:
    network = _dbn(activation=activation)
    network.prepare([(torch.zeros(1, ROWS, 2), torch.tensor([0]))])
    assert network(torch.zeros(1, ROWS, 2)).isfinite().all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "tanh"}, "model.activation is 'tanh': expected sigmoid or relu or leaky_relu."),
        ({"window": 0}, "model.window is 0: expected 1 frame or more."),
        ({"passes": -1}, "model.passes is -1: expected 0, for no pre-training, or more."),
        ({"pretraining_lr": 0.0}, "model.pretraining_lr is 0: expected more than 0."),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        _dbn(**settings)


def test_diverging_pre_training_is_an_error() -> None:
    with pytest.raises(
        ValueError, match="diverged in layer 1: model.pretraining_lr=1000 is too large for this feature"
    ):
        _dbn(pretraining_lr=1000.0).prepare([_structured(60, 1)])
