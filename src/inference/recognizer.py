"""Recognize genres from Python: `Recognizer.load("outputs/my_run").predict("song.mp3").predicted_genre`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
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
from src.audio.corrections import SILENT
from src.audio.reader import AudioError
from src.classifier import build, clap
from src.classifier.classifier import Classifier
from src.classifier.precision import BF16, FP32
from src.inference import music_evidence
from src.inference.music_evidence import MusicEvidence
from src.inference.timeline import TimelineSegment, step_windows, timeline
from src.inference.windows import SoundEnd, Waveform, WindowBatch, file_windows, windows
from src.model.tags import Tags
from src.pretrained import EfficientAT, Musicnn
from src.rundir import nested
from src.threads import compute_in_order, prefetch

UNSURE = "unsure"  # predicted if a sound is no music or no genre is probable enough; `Prediction.reason` says which
# Reasons for UNSURE. A third, "unlike_training", is reserved: sound unlike all training clips of the run.
NOT_MUSIC, LOW_CONFIDENCE = "not_music", "low_confidence"
SYNTHETIC = "synthetic"  # `Prediction.training_data` of a run that was trained on synthetic music
PREFETCH_BATCHES = 4  # batches of windows that are decoded while the network computes
# Names of the pretrained tagger with one and with both networks, and its windows in seconds, as in their training.
TAGGER, BOTH_TAGGERS = ("musicnn tags", 3.0), ("musicnn and EfficientAT tags", build.PATCH_SECONDS)
MUSICNN_ONLY = f"Only musicnn is used. {build.MORE_GENRES}"


class WindowLogits(NamedTuple):
    """The logits (S, C) of S windows of one sound, and their first samples `start` (S,).

    `evidence` is for the check if the sound is music; None if the model does not need it.
    """

    start: list[int]
    logits: Tensor
    evidence: MusicEvidence | None


class Decision(NamedTuple):
    """The genre of some windows or UNSURE, its probability, the probabilities (C,) of all genres, the reason for UNSURE."""

    genre: str
    confidence: float
    probability_C: Tensor
    reason: str | None


class SoundDecisions(NamedTuple):
    """Decisions for a whole sound and for its steps of about 10 s that have windows, and the end of the sound."""

    whole: Decision
    steps: dict[int, Decision]
    end: SoundEnd


@dataclass(frozen=True)
class Prediction:
    """Prediction for one sound: the most probable genre (or UNSURE), its probability, and the probabilities of all genres.

    The probabilities sum to 1. `calibrated` is True if they were scaled with a temperature fitted to the validation set.
    `segments` is the timeline. `note` reports a problem of the sound. `reason` says why the genre is UNSURE, else it is
    None. With NOT_MUSIC, all probabilities are equal, as no genre is meant. `training_data` is SYNTHETIC if the model
    was trained on synthetic music, else None. `precision` is BF16 if it was computed in bfloat16, else None. `runs` are
    the runs whose average it is, None if it is not an average.
    """

    predicted_genre: str
    confidence: float
    probabilities: dict[str, float]
    calibrated: bool
    duration_seconds: float
    model: str
    segments: list[TimelineSegment]
    note: str | None = None
    reason: str | None = None
    training_data: str | None = None
    precision: str | None = None
    runs: tuple[str, ...] | None = None


class Recognizer:
    """A trained model that predicts the genre of files and waveforms.

    Sound is cut into windows of `crop_seconds`. The model runs on a GPU if there is one. `precision` can be set to BF16, which
    is faster on hardware with bfloat16: probabilities then differ a little from those of the evaluated model.
    """

    def __init__(
        self, classifier: Classifier, sample_rate: int, crop_seconds: float, name: str, training_data: str | None = None
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.classifier = classifier.eval().to(self.device)
        self.sample_rate, self.length, self.name = sample_rate, round(crop_seconds * sample_rate), name
        self.genres, self.notes = classifier.genres, list(getattr(classifier.model, "notes", []))
        self.training_data, self.precision = training_data, FP32
        if training_data == SYNTHETIC:
            self.notes.append(
                f"{name} was trained on synthetic music: its predictions for real recordings mean nothing."
            )
        # A model that was not trained on the user's clips cannot know what else it will get, so it must refuse noise.
        self.checks_music = bool(getattr(classifier.model, "checks_music", False))
        self.unsure_below = float(getattr(classifier.model, "unsure_below", 0.0))

    @property
    def calibrated(self) -> bool:
        """True if the probabilities were scaled with a temperature fitted to the validation set."""
        return bool(self.classifier.calibrated)

    @property
    def precision(self) -> str:
        """FP32 or BF16: what the convolutions and matrix products of the networks are computed in."""
        return self._precision

    @precision.setter
    def precision(self, precision: str) -> None:
        if precision not in (FP32, BF16):
            raise ValueError(f"The precision is {precision!r}: expected {FP32} or {BF16}.")
        self._precision = precision
        for module in self.classifier.modules():
            if isinstance(module, Musicnn | EfficientAT):  # features are computed in float32, but these are networks
                module.in_bfloat16 = precision == BF16

    @classmethod
    def load(cls, folder: str | Path, trust: Sequence[str] = ()) -> "Recognizer":
        """Load the model of a run directory. Raises ValueError, which says what to do, if it has no finished run.

        The run may come from a stranger: only classes of this project are loaded, and those of the modules in `trust`.
        """
        folder = Path(folder)
        if not folder.is_dir():
            problem = "is not a folder" if folder.exists() else "does not exist"
            raise ValueError(f"{folder} {problem}: expected a run directory, as `python -m src.train` writes them.")
        run = rundir.RunDir(folder, tuple(trust))
        run.require_model()
        training_data = SYNTHETIC if run.metrics["synthetic"] else None  # raises ValueError if the run is not finished
        sample_rate, seconds = (nested.get(run.config, key) for key in ("audio.sample_rate", "data.crop_seconds"))
        if sample_rate is None or seconds is None:
            raise ValueError(
                f"{folder / rundir.CONFIG} lacks audio.sample_rate or data.crop_seconds. Train the run again."
            )
        try:
            classifier = build.load_classifier(folder, trust)
        except Exception as error:  # a run of another version of the project may fail anywhere
            if isinstance(error, ValueError) and str(folder) in str(error):
                raise  # the message names the broken file
            raise ValueError(
                f"{folder} cannot be loaded ({plain_files.first_line(error)}): another version of this project trained it, "
                "or its files were changed. Train the run again."
            ) from error
        recognizer = cls(classifier, sample_rate, seconds, folder.resolve().name, training_data)
        if run.metrics.get("worsened_by_calibration"):
            recognizer.notes.append(
                f"Calibration made the probabilities of {recognizer.name} for its test clips worse: do not take confidence literally."
            )
        return recognizer

    @classmethod
    def pretrained(cls, genres: Sequence[str] | None = None, weights: str | None = None) -> "Recognizer":
        """Build the pretrained tagger, which needs no run: musicnn and, if its weights are found, EfficientAT.

        `notes` says so if the weights were looked for and not found.

        `genres` are the genres to predict; `weights` is efficientat:FILE, or none for musicnn alone: see `build.tagger`.
        """
        classifier = build.tagger(genres, weights)
        name, seconds = BOTH_TAGGERS if getattr(classifier.model, "has_audioset", False) else TAGGER
        sample_rate: Any = classifier.feature.sample_rate
        recognizer = cls(classifier, sample_rate, seconds, name)
        if weights is None and name == TAGGER[0]:
            recognizer.notes.append(MUSICNN_ONLY)
        return recognizer

    @classmethod
    def clap(cls, network: str, genres: Sequence[str]) -> "Recognizer":
        """Build a tagger for any genres from a CLAP network, a folder or an id; see `clap.clap_tagger`."""
        classifier = clap.clap_tagger(network, genres)
        feature: Any = classifier.feature
        return cls(classifier, feature.sample_rate, feature.seconds, f"{clap.PREFIX}{network}")

    def predict(
        self,
        sound: str | Path | NDArray[np.floating[Any]] | Tensor,
        sample_rate: float | None = None,
        excerpt_seconds: float | None = None,
    ) -> Prediction:
        """Predict the genre of a file, or of a waveform (T,) or (channels, T) in [-1, 1] at `sample_rate` Hz.

        A waveform is checked and corrected like a file, see corrections.py; `note` of the prediction says what was done.
        `excerpt_seconds`: use only this much of a file, from its middle. Raises AudioError, a ValueError, on a file or
        sound that cannot be used, and ValueError on an invalid waveform.
        """
        stream = open_sound(sound, sample_rate, excerpt_seconds, self.sample_rate)
        return self._prediction(self.next_decisions(map(self.window_logits, windows(stream, self.length))))

    def predict_files(
        self, paths: Iterable[str | Path], excerpt_seconds: float | None = None, workers: int = 1
    ) -> Iterator[Prediction | AudioError]:
        """Yield the prediction of each file, or its error, in order. The next files are decoded while the network computes.

        `workers` batches of windows are computed in parallel, with one CPU thread of torch each.
        """
        files = [Path(path) for path in paths]
        windows_of_files = file_windows(files, self.sample_rate, self.length, excerpt_seconds)
        with (
            closing(prefetch(windows_of_files, PREFETCH_BATCHES)) as decoded,
            closing(compute_in_order(self.window_logits, decoded, workers)) as outputs,
        ):
            for _ in files:
                try:
                    yield self._prediction(self.next_decisions(outputs))
                except AudioError as error:
                    yield error

    def window_logits(self, item: WindowBatch | SoundEnd | AudioError) -> WindowLogits | SoundEnd | AudioError:
        """Compute the logits of a batch of windows. An end or an error is returned unchanged."""
        if not isinstance(item, WindowBatch):
            return item
        wave_ST = torch.from_numpy(item.wave).to(self.device).float().div_(32767)
        return WindowLogits(item.start, *self._logits(wave_ST))

    def next_decisions(self, items: Iterator[WindowLogits | SoundEnd | AudioError]) -> SoundDecisions:
        """Consume the items of the next sound and decide from the mean logits of its windows that are music.

        All files share one iterator: this takes the items up to the SoundEnd of this sound, or up to its AudioError,
        which is raised. A silent sound is an AudioError too, unless the model checks if sounds are music.
        """
        start_S: list[int] = []
        logits, evidence = [], []
        while isinstance(item := next(items), WindowLogits):
            start_S += item.start
            logits.append(item.logits)
            evidence += [item.evidence] if item.evidence else []
        if isinstance(item, AudioError):
            raise item
        if item.silent and not self.checks_music:
            raise AudioError(SILENT)
        logits_SC = torch.cat(logits)
        steps = step_windows(start_S, self.length, self.sample_rate, item)
        music_steps = self._music_steps(steps, evidence, item)
        decisions = {step: self._decision(logits_SC[windows], step in music_steps) for step, windows in steps.items()}
        # Speech or silence says nothing about the genre of the music before and after it.
        music_windows = [window for step in sorted(music_steps or steps) for window in steps[step]]
        return SoundDecisions(self._decision(logits_SC[music_windows], bool(music_steps)), decisions, item)

    def _prediction(self, decisions: SoundDecisions) -> Prediction:
        whole, steps, end = decisions
        return Prediction(
            predicted_genre=whole.genre,
            confidence=whole.confidence,
            probabilities=dict(zip(self.genres, whole.probability_C.tolist(), strict=True)),
            calibrated=self.calibrated,
            duration_seconds=end.duration_seconds,
            model=self.name,
            segments=timeline(
                {step: (each.genre, each.confidence) for step, each in steps.items()}, self.sample_rate, end
            ),
            note="; ".join(notes_of(end)) or None,
            reason=whole.reason,
            training_data=self.training_data,
            precision=BF16 if self.precision == BF16 else None,
        )

    def _music_steps(
        self, steps: Mapping[int, Sequence[int]], batches: Sequence[MusicEvidence], end: SoundEnd
    ) -> set[int]:
        """The steps of a sound that are music; all of them if the model does not check this. A silent sound has none."""
        if not self.checks_music:
            return set(steps)
        if end.silent:
            return set()
        evidence, seconds = music_evidence.join(batches), end.samples / self.sample_rate / len(steps)
        return {step for step, windows in steps.items() if evidence.of(windows).is_music(seconds)}

    @torch.inference_mode()
    def _logits(self, wave_ST: Tensor) -> tuple[Tensor, MusicEvidence | None]:
        """Compute the logits of windows: (S, T) -> (S, C), and the evidence that they are music if the model needs it.

        The classifier gets each window as a clip of one segment.
        """
        evidence = None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == BF16):
            sound = wave_ST
            if self.checks_music:
                model: Any = self.classifier.model
                sound = self.classifier.raw_feature(wave_ST)  # the tags, which both results need
                evidence = music_evidence.measure(wave_ST, sound, self.classifier.feature, model)
            logits_SC: Tensor = self.classifier(sound[:, None])
        return logits_SC.double().cpu(), evidence

    def _decision(self, logits_SC: Tensor, is_music: bool) -> Decision:
        """Decide from the mean logits of S windows."""
        return self.decide(logits_SC.mean(dim=0).softmax(dim=0), is_music)

    def decide(self, probability_C: Tensor, is_music: bool) -> Decision:
        """Decide from probabilities (C,): UNSURE if the sound is no music or no genre is probable enough.

        If only a genre with others below it is probable enough, it is chosen, and its probability includes those below.
        """
        if not is_music:
            equal_C = torch.full_like(probability_C, 1 / len(probability_C))
            return Decision(UNSURE, float(equal_C[0]), equal_C, NOT_MUSIC)
        confidence, k = (value.item() for value in probability_C.max(dim=0))
        if confidence < self.unsure_below:
            model = self.classifier.model
            above = model.surest_above(probability_C) if isinstance(model, Tags) else None
            if above is None:
                return Decision(UNSURE, float(confidence), probability_C, LOW_CONFIDENCE)
            k, confidence = above
        return Decision(self.genres[int(k)], float(confidence), probability_C, None)


def open_sound(
    sound: str | Path | NDArray[np.floating[Any]] | Tensor,
    sample_rate: float | None,
    excerpt_seconds: float | None,
    wanted_rate: int,
) -> reader.Stream | Waveform:
    """Open a file, or a waveform at `sample_rate` Hz, for reading at `wanted_rate` Hz; see `Recognizer.predict`."""
    if isinstance(sound, str | Path):
        if sample_rate is not None:
            raise ValueError("sample_rate is only for a waveform: a file states its own. Leave it out.")
        return reader.Stream(Path(sound), wanted_rate, excerpt_seconds)
    if excerpt_seconds is not None:
        raise ValueError("excerpt_seconds is only for a file: cut the waveform instead.")
    wave_T, notes, silent = reader.from_array(*_check_array(sound, sample_rate), wanted_rate)
    return Waveform(wave_T, wanted_rate, notes, silent)


def notes_of(end: SoundEnd) -> list[str]:
    """The notes of a sound for the user; the first says if it is silent."""
    return [*([SILENT] if end.silent else []), *end.notes]


def _check_array(sound: Any, sample_rate: Any) -> tuple[NDArray[np.floating[Any]], float]:
    """Check type, shape and sample rate of a user's waveform -> wave (K, T), rate in Hz. Raises ValueError."""
    if isinstance(sound, Tensor):
        sound = sound.detach().cpu().float().numpy() if sound.is_floating_point() else sound.cpu().numpy()
    if not isinstance(sound, np.ndarray):
        raise ValueError(f"Expected a path, a numpy array or a torch tensor; got {type(sound).__name__}.")
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
    if not isinstance(sample_rate, Real) or not float(sample_rate) > 0:
        raise ValueError(f"sample_rate is {sample_rate!r}: expected the waveform's samples per second, e.g. 44100.")
    return np.atleast_2d(sound), float(sample_rate)
