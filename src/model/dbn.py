"""A deep belief network on windows of frames."""

import itertools
import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from src.model.network import ACTIVATIONS, Network, check, with_frames

MOST_WINDOWS = 20_000  # heard in pre-training: 123 MB of 96 rows and 16 frames
MINI_BATCH = 100  # Hinton 2010, section 4: ten of each of ten genres
MOMENTUM = (0.5, 0.9)  # in the first passes, and after them: section 9
FIRST_PASSES = 3
BINARY_FACTOR = 10  # units between 0 and 1 stand a larger rate than Gaussian and rectified ones: sections 7 and 13
WEIGHT_DECAY = 2e-4  # between 0.01 and 0.00001: section 10
SMALLEST_DEVIATION = 1e-6  # what varies less is rounding
UNITS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, **ACTIVATIONS}


class Dbn(Network):
    """`layers` restricted Boltzmann machines, each learned on what the one below hears, then tuned as one network.

    The feature is cut into windows of `window` frames, end to end; the last one ends where the feature does, and a
    shorter feature is repeated to fill one. Each window goes through all layers. The embedding is the windows' mean,
    and since the head is linear, its logits are the mean of the windows' logits.

    `prepare` goes `passes` times over at most 20,000 random windows of the training clips for each layer, from the
    lowest up; 0 leaves the weights random. The lowest inputs are Gaussian of variance 1, for which each feature row is
    standardized over those windows, whatever the normalization. Hidden units are noisy rectified linear (relu,
    leaky_relu), or binary (sigmoid, as in 2006). A layer's rate is `pretraining_lr` over the number of its inputs. The
    visible biases serve pre-training only and are forgotten. Raises ValueError where the rate lets weights run away.
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
            raise ValueError(f"model.passes is {passes}: expected 0, which leaves pre-training out, or more.")
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
        """Pre-train each layer, from one pass over (feature (B, F, N), genre (B,)). Genres are not looked at.

        The curves are the mean squared reconstruction error of each layer's inputs in each of its passes.
        """
        if not self.passes:
            return {}
        window_MFW = some(windows(feature_BFN.float(), self.window) for feature_BFN, _ in batches)
        deviation_F1, mean_F1 = torch.std_mean(window_MFW, (0, 2), correction=0, keepdim=True)
        self.mean_F1.copy_(mean_F1[0])
        self.deviation_F1.copy_(deviation_F1[0].where(deviation_F1[0] > SMALLEST_DEVIATION, 1.0))
        visible_MV = self.standardized(window_MFW).flatten(1)
        curves = {}
        for number, layer in enumerate(self.layers, start=1):
            assert isinstance(layer, nn.Linear)
            machine = Machine(layer, self.unit, nn.Identity() if number == 1 else self.unit)
            binary = isinstance(self.unit, nn.Sigmoid) and number > 1
            # A step moves a hidden unit's input by the sum over its inputs: many inputs need small steps.
            lr = self.pretraining_lr / layer.in_features * (BINARY_FACTOR if binary else 1)
            errors = [machine.hear(visible_MV, lr, n) for n in range(self.passes)]
            if not math.isfinite(errors[-1]):
                raise ValueError(
                    f"Pre-training diverged in layer {number}: model.pretraining_lr={self.pretraining_lr:g} is too large "
                    "for this feature. Try a third of it, or model.passes=0."
                )
            curves[f"rbm{number}/reconstruction_error"] = errors
            visible_MV = self.unit(layer(visible_MV))
        return curves

    def standardized(self, feature_BFN: Tensor) -> Tensor:
        return (feature_BFN - self.mean_F1) / self.deviation_F1

    def embed(self, feature_BFN: Tensor) -> Tensor:
        """feature (B, F, N) -> (B, E = width), the mean over windows of the last layer."""
        hidden_BWH = windows(self.standardized(with_frames(feature_BFN)), self.window).flatten(2)
        for layer in self.layers:
            hidden_BWH = self.unit(layer(hidden_BWH))
        return hidden_BWH.mean(dim=1)


class Machine:
    """A restricted Boltzmann machine, learned by one step of contrastive divergence, CD-1, in a layer's own weights.

    Hidden means are unit(W v + b), visible means seen(W' h + a): Gaussian of variance 1 where `seen` is the identity.
    Source: Hinton 2002, training products of experts.
    """

    def __init__(self, layer: nn.Linear, unit: nn.Module, seen: nn.Module) -> None:
        self.layer, self.unit, self.seen = layer, unit, seen
        self.visible_bias_V = layer.weight.new_zeros(layer.in_features)
        self.learned = (layer.weight, layer.bias, self.visible_bias_V)
        self.velocity = [torch.zeros_like(each) for each in self.learned]

    def hear(self, visible_MV: Tensor, lr: float, number: int) -> float:
        """One pass in a random order, the pass's `number` from 0. Returns the mean squared reconstruction error."""
        momentum = MOMENTUM[number >= FIRST_PASSES]
        squared = 0.0
        for index_B in torch.split(torch.randperm(len(visible_MV)), MINI_BATCH):
            visible_BV = visible_MV[index_B.to(visible_MV.device)]
            *slopes, error_BV = self.contrast(visible_BV)
            squared += float(error_BV.square().sum())
            for learned, velocity, slope in zip(self.learned, self.velocity, slopes, strict=True):
                decay = WEIGHT_DECAY * learned if learned.dim() == 2 else 0.0  # of weights, not of biases
                velocity.mul_(momentum).add_(lr * (slope - decay))
                learned += velocity
        return squared / visible_MV.numel()

    def contrast(self, visible_BV: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What makes the data likelier than its reconstruction, for W, b and a; and data less reconstruction (B, V).

        Hidden units are drawn where they drive the reconstruction, and means elsewhere: section 3 of the guide.
        """
        input_BH = self.layer(visible_BV)
        hidden_BH = self.unit(input_BH)
        rebuilt_BV = self.seen(self.draw(input_BH) @ self.layer.weight + self.visible_bias_V)
        again_BH = self.unit(self.layer(rebuilt_BV))
        weight_HV = (hidden_BH.T @ visible_BV - again_BH.T @ rebuilt_BV) / len(visible_BV)
        error_BV = visible_BV - rebuilt_BV
        return weight_HV, (hidden_BH - again_BH).mean(dim=0), error_BV.mean(dim=0), error_BV

    def draw(self, input_BH: Tensor) -> Tensor:
        """States of the hidden units: 0 or 1 of binary ones, unit(x + N(0, sigmoid(x))) of rectified ones."""
        chance_BH = input_BH.sigmoid()
        if isinstance(self.unit, nn.Sigmoid):
            return chance_BH.bernoulli()
        drawn_BH: Tensor = self.unit(input_BH + chance_BH.sqrt() * torch.randn_like(input_BH))
        return drawn_BH


def windows(feature_BFN: Tensor, width: int) -> Tensor:
    """Windows of `width` frames, (B, F, N) -> (B, N / width, F, width): as few as hear every frame, evenly spread."""
    frames = feature_BFN.shape[2]
    if frames < width:
        feature_BFN = feature_BFN[:, :, torch.arange(width) % frames]
    count = -(-frames // width)
    start_W = torch.linspace(0, max(frames - width, 0), count).long()
    return feature_BFN.unfold(2, width, 1)[:, :, start_W].transpose(1, 2)


def some(batches: Iterable[Tensor]) -> Tensor:
    """At most 20,000 windows, each as likely as any other, of (B, W, F, width): (M, F, width).

    Source: Vitter 1985, algorithm R: a random sample of a stream whose length is not known.
    """
    kept: list[Tensor] = []
    heard = 0
    for window_BWFN in batches:
        for window_FN in window_BWFN.flatten(0, 1):
            slot = int(torch.randint(heard + 1, ()))
            if heard < MOST_WINDOWS:
                kept.append(window_FN.clone())
            elif slot < MOST_WINDOWS:
                kept[slot] = window_FN.clone()
            heard += 1
    return torch.stack(kept)
