"""Maps of relevance by integrated gradients, occlusion and Grad-CAM, all by captum, at the feature map.

Gradients go through normalization and model only: the front end has none on silence, see `src.feature.feature`.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion
from torch import Tensor, nn
from torch.nn import functional

from src.explanation.feature_map import FeatureMap, score
from src.model.network import ACTIVATIONS

STEPS = 12  # of integrated gradients, Gauss-Legendre: the gap of completeness is reported with each map
BATCH = 32  # windows in one pass through the network
BANDS = 12  # parts of the frequency axis that are occluded one by one
PATCH_SECONDS = 0.5  # of occlusion: about one beat
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)


class Relevance(NamedTuple):
    """Relevance of the windows (S, F, N) in nats; `gap` is of integrated gradients, see `integrated_gradients`."""

    relevance_SFN: Tensor
    gap: float | None = None


def integrated_gradients(inputs: FeatureMap, genre: int, steps: int = STEPS) -> Relevance:
    """Gradients of the score, averaged over the path from the baseline to the value, times their difference.

    The map sums to the score of the sound minus that of the baseline. `gap` is what is missing from this, in
    nats: it shrinks with the number of steps. Source: Sundararajan, Taly and Yan 2017.
    """
    method = IntegratedGradients(_score(inputs, genre))
    with _gradients(inputs.value_SFN.device):
        relevance_SFN, delta_S = method.attribute(
            inputs.value_SFN,
            baselines=inputs.baseline_SFN,
            n_steps=steps,
            method="gausslegendre",
            internal_batch_size=BATCH,
            return_convergence_delta=True,
        )
    return Relevance(relevance_SFN.detach() / len(relevance_SFN), abs(float(delta_S.mean())))


def occlusion(inputs: FeatureMap, genre: int, patch: tuple[int, int]) -> Relevance:
    """The fall of the score if a patch of `patch` = (rows, frames) is replaced by the baseline, spread over the patch.

    Patches do not overlap. Source: Zeiler and Fergus 2014.
    """
    method = Occlusion(_score(inputs, genre))
    _, rows, frames = inputs.value_SFN.shape
    shape = (min(patch[0], rows), min(patch[1], frames))
    with torch.no_grad():
        relevance_SFN: Tensor = method.attribute(
            inputs.value_SFN,
            sliding_window_shapes=shape,
            strides=shape,
            baselines=inputs.baseline_SFN,
            perturbations_per_eval=max(1, BATCH // len(inputs.value_SFN)),
        )
    return Relevance(relevance_SFN.float() / (shape[0] * shape[1] * len(relevance_SFN)))


def gradcam(inputs: FeatureMap, genre: int, network: nn.Module) -> Relevance:
    """Activations of the last convolution, weighted by the mean gradient of each channel, enlarged to the feature map.

    Negative values are kept. Source: Selvaraju et al. 2017. Raises ValueError if the network has no convolution.
    """
    layer = last_convolution(network)
    if layer is None:
        raise ValueError(
            f"Grad-CAM needs a model with convolutions, and {type(network).__name__} has none. Use --method integrated_gradients."
        )
    method = LayerGradCam(_score(inputs, genre), layer)
    parts = []
    with _gradients(inputs.value_SFN.device), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)
        for value_MFN in torch.split(inputs.value_SFN, BATCH):
            small: Tensor = method.attribute(value_MFN, relu_attributions=False).detach()
            image_M1FN = small if small.dim() == 4 else small[:, :, None]  # of Conv1d, which has no rows
            parts.append(functional.interpolate(image_M1FN, inputs.value_SFN.shape[1:], mode="bilinear")[:, 0])
    relevance_SFN = torch.cat(parts)
    return Relevance(relevance_SFN / relevance_SFN.numel())


def last_convolution(network: nn.Module) -> nn.Module | None:
    """The activation after the last convolution of a network, or that convolution; None if it has none."""
    modules = list(network.modules())
    last = max((k for k, module in enumerate(modules) if isinstance(module, CONVOLUTIONS)), default=None)
    if last is None:
        return None
    activations = (module for module in modules[last:] if isinstance(module, tuple(ACTIVATIONS.values())))
    return next(activations, modules[last])


def _score(inputs: FeatureMap, genre: int) -> Callable[[Tensor], Tensor]:
    return lambda value_MFN: score(inputs.network(value_MFN), genre)


@contextmanager
def _gradients(device: torch.device) -> Iterator[None]:
    """Allow gradients through a network in evaluation mode; cuDNN's recurrent layers have none there."""
    flags: Any = torch.backends.cudnn.flags(enabled=False) if device.type == "cuda" else nullcontext()
    with torch.enable_grad(), flags:
        yield
