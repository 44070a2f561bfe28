"""Timeline of a sound, the most probable genre in steps of about 10 s: `predict --timeline`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

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


def step_windows(start_S: Sequence[int], window_length: int, sample_rate: int, end: SoundEnd) -> dict[int, list[int]]:
    """Map each step of a sound to the indices of its windows, in order of time; steps without windows are left out.

    `start_S` are the first samples of the S windows, and `window_length` is their length in samples. A window belongs to
    the step that contains its centre.
    """
    steps = step_count(sample_rate, end)
    windows_of: dict[int, list[int]] = {}
    for s, start in enumerate(start_S):
        centre = min(start + window_length / 2, end.samples - 1)
        windows_of.setdefault(int(centre * steps / end.samples), []).append(s)
    return windows_of


def timeline(predicted: Mapping[int, tuple[str, float]], sample_rate: int, end: SoundEnd) -> list[TimelineSegment]:
    """Merge adjacent steps with the same genre. `predicted` has the genre of each step and its probability."""
    segments: list[tuple[int, str, list[float]]] = []  # first step, genre, probabilities of the steps
    for step, (genre, confidence) in predicted.items():
        if segments and segments[-1][1] == genre:
            segments[-1][2].append(confidence)
        else:
            segments.append((step if segments else 0, genre, [confidence]))
    seconds, steps = end.samples / sample_rate, step_count(sample_rate, end)
    edges = [end.start_seconds + first * seconds / steps for first, _, _ in segments] + [end.start_seconds + seconds]
    return [
        TimelineSegment(edges[k], edges[k + 1], genre, sum(confidences) / len(confidences))
        for k, (_, genre, confidences) in enumerate(segments)
    ]


def step_count(sample_rate: int, end: SoundEnd) -> int:
    """The number of steps of a sound, at least 1."""
    return max(1, round(end.samples / sample_rate / STEP_SECONDS))
