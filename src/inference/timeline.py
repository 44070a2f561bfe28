"""Timeline of a sound, the most probable genre in steps of about 10 s: `predict --timeline`."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from src.inference.windows import SoundEnd

STEP_SECONDS = 10.0  # a few bars, enough to recognize a genre


class TimelineSegment(NamedTuple):
    """A part of a sound in which the same genre is predicted in every step.

    `confidence` is the mean over its steps of the probability of the predicted genre.
    """

    start_seconds: float
    stop_seconds: float
    genre: str
    confidence: float


def timeline(
    start_S: Sequence[int],
    logits_SC: Tensor,
    window_length: int,
    sample_rate: int,
    end: SoundEnd,
    predict: Callable[[Tensor], tuple[str, float]],
) -> list[TimelineSegment]:
    """Predict each step from the mean logits of its windows, and merge adjacent steps with the same genre.

    `start_S` are the first samples of the S windows, and `window_length` is their length in samples. A window belongs to
    the step that contains its centre. `predict` maps probabilities (C,) to the predicted genre and the probability.
    """
    steps = max(1, round(end.samples / sample_rate / STEP_SECONDS))
    windows_of: dict[int, list[int]] = {}
    for s, start in enumerate(start_S):
        centre = min(start + window_length / 2, end.samples - 1)
        windows_of.setdefault(int(centre * steps / end.samples), []).append(s)
    segments: list[tuple[int, str, list[float]]] = []  # first step, genre, probabilities of the steps
    for step, windows in windows_of.items():
        genre, confidence = predict(logits_SC[windows].mean(dim=0).softmax(dim=0))
        if segments and segments[-1][1] == genre:
            segments[-1][2].append(confidence)
        else:
            segments.append((step if segments else 0, genre, [confidence]))
    seconds = end.samples / sample_rate
    edges = [end.start_seconds + first * seconds / steps for first, _, _ in segments] + [end.start_seconds + seconds]
    return [
        TimelineSegment(edges[k], edges[k + 1], genre, sum(confidences) / len(confidences))
        for k, (_, genre, confidences) in enumerate(segments)
    ]
