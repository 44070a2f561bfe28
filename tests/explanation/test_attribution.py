"""Maps of models whose relevance is known, and Grad-CAM against its formula."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from src.explanation import attribution
from src.explanation.feature_map import feature_map, score
from src.model import Cnn, Hybrid, Residual, Rnn
from tests.explanation_models import Weighted, explained, noise, sound


def test_integrated_gradients_of_a_linear_model_are_weight_times_distance_from_the_baseline() -> None:
    weight_F = torch.linspace(-1, 1, 32)
    model = explained(Weighted(weight_F))
    model.classifier.normalization.mean_F1.fill_(-50.0)
    inputs = feature_map(model, sound(model, noise()))
    relevance_SFN, gap = attribution.integrated_gradients(inputs, 0)
    windows, rows, frames = inputs.value_SFN.shape
    expected = weight_F[:, None] * (inputs.value_SFN + 50) / (windows * rows * frames)
    assert gap == pytest.approx(0, abs=1e-4)
    torch.testing.assert_close(relevance_SFN, expected.detach(), atol=1e-6, rtol=1e-4)


def test_integrated_gradients_sum_to_the_difference_of_the_scores_for_a_network() -> None:
    torch.manual_seed(0)
    model = explained(Hybrid(3, 4, 0.0, "relu", "gru", rows=32, genres=3))
    inputs = feature_map(model, sound(model, noise()))
    relevance_SFN, gap = attribution.integrated_gradients(inputs, 1, steps=64)
    with torch.no_grad():
        ends = [score(inputs.network(each), 1).mean() for each in (inputs.value_SFN, inputs.baseline_SFN)]
    assert gap is not None
    assert gap < 0.1
    assert float(relevance_SFN.sum()) == pytest.approx(float(ends[0] - ends[1]), rel=0.1)


def test_occlusion_of_a_linear_model_is_the_score_of_the_patch() -> None:
    weight_F = torch.zeros(32)
    weight_F[8:12] = 1.0
    model = explained(Weighted(weight_F))
    inputs = feature_map(model, sound(model, noise()))
    relevance_SFN, gap = attribution.occlusion(inputs, 0, (4, inputs.value_SFN.shape[2]))
    assert gap is None
    of_rows_F = relevance_SFN.sum(dim=(0, 2))
    assert of_rows_F[:8].abs().max() < 1e-6
    assert of_rows_F[12:].abs().max() < 1e-6
    with torch.no_grad():
        whole = score(inputs.network(inputs.value_SFN), 0).mean() - score(inputs.network(inputs.baseline_SFN), 0).mean()
    assert float(of_rows_F.sum()) == pytest.approx(float(whole), rel=1e-3)


def test_gradcam_is_the_sum_of_activations_weighted_by_their_mean_gradients() -> None:
    torch.manual_seed(0)
    network = Cnn(2, 4, 0.0, "relu", rows=32, genres=3).eval()
    model = explained(network)
    inputs = feature_map(model, sound(model, noise()))
    found = attribution.gradcam(inputs, 2, network).relevance_SFN

    kept = []
    hook = network.blocks[-1].activation.register_forward_hook(lambda _module, _input, output: kept.append(output))
    own = score(inputs.network(inputs.value_SFN), 2).sum()
    hook.remove()
    (gradient,) = torch.autograd.grad(own, kept[0])
    small = (gradient.mean(dim=(2, 3), keepdim=True) * kept[0]).sum(dim=1, keepdim=True)
    expected = functional.interpolate(small, inputs.value_SFN.shape[1:], mode="bilinear")[:, 0] / found.numel()
    torch.testing.assert_close(found, expected.detach(), atol=1e-7, rtol=1e-3)


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        (Cnn(2, 4, 0.0, "relu", rows=32, genres=3), nn.ReLU),
        (Residual(2, 4, 0.0, "leaky_relu", rows=32, genres=3), nn.LeakyReLU),
        (nn.Sequential(nn.Conv1d(1, 1, 1)), nn.Conv1d),
    ],
    ids=["cnn", "residual", "bare"],
)
def test_gradcam_reads_the_activation_after_the_last_convolution(network: nn.Module, kind: type[nn.Module]) -> None:
    assert isinstance(attribution.last_convolution(network), kind)


def test_a_model_without_convolutions_has_no_gradcam() -> None:
    network = Rnn(1, 4, 0.0, "relu", "gru", rows=32, genres=3)
    model = explained(network)
    inputs = feature_map(model, sound(model, noise()))
    with pytest.raises(ValueError, match="Rnn has none"):
        attribution.gradcam(inputs, 0, network)
