"""The synthetic corpus with one genre scarce in training: a manifest with the subsets of the usual holdout."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from src import config as configs
from src.clip import Clip
from src.plain_files import write_csv

GENRE = "metal"  # recognized well where it is not scarce (85 % recall, see the README), so that there is much to lose
SHARE = 0.1  # of its training clips are kept: 5 of 48


def cut(clips: Sequence[Clip], subsets: Sequence[str], genre: str = GENRE, share: float = SHARE) -> list[Clip]:
    """The clips with their subsets, of the genre's training clips a share only, at least one, drawn clip by clip."""
    own = [
        k
        for k, (clip, subset) in enumerate(zip(clips, subsets, strict=True))
        if (clip.genre, subset) == (genre, "train")
    ]
    if not own:
        raise ValueError(f"No training clip is of {genre}: there is nothing to cut.")
    kept = np.random.default_rng(0).choice(own, max(1, round(share * len(own))), replace=False)
    left_out = {*own} - {*kept.tolist()}
    return [replace(clip, subset=subsets[k]) for k, clip in enumerate(clips) if k not in left_out]


def save(path: Path, clips: Sequence[Clip]) -> None:
    """Write clips with their subsets as a manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (
        (os.path.relpath(c.path, path.parent), c.genre, c.artist or "", c.track or "", c.subset or "") for c in clips
    )
    write_csv(path, ("path", "genre", "artist", "track", "split"), rows)


def write(path: Path) -> None:
    """Write the study's manifest, after rendering the corpus where it is not there yet."""
    from src.instantiate import choose  # here, since it loads torch

    config = configs.compose("dataset=synth", "split=holdout")
    clips = choose(config.dataset).corpus().clips
    save(path, cut(clips, choose(config.split).assign(clips)))
