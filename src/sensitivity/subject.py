"""The run that is measured, and its clips: decoded again, cut into segments and predicted as in its own evaluation."""

import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from src import rundir
from src.alteration import Wave
from src.audio import reader
from src.classifier.classifier import UNCALIBRATED
from src.clip import Clip
from src.data.crops import FULL_SCALE, spread_evenly
from src.inference.recognizer import Recognizer
from src.judging.choice import choose
from src.judging.judged_data import Request, judged_config, open_data
from src.judging.predictions import AUTOCAST
from src.rundir import RunDir


class DecodedSound(NamedTuple):
    """A clip at the sample rate of its file: mono wave (T,), Hz."""

    wave: Wave
    rate: int


class Subject:
    """A finished run, its model, and its clips. The run may come from a stranger: see `Recognizer.load`.

    Raises ValueError, which says what to do, if the folder has no finished run with a model, if its clips are gone, or if
    the request is for other clips than its own.
    """

    def __init__(self, folder: Path, request: Request, trust: Sequence[str] = ()) -> None:
        if request.dataset is not None or request.split is not None:
            raise ValueError(
                "dataset= and split= name other clips: robustness measures on the run's own test clips. Keys such as "
                "dataset.root=DIR say where these are."
            )
        recognizer = Recognizer.load(folder, trust)
        self.run = RunDir(folder, tuple(trust))
        self.classifier, self.notes = recognizer.classifier, recognizer.notes
        self.config = judged_config(self.run, request)
        trainer = self.config.get("trainer") or {}
        self.device = torch.device("cpu") if trainer.get("accelerator") == "cpu" else recognizer.device
        self.classifier.to(self.device)
        for name, value in UNCALIBRATED.items():
            getattr(self.classifier, name).copy_(value)
        self.autocast = AUTOCAST.get(str(trainer.get("precision")))
        self.data, _ = open_data(self.run, request, self.config, self.classifier.genres, own=True)
        self.sample_rate, self.genres = self.data.sample_rate, list(self.classifier.genres)
        with open(folder / rundir.BEST, "rb") as file:
            self.identity = hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def test_clips(self, count: int | None) -> list[Clip]:
        """The test clips of the run that can still be used, or `count` of them, chosen as in `choose`.

        Raises ValueError if none is left.
        """
        tested = set(self.run.predictions.clips)
        clips = [self.data.clips[k] for k in self.data.clips_in("test") if self.data.clips[k].name in tested]
        if not clips:
            raise ValueError(
                f"{self.run.path}: none of its {len(tested)} test clips can be read. {self._first_reason()}"
            )
        if count is None or count >= len(clips):
            return clips
        chosen = {clip.name for clip in choose(clips, count)}
        return [clip for clip in clips if clip.name in chosen]

    def training_clips(self) -> list[Clip]:
        """The training clips of the run that can still be used."""
        return [self.data.clips[k] for k in self.data.clips_in("train")]

    def left_out(self) -> dict[str, str]:
        """The test clips of the run that cannot be used now, with the reason."""
        reasons = {excluded.clip: excluded.reason for excluded in self.data.excluded}
        usable = {clip.name for clip in self.data.clips}
        return {
            name: reasons.get(name, "not in the data set any more")
            for name in self.run.predictions.clips
            if name not in usable
        }

    def _first_reason(self) -> str:
        left_out = self.left_out()
        first = next(iter(left_out))
        return f"The first is {first}: {left_out[first]}. Settings such as dataset.root=DIR say where they are."

    def decode(self, clip: Clip) -> DecodedSound:
        """Decode the evaluated part of a clip at the sample rate of its file. Raises AudioError if it cannot be read."""
        sound = reader.read_native(clip.path, clip.start_seconds, clip.stop_seconds, self.data.max_seconds)
        return DecodedSound(sound.wave_T, sound.sample_rate)

    def segments(self, sound: DecodedSound, factor: float = 1.0, clipped: bool = False) -> Tensor:
        """Resample, round to 16 bit, and cut the segments of the run's evaluation -> (S, T), of `factor` times its length.

        If `clipped`, samples beyond full scale are limited, as in the run's own evaluation. A shorter clip is repeated.
        """
        wave_T = sound.wave
        if sound.rate != self.sample_rate:
            wave_T = reader.resample(wave_T, sound.rate, self.sample_rate)
        limited_T = wave_T.clip(-1, 1) if clipped else wave_T
        wave_T = (np.round(limited_T * FULL_SCALE) / FULL_SCALE).astype(np.float32)
        length = max(1, round(factor * self.data.crop_length))
        wave_T = np.resize(wave_T, length) if len(wave_T) < length else wave_T
        starts = spread_evenly(len(wave_T) - length, self.data.segments)
        return torch.from_numpy(np.stack([wave_T[start : start + length] for start in starts])).to(self.device)

    def logits(self, segment_ST: Tensor) -> Tensor:
        """Predict a clip from its segments (S, T) -> logits (C,), not calibrated."""
        context = torch.autocast(self.device.type, self.autocast) if self.autocast else nullcontext()
        with torch.inference_mode(), context:
            logits_1C: Tensor = self.classifier(segment_ST[None])
        return logits_1C[0].float().cpu()

    def feature(self, segment_ST: Tensor) -> Tensor:
        """The run's feature of segments, not normalized: (S, T) -> (S, F, N) in float32."""
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False):
            return self.classifier.raw_feature(segment_ST).float().cpu()
