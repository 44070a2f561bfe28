"""Read an earlier output of `predict`, so that its files are not predicted again: `predict --resume`."""

import csv
import fcntl
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from src import formatting, plain_files
from src.classifier.precision import FP32

ENCODING: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}  # a file name may not be valid Unicode


@dataclass(frozen=True)
class EarlierOutput:
    """Content of an earlier output.

    `format` is "json" or "csv", None if the output is empty. `predicted` are the files that have a prediction, `header`
    are the columns of a CSV. `incomplete_bytes` is the length of an incomplete last line. `ends_with_newline` is False if
    the last line lacks its newline. `unreadable_lines` counts the other lines that cannot be read. `precisions` are those of the predictions; None is float32. `models` are their models,
    `genres` the genres that have a probability. `doubts` are the values of --set and --abstain.
    """

    path: Path
    format: str | None
    predicted: frozenset[str]
    header: Sequence[str] = ()
    incomplete_bytes: int = 0
    ends_with_newline: bool = True
    unreadable_lines: int = 0
    precisions: frozenset[str | None] = frozenset()
    models: frozenset[str] = frozenset()
    genres: frozenset[str] = frozenset()
    doubts: frozenset[tuple[float | None, float | None]] = frozenset()

    def check_models(self, models: Sequence[str], genres: Sequence[str]) -> None:
        """Raise ValueError if other models made the predictions, e.g. the tagger with another network, or for other genres."""
        if different := sorted(self.models - set(models)):
            raise ValueError(
                f"{self.path} was computed with {', '.join(different)}, not {', '.join(models)}: use the same --run and "
                "--weights, or write into a new file."
            )
        if different := sorted(self.genres - set(genres)):
            raise ValueError(
                f"{self.path} has probabilities of {formatting.first_names(different, 5)}, which are not predicted now: use the "
                "same --genres, or write into a new file."
            )

    def check_precision(self, precision: str | None) -> None:
        """Raise ValueError if the predictions have another precision than the new ones; None is float32."""
        if different := self.precisions - {precision}:
            before, now = (each or FP32 for each in (*different, precision))
            raise ValueError(
                f"{self.path} was computed with --precision {before}, not {now}: use --precision {before}, or write into "
                "a new file."
            )

    def check_doubt(self, level: float | None, rate: float | None) -> None:
        """Raise ValueError if the predictions have other sets or another error rate than the new ones."""
        if different := self.doubts - {(level, rate)}:
            before, now = (_doubt_options(each) for each in (sorted(different, key=str)[0], (level, rate)))
            raise ValueError(
                f"{self.path} was computed with {before}, not {now}: use the same --set and --abstain, or write into a new file."
            )

    def describe_skipped(self, files: Sequence[str]) -> str:
        """Describe how many of the files are skipped, and which lines of the output are ignored."""
        if self.format is None:
            return f"{self.path} contains no predictions yet: nothing is skipped."
        skipped = sum(file in self.predicted for file in files)
        text = f"{self.path} has predictions for {skipped} of {formatting.count(len(files), 'file')}: they are skipped."
        if self.incomplete_bytes:
            text += " Its last line is incomplete and is ignored."
        if self.unreadable_lines:
            text += f" Ignored, because unreadable: {formatting.count(self.unreadable_lines, 'line')}."
        return text

    def is_appended_to(self, out: TextIO) -> bool:
        """True if `out` writes into this same file, as with `>>`."""
        try:
            return os.path.samestat(os.fstat(out.fileno()), self.path.stat())
        except OSError:  # the file does not exist yet, or the stream has no file
            return False

    def prepare_append(self, out: TextIO, format: str, header: Sequence[str]) -> None:
        """Make this file, into which `out` writes, ready for more lines: cut off an incomplete line, or add a newline.

        Raises ValueError if the format or the columns of the new lines differ.
        """
        if self.format not in (format, None):
            raise ValueError(
                f"{self.path} contains {self.format}, but --format is {format}: use --format {self.format}."
            )
        if self.format == "csv" and self.header and list(self.header) != list(header):
            different = sorted({*self.header} ^ {*header}) or ["in another order"]
            raise ValueError(
                f"{self.path} has other columns ({', '.join(different[:5])}): it was made with another --run, --genres "
                "or version. "
                "Use the same --run and --genres, or write into a new file."
            )
        if self.incomplete_bytes:
            os.ftruncate(out.fileno(), self.path.stat().st_size - self.incomplete_bytes)
        elif not self.ends_with_newline:
            out.write("\n")


@contextmanager
def lock(path: Path | None) -> Iterator[None]:
    """Lock an earlier output while it is continued. Raises ValueError if another process continues it.

    The file itself is locked, as a shell's >> opens it too; a file that does not exist yet needs no lock.
    """
    if path is None or not path.is_file():
        yield
        return
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"--resume {path}: another process is continuing this output. Wait for it, or write into another file."
            ) from None
        yield


def read(path: Path) -> EarlierOutput:
    """Read an earlier output. A missing file counts as an empty output. Raises ValueError on a file of another kind."""
    text = path.read_bytes().decode(**ENCODING) if path.exists() else ""
    if not text.strip():
        return EarlierOutput(path, None, frozenset())
    if text.startswith("{"):
        return _json(path, text)
    if text.startswith("audio_file,") or "audio_file,".startswith(text):
        return _csv(path, text)
    raise ValueError(f"--resume {path}: expected JSON lines or CSV that `python -m src.predict` has printed.")


def _json(path: Path, text: str) -> EarlierOutput:
    *lines, last = text.split("\n")
    objects = [_object(line) for line in lines if line]
    last_object = _object(last)
    predicted = {entry["audio_file"] for entry in [*objects, last_object] if entry and "error" not in entry}
    entries = [entry for entry in [*objects, last_object] if entry and "error" not in entry]
    precisions = {_precision(entry) for entry in entries}
    incomplete_bytes = len(last.encode(**ENCODING)) if last_object is None else 0
    return EarlierOutput(
        path,
        "json",
        frozenset(predicted),
        incomplete_bytes=incomplete_bytes,
        ends_with_newline=not last,
        unreadable_lines=objects.count(None),
        precisions=frozenset(precisions),
        models=frozenset(str(one["model"]) for entry in entries for one in _of_models(entry) if "model" in one),
        doubts=frozenset(_doubt(entry) for entry in entries),
        genres=frozenset(
            genre for entry in entries for one in _of_models(entry) for genre in one.get("probabilities") or ()
        ),
    )


def _doubt_options(values: tuple[float | None, float | None]) -> str:
    """The options of predict: "--set 0.9 --abstain 0.05"."""
    given = [
        f"{name} {value:g}" for name, value in zip(("--set", "--abstain"), values, strict=True) if value is not None
    ]
    return " ".join(given) or "neither --set nor --abstain"


def _doubt(entry: dict[str, Any]) -> tuple[float | None, float | None]:
    level, rate = (next(iter(_of_models(entry)), entry).get(key) or None for key in ("set_level", "abstain"))
    return (float(level) if level else None, float(rate) if rate else None)


def _of_models(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The predictions of each model for one file."""
    models = entry.get("models")
    return [one for one in models if isinstance(one, dict)] if isinstance(models, list) else [entry]


def _precision(entry: dict[str, Any]) -> str | None:
    """The precision of a prediction, or of those of several models; None is float32."""
    precision = next(iter(_of_models(entry)), entry).get("precision")
    return None if precision is None else str(precision)


def _object(line: str) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) and "audio_file" in content else None


def _csv(path: Path, text: str) -> EarlierOutput:
    complete_lines, _, last = text.rpartition("\n")
    header, *rows = [row for row in csv.reader(io.StringIO(complete_lines, newline="")) if row] or [[]]
    readable_rows = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header) and row != header]
    predicted = {plain_files.original(row["audio_file"]) for row in readable_rows if not row.get("error")}
    predictions = [row for row in readable_rows if not row.get("error")]
    precisions = {row.get("precision") or None for row in predictions}
    unreadable_lines = sum(len(row) != len(header) for row in rows)
    incomplete_bytes = len(last.encode(**ENCODING))
    return EarlierOutput(
        path,
        "csv",
        frozenset(predicted),
        header,
        incomplete_bytes,
        ends_with_newline=not last,
        unreadable_lines=unreadable_lines,
        precisions=frozenset(precisions),
        models=frozenset(row["model"] for row in predictions if row.get("model")),
        doubts=frozenset(_doubt(dict(row)) for row in predictions),
    )
