"""The files that a training run leaves in its directory; `metrics.json` comes last and means finished."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
import torch
from omegaconf import OmegaConf
from torch import Tensor

from src import console, metrics, rundir
from src.classifier.classifier import UNCALIBRATED
from src.data.datamodule import GenreData
from src.plain_files import write_csv
from src.rundir import changes
from src.training.module import Answer, GenreModule

TRAINED = (
    rundir.BEST,
    rundir.LAST,
    rundir.HISTORY,
    rundir.PREDICTIONS,
    rundir.CONFUSION,
    rundir.METRICS,
    rundir.REPORT,
)


@contextmanager
def lock(folder: Path, wait: bool) -> Iterator[None]:
    """Hold a run directory. Where another process trains in it, `wait` for that one to end, or raise ValueError."""
    door = filelock.FileLock(folder / rundir.LOCK)
    try:
        held = door.acquire(timeout=0)
    except filelock.Timeout:
        if not wait:
            raise ValueError(
                f"Another process is training in {folder}. Wait for it, or choose another hydra.run.dir."
            ) from None
        console.note(f"Another process is training in {folder}: waiting for it.")
        held = door.acquire()
    with held:
        yield


def discard(folder: Path) -> None:
    """Remove a run directory in which nothing was written but its lock."""
    if all(path.name == rundir.LOCK for path in folder.iterdir()):
        (folder / rundir.LOCK).unlink(missing_ok=True)
        folder.rmdir()


def state(folder: Path, settings: Mapping[str, Any], data: GenreData, environment: Mapping[str, Any]) -> str:
    """What the directory holds of this very run: "nothing", "half" of it (so that it can go on), or "all".

    Raises ValueError where it holds a run with other settings. Where only the data or the source has changed since, what
    was trained is removed, and what changed is said.
    """
    if not (folder / rundir.ENVIRONMENT).exists():
        return "nothing"
    files, identity = rundir.RunDir(folder), environment["identity"]
    before = files.environment["identity"]
    if before["config"] != identity["config"]:
        different = changes.settings(files.config, settings)
        raise ValueError(f"{folder} holds a run with other settings ({different}). Choose another hydra.run.dir.")
    if before == identity:
        return "all" if (folder / rundir.METRICS).exists() else "half" if (folder / rundir.LAST).exists() else "nothing"
    changed = []
    if before["data"] != identity["data"]:
        try:
            changed.append(f"the data changed ({changes.clips(files.split, sides(data))})")
        except ValueError:  # killed while its split.csv was written
            changed.append("the data changed")
    if before["source"] != identity["source"]:
        named = changes.files(files.environment.get("source"), environment["source"])
        changed.append(f"the source changed ({named})" if named else "the source changed")
    console.note(f"{folder}: {' and '.join(changed)} since it was trained, so it is trained again.")
    for name in TRAINED:
        (folder / name).unlink(missing_ok=True)
    return "nothing"


def sides(data: GenreData) -> list[dict[str, str | None]]:
    """The rows of split.csv: every clip with its side."""
    return [
        {
            "clip": clip.name,
            "genre": clip.genre,
            "artist": clip.artist or None,
            "track": clip.track or None,
            "side": side,
        }
        for clip, side in zip(data.clips, data.sides, strict=True)
    ]


def start(folder: Path, settings: Mapping[str, Any], data: GenreData, environment: Mapping[str, Any]) -> None:
    """Write what is known before training: settings, environment, who is on which side, and what was left out."""
    OmegaConf.save(OmegaConf.create(dict(settings)), folder / rundir.CONFIG)
    _json(folder / rundir.ENVIRONMENT, environment)
    columns = ("clip", "genre", "artist", "track", "side")
    write_csv(folder / rundir.SPLIT, columns, ([row[key] or "" for key in columns] for row in sides(data)))
    write_csv(folder / rundir.EXCLUDED, ("clip", "reason"), ((left.clip, left.reason) for left in data.excluded))


def keep_calibration(folder: Path, module: GenreModule) -> None:
    """Write the module's temperature into best.ckpt, whole or not at all."""
    saved = torch.load(folder / rundir.BEST, map_location="cpu", weights_only=True)
    saved["state_dict"].update({name: module.state_dict()[name].cpu() for name in UNCALIBRATED})
    part = folder / f"{rundir.BEST}.part"
    torch.save(saved, part)
    os.replace(part, folder / rundir.BEST)


def scores(answer: Answer, temperature: float, data: GenreData) -> dict[str, Any]:
    """The `val` or `test` object of metrics.json: of the answers at a temperature, and what that changed."""
    clips = [data.clips[k] for k in answer.clip.tolist()]
    artists, tracks = [clip.artist for clip in clips], [clip.track for clip in clips]
    before = metrics.score(answer.logits, answer.genre, data.genres)
    after = metrics.score(answer.at(temperature).logits, answer.genre, data.genres, artists, tracks)
    changed = {f"{key}_uncalibrated": before[key] for key in rundir.CALIBRATED}
    per_genre = after.pop("genres")
    return {**after, **changed, "genres": per_genre}  # the scores of all clips first, since genres are many


def finish(folder: Path, test: Answer, data: GenreData, content: Mapping[str, Any]) -> None:
    """Write the test clips' calibrated predictions, the confusion matrix, and metrics.json last of all."""
    probability_KC, predicted_K = test.logits.softmax(dim=1), test.logits.argmax(dim=1)
    rows = [
        (clip.name, clip.artist or "", clip.genre, data.genres[predicted], *(f"{p:.6f}" for p in probability_C))
        for clip, predicted, probability_C in zip(
            [data.clips[k] for k in test.clip.tolist()], predicted_K.tolist(), probability_KC.tolist(), strict=True
        )
    ]
    write_csv(
        folder / rundir.PREDICTIONS,
        ("clip", "artist", "genre", "predicted", *(f"p_{genre}" for genre in data.genres)),
        rows,
    )
    counts_CC: Tensor = metrics.confusion(predicted_K, test.genre, len(data.genres))
    write_csv(
        folder / rundir.CONFUSION,
        ("genre", *data.genres),
        ((g, *row) for g, row in zip(data.genres, counts_CC.tolist(), strict=True)),
    )
    environment = rundir.RunDir(folder).environment
    _json(folder / rundir.ENVIRONMENT, {**environment, "finished": datetime.now(UTC).isoformat(timespec="seconds")})
    _json(folder / rundir.METRICS, {"schema": rundir.SCHEMA, **content})


def _json(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
