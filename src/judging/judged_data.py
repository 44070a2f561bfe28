"""Data for the evaluation of a finished run: its own test clips or those of another data set, with the settings of the run."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from src import config as configs
from src import rundir
from src.data.datamodule import GenreData
from src.instantiate import instantiate_choice
from src.judging.clips import JudgedData, no_sampler
from src.rundir import RunDir, nested
from src.split import Official, Split

FIXED = ("crop_seconds", "sample_rate", "preferred_genres")  # keys of data that the run decides
# Settings of a data set that do not tell whether it is the one that the run was trained on.
GENRE_KEYS = ("genres", "genre_map", "genre_separator", "genre_pick", "several_genres")
CHANGEABLE = (*GENRE_KEYS, "cache", "exclude", "metadata", "path", "root", "split_file", "targets", "tree")


@dataclass(frozen=True)
class Request:
    """Data set, split and settings that a run is judged on: config groups, and single keys of dataset and data, dotted.

    Without `dataset`, it is the run's own data set; without `split`, all clips of another data set, and the test clips of
    the run's own. `split_file` is the split.csv of another run, whose test clips are judged.
    """

    dataset: Mapping[str, Any] | None = None
    split: Mapping[str, Any] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    split_file: Path | None = None


def judged_config(run: RunDir, request: Request) -> dict[str, Any]:
    """The config of a run, with the data set, split and data settings that it is judged on.

    Raises ValueError on a key that the data set does not have or that the run decides.
    """
    config = copy.deepcopy(run.config)
    defaults: Any = OmegaConf.to_container(OmegaConf.load(configs.CONF / "data" / "default.yaml"), resolve=False)
    config["data"] = {key: config.get("data", {}).get(key, value) for key, value in defaults.items()}
    config["data"]["sample_rate"] = nested.get(config, "audio.sample_rate")
    cache = Path(str(config["data"]["cache"]))
    if not any(cache.glob("sound-*")):  # the run may come from elsewhere: no folder is made where it says
        config["data"]["cache"] = defaults["cache"]
    if request.dataset is not None:
        config["dataset"] = dict(request.dataset)
    if request.split is not None:
        config["split"] = dict(request.split)
    for key, value in request.changes.items():
        group, _, name = key.partition(".")
        if group == "data" and name in FIXED:
            raise ValueError(
                f"data.{name}: the run decides this ({config['data'][name]}), as its model was trained for it. Leave it out."
            )
        if name.partition(".")[0] not in config[group]:
            known = ", ".join(sorted(key for key in config[group] if not key.startswith("_")))
            raise ValueError(f"{key}: there is no such key. {group} has the keys {known}.")
        node = OmegaConf.create(config[group])
        OmegaConf.update(node, name, value, force_add=True)
        config[group] = configs.resolved(node)
    if request.split_file is not None:
        config["dataset"]["split_file"] = str(request.split_file)
    if "cache" in config["dataset"] and "dataset.cache" not in request.changes:
        config["dataset"]["cache"] = config["data"]["cache"]
    trained = {group: run.config.get(group) for group in ("dataset", "split", "data", "audio")}
    config["trained"] = {
        "dataset": run.metrics["dataset"],
        "settings": configs.digest(trained, (*configs.NOT_IN_IDENTITY, "split.fold", "split.allow_leak"))[:8],
    }
    return config


def open_data(
    run: RunDir, request: Request, config: Mapping[str, Any], genres: Sequence[str], own: bool | None = None
) -> tuple[GenreData, bool]:
    """Open the data that a run is judged on -> the data, and True if they are its own test clips: `own`, or None to find out."""
    settings = {key: value for key, value in config["data"].items() if key != "_target_"}
    settings["seed"] = run.config.get("seed") or 0
    if own is None:
        own = asks_for_own_clips(run, request, config)
    if own:
        file = str(run.path / rundir.SPLIT)
        labels = {key: run.config["dataset"][key] for key in GENRE_KEYS if key in run.config["dataset"]}
        own_dataset = {**config["dataset"], **labels, "split_file": file}
        settings["preferred_genres"] = nested.get(run.config, "data.preferred_genres") or []
        dataset = instantiate_choice(OmegaConf.create(own_dataset))
        split = Official(file, seed=0, allow_leak=True)
        return GenreData(dataset=dataset, split=split, sampler=no_sampler, **settings), True
    dataset = instantiate_choice(OmegaConf.create(config["dataset"]))
    others_split: Split | None = None
    if request.split is not None:
        others_split = instantiate_choice(OmegaConf.create(dict(request.split)))
    elif request.split_file is not None:
        others_split = Official(str(request.split_file), seed=0, allow_leak=True)
    others = {**settings, "preferred_genres": [], "audit": None}
    return JudgedData(dataset, others_split, genres, others, strict_map=request.split_file is None), False


def asks_for_own_clips(run: RunDir, request: Request, config: Mapping[str, Any]) -> bool:
    """True if a request means the own test clips of a run. `config` is that of the judgement."""
    if request.split is not None or request.split_file is not None:
        return False
    return request.dataset is None or _is_own(run, config["dataset"])


def same_data_set(before: Mapping[str, Any], dataset: Mapping[str, Any]) -> bool:
    """True if two configs are of the same data set; places of files and the choice of genres do not count."""
    return all(before.get(key) == dataset.get(key) for key in {*before, *dataset} - {*CHANGEABLE})


def _is_own(run: RunDir, dataset: Mapping[str, Any]) -> bool:
    """True if a data set is the one that a run was trained on: same kind and settings, and it has the run's test clips."""
    if not same_data_set(run.config["dataset"], dataset):
        return False
    try:
        corpus = instantiate_choice(OmegaConf.create(dict(dataset))).corpus()
    except ValueError:
        return False  # the same error comes again when the clips are listed
    names = {clip.name for clip in corpus.clips}
    return corpus.name == run.metrics["dataset"] and names.issuperset(run.predictions.clips)
