"""File names in a run directory, and a reader of these files that does not need torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from src import plain_files
from src.rundir import nested

CONFIG = "config.yaml"
ENVIRONMENT = "environment.json"
BEST = "best.ckpt"
LAST = "last.ckpt"
METRICS = "metrics.json"
HISTORY = "history.csv"
PREDICTIONS = "predictions.csv"
CONFUSION = "confusion.csv"
SPLIT = "split.csv"
EXCLUDED = "excluded.csv"
NOTES = "notes.csv"  # only if there are notes
REPORT = "report.html"
LOCK = ".lock"  # locked during training; the file stays afterwards
SCHEMA = 2  # version of metrics.json; schema 1, which calls the sets of a split "sides", can still be read

_SCORES = [
    "clips",
    "tracks",
    "artists",
    "accuracy",
    "accuracy_interval",
    "accuracy_interval_by_artist",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "nll",
    "ece",
    "genres",
]
# `_target_` in config.yaml of schema 1 -> current name, so that old and new runs of one experiment form one group.
RENAMED_TARGETS = {
    "src.data.GenreData": "src.data.datamodule.GenreData",
    "src.run.trainer": "src.training.trainer.build_trainer",
    "src.dashboard.wandb": "src.training.loggers.wandb",
    "src.dashboard.csv": "src.training.loggers.csv",
    "src.dashboard.none": "src.training.loggers.none",
}
CALIBRATED = ("nll", "ece")  # scores that the temperature changes; metrics.json also has `<score>_uncalibrated`
_METRICS = (
    *["train_seconds", "epochs", "best_epoch", "parameters", "dataset", "synthetic", "identity", "val"],
    *(f"test.{key}" for key in _SCORES),
    *(f"certificate.{key}" for key in ["split", "grouped_by", "sets", "shared", "allow_leak", "warnings"]),
)


@dataclass(frozen=True)
class Predictions:
    """The K test clips of a run with their true and predicted genres and the probabilities (K, C) of the C genres."""

    clips: list[str]
    artists: list[str | None]
    true: list[str]
    predicted: list[str]
    genres: list[str]
    probability_KC: NDArray[np.float64]


@dataclass(frozen=True)
class RunDir:
    """Read-only access to the files of a run. Each file is read once, when it is first needed.

    The properties raise ValueError if their file is missing or broken or has another schema. `history` and `excluded`
    are empty if their file is missing.
    """

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """Composed config of the run, with interpolations resolved."""
        path = plain_files.existing(self.path, CONFIG)
        try:
            config = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
        except Exception as error:  # yaml, omegaconf and decoding errors have no other common base class
            raise ValueError(
                f"{path} cannot be read as a config ({plain_files.first_line(error)}). Train the run again."
            ) from error
        if not isinstance(config, dict):
            raise ValueError(f"{path} contains a {type(config).__name__}, expected a mapping. Train the run again.")
        return _with_current_names({str(key): value for key, value in config.items()})

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Content of metrics.json. Entries that an older run does not have are None."""
        path = self.path / METRICS
        if not path.is_file():
            raise ValueError(f"{self.path} has no {METRICS}: its run has not finished, or it failed. Train it again.")
        metrics = plain_files.json_object(self.path, METRICS)
        if metrics.get("schema") not in (1, SCHEMA):
            raise ValueError(
                f"{path} has schema {metrics.get('schema')!r}, expected {SCHEMA}: another version of this project "
                "wrote it. Read it with that version, or train the run again."
            )
        certificate = metrics.get("certificate")
        if isinstance(certificate, dict) and "sides" in certificate:
            certificate["sets"] = certificate.pop("sides")
        expected = (*_METRICS, *(f"val.{key}" for key in _SCORES if metrics.get("val") is not None))
        missing = [key for key in expected if not nested.has(metrics, key)]
        if missing:
            raise ValueError(f"{path} lacks {', '.join(missing)}. Train the run again.")
        metrics.setdefault("temperature", None)
        for kind in ("albums", "near_copies"):
            metrics["certificate"]["shared"].setdefault(kind, None)
        for scores in (metrics["val"], metrics["test"]):
            for key in CALIBRATED if scores is not None else ():
                scores.setdefault(f"{key}_uncalibrated", None)
        return metrics

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Content of environment.json: identity, command, versions, git commit, hardware and times."""
        return plain_files.json_object(self.path, ENVIRONMENT)

    @cached_property
    def history(self) -> list[dict[str, float | None]]:
        """One row per epoch: epoch, train_loss, val_loss, val_accuracy, val_f1_macro, lr, seconds; None: not measured."""
        if not (self.path / HISTORY).exists():
            return []
        return [
            {key: plain_files.number(self.path, HISTORY, line, value) for key, value in row.items()}
            for line, row in plain_files.rows(
                self.path, HISTORY, ("epoch", "train_loss", "val_loss", "val_accuracy", "val_f1_macro")
            )
        ]

    @cached_property
    def predictions(self) -> Predictions:
        """Predictions for the test clips."""
        rows = list(plain_files.rows(self.path, PREDICTIONS, ("clip", "artist", "genre", "predicted")))
        if not rows:
            raise ValueError(f"{self.path / PREDICTIONS} has no rows. Train the run again.")
        columns = [key for key in rows[0][1] if key.startswith("p_")]
        probability = [
            [plain_files.number(self.path, PREDICTIONS, line, row[key]) for key in columns] for line, row in rows
        ]
        return Predictions(
            clips=[row["clip"] for _, row in rows],
            artists=[row["artist"] or None for _, row in rows],
            true=[row["genre"] for _, row in rows],
            predicted=[row["predicted"] for _, row in rows],
            genres=[key.removeprefix("p_") for key in columns],
            probability_KC=np.array(probability, dtype=np.float64),
        )

    @cached_property
    def confusion(self) -> tuple[list[str], NDArray[np.int64]]:
        """Confusion matrix: the C genres and the counts (C, C), rows true and columns predicted."""
        header, cells = plain_files.table(self.path, CONFUSION, ("genre",))
        rows = list(cells)  # read by position: a genre may have the name of the first column
        genres = [row[0] for _, row in rows]
        if not rows or header != ["genre", *genres]:
            raise ValueError(
                f"{self.path / CONFUSION}: its rows and columns are not the same genres. Train the run again."
            )
        counts = [[plain_files.number(self.path, CONFUSION, line, text) for text in row[1:]] for line, row in rows]
        return genres, np.array(counts, dtype=np.float64).astype(np.int64)

    @cached_property
    def split(self) -> list[dict[str, str | None]]:
        """One row for each clip: clip, genre, artist, track (None if unknown), set (train, val or test)."""
        rows = split_rows(self.path / SPLIT, ("clip", "genre", "artist", "track"))
        return [{key: value or None for key, value in row.items()} for _, row in rows]

    @cached_property
    def excluded(self) -> list[tuple[str, str]]:
        """Clips that the data set left out: (clip, reason)."""
        if not (self.path / EXCLUDED).exists():
            return []
        return [(row["clip"], row["reason"]) for _, row in plain_files.rows(self.path, EXCLUDED, ("clip", "reason"))]


def _with_current_names(config: dict[str, Any]) -> dict[str, Any]:
    """Replace the names of schema 1 in a config by the current ones, in place; return the config."""
    for node in config.values():
        if isinstance(node, dict) and node.get("_target_") in RENAMED_TARGETS:
            node["_target_"] = RENAMED_TARGETS[node["_target_"]]
    trainer = config.get("trainer")
    if isinstance(trainer, dict) and "keep" in trainer:
        trainer["checkpoint"] = trainer.pop("keep")
    return config


def split_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Read split.csv: yield each row with its line number. Schema 1 calls the column `set` `side`.

    Raises ValueError if the file, a column or a cell is missing.
    """
    for line, row in plain_files.rows(path.parent, path.name, columns):
        if "set" not in row and "side" not in row:
            raise ValueError(f"{path} lacks the column set. Train the run again.")
        row.setdefault("set", row.pop("side", ""))
        yield line, row


def find_runs(path: Path, depth: int = 3) -> list[RunDir]:
    """Find all runs in a folder and up to `depth` levels below it, sorted by path; unfinished runs included.

    A folder is a run if it contains metrics.json, config.yaml or a lock. Its own subfolders (wandb, checkpoints) are
    not searched.
    """
    if any((path / name).exists() for name in (METRICS, CONFIG, LOCK)):
        return [RunDir(path)]
    if depth == 0 or not path.is_dir():
        return []
    folders = sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))
    return [run for folder in folders for run in find_runs(folder, depth - 1)]


def runs_at(path: Path) -> list[RunDir]:
    """Find the runs at a path from the command line; unfinished runs included. Raises ValueError if there are none."""
    if not path.is_dir():
        problem = "is not a folder" if path.exists() else "does not exist"
        raise ValueError(f"{path} {problem}: expected a run directory or a folder of runs.")
    runs = find_runs(path)
    if not runs:
        raise ValueError(
            f"{path} contains no run: expected {METRICS} in it, or in folders up to 3 below it, as "
            "`python -m src.train` writes them."
        )
    return runs
