"""Recognize genres from Python: `Recognizer.load("outputs/my_run").predict("song.mp3").predicted_genre`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src import plain_files, rundir
from src.audio import reader
from src.audio.reader import AudioError
from src.classifier import build
from src.classifier.classifier import Classifier
from src.inference.windows import End, Stretches, Waveform, hear, hear_files
from src.rundir import nested
from src.threads import ahead, in_order

UNSURE = "unsure"  # what is predicted where the model says from which share on it can be believed, and this is less
WINDOW_SECONDS = 10.0  # of a timeline: some bars, in which a genre can be heard
AHEAD = 4  # batches of stretches that are decoded while the network works
LOUDEST = 10.0  # a peak that no float sound in [-1, 1] has, not even one that was mastered too loud
TAGGER, TAGGER_SECONDS = "musicnn tags", 3.0  # musicnn was trained on 3 s


class Segment(NamedTuple):
    """A part of a sound in which one genre prevails; `confidence` is its mean share there."""

    start_seconds: float
    stop_seconds: float
    genre: str
    confidence: float


class Judged(NamedTuple):
    """S stretches of one sound: `start` (S,) their first samples, `logits` (S, C) what the module says of each."""

    start: list[int]
    logits: Tensor


@dataclass(frozen=True)
class Prediction:
    """What a model says of one sound: the most probable genre, its share, and the share of each, which sum to 1.

    `calibrated`: shares were fitted to how often such answers are right. `note`: what to know of the sound, in words.
    """

    predicted_genre: str
    confidence: float
    probabilities: dict[str, float]
    calibrated: bool
    duration_seconds: float
    model: str
    segments: list[Segment]
    note: str | None = None


class Recognizer:
    """A trained model that listens to files and waveforms, `crop_seconds` at a time, on a GPU where there is one."""

    def __init__(self, module: Classifier, sample_rate: int, crop_seconds: float, name: str) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module = module.eval().to(self.device)
        self.sample_rate, self.length, self.name = sample_rate, round(crop_seconds * sample_rate), name
        self.genres, self.notes = module.genres, list(getattr(module.model, "notes", []))

    @classmethod
    def load(cls, folder: str | Path) -> "Recognizer":
        """The model of a finished run directory. Raises ValueError, with what to do, where there is none."""
        folder = Path(folder)
        if not folder.is_dir():
            what = "not a folder" if folder.exists() else "not there"
            raise ValueError(f"{folder} is {what}: expected a run directory, as `python -m src.train` writes them.")
        files = rundir.RunDir(folder)
        files.metrics  # noqa: B018  raises where the run is not finished
        sample_rate, seconds = (nested.get(files.config, key) for key in ("audio.sample_rate", "data.crop_seconds"))
        try:
            module = build.load_classifier(folder)
        except Exception as error:  # what another version of the project wrote may fail anywhere
            raise ValueError(
                f"{folder} cannot be loaded ({plain_files.first_line(error)}): another version of this project trained it, "
                "or its files were changed. Train the run again."
            ) from error
        return cls(module, sample_rate, seconds, folder.resolve().name)

    @classmethod
    def pretrained(cls, genres: Sequence[str] | None = None) -> "Recognizer":
        """A tagger that was trained on other music: no run is needed. `genres`: those to tell apart, or ["gtzan"]."""
        module = build.tagger(genres)
        sample_rate: Any = module.feature.sample_rate
        return cls(module, sample_rate, TAGGER_SECONDS, TAGGER)

    def predict(
        self,
        sound: str | Path | NDArray[np.floating[Any]] | Tensor,
        sample_rate: float | None = None,
        excerpt_seconds: float | None = None,
    ) -> Prediction:
        """The genre of a file, or of a waveform (T,) or (channels, T) in [-1, 1] at `sample_rate` Hz.

        `excerpt_seconds`: only so much of a file's middle is heard. Raises AudioError, a ValueError, on a file or sound
        that cannot be used, and ValueError on what is no waveform.
        """
        if isinstance(sound, str | Path):
            if sample_rate is not None:
                raise ValueError("sample_rate is for a waveform: a file says its own. Leave it out.")
            heard = hear(reader.Stream(Path(sound), self.sample_rate, excerpt_seconds), self.length)
            return self._answer(map(self._judge, heard))
        if excerpt_seconds is not None:
            raise ValueError("excerpt_seconds is for a file: cut the waveform instead.")
        wave_T = reader.resample(*_checked(sound, sample_rate), self.sample_rate)
        if not len(wave_T):
            raise AudioError("no samples are left at the model's sample rate: too short a waveform")
        return self._answer(map(self._judge, hear(Waveform(wave_T, self.sample_rate), self.length)))

    def predict_files(
        self, paths: Iterable[str | Path], excerpt_seconds: float | None = None, workers: int = 1
    ) -> Iterator[Prediction | AudioError]:
        """The genre of each file, or why it has none; the next are decoded in a thread while the network works.

        `workers` batches of stretches are judged at once: with torch.set_num_threads(1) that uses the cores of a
        processor better than all of them on one batch.
        """
        files = [Path(path) for path in paths]
        heard = ahead(hear_files(files, self.sample_rate, self.length, excerpt_seconds), AHEAD)
        judged = in_order(self._judge, heard, workers)
        for _ in files:
            try:
                yield self._answer(judged)
            except AudioError as error:
                yield error

    def _judge(self, part: Stretches | End | AudioError) -> Judged | End | AudioError:
        """What the module says of stretches; what is no sound passes through."""
        return Judged(part.start, self._logits(part.wave)) if isinstance(part, Stretches) else part

    def _answer(self, judged: Iterator[Judged | End | AudioError]) -> Prediction:
        """Take what was said of one sound, to its end: its answer is the mean of its stretches' logits."""
        starts: list[int] = []
        logits = []
        while isinstance(part := next(judged), Judged):
            starts += part.start
            logits.append(part.logits)
        if isinstance(part, AudioError):
            raise part
        logits_SC = torch.cat(logits)
        share_C = logits_SC.mean(dim=0).softmax(dim=0)
        genre, confidence = self._best(share_C)
        return Prediction(
            predicted_genre=genre,
            confidence=confidence,
            probabilities=dict(zip(self.genres, share_C.tolist(), strict=True)),
            calibrated=bool(self.module.calibrated),
            duration_seconds=part.duration_seconds,
            model=self.name,
            segments=self._segments(starts, logits_SC, part),
            note="; ".join(part.notes) or None,
        )

    @torch.inference_mode()
    def _logits(self, wave_ST: NDArray[np.int16]) -> Tensor:
        """Each stretch is a clip of its own to the module: (S, T) -> (S, C)."""
        wave_BST = torch.from_numpy(wave_ST).to(self.device).float().div_(32767)[:, None]
        logits_SC: Tensor = self.module(wave_BST)
        return logits_SC.double().cpu()

    def _best(self, share_C: Tensor) -> tuple[str, float]:
        confidence, k = (value.item() for value in share_C.max(dim=0))
        unsure = confidence < getattr(self.module.model, "unsure_below", 0.0)
        return UNSURE if unsure else self.genres[int(k)], float(confidence)

    def _segments(self, starts: list[int], logits_SC: Tensor, end: End) -> list[Segment]:
        """Windows of about 10 s, each by its stretches' mean logits; neighbours of one genre are one segment."""
        windows = max(1, round(end.samples / self.sample_rate / WINDOW_SECONDS))
        inside: dict[int, list[int]] = {}  # window -> the stretches whose middle is in it
        for s, start in enumerate(starts):
            middle = min(start + self.length / 2, end.samples - 1)
            inside.setdefault(int(middle * windows / end.samples), []).append(s)
        parts: list[tuple[int, str, list[float]]] = []  # first window, genre, the windows' shares
        for window, stretches in inside.items():
            genre, confidence = self._best(logits_SC[stretches].mean(dim=0).softmax(dim=0))
            if parts and parts[-1][1] == genre:
                parts[-1][2].append(confidence)
            else:
                parts.append((window if parts else 0, genre, [confidence]))
        seconds = end.samples / self.sample_rate
        edges = [end.start_seconds + first * seconds / windows for first, _, _ in parts] + [end.start_seconds + seconds]
        return [
            Segment(edges[k], edges[k + 1], genre, sum(shares) / len(shares))
            for k, (_, genre, shares) in enumerate(parts)
        ]


def _checked(sound: Any, sample_rate: Any) -> tuple[NDArray[np.float32], float]:
    """A user's waveform as mono (T,) in float32, and its rate. Raises ValueError, with what to do, on anything else."""
    if isinstance(sound, Tensor):
        sound = sound.detach().cpu().float().numpy() if sound.is_floating_point() else sound.cpu().numpy()
    if not isinstance(sound, np.ndarray):
        raise ValueError(f"A {type(sound).__name__} came: expected a path, a numpy array or a torch tensor.")
    if not np.issubdtype(sound.dtype, np.floating):
        raise ValueError(
            f"The waveform's type is {sound.dtype}: expected float in [-1, 1]. Divide int16 samples by 32768."
        )
    if sound.ndim not in (1, 2) or (sound.ndim == 2 and sound.shape[0] > max(1, sound.shape[1])):
        raise ValueError(
            f"The waveform's shape is {sound.shape}: expected (samples,) or (channels, samples). Transpose or split it."
        )
    if not sound.size:
        raise ValueError(f"The waveform has no samples (shape {sound.shape}): expected at least one.")
    if not np.isfinite(sound).all():
        raise ValueError("The waveform has samples that are not numbers (NaN or infinite). Mend or cut it.")
    if (peak := float(np.abs(sound).max())) > LOUDEST:
        raise ValueError(f"The waveform's peak is {peak:g}: expected about [-1, 1]. Divide it by its full scale.")
    if not isinstance(sample_rate, Real) or not float(sample_rate) > 0:
        raise ValueError(f"sample_rate is {sample_rate!r}: expected the waveform's samples a second, e.g. 44100.")
    return np.atleast_2d(sound).mean(axis=0, dtype=np.float32), float(sample_rate)
