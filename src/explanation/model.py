"""A finished run as explanations need it: its classifier, and sounds as it reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from src.audio import reader
from src.audio.corrections import SILENT
from src.audio.reader import AudioError
from src.clip import Clip
from src.evaluation import run_names
from src.inference.recognizer import Recognizer
from src.inference.windows import SoundEnd, Waveform, WindowBatch, windows
from src.judging.judged_data import Request
from src.model.tags import Tags
from src.rundir import METRICS, RunDir


@dataclass(frozen=True)
class ExplainedSound:
    """One sound as a model reads it: the wave (T,) and its S windows, which start at `start_S` (samples).

    `feature_SFN` is the feature of the windows, not normalized. `logits_SC` are calibrated, as `predict` has them.
    """

    clip: Clip
    wave_T: NDArray[np.float32]
    start_seconds: float
    start_S: list[int]
    wave_ST: Tensor
    feature_SFN: Tensor
    logits_SC: Tensor
    notes: list[str]

    @property
    def probability_C(self) -> Tensor:
        """Probabilities of the genres, (C,): the softmax of the mean logits of the windows."""
        return self.logits_SC.mean(dim=0).softmax(dim=0)


class ExplainedModel:
    """The model of a finished run. Raises ValueError, as `Recognizer.load` does, if the folder has none."""

    def __init__(self, folder: Path, trust: Sequence[str] = ()) -> None:
        inside = sorted(folder.glob(f"*/{METRICS}"))
        if inside and not (folder / METRICS).is_file():
            raise ValueError(f"{folder} is a folder of runs: expected one run, e.g. {inside[0].parent}.")
        self.run = RunDir(folder, tuple(trust))
        self.recognizer = Recognizer.load(folder, trust)
        self.classifier = self.recognizer.classifier
        self.device, self.genres = self.recognizer.device, self.recognizer.genres
        self.feature: Any = self.classifier.feature
        self.request = Request()  # where the data of the run are, if not where its config says

    @cached_property
    def no_gradients(self) -> str:
        """Why there are no maps for this model; "" if there are."""
        if self.classifier.uses_gradients or isinstance(self.classifier.model, Tags):
            return ""
        name = run_names.chosen(self.run, "model")
        return f"model={name} has no gradients, so there is no map over time and frequency."

    def check_methods(self, methods: Sequence[str]) -> None:
        """Raise ValueError if a method does not fit the model."""
        if "gradcam" not in methods:
            return
        if self.no_gradients:
            raise ValueError(f"--method gradcam: {self.no_gradients} Leave --method out: the page explains in words.")
        model: Any = self.classifier.model
        if not any(isinstance(each, nn.Conv1d | nn.Conv2d) for each in model.modules()):
            name = run_names.chosen(self.run, "model")
            raise ValueError(
                f"--method gradcam needs a model with convolutions, and model={name} has none. Use integrated_gradients."
            )

    def read(self, clip: Clip, max_seconds: float | None) -> ExplainedSound:
        """Read a clip, only its middle if it is longer than `max_seconds`, with the windows that `predict` uses.

        Raises AudioError if it cannot be read or is silent.
        """
        sound = reader.read_native(clip.path, clip.start_seconds, clip.stop_seconds, max_seconds)
        if sound.silent:
            raise AudioError(SILENT)
        rate = self.recognizer.sample_rate
        wave_T = reader.resample(sound.wave_T, sound.sample_rate, rate)
        return self.from_wave(clip, wave_T, sound.start_seconds, sound.notes)

    @torch.no_grad()
    def from_wave(
        self, clip: Clip, wave_T: NDArray[np.float32], start_seconds: float = 0.0, notes: Sequence[Any] = ()
    ) -> ExplainedSound:
        """Cut a wave (T,) at the model's sample rate into windows, and compute feature and logits."""
        wave = Waveform(wave_T, self.recognizer.sample_rate, tuple(notes), start_seconds=start_seconds)
        starts: list[int] = []
        batches = []
        end: SoundEnd | None = None
        for item in windows(wave, self.recognizer.length):
            if isinstance(item, WindowBatch):
                starts += item.start
                batches.append(torch.from_numpy(item.wave).to(self.device).float().div_(32767))
            else:
                end = item
        assert end is not None
        wave_ST = torch.cat(batches)
        feature_SFN = torch.cat([self.feature(batch_ST) for batch_ST in batches])
        logits_SC = self.classifier(wave_ST[:, None]).double().cpu()
        return ExplainedSound(clip, wave_T, start_seconds, starts, wave_ST, feature_SFN, logits_SC, end.notes)
