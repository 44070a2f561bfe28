"""MobileNetV3-Large for mel spectrograms, at any width.

Source: Howard et al. 2019, Searching for MobileNetV3, table 1; Hu et al. 2018 for squeeze-and-excitation.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from src.pretrained.musicnn import Normalization

# Blocks at width 1: size of the filter, channels inside and after the block, squeeze-and-excitation, activation, stride.
BLOCKS = (
    (3, 16, 16, False, nn.ReLU, 1),
    (3, 64, 24, False, nn.ReLU, 2),
    (3, 72, 24, False, nn.ReLU, 1),
    (5, 72, 40, True, nn.ReLU, 2),
    (5, 120, 40, True, nn.ReLU, 1),
    (5, 120, 40, True, nn.ReLU, 1),
    (3, 240, 80, False, nn.Hardswish, 2),
    (3, 200, 80, False, nn.Hardswish, 1),
    (3, 184, 80, False, nn.Hardswish, 1),
    (3, 184, 80, False, nn.Hardswish, 1),
    (3, 480, 112, True, nn.Hardswish, 1),
    (3, 672, 112, True, nn.Hardswish, 1),
    (5, 672, 160, True, nn.Hardswish, 2),
    (5, 960, 160, True, nn.Hardswish, 1),
    (5, 960, 160, True, nn.Hardswish, 1),
)
FIRST, LAST, HIDDEN = 16, BLOCKS[-1][2], 1280  # channels at width 1: of the first layer, the last block, the classifier
EXPANSION = 6  # of the last convolution
SQUEEZE = 4  # channels of squeeze-and-excitation are divided by it


def channels(count: float) -> int:
    """Round a number of channels to a multiple of 8, at least 8, and not below 90 % of it."""
    rounded = max(8, int(count + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * count else rounded


class MobileNet(nn.Module):
    """Layers of MobileNetV3-Large: `features`, the convolutions, and `classifier`, the layers after the mean over frequency and time.

    features     image (B, 1, M, N) -> feature maps (B, E, M / 32, N / 32), rounded up; M bands, N frames, E = 960 times the width
    classifier   (B, E) -> (B, classes)

    Batch normalization always uses the statistics of the original training, in fine-tuning too.
    """

    def __init__(self, width: float, classes: int) -> None:
        super().__init__()
        before = channels(FIRST * width)
        layers: list[nn.Module] = [convolution(1, before, 3, nn.Hardswish, stride=2)]
        for size, inside, after, squeezes, activation, stride in BLOCKS:
            layers.append(
                Block(before, channels(inside * width), channels(after * width), size, squeezes, activation, stride)
            )
            before = channels(after * width)
        self.rows = EXPANSION * before  # E
        layers.append(convolution(before, self.rows, 1, nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(self.rows, channels(HIDDEN * width)),
            nn.Hardswish(),
            nn.Linear(channels(HIDDEN * width), classes),
        )


class Block(nn.Module):
    """Inverted residual: expand the channels, filter each of them, weight them, reduce them: (B, K, M, N) -> (B, after, ...)."""

    def __init__(
        self, before: int, inside: int, after: int, size: int, squeezes: bool, activation: type[nn.Module], stride: int
    ) -> None:
        super().__init__()

        def parts() -> Iterator[nn.Module]:
            if inside != before:
                yield convolution(before, inside, 1, activation)
            yield convolution(inside, inside, size, activation, stride=stride, groups=inside)
            if squeezes:
                yield SqueezeExcitation(inside)
            yield convolution(inside, after, 1, None)

        self.block = nn.Sequential(*parts())
        self.residual = stride == 1 and before == after

    def forward(self, map_BKMN: Tensor) -> Tensor:
        output_BKMN: Tensor = self.block(map_BKMN)
        return output_BKMN + map_BKMN if self.residual else output_BKMN


class SqueezeExcitation(nn.Module):
    """Multiply each channel by a weight from 0 to 1, computed from the means of all channels: (B, K, M, N), same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, channels(width // SQUEEZE)), nn.Linear(channels(width // SQUEEZE), width)

    def forward(self, map_BKMN: Tensor) -> Tensor:
        weight_BK = torch.sigmoid(self.fc2(torch.relu(self.fc1(map_BKMN.mean(dim=(2, 3))))))
        return map_BKMN * weight_BK[:, :, None, None]


def convolution(
    before: int, after: int, size: int, activation: type[nn.Module] | None, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution without bias, batch normalization and activation, if any."""
    layers = [
        nn.Conv2d(before, after, size, stride, (size - 1) // 2, groups=groups, bias=False),
        Normalization(after),
        *([activation()] if activation else []),
    ]
    return nn.Sequential(*layers)
