"""Build a classifier from a config or a run directory, or build the pretrained tagger."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src import formatting, rundir
from src.classifier import doubt
from src.classifier import weights as published
from src.classifier.checkpoint import load_checkpoint
from src.classifier.classifier import UNCALIBRATED, Classifier
from src.instantiate import call_with_facts, instantiate_choice
from src.model.genre_table import GenreTable
from src.model.tags import GTZAN, MUSICNN, Tags
from src.normalization import Unchanged
from src.pretrained import files
from src.rundir import untrusted
from src.settings import networks
from src.settings.values import check_numbers

PATCH_SECONDS = 10.0  # windows of both networks: EfficientAT was trained on 10 s
MORE_GENRES = "EfficientAT knows more genres; download it with: python -m src.weights efficientat"
SIZE_RATIO = 8  # a checkpoint in half precision, and a classic model's small buffers, are within this ratio


def classifier_parts(
    config: DictConfig, genres: Sequence[str], facts: dict[str, Any], checkpoint: Path | None = None
) -> dict[str, Any]:
    """Build the arguments of Classifier: feature, normalization, model, genres.

    Adds to `facts`, which contains "counts" (training clips of each genre) at first: rows, row_names, scale_F, frames, genres,
    genre_names and normalized. The caller can then pass them to a loss. With the `checkpoint` of a run, raises ValueError
    instead of building a model that is far larger.
    """
    feature = instantiate_choice(config.feature)
    frames = feature.frames(round(config.data.crop_seconds * config.audio.sample_rate))
    facts |= {"rows": feature.rows, "row_names": feature.row_names, "frames": frames}
    facts |= {"scale_F": feature.scale_F}
    facts |= {"genres": len(genres), "genre_names": list(genres)}
    normalization = call_with_facts(instantiate_choice(config.normalization), **facts)
    facts["normalized"] = not isinstance(normalization, Unchanged)
    if checkpoint is not None:
        _check_size(config.model, facts, checkpoint)
    model = call_with_facts(instantiate_choice(config.model), **facts)
    return {"feature": feature, "normalization": normalization, "model": model, "genres": genres}


def load_classifier(folder: Path, trust: Sequence[str] = ()) -> Classifier:
    """Load the trained classifier of a run directory, which may come from a stranger.

    Its config names only classes of this project, and those of the modules in `trust`. Raises ValueError on other
    classes and on broken files, and any error of the classes on settings that they do not accept.
    """
    run = rundir.RunDir(folder, tuple(trust))
    check_numbers({part: run.config.get(part) for part in ("audio", "data", "feature", "model")})
    config, path = OmegaConf.create(run.config), folder / rundir.BEST
    genres = run.genres
    count_of_genre = Counter(str(row["genre"]) for row in run.split if row["set"] == "train")
    counts = [count_of_genre[genre] for genre in genres]
    try:
        published.require_recorded(config)
        published.record_digests(config)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    checkpoint = load_checkpoint(path)
    weights = {**UNCALIBRATED, **checkpoint["state_dict"]}
    facts: dict[str, Any] = {"counts": counts}
    untrusted.refuse_remote_code(folder / rundir.CONFIG, run.config, trust)
    with networks.naming(folder):
        classifier = Classifier(**classifier_parts(config, genres, facts, path))
        missing = [name for name in classifier.state_dict() if name not in weights]
        if missing:
            raise ValueError(f"{path} lacks the weights {formatting.first_names(missing, 3)}. Train the run again.")
        classifier.load_state_dict({name: weights[name] for name in classifier.state_dict()})
    classifier.doubt = doubt.from_checkpoint(checkpoint.get(doubt.KEY), len(genres), path)
    return classifier.eval()


def _check_size(model: DictConfig, facts: dict[str, Any], checkpoint: Path) -> None:
    """Raise ValueError if the weights of the model would need far more memory than the checkpoint has bytes.

    The settings may come from a stranger, so the model is built without memory for its weights first.
    """
    try:
        with torch.device("meta"):
            sketch = call_with_facts(instantiate_choice(model), **facts)
        size = sum(weight.numel() * weight.element_size() for weight in sketch.state_dict().values())
    except NotImplementedError:  # a model of the user's own may compute with its weights
        return
    if size > SIZE_RATIO * checkpoint.stat().st_size:
        raise ValueError(
            f"the model of the config needs {size:,} bytes, but {checkpoint} has {checkpoint.stat().st_size:,}: they do not "
            "belong together. Train the run again."
        )


def tagger(genres: Sequence[str] | None = None, weights: str | None = None) -> Classifier:
    """Build the pretrained classifier, which derives genres from the networks' tags without training. See `model.Tags`.

    The networks are musicnn and, if its file is found, EfficientAT. `weights` is efficientat:FILE, none for musicnn alone,
    or None: then the file is looked for as `pretrained.files.find` does. `genres` are the genres to predict, or ["gtzan"]
    for GTZAN's ten; by default all of the table, or those of `model.tags.MUSICNN` with musicnn alone. Raises ValueError if
    fewer than two genres have a tag, if a genre is named twice, or if the file cannot be used.
    """
    file = _second_network(weights)
    config = configs.compose(
        "experiment=tags", *(["feature=pretrained", f"data.crop_seconds={PATCH_SECONDS}"] if file else [])
    )
    if file:
        config.feature.weights = str(file)
    table = GenreTable(configs.resolved(config)["model"]["table"])
    known = [genre.name for genre in table.genres.values()] if file else list(MUSICNN)
    chosen = known if genres is None else list(GTZAN) if list(genres) == ["gtzan"] else list(genres)
    if isinstance(genres, str) or not all(isinstance(name, str) for name in chosen):
        raise ValueError(f"The genres are {genres!r}: expected a list of names, such as ['rock', 'jazz'].")
    keys = [table.key(name) for name in chosen]
    for k, name in enumerate(chosen):
        if keys[k] in keys[:k]:
            first = chosen[keys.index(keys[k])]
            same = "more than once" if first == name else f"and {first}, which are one genre"
            raise ValueError(f"--genres names {name} {same}. Name each genre once.")
    try:
        classifier = Classifier(**classifier_parts(config, chosen, {"counts": [0] * len(chosen)}))
    except InstantiationException as error:
        # Hydra repeats the whole config; the cause says what is wrong with the file.
        raise error.__cause__ or error from None
    assert isinstance(classifier.model, Tags)
    covered_count = len(chosen) - len(classifier.model.uncovered)
    if covered_count < 2:
        raise ValueError(
            f"--genres names {', '.join(chosen)}, of which tags cover {covered_count}: expected at least two "
            f"of {', '.join(known)}; or gtzan for its ten.{'' if file else f' {MORE_GENRES}'}"
        )
    return classifier.eval()


def _second_network(weights: str | None) -> Path | None:
    """The file of EfficientAT's weights; None if musicnn is used alone."""
    if weights == "none":
        return None
    if weights is None:
        return files.find(files.EFFICIENTAT)
    network, _, name = weights.partition(":")
    if network != files.EFFICIENTAT or not name:
        raise ValueError(f"--weights is {weights!r}: expected {files.EFFICIENTAT}:FILE, or none for musicnn alone.")
    file = Path(name).expanduser()
    if not file.is_file():
        problem = "is not a file" if file.exists() else "does not exist"
        raise ValueError(f"--weights {weights}: {file} {problem}. {files.advice(files.EFFICIENTAT)}")
    return file
