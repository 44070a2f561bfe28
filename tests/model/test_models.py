"""Every network of conf/model: shapes, gradients, learning, and errors on settings out of range."""

from functools import cache
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

from src.instantiate import call_with_facts
from src.model import Cnn
from tests.conftest import ROOT

CHOICES = {path.stem: OmegaConf.load(path) for path in sorted((ROOT / "conf" / "model").glob("*.yaml"))}
GENRES = 5
SMALL = {"width": 4, "dropout": 0.0}


@cache
def _config(model: str, *settings: str) -> Any:
    with initialize_config_dir(str(ROOT / "conf"), version_base=None):
        return compose(overrides=[f"+model={model}", *settings]).model


NETWORKS = [model for model in CHOICES if "layers" in _config(model)]  # the networks; a new one is tested automatically
all_networks = pytest.mark.parametrize("model", NETWORKS)


def _build(model: str, rows: int = 12, **settings: Any) -> nn.Module:
    """A small network of model=NAME, with these settings."""
    overrides = {key: value for key, value in {**SMALL, **settings}.items() if key in _config(model)}
    config = _config(model, *(f"model.{key}={value}" for key, value in overrides.items()))
    torch.manual_seed(0)
    factory = instantiate(config, _convert_="object")
    network: nn.Module = call_with_facts(factory, rows=rows, frames=44, genres=GENRES)
    return network


def _feature(clips: int, rows: int, frames: int) -> Tensor:
    return torch.randn(clips, rows, frames, generator=torch.Generator().manual_seed(1))


def test_all_networks_are_tested() -> None:
    assert {"cnn", "cnn1d", "residual", "rnn", "lstm", "gru", "hybrid", "transformer", "dbn"} <= set(NETWORKS)


@all_networks
@pytest.mark.parametrize("rows", [1, 12, 96])
@pytest.mark.parametrize("frames", [1, 2, 44, 1292])  # up to 30 s
def test_any_feature_becomes_logits(model: str, rows: int, frames: int) -> None:
    network = _build(model, rows).eval()
    with torch.no_grad():
        logits_BC = network(_feature(2, rows, frames))
    assert logits_BC.shape == (2, GENRES)
    assert logits_BC.isfinite().all()


@all_networks
def test_the_embedding_is_what_the_head_reads(model: str) -> None:
    network = _build(model).eval()
    feature_BFN = _feature(3, 12, 44)
    embedding_BE = network.embed(feature_BFN)
    assert embedding_BE.dim() == 2
    assert embedding_BE.shape[0] == 3
    assert torch.equal(network.head(embedding_BE), network(feature_BFN))


@all_networks
@pytest.mark.parametrize("layers", [3, 4, 5])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_every_parameter_learns(model: str, layers: int, activation: str) -> None:
    network = _build(model, layers=layers, activation=activation)
    loss = nn.functional.cross_entropy(network(_feature(4, 12, 44)), torch.tensor([0, 1, 2, 3]))
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert [name for name, grad in gradients.items() if grad is None or not grad.isfinite().all()] == []
    assert [name for name, grad in gradients.items() if grad is not None and not grad.any()] == []


@all_networks
def test_layers_and_width_change_the_number_of_parameters(model: str) -> None:
    def size(**settings: Any) -> int:
        return sum(parameter.numel() for parameter in _build(model, 96, **settings).parameters())

    assert size(layers=3) != size(layers=4) != size(layers=5)
    assert size(width=4) < size(width=8)


@all_networks
def test_leaky_relu_changes_the_output_and_not_the_parameters(model: str) -> None:
    plain, leaky = _build(model, activation="relu"), _build(model, activation="leaky_relu")
    leaky.load_state_dict(plain.state_dict())
    assert not torch.equal(plain(_feature(2, 12, 44)), leaky(_feature(2, 12, 44)))


@all_networks
def test_a_small_batch_can_be_overfitted(model: str) -> None:
    network = _build(model, width=8)
    feature_BFN, genre_B = _feature(10, 12, 16), torch.arange(10) % GENRES
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(50):
        loss = nn.functional.cross_entropy(network(feature_BFN), genre_B)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.05  # from log 5 = 1.6


@all_networks
def test_a_clips_logits_do_not_depend_on_its_batch(model: str) -> None:
    network = _build(model)
    feature_BFN = _feature(6, 12, 44)
    for _ in range(3):  # so that batch normalization has running statistics
        network(10 * feature_BFN + 3)
    network.eval()
    with torch.no_grad():
        together = network(feature_BFN)
        alone = torch.cat([network(feature_BFN[k : k + 1]) for k in range(6)])
        reordered = network(feature_BFN.flip(0)).flip(0)
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)
    torch.testing.assert_close(reordered, together, atol=1e-5, rtol=0)
    assert together.std(dim=0).min() > 1e-4  # the clips differ


@all_networks
def test_dropout_acts_in_training_only(model: str) -> None:
    network, feature_BFN = _build(model, dropout=0.5), _feature(4, 12, 44)
    assert not torch.equal(network(feature_BFN), network(feature_BFN))
    network.eval()
    assert torch.equal(network(feature_BFN), network(feature_BFN))


@all_networks
@pytest.mark.parametrize("layers", [3, 4, 5])
def test_a_last_batch_of_one_clip_trains(model: str, layers: int) -> None:
    """1 s of a feature with one row is enough, although batch normalization needs several values of each channel."""
    network = _build(model, rows=1, layers=layers)
    loss = nn.functional.cross_entropy(network(_feature(1, 1, 44)), torch.tensor([0]))
    loss.backward()
    assert loss.isfinite()


@all_networks
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("layers", 0, r"model.layers is 0: expected [12] or more\."),
        ("width", 0, r"model.width is 0: expected 1 or more\."),
        ("dropout", 1.0, r"model.dropout is 1: expected 0 or more, and less than 1\."),
        ("dropout", -0.1, r"model.dropout is -0.1: expected 0 or more, and less than 1\."),
        ("activation", "tanh", r"model.activation is 'tanh': expected .*relu or leaky_relu\."),
        ("cell", "elman", r"model.cell is 'elman': expected rnn, lstm, gru\."),
    ],
)
def test_settings_out_of_range_are_refused(model: str, key: str, value: Any, message: str) -> None:
    if key not in _config(model):
        assert key == "cell"  # every network has all other keys
        return
    with pytest.raises(ValueError, match=f"^{message}$"):
        _build(model, **{key: value})


def test_the_fewest_layers_work() -> None:
    for model, layers in (("cnn", 1), ("rnn", 1), ("hybrid", 2)):
        assert _build(model, layers=layers, dropout=0.5)(_feature(2, 12, 44)).shape == (2, GENRES)
    with pytest.raises(ValueError, match=r"^model.layers is 1: expected 2 or more\.$"):
        _build("hybrid", layers=1)


@pytest.mark.parametrize(("model", "cell"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU), ("hybrid", nn.GRU)])
def test_the_cell_is_the_configured_one(model: str, cell: type[nn.Module]) -> None:
    assert type(_build(model).cell) is cell


def test_recurrent_networks_depend_on_the_order_of_frames() -> None:
    feature_BFN = _feature(2, 12, 44)
    order = torch.randperm(44, generator=torch.Generator().manual_seed(2))
    for model in ("rnn", "lstm", "gru", "hybrid"):
        network = _build(model).eval()
        assert not torch.allclose(network(feature_BFN), network(feature_BFN[:, :, order]), atol=1e-4)


def test_the_weights_of_convolutions_have_the_memory_order_of_the_images() -> None:
    """Also those of the first layer, whose single channel makes both orders contiguous."""
    network = Cnn(3, 4, 0.0, "relu", rows=8, genres=2)
    weights = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert [weight.stride()[1] for weight in weights] == [1, 1, 1]
