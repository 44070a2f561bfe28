"""Build a classifier from a config or a run directory, or build the pretrained tagger."""

from collections import Counter
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
    """Build the arguments of Classifier: feature, normalization, model, genres.

    Adds to `facts`, which contains "counts" (training clips of each genre) at first: rows, row_names, frames, genres,
    genre_names and normalized. The caller can then pass them to a loss.
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
    """Load the trained classifier of a run directory. Loaded with weights_only=True."""
    run = rundir.RunDir(folder)
    genres = sorted({str(row["genre"]) for row in run.split})
    count_of_genre = Counter(str(row["genre"]) for row in run.split if row["set"] == "train")
    counts = [count_of_genre[genre] for genre in genres]
    classifier = Classifier(**classifier_parts(OmegaConf.create(run.config), genres, {"counts": counts}))
    weights = torch.load(folder / rundir.BEST, map_location="cpu", weights_only=True)["state_dict"]
    classifier.load_state_dict({name: {**UNCALIBRATED, **weights}[name] for name in classifier.state_dict()})
    return classifier.eval()


def tagger(genres: Sequence[str] | None = None) -> Classifier:
    """Build the pretrained classifier, which derives genres from musicnn's tags without training. See `model.Tags`.

    `genres` are the genres to predict, or ["gtzan"] for GTZAN's ten; by default all genres that have a tag. Raises
    ValueError if fewer than two of them have a tag, or if a genre is named twice.
    """
    config = configs.compose("experiment=tags")
    covered = [genre for genre, tags in config.model.table.items() if tags]
    chosen = covered if genres is None else list(GTZAN) if list(genres) == ["gtzan"] else list(genres)
    names = list(map(letters, chosen))
    duplicates = [genre for k, genre in enumerate(chosen) if names[k] in names[:k]]
    if duplicates:
        raise ValueError(f"--genres names {', '.join(duplicates)} more than once. Name each genre once.")
    classifier = Classifier(**classifier_parts(config, chosen, {"counts": [0] * len(chosen)}))
    assert isinstance(classifier.model, Tags)
    covered_count = len(chosen) - len(classifier.model.uncovered)
    if covered_count < 2:
        raise ValueError(
            f"--genres names {', '.join(chosen)}, of which tags cover {covered_count}: expected at least two "
            f"of {', '.join(covered)}; or gtzan for its ten."
        )
    return classifier.eval()
