"""File names in a run directory, and a reader of these files that does not need torch."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src import formatting, plain_files
from src.rundir import schema, untrusted

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
OPINIONS = "opinions.csv"  # only if several people have labelled the clips
NOTES = "notes.csv"  # only if there are notes
FINGERPRINTS = "fingerprints.npz"  # of the training and validation clips; an evaluation searches it for copies
REPORT = "report.html"
LOCK = ".lock"  # locked during training; the file stays afterwards
EVALUATION = "evaluation"  # `kind` in metrics.json of a run that was judged on other clips; it has no model of its own
SCHEMA = 2  # version of metrics.json; schema 1, which calls the sets of a split "sides", can still be read

# `_target_` in config.yaml of schema 1 -> current name, so that old and new runs of one experiment form one group.
RENAMED_TARGETS = {
    "src.data.GenreData": "src.data.datamodule.GenreData",
    "src.run.trainer": "src.training.trainer.build_trainer",
    "src.dashboard.wandb": "src.training.loggers.wandb",
    "src.dashboard.csv": "src.training.loggers.csv",
    "src.dashboard.none": "src.training.loggers.none",
}
ROUNDING = 1e-5  # shares in opinions.csv have six digits
CALIBRATED = ("nll", "ece")  # scores that the temperature changes; metrics.json also has `<score>_uncalibrated`


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
class ClipOpinions:
    """The opinions of several people on a clip: the share of each genre that somebody gave, the highest first.

    `votes` are the numbers of labels; empty if only the shares are known.
    """

    share: dict[str, float]
    votes: dict[str, int]

    @property
    def tied(self) -> list[str]:
        """The genres with the highest share."""
        return [genre for genre, share in self.share.items() if share > max(self.share.values()) - ROUNDING]


@dataclass(frozen=True)
class RunDir:
    """Read-only access to the files of a run. Each file is read once, when it is first needed.

    The properties raise ValueError, which names the file, if their file is missing or broken, has another schema, or does
    not fit to the others. `history` and `excluded` are empty if their file is missing. A run may come from a stranger:
    config.yaml may name only classes that this project knows, and those of the modules in `trust`; None trusts all of it.
    """

    path: Path
    trust: tuple[str, ...] | None = ()

    @cached_property
    def config(self) -> dict[str, Any]:
        """Composed config of the run, in plain values."""
        path = plain_files.existing(self.path, CONFIG)
        config = _with_current_names(untrusted.load_config(path))
        schema.check(path, config, schema.CONFIG)
        if self.trust is not None:
            untrusted.check_targets(path, config, self.trust)
        return config

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Content of metrics.json. Entries that an older run does not have are None."""
        path = self.path / METRICS
        if not os.path.isfile(path):
            raise ValueError(f"{self.path} has no {METRICS}: its run has not finished, or it failed. Train it again.")
        metrics = plain_files.json_object(self.path, METRICS)
        if metrics.get("schema") not in (1, SCHEMA):
            raise ValueError(
                f"{path} has schema {plain_files.shown(metrics.get('schema'))}, expected {SCHEMA}: another version of this "
                "project wrote it. Read it with that version, or train the run again."
            )
        certificate = metrics.get("certificate")
        if isinstance(certificate, dict) and "sides" in certificate:
            certificate["sets"] = certificate.pop("sides")
        schema.check(path, metrics, schema.METRICS)
        if metrics.get("kind") == EVALUATION:
            schema.check(path, metrics, schema.EVALUATION)
            metrics[EVALUATION].setdefault("members", [])
        metrics.setdefault("temperature", None)
        metrics.setdefault("passes", {})
        metrics.setdefault("doubt", None)
        metrics.setdefault("fitted", None)
        for kind in ("albums", "near_copies"):
            metrics["certificate"]["shared"].setdefault(kind, None)
        for scores in (metrics["val"], metrics["test"]):
            if scores is None:
                continue
            for key in (*(f"{key}_uncalibrated" for key in CALIBRATED), "opinions"):
                scores.setdefault(key, None)
        return metrics

    @property
    def is_evaluation(self) -> bool:
        """True if `src.evaluate` wrote this directory: it has scores and predictions, but no model."""
        return bool(self.metrics.get("kind") == EVALUATION)

    def require_model(self) -> None:
        """Raise ValueError if this is an evaluation of other runs."""
        if self.is_evaluation:
            several = bool(self.metrics[EVALUATION]["members"])
            raise ValueError(
                f"{self.path} is an evaluation: it has the scores of {self.evaluated} on other clips, and no model. Name "
                f"{'those runs' if several else 'that run'} instead."
            )

    @property
    def evaluated(self) -> str:
        """Name of what was evaluated: "the run a", "the average of a, b"."""
        evaluation = self.metrics[EVALUATION]
        return f"the {evaluation['run']}" if evaluation["members"] else f"the run {evaluation['run']}"

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Content of environment.json: identity, command, versions, git commit, hardware and times."""
        environment = plain_files.json_object(self.path, ENVIRONMENT)
        schema.check(self.path / ENVIRONMENT, environment, schema.ENVIRONMENT)
        return environment

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
        path = self.path / PREDICTIONS
        rows = list(plain_files.rows(self.path, PREDICTIONS, ("clip", "artist", "genre", "predicted")))
        if not rows:
            raise ValueError(f"{path} has no rows. Train the run again.")
        columns = [key for key in rows[0][1] if key.startswith("p_")]
        genres = [key.removeprefix("p_") for key in columns]
        probability_KC = np.array(
            [[plain_files.number(self.path, PREDICTIONS, line, row[key]) for key in columns] for line, row in rows],
            dtype=np.float64,  # an empty cell becomes NaN
        )
        in_range_K = (probability_KC >= 0).all(axis=1) & (abs(probability_KC.sum(axis=1) - 1) < 0.01)  # False for NaN
        known = set(genres)
        lines_by_clip: dict[str, int] = {}
        for (line, row), in_range in zip(rows, in_range_K.tolist(), strict=True):
            if row["genre"] not in known or row["predicted"] not in known:
                raise ValueError(
                    f"{path}: {row['clip']!r} is {row['genre']!r}, predicted {row['predicted']!r}, but the probability "
                    f"columns are {', '.join(genres)}. Train the run again."
                )
            if not in_range or lines_by_clip.setdefault(row["clip"], line) != line:
                problem = f"{row['clip']!r} stands in two lines" if in_range else "its probabilities do not add up to 1"
                raise ValueError(f"{path}, line {line}: {problem}. Train the run again.")
        tested = self.metrics["test"]["genres"]
        if set(genres) != set(tested):
            raise ValueError(
                f"{path} has the genres {formatting.first_names(genres, 10)}, expected those of {METRICS}: "
                f"{formatting.first_names(list(tested), 10)}. Train the run again."
            )
        return Predictions(
            clips=[row["clip"] for _, row in rows],
            artists=[row["artist"] or None for _, row in rows],
            true=[row["genre"] for _, row in rows],
            predicted=[row["predicted"] for _, row in rows],
            genres=genres,
            probability_KC=probability_KC,
        )

    @cached_property
    def opinions(self) -> dict[str, ClipOpinions]:
        """The opinions on the test clips, by clip; empty without opinions.csv."""
        if not (self.path / OPINIONS).exists():
            return {}
        found = {}
        for line, row in plain_files.rows(self.path, OPINIONS, ("clip", "set", "labels")):
            if row["set"] != "test":
                continue
            cells = {key.removeprefix("s_"): text for key, text in row.items() if key.startswith("s_")}
            shares = {
                genre: plain_files.number(self.path, OPINIONS, line, text) or 0.0 for genre, text in cells.items()
            }
            if not abs(sum(shares.values()) - 1) < 0.01 or min(shares.values()) < 0:  # also False for NaN
                raise ValueError(
                    f"{self.path / OPINIONS}, line {line}: the shares do not add up to 1. Train the run again."
                )
            share = {
                genre: shares[genre] for genre in sorted(shares, key=lambda genre: -shares[genre]) if shares[genre]
            }
            labels = row["labels"].split("|")
            counted = Counter(label.rpartition("=")[2] for label in labels)
            votes = {genre: counted[genre] for genre in share}
            # A name with | or = in it is read wrongly, and then the counts are not the shares.
            known = all(abs(votes[genre] / len(labels) - share[genre]) < ROUNDING for genre in share)
            found[row["clip"]] = ClipOpinions(share, votes if known else {})
        return found

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
        counts_CC = np.array(counts, dtype=np.float64)
        if not ((counts_CC >= 0) & (counts_CC <= schema.LARGEST)).all():
            raise ValueError(f"{self.path / CONFUSION}: expected numbers of clips, 0 or more. Train the run again.")
        return genres, counts_CC.astype(np.int64)

    @cached_property
    def split(self) -> list[dict[str, str | None]]:
        """One row for each clip: clip, genre, artist, track (None if unknown), set (train, val, test or calibration)."""
        rows = split_rows(self.path / SPLIT, ("clip", "genre", "artist", "track"))
        return [{key: value or None for key, value in row.items()} for _, row in rows]

    @property
    def genres(self) -> list[str]:
        """The genres, in the order of the logits."""
        return sorted({str(row["genre"]) for row in self.split})

    @cached_property
    def excluded(self) -> list[tuple[str, str]]:
        """Clips that the data set left out: (clip, reason)."""
        if not (self.path / EXCLUDED).exists():
            return []
        return [(row["clip"], row["reason"]) for _, row in plain_files.rows(self.path, EXCLUDED, ("clip", "reason"))]


def _with_current_names(config: dict[str, Any]) -> dict[str, Any]:
    """Replace the names of schema 1 in a config by the current ones, in place, and add later keys; return the config."""
    for node in config.values():
        if isinstance(node, dict) and (name := str(node.get("_target_"))) in RENAMED_TARGETS:
            node["_target_"] = RENAMED_TARGETS[name]
    trainer = config.get("trainer")
    if isinstance(trainer, dict) and "keep" in trainer:
        trainer["checkpoint"] = trainer.pop("keep")
    split = config.get("split")
    if isinstance(split, dict) and str(split.get("_target_")).startswith("src.split."):
        split.setdefault("calibration", 0.0)
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


def find_runs(path: Path, depth: int = 3, trust: tuple[str, ...] | None = ()) -> list[RunDir]:
    """Find all runs in a folder and up to `depth` levels below it, sorted by path; unfinished runs included.

    A folder is a run if it contains metrics.json, config.yaml or a lock. Its own subfolders (wandb, checkpoints) are
    not searched, nor are the wandb folder of a sweep, in which wandb writes files named config.yaml, and folders that may
    not be read. `trust` is that of each RunDir.
    """
    if any(os.path.lexists(path / name) for name in (METRICS, CONFIG, LOCK)):
        return [RunDir(path, trust)]
    if depth == 0 or not os.access(path, os.R_OK | os.X_OK) or not path.is_dir():
        return []
    folders = sorted(
        child
        for child in path.iterdir()
        if os.path.isdir(child) and not child.name.startswith(".") and child.name != "wandb"
    )
    return [run for folder in folders for run in find_runs(folder, depth - 1, trust)]


def runs_at(path: Path, trust: tuple[str, ...] = ()) -> list[RunDir]:
    """Find the runs at a path from the command line; unfinished runs included. Raises ValueError if there are none.

    `trust` has modules whose classes their configs may name.
    """
    if not path.is_dir():
        problem = "is not a folder" if path.exists() else "does not exist"
        raise ValueError(f"{path} {problem}: expected a run directory or a folder of runs.")
    runs = find_runs(path, trust=trust)
    if not runs:
        raise ValueError(
            f"{path} contains no run: expected {METRICS} in it, or in folders up to 3 below it, as "
            "`python -m src.train` writes them."
        )
    return runs
