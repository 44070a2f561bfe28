"""Manifest of the synthetic corpus with one genre scarce in training, and the sets of the usual holdout split."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from src import config as configs
from src.clip import Clip
from src.plain_files import write_csv

GENRE = "metal"  # recognized well when it is not scarce (85 % recall, see docs/results.md), so there is much to lose
SHARE = 0.1  # of its training clips that stay: 5 of 48


def cut(clips: Sequence[Clip], subsets: Sequence[str], genre: str = GENRE, share: float = SHARE) -> list[Clip]:
    """Remove training clips of one genre: only a share of them stays, at least one, drawn clip by clip.

    `subsets` are the sets of the clips (train, val, test); the returned clips carry them. All other clips stay.
    Raises ValueError if the genre has no training clip.
    """
    candidates = [
        k
        for k, (clip, subset) in enumerate(zip(clips, subsets, strict=True))
        if (clip.genre, subset) == (genre, "train")
    ]
    if not candidates:
        raise ValueError(
            f"No training clip is of {genre}: expected one or more, to leave out some. Choose another genre or split."
        )
    chosen = np.random.default_rng(0).choice(candidates, max(1, round(share * len(candidates))), replace=False)
    left_out = {*candidates} - {*chosen.tolist()}
    return [replace(clip, subset=subsets[k]) for k, clip in enumerate(clips) if k not in left_out]


def save(path: Path, clips: Sequence[Clip]) -> None:
    """Write clips and their sets as a manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (
        (os.path.relpath(c.path, path.parent), c.genre, c.artist or "", c.track or "", c.subset or "") for c in clips
    )
    write_csv(path, ("path", "genre", "artist", "track", "split"), rows)


def write(path: Path) -> None:
    """Write the manifest for the study; first render the corpus if it does not exist yet."""
    from src.instantiate import instantiate_choice  # imported here, because it loads torch

    config = configs.compose("dataset=synth", "split=holdout")
    clips = instantiate_choice(config.dataset).corpus().clips
    save(path, cut(clips, instantiate_choice(config.split).assign(clips)))
