"""Judge a finished run on clips: the predictions of its model for them, and the scores."""

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from src import config as configs
from src import console, rundir, threads
from src.classifier.classifier import UNCALIBRATED, Classifier
from src.data.datamodule import GenreData
from src.inference.recognizer import Recognizer
from src.instantiate import instantiate_choice
from src.judging import scores, shared
from src.judging.clips import JudgedData, no_sampler
from src.model.classic import Classic
from src.rundir import RunDir, nested
from src.split import Official, Split
from src.training import setup, stages
from src.training.module import Predictions, join

NO_AUGMENTATION = (None, "torch.nn.Identity")
AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}  # trainer.precision -> type of the products
FIXED = ("crop_seconds", "sample_rate", "preferred_genres")  # keys of data that the run decides
# Settings of a data set that do not tell whether it is the one that the run was trained on.
GENRE_KEYS = ("genres", "genre_map", "genre_separator", "genre_pick")
CHANGEABLE = (*GENRE_KEYS, "cache", "exclude", "path", "root", "split_file")


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


@dataclass(frozen=True)
class Judgement:
    """A run, the clips that it was judged on, and the predictions for them, calibrated as the run is.

    `config` is the run's, with the data set, split and data settings of the judgement. `own` is True for the run's own
    test clips. `test` and `evaluation` are the objects of these names in metrics.json, `found` what the clips
    share with the training, and `model_notes` sentences on the model.
    """

    run: RunDir
    config: dict[str, Any]
    data: GenreData
    own: bool
    predictions: Predictions
    test: dict[str, Any]
    evaluation: dict[str, Any]
    found: shared.Shared
    model_notes: list[str]


def judge(folder: Path, request: Request, trust: Sequence[str] = ()) -> Judgement:
    """Judge the run in a folder. It may come from a stranger: see `Recognizer.load`.

    Raises ValueError, which says what to do, if the folder has no finished run, or if the clips cannot be used.
    """
    recognizer = Recognizer.load(folder, trust)
    run, classifier = RunDir(folder, tuple(trust)), recognizer.classifier
    config = judged_config(run, request)
    data, own = open_data(run, request, config, classifier.genres)
    temperature = float(classifier.temperature)
    predictions = predict(data, classifier, config, recognizer.device)
    if own:  # of a run that was tested on some of its test clips only, as with trainer=debug
        tested = set(run.predictions.clips)
        kept = torch.tensor([data.clips[k].name in tested for k in predictions.clip.tolist()])
        predictions = Predictions(*(tensor[kept] for tensor in predictions))
        test = stages.score(predictions, temperature, data)
    else:
        test = scores.over_all_genres(predictions, temperature, data)
    calibrated = predictions.with_temperature(temperature)
    judged = predictions.clip.tolist()
    found = shared.with_training(run, data, judged)
    apart = torch.tensor([k not in found.any for k in judged])
    common = scores.common_genres(predictions, data.genres)
    training = [row for row in run.split if row["set"] == "train"]
    evaluation = {
        "run": run.path.resolve().name,
        "trained_on": run.metrics["dataset"],
        "training_clips": dict(Counter(str(row["genre"]) for row in training)),
        "training_artists_known": all(row["artist"] for row in run.split),
        "own_test_clips": own,
        "scores_of_run": _same(test, run.metrics["test"]) if own else None,
        "common_genres": common,
        "other_genres": dict(data.other_genres) if isinstance(data, JudgedData) else {},
        "untested_genres": [genre for genre in data.genres if genre not in common],
        "chance": {"all_genres": 1 / len(data.genres), "common_genres": 1 / len(common)},
        "recall_macro_interval_by_artist": scores.recall_macro_interval(calibrated, data)
        if test["accuracy_interval_by_artist"]
        else None,
        "among_common": scores.over_common_genres(predictions, temperature, data),
        "shared_clips": {
            **{kind: len(clips) for kind, clips in found.clips.items()},
            "near_copy": None if found.near_copies is None else len(found.clips["near_copy"]),
            "any": len(found.any),
        },
        "without_shared": scores.over_all_genres(
            Predictions(*(tensor[apart] for tensor in predictions)), temperature, data
        )
        if apart.any() and not apart.all()
        else None,
    }
    model_notes = list(dict.fromkeys([*classifier.notes, *recognizer.notes]))
    return Judgement(run, config, data, own, calibrated, test, evaluation, found, model_notes)


def _same(scores_now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """True if all scores of a run are the same; an older run lacks some."""
    return all(scores_now.get(key) == value for key, value in before.items() if value is not None)


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
    run: RunDir, request: Request, config: Mapping[str, Any], genres: Sequence[str]
) -> tuple[GenreData, bool]:
    """The data that a run is judged on, and True if they are its own test clips."""
    settings = {key: value for key, value in config["data"].items() if key != "_target_"}
    settings["seed"] = run.config.get("seed") or 0
    own = (
        request.split is None
        and request.split_file is None
        and (request.dataset is None or _is_own(run, config["dataset"]))
    )
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


def _is_own(run: RunDir, dataset: Mapping[str, Any]) -> bool:
    """True if a data set is the one that a run was trained on: same kind and settings, and it has the run's test clips."""
    before = run.config["dataset"]
    if any(before.get(key) != dataset.get(key) for key in {*before, *dataset} - {*CHANGEABLE}):
        return False
    try:
        corpus = instantiate_choice(OmegaConf.create(dict(dataset))).corpus()
    except ValueError:
        return False  # the same error comes again when the clips are listed
    names = {clip.name for clip in corpus.clips}
    return corpus.name == run.metrics["dataset"] and names.issuperset(run.predictions.clips)


def predict(data: GenreData, classifier: Classifier, config: Mapping[str, Any], device: torch.device) -> Predictions:
    """Predict the test clips of the data, as the run's own evaluation did: same segments, batches, precision and threads.

    The logits are not calibrated.
    """
    trainer = config.get("trainer") or {}
    if trainer.get("accelerator") == "cpu":
        device = torch.device("cpu")
    threads.limit(trainer.get("threads") or 1)
    classifier.to(device)
    for name, value in UNCALIBRATED.items():
        getattr(classifier, name).copy_(value)
    use_cached(data, classifier, OmegaConf.create(dict(config)), device)
    dtype = AUTOCAST.get(str(trainer.get("precision")))
    loader = data.fixed_dataloader("test")
    batches = []
    with torch.inference_mode(), torch.autocast(device.type, dtype) if dtype else nullcontext():
        for clip_B in console.track(loader, "Judging the clips", len(loader)):
            batch = data.segment_batch(clip_B, device)
            batches.append(Predictions(batch.clip, batch.genre, classifier(batch.sound)))
    return join(batches)


def use_cached(data: GenreData, classifier: Classifier, config: DictConfig, device: torch.device) -> None:
    """Take a frozen feature of the test clips, or its statistics over time, from the cache where a training does."""
    clips = data.clips_in("test")
    feature: Any = classifier.feature
    if feature.cached and OmegaConf.select(config, "augmentation.wave._target_") in NO_AUGMENTATION:
        data.use_cached(setup.cached_feature(config, data, feature, device, clips))
    elif isinstance(classifier.model, Classic) and classifier.has_statistics and device.type != "mps":
        classifier.reads_statistics = True
        data.use_cached(setup.cached_statistics(config, data, feature, device, clips))
