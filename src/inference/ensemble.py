"""Averages of several runs as one model: `predict --run A --run B --average`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.audio import reader
from src.audio.reader import AudioError
from src.classifier import doubt
from src.classifier.precision import FP32
from src.inference.doubt import rules
from src.inference.recognizer import (
    NOT_MUSIC,
    PREFETCH_BATCHES,
    SYNTHETIC,
    Decision,
    Prediction,
    Recognizer,
    SoundDecisions,
    WindowLogits,
)
from src.inference.sound import notes_of, open_sound
from src.inference.timeline import step_count, timeline
from src.inference.windows import SoundEnd, Waveform, WindowBatch, windows_of_lengths
from src.rundir import members
from src.threads import compute_in_order, prefetch

Item = WindowBatch | SoundEnd | AudioError


class Ensemble:
    """Several runs as one model, whose probabilities are the arithmetic mean of theirs.

    Each run's probabilities are calibrated by its own temperature first. The mean is of probabilities, not of logits, as
    the logits of different models have different scales; and it is arithmetic, not geometric, as one confident and
    wrong run could otherwise rule a genre out. Its negative log-likelihood is at most the mean of those of the runs. It
    tends to be underconfident: a mean of calibrated probabilities is not quite calibrated itself.
    Sources: Lakshminarayanan, Pritzel and Blundell 2017; Ranjan and Gneiting 2010, "Combining probability forecasts".

    The runs have the same genres, in any order. Their features, sample rates and windows may differ: a sound is decoded
    once for each sample rate. A sound, or a step of it, is no music if a run that checks this says so, as the others
    cannot tell. The genre is UNSURE below the lowest of the runs' limits, which is 0 if one of them was trained.
    """

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        self.members = list(recognizers)
        self.most_sure = min(self.members, key=lambda member: member.unsure_below)
        self.genres = self.most_sure.genres
        self.runs = tuple(member.name for member in self.members)
        self.name = members.average_name(self.runs)
        self.orders = [
            members.genre_order(member.name, member.genres, self.most_sure.name, self.genres) for member in self.members
        ]
        self.notes = list(dict.fromkeys(note for member in self.members for note in member.notes))
        self.members_of: dict[int, dict[int, list[int]]] = {}  # sample rate -> length of the windows -> members
        for k, member in enumerate(self.members):
            self.members_of.setdefault(member.sample_rate, {}).setdefault(member.length, []).append(k)

    @classmethod
    def load(cls, paths: Sequence[str | Path], trust: Sequence[str] = ()) -> "Ensemble":
        """Load the runs at some paths: run directories, or folders of runs such as a sweep of folds or seeds.

        Raises ValueError if a run cannot be loaded, as in `Recognizer.load`, if there are fewer than two runs, if one is
        named twice, or if their genres differ.
        """
        runs = members.trained_runs_at([Path(path) for path in paths], tuple(trust))
        members.check_members(runs)
        loaded = [Recognizer.load(run.path, trust) for run in runs]
        for recognizer, name in zip(loaded, members.distinct_names([run.path for run in runs]), strict=True):
            recognizer.name = name
        return cls(loaded)

    def doubt(self, level: float | None = None, rate: float | None = None) -> None:
        """As `Recognizer.doubt`, from the mean of the members' probabilities for the calibration clips that they share.

        Raises ValueError also if they have different calibration clips, as runs of several folds have.
        """
        calibrations = [member.classifier.doubt.calibration for member in self.members]
        together = doubt.joined(calibrations, self.orders)
        if together is None and all(calibrations) and not (level is None and rate is None):
            raise ValueError(
                f"{self.name} has no common calibration artists, since its runs have different splits: the artists of one may have trained "
                "another. Leave --average out, or average runs of one split, such as a sweep of seeds."
            )
        self.most_sure.rules = rules(self.name, together, level, rate)

    @property
    def precision(self) -> str:
        """The precision of all runs: see Recognizer."""
        return self.members[0].precision

    @precision.setter
    def precision(self, precision: str) -> None:
        for member in self.members:
            member.precision = precision

    def predict(
        self,
        sound: str | Path | NDArray[np.floating[Any]] | Tensor,
        sample_rate: float | None = None,
        excerpt_seconds: float | None = None,
    ) -> Prediction:
        """Predict the genre of a file or of a waveform, as `Recognizer.predict` does."""
        items = self._items(partial(open_sound, sound, sample_rate, excerpt_seconds))
        return self._next_prediction(map(self._compute, items))

    def predict_files(
        self, paths: Iterable[str | Path], excerpt_seconds: float | None = None, workers: int = 1
    ) -> Iterator[Prediction | AudioError]:
        """Yield the prediction of each file, or its error, in order, as `Recognizer.predict_files` does."""
        files = [Path(path) for path in paths]
        of_files = (item for file in files for item in self._items(partial(open_sound, file, None, excerpt_seconds)))
        with (
            closing(prefetch(of_files, PREFETCH_BATCHES)) as decoded,
            closing(compute_in_order(self._compute, decoded, workers)) as outputs,
        ):
            for _ in files:
                try:
                    yield self._next_prediction(outputs)
                except AudioError as error:
                    yield error

    def _items(self, open_at: "partial[reader.Stream | Waveform]") -> Iterator[tuple[int, Item]]:
        """Yield the windows of one sound for each member, and its end or its error, each with the member's number."""
        for sample_rate, members_of_length in self.members_of.items():
            try:
                for length, item in windows_of_lengths(open_at(sample_rate), list(members_of_length)):
                    for k in members_of_length[length]:
                        yield k, item
            except AudioError as error:
                yield from ((k, error) for length in members_of_length for k in members_of_length[length])

    def _compute(self, numbered: tuple[int, Item]) -> tuple[int, WindowLogits | SoundEnd | AudioError]:
        k, item = numbered
        return k, self.members[k].window_logits(item)

    def _next_prediction(self, items: Iterator[tuple[int, WindowLogits | SoundEnd | AudioError]]) -> Prediction:
        """Consume the items of the next sound, and average the probabilities of all members. Raises their AudioError."""
        items_of: dict[int, list[WindowLogits | SoundEnd | AudioError]] = defaultdict(list)
        missing = len(self.members)
        while missing:
            k, item = next(items)
            items_of[k].append(item)
            missing -= not isinstance(item, WindowLogits)
        decisions = [member.next_decisions(iter(items_of[k])) for k, member in enumerate(self.members)]
        first, end = self.members[0], decisions[0].end
        whole, steps = self._mean([each.whole for each in decisions]), self._steps(decisions)
        return Prediction(
            **self.most_sure.doubtful(whole, self._unlike(decisions)),
            confidence=whole.confidence,
            probabilities=dict(zip(self.genres, whole.probability_C.tolist(), strict=True)),
            calibrated=all(member.calibrated for member in self.members),
            duration_seconds=end.duration_seconds,
            model=self.name,
            segments=timeline(
                {step: (each.genre, each.confidence) for step, each in steps.items()}, first.sample_rate, end
            ),
            note="; ".join(dict.fromkeys(note for each in decisions for note in notes_of(each.end))) or None,
            training_data=SYNTHETIC if any(member.training_data for member in self.members) else None,
            precision=None if self.precision == FP32 else self.precision,
            runs=self.runs,
        )

    def _mean(self, decisions: Sequence[Decision]) -> Decision:
        """Decide from the mean of the members' probabilities."""
        ordered = [each.probability_C[order] for each, order in zip(decisions, self.orders, strict=True)]
        return self.most_sure.decide(
            torch.stack(ordered).mean(dim=0), all(each.reason != NOT_MUSIC for each in decisions)
        )

    @staticmethod
    def _unlike(decisions: Sequence[SoundDecisions]) -> bool | None:
        """True if more than half of the members that can tell call the sound unlike training; None if none can."""
        known = [each.unlike for each in decisions if each.unlike is not None]
        return sum(known) > len(known) / 2 if known else None

    def _steps(self, decisions: Sequence[SoundDecisions]) -> dict[int, Decision]:
        """Decide for each step in which a member has windows.

        A member with longer windows, which has none in a step, counts with those of the nearest step, the later of two.
        """
        counts = [
            step_count(member.sample_rate, each.end) for member, each in zip(self.members, decisions, strict=True)
        ]
        count = counts[0]  # rounding to samples can make the others one more or less
        middles = {(step + 0.5) / own for own, each in zip(counts, decisions, strict=True) for step in each.steps}
        result = {}
        for step in sorted({int(middle * count) for middle in middles}):
            at_step = []
            for own_count, each in zip(counts, decisions, strict=True):
                own = int((step + 0.5) / count * own_count)
                at_step.append(each.steps[min(each.steps, key=lambda other: (abs(other - own), -other))])
            result[step] = self._mean(at_step)
        return result
