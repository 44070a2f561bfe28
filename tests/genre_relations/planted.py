"""Runs whose test clips have planted embeddings and answers, for tests of relations."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from src import rundir
from src.rundir import extras
from tests.rundirs import config, write_run

# Four genres in two families: rock and metal are near each other, and classical and opera.
FAMILIES = {"classical": (0.0, 0.0), "opera": (0.0, 1.5), "metal": (8.0, 0.0), "rock": (8.0, 2.0)}


def write_planted(
    path: Path,
    centres: dict[str, Sequence[float]],
    artists: int,
    clips: int = 2,
    artist_spread: float = 0.5,
    seed: int = 0,
    fold: int | None = None,
    first_artist: int = 0,
) -> Path:
    """Write a run whose clips lie around the centre of their genre, with a spread between artists and half of it within.

    The probabilities follow from the squared distance to each centre, so genres with the same centre are not told apart.
    """
    genres = sorted(centres)
    write_run(path, config(fold=fold), genres=genres, clips=len(genres) * artists * clips)
    rng = np.random.default_rng(seed)
    rows, component = [], []
    for genre in genres:
        for a in range(first_artist, first_artist + artists):
            middle = np.array(centres[genre]) + artist_spread * rng.normal(size=len(centres[genre]))
            for k in range(clips):
                component.append(middle + 0.5 * artist_spread * rng.normal(size=len(middle)))
                rows.append((f"{genre}/{a}-{k}.ogg", f"{genre} artist {a}", genre))
    component_KD = np.array(component)
    square_KC = ((component_KD[:, None] - np.array([centres[genre] for genre in genres])) ** 2).sum(axis=2)
    # A little noise, so that genres with one centre do not tie, and the probabilities are not all 0 and 1.
    logits_KC = -0.5 * square_KC + 0.1 * rng.normal(size=square_KC.shape)
    probability_KC = np.exp(logits_KC - logits_KC.max(axis=1, keepdims=True))
    write_predictions(path, rows, genres, probability_KC / probability_KC.sum(axis=1, keepdims=True))
    write_components(path, component_KD)
    return path


def write_predictions(
    run: Path, rows: Sequence[tuple[str, str, str]], genres: Sequence[str], probability_KC: ArrayLike
) -> None:
    """Replace the predictions and the split of a run: clip, artist, genre, and the probabilities (K, C)."""
    probability = np.asarray(probability_KC)
    with (run / rundir.PREDICTIONS).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "artist", "genre", "predicted", *(f"p_{genre}" for genre in genres)])
        for row, p_C in zip(rows, probability, strict=True):
            writer.writerow([*row, genres[int(p_C.argmax())], *(f"{p:.6f}" for p in p_C)])
    with (run / rundir.SPLIT).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "genre", "artist", "track", "set"])
        writer.writerows([clip, genre, artist, clip, "test"] for clip, artist, genre in rows)
        writer.writerows([f"{genre}/train.ogg", genre, "other", "other", "train"] for genre in genres)


def write_components(run: Path, component_KD: ArrayLike) -> None:
    """Write the embedding of all test clips of a run."""
    components = np.asarray(component_KD)
    np.savez(
        run / extras.EMBEDDING,
        row=np.arange(len(components), dtype=np.int32),
        component=components.astype(np.float16),
        explained=np.full(components.shape[1], 0.1, np.float32),
        fitted_clips=np.array(100, np.int32),
    )
