"""Annotators with known errors, and what follows from them: agreement, ceiling, entropy."""

from itertools import product
from math import factorial

import numpy as np
from numpy.typing import NDArray

from src.clip import Clip, Opinion

GENRES = ["blues", "jazz", "rock"]
# Rows: the true genre; columns: the genre that an annotator gives, with this probability.
CONFUSION_CC = np.array([[0.7, 0.25, 0.05], [0.2, 0.7, 0.1], [0.05, 0.05, 0.9]])
PRIOR_C = np.array([0.5, 0.3, 0.2])
Values = NDArray[np.float64]


def draw_clips(
    clips: int, annotators: int, seed: int = 0, missing: float = 0.0
) -> tuple[list[Clip], NDArray[np.int64]]:
    """Draw clips that each annotator labels with CONFUSION_CC, or with probability `missing` does not -> clips, true genres.

    Each clip is of an artist of its own, so that clips are independent.
    """
    random = np.random.default_rng(seed)
    true_K = random.choice(len(GENRES), clips, p=PRIOR_C)
    result = []
    for k, true in enumerate(true_K.tolist()):
        labels = random.choice(len(GENRES), annotators, p=CONFUSION_CC[true])
        given = random.random(annotators) >= missing
        given[0] |= not given.any()
        opinions = tuple(Opinion(GENRES[label], 1.0, f"a{a}") for a, label in enumerate(labels) if given[a])
        result.append(clip(f"{k}.wav", opinions))
    return result, true_K


def clip(name: str, opinions: tuple[Opinion, ...]) -> Clip:
    """A clip with opinions, of an artist of its own."""
    from pathlib import Path

    from src.dataset.opinions import majority

    return Clip(name, Path(name), majority(opinions, name), artist=name, opinions=opinions)


def true_kappa() -> float:
    """Fleiss' kappa, and Krippendorff's alpha, of infinitely many clips."""
    observed = PRIOR_C @ (CONFUSION_CC**2).sum(axis=1)
    expected = ((PRIOR_C @ CONFUSION_CC) ** 2).sum()
    return float((observed - expected) / (1 - expected))


def true_ceiling(others: int) -> float:
    """The probability that an annotator gives the majority genre of so many others; a tie is drawn by lot."""
    total = 0.0
    for prior, row_C in zip(PRIOR_C, CONFUSION_CC, strict=True):
        for counts in product(range(others + 1), repeat=len(GENRES)):
            if sum(counts) != others:
                continue
            ways = factorial(others) / np.prod([factorial(count) for count in counts])
            probability = ways * np.prod(row_C ** np.array(counts))
            leaders = np.flatnonzero(np.array(counts) == max(counts))
            total += prior * probability * row_C[leaders].mean()
    return float(total)


def true_entropy() -> float:
    """The mean entropy of the true shares, in nats: the least cross-entropy that a model can have with the opinions."""
    return float(-(PRIOR_C[:, None] * CONFUSION_CC * np.log(CONFUSION_CC)).sum())
