"""From a config to the journey of a waveform, and from a run directory back to its trained one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src import rundir
from src.classifier.classifier import UNCALIBRATED, Journey
from src.instantiate import choose, supply
from src.model.tags import GTZAN, Tags, letters
from src.normalization import Unchanged


def parts(config: DictConfig, genres: Sequence[str], facts: dict[str, Any]) -> dict[str, Any]:
    """The journey's parts by name. `facts`, "counts" at first (training clips of each genre), gets what follows from them."""
    feature = choose(config.feature)
    frames = feature.frames(round(config.data.crop_seconds * config.audio.sample_rate))
    facts |= {"rows": feature.rows, "row_names": feature.row_names, "frames": frames}
    facts |= {"genres": len(genres), "genre_names": list(genres)}
    normalization = supply(choose(config.normalization), **facts)
    facts["normalized"] = not isinstance(normalization, Unchanged)
    model = supply(choose(config.model), **facts)
    return {"feature": feature, "normalization": normalization, "model": model, "genres": genres}


def tagger(genres: Sequence[str] | None = None) -> Journey:
    """A genre recognizer that needs no training: musicnn's tags, read as genres. See `model.Tags`.

    `genres`: those to tell apart, ["gtzan"] for GTZAN's ten; by default all that any tag covers. Raises ValueError where
    fewer than two are covered.
    """
    config = configs.compose("experiment=tags")
    covered = [genre for genre, tags in config.model.table.items() if tags]
    asked = covered if genres is None else list(GTZAN) if list(genres) == ["gtzan"] else list(genres)
    journey = Journey(**parts(config, asked, {"counts": [0] * len(asked)}))
    assert isinstance(journey.model, Tags)
    known = len(asked) - len(journey.model.uncovered)
    if known < 2 or len(set(map(letters, asked))) < len(asked):
        raise ValueError(
            f"--genres names {', '.join(asked)}, of which {known} can be told by a tag: expected at least two, each once, "
            f"of {', '.join(covered)}; or gtzan for its ten."
        )
    return journey.eval()


def load(folder: Path) -> Journey:
    """The trained journey of a run directory. Nothing is unpickled but tensors and plain values."""
    files = rundir.RunDir(folder)
    sides = files.split
    genres = sorted({str(row["genre"]) for row in sides})
    counts = [sum(row["genre"] == genre and row["side"] == "train" for row in sides) for genre in genres]
    journey = Journey(**parts(OmegaConf.create(files.config), genres, {"counts": counts}))
    saved = torch.load(folder / rundir.BEST, map_location="cpu", weights_only=True)["state_dict"]
    journey.load_state_dict({name: {**UNCALIBRATED, **saved}[name] for name in journey.state_dict()})
    return journey.eval()
