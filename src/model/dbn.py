"""Deep belief network on windows of frames."""

import itertools
import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from src.model.network import ACTIVATIONS, Network, check, require_frames

MAX_WINDOWS = 20_000  # in pre-training: 123 MB for 96 rows and 16 frames
# The sections below are those of Hinton 2010, a practical guide to training restricted Boltzmann machines.
MINI_BATCH = 100  # section 4: ten windows of each of ten genres
MOMENTUM = (0.5, 0.9)  # section 9: in the first passes, and after them
FIRST_PASSES = 3
BINARY_FACTOR = 10  # sections 7 and 13: binary units tolerate a larger rate than Gaussian and rectified units
WEIGHT_DECAY = 2e-4  # section 10: between 0.01 and 0.00001
MIN_DEVIATION = 1e-6  # a smaller standard deviation is rounding error
UNITS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, **ACTIVATIONS}


class Dbn(Network):
    """`layers` restricted Boltzmann machines, each pre-trained on the one below, then fine-tuned as one network.

    The feature is cut into the smallest number of windows of `window` frames that cover it; the last window ends with
    the last frame, and a shorter feature is repeated to fill one window. Each window goes through all layers. The
    embedding is the mean over the windows, and since the head is linear, the logits are the mean of the windows'
    logits.

    `prepare` pre-trains the layers from the lowest to the highest, each on the outputs of the one below, in `passes`
    passes over random windows of the training clips, 20,000 at most; with 0 passes the weights stay random. The lowest
    inputs are Gaussian with variance 1; for this, each feature row is standardized over those windows, independently of
    the `normalization` choice. Hidden units are noisy rectified linear (relu, leaky_relu) or binary (sigmoid, as in
    2006). The learning rate of a layer is `pretraining_lr` divided by the number of its inputs. The visible biases are
    used in pre-training only and are not stored. Raises ValueError if pre-training diverges because the rate is too
    large.
    Source: Hinton, Osindero and Teh 2006; Nair and Hinton 2010, rectified units; Hinton 2010, a practical guide.
    """

    mean_F1: Tensor
    deviation_F1: Tensor

    def __init__(
        self,
        layers: int,
        width: int,
        dropout: float,
        activation: str,
        window: int,
        passes: int,
        pretraining_lr: float,
        *,
        rows: int,
        genres: int,
    ) -> None:
        if activation not in UNITS:
            raise ValueError(f"model.activation is {activation!r}: expected {' or '.join(UNITS)}.")
        check(layers, width, dropout, "relu")
        if window < 1:
            raise ValueError(f"model.window is {window}: expected 1 frame or more.")
        if passes < 0:
            raise ValueError(f"model.passes is {passes}: expected 0, for no pre-training, or more.")
        if pretraining_lr <= 0:
            raise ValueError(f"model.pretraining_lr is {pretraining_lr:g}: expected more than 0.")
        super().__init__(width, genres, dropout)
        self.window, self.passes, self.pretraining_lr = window, passes, pretraining_lr
        sizes = [rows * window, *[width] * layers]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in itertools.pairwise(sizes))
        self.unit = UNITS[activation]()
        self.register_buffer("mean_F1", torch.zeros(rows, 1))
        self.register_buffer("deviation_F1", torch.ones(rows, 1))

    @torch.no_grad()
    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Pre-train each layer, from one pass over batches of (feature (B, F, N), genre (B,)). Genres are not used.

        Returns one curve for each layer: the mean squared reconstruction error of its inputs in each pass.
        """
        if not self.passes:
            return {}
        window_MFW = sample_windows(windows(feature_BFN.float(), self.window) for feature_BFN, _ in batches)
        deviation_F1, mean_F1 = torch.std_mean(window_MFW, (0, 2), correction=0, keepdim=True)
        self.mean_F1.copy_(mean_F1[0])
        self.deviation_F1.copy_(deviation_F1[0].where(deviation_F1[0] > MIN_DEVIATION, 1.0))
        visible_MV = self.standardize(window_MFW).flatten(1)
        curves = {}
        for number, layer in enumerate(self.layers, start=1):
            assert isinstance(layer, nn.Linear)
            machine = BoltzmannMachine(layer, self.unit, nn.Identity() if number == 1 else self.unit)
            binary = isinstance(self.unit, nn.Sigmoid) and number > 1
            # A step changes the input of a hidden unit by a sum over its inputs, so many inputs need small steps.
            lr = self.pretraining_lr / layer.in_features * (BINARY_FACTOR if binary else 1)
            errors = [machine.train_pass(visible_MV, lr, n) for n in range(self.passes)]
            if not math.isfinite(errors[-1]):
                raise ValueError(
                    f"Pre-training diverged in layer {number}: model.pretraining_lr={self.pretraining_lr:g} is too large "
                    "for this feature. Try a third of it, or model.passes=0."
                )
            curves[f"rbm{number}/reconstruction_error"] = errors
            visible_MV = self.unit(layer(visible_MV))
        return curves

    def standardize(self, feature_BFN: Tensor) -> Tensor:
        return (feature_BFN - self.mean_F1) / self.deviation_F1

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """Embed the feature, (B, F, N) -> (B, E = width): the last layer's mean over the windows."""
        hidden_BWH = windows(self.standardize(require_frames(feature_BFN)), self.window).flatten(2)
        for layer in self.layers:
            hidden_BWH = self.unit(layer(hidden_BWH))
        return hidden_BWH.mean(dim=1)


class BoltzmannMachine:
    """Restricted Boltzmann machine that trains the weights of a linear layer by one-step contrastive divergence (CD-1).

    Hidden means are unit(W v + b). Visible means are visible_unit(W' h + a), Gaussian with variance 1 if `visible_unit`
    is the identity.
    Source: Hinton 2002, training products of experts.
    """

    def __init__(self, layer: nn.Linear, unit: nn.Module, visible_unit: nn.Module) -> None:
        self.layer, self.unit, self.visible_unit = layer, unit, visible_unit
        self.visible_bias_V = layer.weight.new_zeros(layer.in_features)
        self.parameters = (layer.weight, layer.bias, self.visible_bias_V)
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]

    def train_pass(self, visible_MV: Tensor, lr: float, pass_index: int) -> float:
        """Train for one pass over the data, in random order. Returns the mean squared reconstruction error.

        `pass_index` counts from 0. Changes the weights of the layer in place.
        """
        momentum = MOMENTUM[pass_index >= FIRST_PASSES]
        squared_error = 0.0
        for index_B in torch.split(torch.randperm(len(visible_MV)), MINI_BATCH):
            visible_BV = visible_MV[index_B.to(visible_MV.device)]
            *gradients, error_BV = self.contrastive_divergence(visible_BV)
            squared_error += float(error_BV.square().sum())
            for parameter, velocity, gradient in zip(self.parameters, self.velocities, gradients, strict=True):
                decay = WEIGHT_DECAY * parameter if parameter.dim() == 2 else 0.0  # of weights, not of biases
                velocity.mul_(momentum).add_(lr * (gradient - decay))
                parameter += velocity
        return squared_error / visible_MV.numel()

    def contrastive_divergence(self, visible_BV: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Compute CD-1's gradients for W, b and a, and the error (B, V), data minus reconstruction.

        A step along the gradients makes the data likelier than its reconstruction. Hidden units are sampled to compute
        the reconstruction; elsewhere their means are used: section 3 of Hinton 2010.
        """
        input_BH = self.layer(visible_BV)
        hidden_BH = self.unit(input_BH)
        rebuilt_BV = self.visible_unit(self.sample_hidden(input_BH) @ self.layer.weight + self.visible_bias_V)
        rebuilt_hidden_BH = self.unit(self.layer(rebuilt_BV))
        weight_HV = (hidden_BH.T @ visible_BV - rebuilt_hidden_BH.T @ rebuilt_BV) / len(visible_BV)
        error_BV = visible_BV - rebuilt_BV
        return weight_HV, (hidden_BH - rebuilt_hidden_BH).mean(dim=0), error_BV.mean(dim=0), error_BV

    def sample_hidden(self, input_BH: Tensor) -> Tensor:
        """Draw states of the hidden units: 0 or 1 if they are binary, unit(x + N(0, sigmoid(x))) if rectified."""
        probability_BH = input_BH.sigmoid()
        if isinstance(self.unit, nn.Sigmoid):
            return probability_BH.bernoulli()
        state_BH: Tensor = self.unit(input_BH + probability_BH.sqrt() * torch.randn_like(input_BH))
        return state_BH


def windows(feature_BFN: Tensor, width: int) -> Tensor:
    """Cut a feature into evenly spaced windows of `width` frames: (B, F, N) -> (B, N / width rounded up, F, width).

    This is the smallest number of windows that covers every frame. A shorter feature is repeated to fill one window.
    """
    frames = feature_BFN.shape[2]
    if frames < width:
        feature_BFN = feature_BFN[:, :, torch.arange(width) % frames]
    count = -(-frames // width)
    start_W = torch.linspace(0, max(frames - width, 0), count).long()
    return feature_BFN.unfold(2, width, 1)[:, :, start_W].transpose(1, 2)


def sample_windows(batches: Iterable[Tensor]) -> Tensor:
    """Draw at most 20,000 windows, all with the same probability, from batches (B, W, F, width) -> (M, F, width).

    Source: Vitter 1985, algorithm R: a random sample of a stream whose length is not known.
    """
    sample: list[Tensor] = []
    count = 0
    for window_BWFN in batches:
        for window_FN in window_BWFN.flatten(0, 1):
            slot = int(torch.randint(count + 1, ()))
            if count < MAX_WINDOWS:
                sample.append(window_FN.clone())
            elif slot < MAX_WINDOWS:
                sample[slot] = window_FN.clone()
            count += 1
    return torch.stack(sample)
