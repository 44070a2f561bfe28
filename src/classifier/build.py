"""Build a classifier: from a config, from a run directory, or the pretrained tagger."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src import rundir
from src.classifier.classifier import UNCALIBRATED, Classifier
from src.instantiate import call_with_facts, instantiate_choice
from src.model.tags import GTZAN, Tags, letters
from src.normalization import Unchanged


def classifier_parts(config: DictConfig, genres: Sequence[str], facts: dict[str, Any]) -> dict[str, Any]:
    """The classifier's parts by name.

    `facts` holds "counts" (training clips of each genre) at first; rows, frames and genres are added to it.
    """
    feature = instantiate_choice(config.feature)
    frames = feature.frames(round(config.data.crop_seconds * config.audio.sample_rate))
    facts |= {"rows": feature.rows, "row_names": feature.row_names, "frames": frames}
    facts |= {"genres": len(genres), "genre_names": list(genres)}
    normalization = call_with_facts(instantiate_choice(config.normalization), **facts)
    facts["normalized"] = not isinstance(normalization, Unchanged)
    model = call_with_facts(instantiate_choice(config.model), **facts)
    return {"feature": feature, "normalization": normalization, "model": model, "genres": genres}


def load_classifier(folder: Path) -> Classifier:
    """The trained classifier of a run directory. Nothing is unpickled but tensors and plain values."""
    run = rundir.RunDir(folder)
    genres = sorted({str(row["genre"]) for row in run.split})
    counts = [sum(row["genre"] == genre and row["set"] == "train" for row in run.split) for genre in genres]
    classifier = Classifier(**classifier_parts(OmegaConf.create(run.config), genres, {"counts": counts}))
    saved = torch.load(folder / rundir.BEST, map_location="cpu", weights_only=True)["state_dict"]
    classifier.load_state_dict({name: {**UNCALIBRATED, **saved}[name] for name in classifier.state_dict()})
    return classifier.eval()


def tagger(genres: Sequence[str] | None = None) -> Classifier:
    """A classifier that needs no training: musicnn's tags, read as genres. See `model.Tags`.

    `genres`: those to choose from, ["gtzan"] for GTZAN's ten; by default all that any tag covers. Raises ValueError
    where tags cover fewer than two of them.
    """
    config = configs.compose("experiment=tags")
    covered = [genre for genre, tags in config.model.table.items() if tags]
    asked = covered if genres is None else list(GTZAN) if list(genres) == ["gtzan"] else list(genres)
    classifier = Classifier(**classifier_parts(config, asked, {"counts": [0] * len(asked)}))
    assert isinstance(classifier.model, Tags)
    known = len(asked) - len(classifier.model.uncovered)
    if known < 2 or len(set(map(letters, asked))) < len(asked):
        raise ValueError(
            f"--genres names {', '.join(asked)}, of which tags cover {known}: expected at least two, each once, "
            f"of {', '.join(covered)}; or gtzan for its ten."
        )
    return classifier.eval()
