"""The network of the benchmark for autrainer, and a clock. It runs in autrainer's environment, without this project."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

import torch
from autrainer.core.callbacks import CallbackMixin  # type: ignore[import-not-found]
from autrainer.models import AbstractModel  # type: ignore[import-not-found]


class Cnn(AbstractModel):  # type: ignore[misc]
    """The layers of `src.model.Cnn` with four blocks of 32, 64, 128 and 128 channels, as one would write them in torch."""

    def __init__(self, output_dim: int, rows: int = 128, width: int = 32, dropout: float = 0.3) -> None:
        super().__init__(output_dim)
        self.rows, self.width, self.dropout = rows, width, dropout
        channels = [1, width, 2 * width, 4 * width, 4 * width]
        blocks: list[torch.nn.Module] = []
        for inputs, outputs in itertools.pairwise(channels):
            blocks += [
                torch.nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
                torch.nn.BatchNorm2d(outputs),
                torch.nn.ReLU(),
                torch.nn.MaxPool2d(2),
            ]
        self.blocks = torch.nn.Sequential(*blocks)
        self.head = torch.nn.Sequential(
            torch.nn.Dropout(dropout), torch.nn.Linear(2 * channels[-1] * (rows // 16), output_dim)
        )

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        hidden_BHN = self.blocks(features).flatten(1, 2)
        return torch.cat((hidden_BHN.mean(dim=2), hidden_BHN.amax(dim=2)), dim=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.embeddings(features))
        return logits


class Clock(CallbackMixin):  # type: ignore[misc]
    """A callback that writes the seconds of each iteration but the first, with its validation, to seconds.json."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: list[float] = []

    def cb_on_iteration_begin(self, trainer: Any, iteration: int) -> None:
        self.starts.append(time.perf_counter())

    def cb_on_test_begin(self, trainer: Any) -> None:
        self.starts.append(time.perf_counter())
        seconds = [stop - start for start, stop in itertools.pairwise(self.starts[1:])]
        Path("seconds.json").write_text(json.dumps(seconds), encoding="utf-8")
