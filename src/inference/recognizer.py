"""Recognize genres from Python: `Recognizer.load("outputs/my_run").predict("song.mp3").predicted_genre`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src import plain_files, rundir
from src.audio.corrections import SILENT
from src.audio.reader import AudioError
from src.classifier import build, clap
from src.classifier.classifier import Classifier
from src.classifier.precision import BF16, FP32
from src.inference import music_evidence
from src.inference.doubt import Rules, rules
from src.inference.music_evidence import MusicEvidence
from src.inference.sound import notes_of, open_sound
from src.inference.timeline import TimelineSegment, step_windows, timeline
from src.inference.windows import SoundEnd, WindowBatch, file_windows, windows
from src.model.tags import Tags
from src.pretrained import EfficientAT, Musicnn
from src.rundir import nested
from src.threads import compute_in_order, prefetch

UNSURE = "unsure"  # predicted if a sound is no music or no genre is probable enough; `Prediction.reason` says which
NOT_MUSIC, LOW_CONFIDENCE, UNLIKE_TRAINING = "not_music", "low_confidence", "unlike_training"  # reasons for UNSURE
SYNTHETIC = "synthetic"  # `Prediction.training_data` of a run that was trained on synthetic music
PREFETCH_BATCHES = 4  # batches of windows that are decoded while the network computes
# Names of the pretrained tagger with one and with both networks, and its windows in seconds, as in their training.
TAGGER, BOTH_TAGGERS = ("musicnn tags", 3.0), ("musicnn and EfficientAT tags", build.PATCH_SECONDS)
MUSICNN_ONLY = f"Only musicnn is used. {build.MORE_GENRES}"


class WindowLogits(NamedTuple):
    """The logits (S, C) of S windows of one sound, and their first samples `start` (S,).

    `evidence` is for the check if the sound is music; None if the model does not need it. `embedding` (S, E) is None if
    the model has none.
    """

    start: list[int]
    logits: Tensor
    evidence: MusicEvidence | None
    embedding: Tensor | None = None


class Decision(NamedTuple):
    """The genre of some windows or UNSURE, its probability, the probabilities (C,) of all genres, the reason for UNSURE."""

    genre: str
    confidence: float
    probability_C: Tensor
    reason: str | None


class SoundDecisions(NamedTuple):
    """Decisions for a whole sound and for its steps of about 10 s that have windows, and the end of the sound.

    `unlike` is True if the whole sound is unlike the training clips; None if the model cannot tell.
    """

    whole: Decision
    steps: dict[int, Decision]
    end: SoundEnd
    unlike: bool | None = None


@dataclass(frozen=True)
class Prediction:
    """Prediction for one sound: the most probable genre (or UNSURE), its probability, and the probabilities of all genres.

    The probabilities sum to 1. `calibrated` is True if they were scaled with a temperature fitted to the validation set.
    `segments` is the timeline. `note` reports a problem of the sound. `reason` says why the genre is UNSURE, else it is
    None. `genre_set` are the genres of a set with `set_level`, `abstain` is the error rate that was asked for (`doubt` of Recognizer).
    `unlike_training` is None if the model cannot tell. With NOT_MUSIC, all probabilities are equal, as no genre is meant. `training_data` is SYNTHETIC if the model
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
    genre_set: tuple[str, ...] | None = None
    set_level: float | None = None
    abstain: float | None = None
    unlike_training: bool | None = None


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
        self.training_data, self.precision, self.rules = training_data, FP32, Rules()
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

    def doubt(self, level: float | None = None, rate: float | None = None) -> None:
        """Give sets that hold the true genre with probability `level`, and UNSURE where more than `rate` of answers may be wrong.

        Raises ValueError, which says how to get them, if the run has too few calibration artists. See `src.inference.doubt`.
        """
        self.rules = rules(self.name, self.classifier.doubt.calibration, level, rate)

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
        logits, evidence, embeddings = [], [], []
        while isinstance(item := next(items), WindowLogits):
            start_S += item.start
            logits.append(item.logits)
            evidence += [item.evidence] if item.evidence else []
            embeddings += [] if item.embedding is None else [item.embedding]
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
        training = self.classifier.doubt.training
        unlike = None
        if training is not None and embeddings:
            unlike = bool(training.unlike(torch.cat(embeddings)[music_windows].mean(dim=0, keepdim=True)))
        return SoundDecisions(self._decision(logits_SC[music_windows], bool(music_steps)), decisions, item, unlike)

    def _prediction(self, decisions: SoundDecisions) -> Prediction:
        whole, steps, end, unlike = decisions
        return Prediction(
            **self.doubtful(whole, unlike),
            confidence=whole.confidence,
            probabilities=dict(zip(self.genres, whole.probability_C.tolist(), strict=True)),
            calibrated=self.calibrated,
            duration_seconds=end.duration_seconds,
            model=self.name,
            segments=timeline(
                {step: (each.genre, each.confidence) for step, each in steps.items()}, self.sample_rate, end
            ),
            note="; ".join(notes_of(end)) or None,
            training_data=self.training_data,
            precision=BF16 if self.precision == BF16 else None,
        )

    def doubtful(self, whole: Decision, unlike: bool | None) -> dict[str, Any]:
        """The genre of a whole sound or UNSURE, the reason, and the set, as the rules say: attributes of a Prediction.

        A sound that is no music has no set.
        """
        genre, reason = whole.genre, whole.reason
        if reason is None and self.rules.confidence_limit is not None:
            reason = LOW_CONFIDENCE if self.rules.abstains(whole.probability_C) else UNLIKE_TRAINING if unlike else None
            genre = UNSURE if reason else genre
        genre_set = None if reason == NOT_MUSIC else self.rules.genre_set(whole.probability_C, self.genres)
        return {
            "predicted_genre": genre,
            "reason": reason,
            "genre_set": genre_set,
            "set_level": self.rules.level,
            "abstain": self.rules.rate,
            "unlike_training": unlike,
        }

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
    def _logits(self, wave_ST: Tensor) -> tuple[Tensor, MusicEvidence | None, Tensor | None]:
        """Compute the logits of windows, (S, T) -> (S, C), the evidence that they are music if the model needs it, and their embedding.

        The classifier gets each window as a clip of one segment.
        """
        evidence = None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == BF16):
            sound = wave_ST
            if self.checks_music:
                model: Any = self.classifier.model
                sound = self.classifier.raw_feature(wave_ST)  # the tags, which both results need
                evidence = music_evidence.measure(wave_ST, sound, self.classifier.feature, model)
            logits_SC, embedding_SE = self.classifier.with_embedding(sound[:, None])
        return logits_SC.double().cpu(), evidence, None if embedding_SE is None else embedding_SE.float().cpu()

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
