"""Run directories as `train` writes them, with random seeded logits, for tests of code that reads runs."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf

from src import metrics, rundir
from src.audio.decoders import encode_ogg
from src.clip import Clip, Opinion
from src.data import opinions
from src.dataset.opinions import majority
from src.rundir import extras
from src.training import run_writer

GENRES = ["blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock"]

SOUNDS = 4  # excerpts that write_sounds writes


def write_embedding(run: Path, umap: bool = False) -> None:
    """Add an embedding of the test clips to a run."""
    genres = rundir.RunDir(run).predictions.true
    rng = np.random.default_rng(0)
    centre = {genre: rng.normal(size=8) for genre in dict.fromkeys(genres)}
    component_KD = np.array([centre[genre] for genre in genres]) + 0.3 * rng.normal(size=(len(genres), 8))
    arrays = {"umap": component_KD[:, 2:4].astype(np.float32)} if umap else {}
    np.savez(
        run / extras.EMBEDDING,
        row=np.arange(len(genres), dtype=np.int32),
        component=component_KD.astype(np.float16),
        explained=np.full(8, 0.1, np.float32),
        fitted_clips=np.array(100, np.int32),
        **arrays,
    )


def write_sounds(run: Path) -> list[str]:
    """Add a second of sound of SOUNDS test clips to a run, the first one wrong, and a clip without; return their names."""
    predictions = rundir.RunDir(run).predictions
    right = [a == b for a, b in zip(predictions.true, predictions.predicted, strict=True)]
    wrong_first = sorted(range(len(right)), key=lambda k: right[k])
    names = [predictions.clips[k] for k in [*wrong_first[: SOUNDS - 1], wrong_first[-1]]]
    (run / extras.SOUNDS).mkdir()
    tone_T = 0.3 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 32_000)
    for number in range(SOUNDS):
        (run / extras.SOUNDS / extras.sound_name(number)).write_bytes(encode_ogg(tone_T.astype(np.float32), 32_000))
    image = np.tile(np.arange(160, dtype=np.uint8), (SOUNDS, 48, 1))
    np.savez(run / extras.SOUNDS / extras.SPECTROGRAMS, image=image)
    entries = [{"clip": name, "start_seconds": 5.0, "seconds": 1.0} for name in names]
    missing = [{"clip": predictions.clips[wrong_first[SOUNDS]], "reason": "no such file"}]
    _json(run / extras.SOUNDS / extras.SOUNDS_LIST, {"clips": entries, "unreadable": missing, "no_room": 2})
    return names


def write_opinions(run: Path, annotators: int = 4, skill: float = 0.8) -> None:
    """Add the opinions of annotators, who give the true genre with probability `skill`, to the test clips of a run."""
    predictions = rundir.RunDir(run).predictions
    random = np.random.default_rng(0)
    clips = []
    for name, artist, true in zip(predictions.clips, predictions.artists, predictions.true, strict=True):
        given: tuple[Opinion, ...] = ()
        while not given or majority(given, name) != true:
            labels = [
                true if random.random() < skill else str(random.choice(predictions.genres)) for _ in range(annotators)
            ]
            given = tuple(Opinion(label, 1.0, f"annotator {k}") for k, label in enumerate(labels))
        clips.append(Clip(name, Path(name), true, artist, opinions=given))
    metrics = json.loads((run / rundir.METRICS).read_text(encoding="utf-8"))
    probability_KC = predictions.probability_KC
    metrics["test"]["opinions"] = opinions.score(
        opinions.collect(clips, predictions.genres), probability_KC, probability_KC
    )
    _json(run / rundir.METRICS, metrics)
    test: Any = SimpleNamespace(clip=torch.arange(len(clips)), logits=torch.from_numpy(np.log(probability_KC)))
    data: Any = SimpleNamespace(
        has_opinions=True, clips=clips, subsets=["test"] * len(clips), genres=predictions.genres
    )
    run_writer.write_opinions(run, test, data)


def config(seed: int = 0, fold: int | None = None, model: str = "Hybrid", **changes: Any) -> dict[str, Any]:
    """A composed config; `changes` are dotted keys with `__` instead of the dot."""
    split: dict[str, Any] = {"_target_": "src.split.Holdout", "seed": 0, "allow_leak": False}
    if fold is not None:
        split |= {"_target_": "src.split.Kfold", "folds": 4, "fold": fold}
    composed = OmegaConf.create(
        {
            "seed": seed,
            "dataset": {"_target_": "src.dataset.Composer", "genres": None},
            "split": split,
            "feature": {"_target_": "src.feature.Mel", "n_mels": 96, "backend": "auto"},
            "model": {"_target_": f"src.model.{model}", "layers": 4},
            "optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 1e-3},
            "trainer": {"max_epochs": 12, "accelerator": "cpu", "threads": 2},
        }
    )
    for key, value in changes.items():
        OmegaConf.update(composed, key.replace("__", "."), value)
    return OmegaConf.to_container(composed)  # type: ignore[return-value]


def write_run(
    path: Path,
    config: dict[str, Any],
    genres: Sequence[str] = tuple(GENRES),
    clips: int = 160,
    first: int = 0,
    skill: float = 1.5,
    artists_known: bool = True,
    shared: dict[str, list[Any]] | None = None,
    warnings: Sequence[str] = (),
    synthetic: bool = True,
    temperature: float | None = 1.5,
) -> Path:
    """Write a finished run that tested `clips` clips, starting with number `first`.

    `skill` is added to the logit of the true genre: with a larger one, the model is better. `temperature` is the one of
    the calibration; None writes a run from before calibration.
    """
    path.mkdir(parents=True)
    rng = np.random.default_rng([int(config["seed"]), first, round(100 * skill)])
    number = np.arange(first, first + clips)
    true_K = number % len(genres)
    true: list[int] = true_K.tolist()
    logits = rng.normal(size=(clips, len(genres))) + skill * np.eye(len(genres))[true_K]
    names = [f"{genres[genre]}/{k:05}.ogg" for k, genre in zip(number, true, strict=True)]
    artist = [
        f"{genres[genre]} artist {k // len(genres) // 2}" if artists_known else None
        for k, genre in zip(number, true, strict=True)
    ]
    track = [f"song {k}" if artists_known else None for k in number]
    logits_KC, genre_K = torch.from_numpy(logits), torch.from_numpy(true_K)
    scores = metrics.score(logits_KC, genre_K, genres, artist, track)
    if temperature is not None:
        before = metrics.score(temperature * logits_KC, genre_K, genres)
        scores |= {f"{key}_uncalibrated": before[key] for key in rundir.CALIBRATED}
    certificate = {
        "split": f"fold {config['split']['fold']} of 4, seed 0" if "fold" in config["split"] else "holdout, seed 0",
        "grouped_by": "artist" if artists_known else "clip",
        "sets": {subset: {"clips": clips, "tracks": clips, "artists": 80} for subset in ("train", "val", "test")},
        "shared": shared or {"artists": [], "tracks": [], "audio": []},
        "allow_leak": bool(shared),
        "warnings": list(warnings),
    }
    OmegaConf.save(OmegaConf.create(config), path / rundir.CONFIG)
    _json(
        path / rundir.METRICS,
        {
            "schema": rundir.SCHEMA,
            "val": scores,
            "test": scores,
            **({} if temperature is None else {"temperature": temperature}),
            "train_seconds": 754.2 + 10 * int(config["seed"]),
            "epochs": 12,
            "best_epoch": 8,
            "parameters": 123_456,
            "certificate": certificate,
            "dataset": "composer",
            "synthetic": synthetic,
            "identity": {"config": "0123", "data": "4567", "source": "89ab"},
        },
    )
    _json(
        path / rundir.ENVIRONMENT,
        {
            "versions": {"python": "3.11.9", "torch": "2.11.0"},
            "git": {"commit": "0f1e2d3c", "dirty": True},
            "command": "python -m src.train model=hybrid feature=mel",
            "hardware": {"machine": "x86_64", "cores": 2, "gpu": None},
            "threads": 2,
            "precision": "32-true",
            "started": "2025-01-02T03:04:05+00:00",
            "finished": "2025-01-02T03:16:39+00:00",
        },
    )
    epochs = np.arange(12)
    history = np.stack(
        [
            epochs,
            2.3 * 0.8**epochs,
            1 + 1.3 * 0.75**epochs + 0.01 * epochs**1.5,
            *((1 - (epochs - 8) ** 2 / 70) * scores[key] for key in ("accuracy", "f1_macro")),  # best in epoch 8
        ]
    ).T
    _csv(
        path / rundir.HISTORY,
        ["epoch", "train_loss", "val_loss", "val_accuracy", "val_f1_macro", "lr", "seconds"],
        [[*row, 0.001, 62.0] for row in history.tolist()],
    )
    predicted = logits_KC.argmax(dim=1)
    probability = logits_KC.softmax(dim=1).tolist()
    rows = [
        [name, known_artist or "", genres[k], genres[p], *(f"{x:.6f}" for x in row)]
        for name, known_artist, k, p, row in zip(names, artist, true, predicted.tolist(), probability, strict=True)
    ]
    _csv(path / rundir.PREDICTIONS, ["clip", "artist", "genre", "predicted", *(f"p_{genre}" for genre in genres)], rows)
    counts = metrics.confusion(predicted, genre_K, len(genres)).tolist()
    _csv(
        path / rundir.CONFUSION, ["genre", *genres], [[genre, *row] for genre, row in zip(genres, counts, strict=True)]
    )
    split = [
        [name, genres[k], known_artist or "", song or "", "test"]
        for name, k, known_artist, song in zip(names, true, artist, track, strict=True)
    ]
    other = "other artist" if artists_known else ""
    split += [[f"{genre}/train{k}.ogg", genre, other, other, "train"] for genre in genres for k in range(3)]
    _csv(path / rundir.SPLIT, ["clip", "genre", "artist", "track", "set"], split)
    _csv(
        path / rundir.EXCLUDED,
        ["clip", "reason"],
        [["jazz/00054.wav", "not readable as audio (format not recognised)"]],
    )
    return path


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def _csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
