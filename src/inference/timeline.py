"""The timeline of a sound (`predict --timeline`): the prevailing genre in steps of about 10 s."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from src.inference.windows import SoundEnd

STEP_SECONDS = 10.0  # some bars, in which a genre can be recognized


class Segment(NamedTuple):
    """A part of a sound in which one genre prevails; `confidence` is its mean probability there."""

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
) -> list[Segment]:
    """Join neighbouring steps of one genre to segments; a step is predicted from the mean logits of its windows.

    `start_S` and `window_length` place the S windows, in samples; a window counts in the step that holds its middle.
    `predict` gives the genre and its probability for probabilities (C,).
    """
    steps = max(1, round(end.samples / sample_rate / STEP_SECONDS))
    windows_of: dict[int, list[int]] = {}
    for s, start in enumerate(start_S):
        middle = min(start + window_length / 2, end.samples - 1)
        windows_of.setdefault(int(middle * steps / end.samples), []).append(s)
    parts: list[tuple[int, str, list[float]]] = []  # first step, genre, the steps' probabilities
    for step, windows in windows_of.items():
        genre, confidence = predict(logits_SC[windows].mean(dim=0).softmax(dim=0))
        if parts and parts[-1][1] == genre:
            parts[-1][2].append(confidence)
        else:
            parts.append((step if parts else 0, genre, [confidence]))
    seconds = end.samples / sample_rate
    edges = [end.start_seconds + first * seconds / steps for first, _, _ in parts] + [end.start_seconds + seconds]
    return [
        Segment(edges[k], edges[k + 1], genre, sum(confidences) / len(confidences))
        for k, (_, genre, confidences) in enumerate(parts)
    ]
