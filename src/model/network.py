"""Base class of the networks, with the layers and checks that they share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}
CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


MAX_STEPS = 4096  # 95 s of frames at a hop of 23 ms, but only 0.2 s of a waveform


class Network(nn.Module, ABC):
    """Base class: feature (B, F, N) -> embedding (B, E) -> dropout -> logits (B, C). A model defines `embed`."""

    def __init__(self, embedding: int, genres: int, dropout: float) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(embedding, genres))

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit to batches of (feature (B, F, N), genre (B,)) before training. By default, fit nothing.

        Returns curves for the training log: name -> one value per pass.
        """
        return {}

    @abstractmethod
    def embed(self, feature_BFN: Tensor) -> Tensor:
        """Embed the feature, (B, F, N) -> (B, E). The head classifies the embedding."""

    def with_embedding(self, feature_BFN: Tensor) -> tuple[Tensor, Tensor]:
        """The logits (B, C) and the embedding (B, E)."""
        embedding_BE = self.embed(feature_BFN)
        return self.head(embedding_BE), embedding_BE

    def forward(self, feature_BFN: Tensor) -> Tensor:
        return self.with_embedding(feature_BFN)[0]


class Block(nn.Module):
    """3 x 3 convolution, batch normalization, activation, max pooling: (B, K, F, N) -> (B, K', F', N').

    Pooling halves the rows, and also the frames if `pool_frames`. It leaves a size of 1 as it is, so any F and N are
    possible.
    """

    def __init__(self, channels: int, width: int, activation: str, pool_frames: bool = True) -> None:
        super().__init__()
        self.convolution = convolution(channels, width, 3)
        self.normalization = nn.BatchNorm2d(width)
        self.activation = ACTIVATIONS[activation]()
        self.pool_frames = pool_frames

    def forward(self, image_BKFN: Tensor) -> Tensor:
        image_BKFN = self.activation(self.normalization(self.convolution(image_BKFN)))
        rows, frames = image_BKFN.shape[2:]
        return functional.max_pool2d(image_BKFN, (min(rows, 2), min(frames, 2) if self.pool_frames else 1))


def convolution(channels: int, width: int, size: int) -> nn.Conv2d:
    """Build a `size` x `size` convolution without bias that keeps the numbers of rows and frames; `size` is odd."""
    layer = nn.Conv2d(channels, width, kernel_size=size, padding=size // 2, bias=False)
    # In the memory order of `image`: a step then takes about two thirds of the time. Not contiguous(), which leaves the
    # weights of a single channel as they are.
    layer.weight.data = layer.weight.data.to(memory_format=torch.channels_last)
    return layer


def image(feature_BFN: Tensor) -> Tensor:
    """Convert a feature to an image with one channel, (B, 1, F, N), in the memory order fastest for convolutions."""
    return feature_BFN.unsqueeze(1).contiguous(memory_format=torch.channels_last)


def pool_time(hidden_BHN: Tensor) -> Tensor:
    """Mean and maximum over time, (B, H, N) -> (B, 2H): what is typical, and what occurs at least once."""
    return torch.cat((hidden_BHN.mean(dim=2), hidden_BHN.amax(dim=2)), dim=1)


def sequence(hidden_BHN: Tensor) -> Tensor:
    """Transpose features to a sequence for recurrent or attention layers: (B, H, N) -> (B, N, H).

    Raises ValueError if there are more than MAX_STEPS time steps, from which such layers cannot learn.
    """
    steps = hidden_BHN.shape[2]
    if steps > MAX_STEPS:
        raise ValueError(
            f"The model would read {steps} time steps, and can learn from {MAX_STEPS} at most: choose a feature with "
            "frames (feature=mel, mfcc, chroma ...), a shorter data.crop_seconds, or model=cnn1d."
        )
    return hidden_BHN.transpose(1, 2)


def require_frames(feature_BFN: Tensor) -> Tensor:
    """Return the feature unchanged. Raises ValueError on a waveform, as the model needs frames, not samples."""
    _, rows, frames = feature_BFN.shape
    if rows == 1 and frames > MAX_STEPS:
        raise ValueError(
            f"The model reads frames, and a waveform of {frames} samples has none: choose a feature with frames "
            "(feature=mfcc, mel, chroma ...), or model=cnn1d."
        )
    return feature_BFN


def check(layers: int, width: int, dropout: float, activation: str, min_layers: int = 1) -> None:
    """Check settings of a network. Raises ValueError, with the name of the key, on one out of range."""
    if layers < min_layers:
        raise ValueError(f"model.layers is {layers}: expected {min_layers} or more.")
    if width < 1:
        raise ValueError(f"model.width is {width}: expected 1 or more.")
    if not 0 <= dropout < 1:
        raise ValueError(f"model.dropout is {dropout:g}: expected 0 or more, and less than 1.")
    if activation not in ACTIVATIONS:
        raise ValueError(f"model.activation is {activation!r}: expected {' or '.join(ACTIVATIONS)}.")


def recurrent(name: str) -> Callable[..., nn.RNNBase]:
    """Return the class of the recurrent layer "rnn", "lstm" or "gru". Raises ValueError on another name."""
    if name not in CELLS:
        raise ValueError(f"model.cell is {name!r}: expected {', '.join(CELLS)}.")
    return CELLS[name]


def along_frames(cell: nn.RNNBase, hidden_BNH: Tensor) -> Tensor:
    """Apply recurrent layers on one CPU thread: (B, N, H) -> (B, N, outputs). The results have the same bits as on several.

    Their steps are small: several threads would meet thousands of times in a training step. On two idle cores that saves
    an eighth of the step; beside another busy program it costs several times the step.
    """
    threads = torch.get_num_threads()
    if hidden_BNH.device.type != "cpu" or threads == 1 or torch.compiler.is_compiling():
        output_BNH: Tensor = cell(hidden_BNH)[0]
        return output_BNH
    with_threads: Callable[..., Tensor] = _WithThreads.apply
    try:
        torch.set_num_threads(1)
        # Without a gradient of the input, nothing would restore the number of threads after that of the output.
        if not hidden_BNH.requires_grad:
            return cell(hidden_BNH)[0]  # type: ignore[no-any-return]
        return with_threads(cell(with_threads(hidden_BNH, threads))[0], 1)
    finally:
        torch.set_num_threads(threads)


class _WithThreads(torch.autograd.Function):
    """The identity. The gradients of what comes before it are computed with `threads` CPU threads."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, threads: int) -> Tensor:
        ctx.threads = threads
        return hidden.view_as(hidden)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        torch.set_num_threads(ctx.threads)
        return gradients[0], None
