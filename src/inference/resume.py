"""Read an earlier output of `predict` (`predict --resume`), so that its files are not predicted again."""

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from src import formatting

ENCODING: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}  # a file name may not be valid text


@dataclass(frozen=True)
class EarlierOutput:
    """The content of an earlier output. `format` is "json" or "csv", None where it is empty; `predicted` are its files
    without error.

    `torn` is the length in bytes of an incomplete last line, `ended` whether the last line has its newline, and `ignored`
    the number of other lines that cannot be read.
    """

    path: Path
    format: str | None
    predicted: frozenset[str]
    header: Sequence[str] = ()
    torn: int = 0
    ended: bool = True
    ignored: int = 0

    def describe_skipped(self, files: Sequence[str]) -> str:
        """Say how many of the files are skipped, and why others are not."""
        if self.format is None:
            return f"{self.path} holds no predictions yet: nothing is skipped."
        skipped = sum(file in self.predicted for file in files)
        text = f"{self.path} has predictions for {skipped} of {formatting.count(len(files), 'file')}: they are skipped."
        if self.torn:
            text += " Its last line is incomplete and does not count."
        if self.ignored:
            text += f" {formatting.count(self.ignored, 'line')} of it cannot be read and do not count."
        return text

    def is_appended_to(self, out: TextIO) -> bool:
        """Whether `out` writes into this same file, as with `>>`."""
        try:
            return os.path.samestat(os.fstat(out.fileno()), self.path.stat())
        except OSError:  # not there yet, or a stream without a file
            return False

    def prepare_append(self, out: TextIO, format: str, header: Sequence[str]) -> None:
        """Prepare `out`, which writes into this file, for more lines. Raises ValueError where they would not fit."""
        if self.format not in (format, None):
            raise ValueError(f"{self.path} holds {self.format}, but --format is {format}: ask for {self.format}.")
        if self.format == "csv" and self.header and list(self.header) != list(header):
            different = sorted({*self.header} ^ {*header}) or ["in another order"]
            raise ValueError(
                f"{self.path} has other columns ({', '.join(different[:5])}): it was made with another --run or --genres. "
                "Ask for the same, or write into a new file."
            )
        if self.torn:
            os.ftruncate(out.fileno(), self.path.stat().st_size - self.torn)
        elif not self.ended:
            out.write("\n")


def read(path: Path) -> EarlierOutput:
    """Read an earlier output; it is empty where there is no such file. Raises ValueError on another kind of file."""
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
    ending = _object(last)
    predicted = {each["audio_file"] for each in [*objects, ending] if each and "error" not in each}
    torn = len(last.encode(**ENCODING)) if ending is None else 0
    return EarlierOutput(path, "json", frozenset(predicted), torn=torn, ended=not last, ignored=objects.count(None))


def _object(line: str) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) and "audio_file" in content else None


def _csv(path: Path, text: str) -> EarlierOutput:
    whole, _, last = text.rpartition("\n")
    header, *rows = [row for row in csv.reader(io.StringIO(whole, newline="")) if row] or [[]]
    whole_rows = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header) and row != header]
    predicted = {row["audio_file"] for row in whole_rows if not row.get("error")}
    ignored = sum(len(row) != len(header) for row in rows)
    torn = len(last.encode(**ENCODING))
    return EarlierOutput(path, "csv", frozenset(predicted), header, torn, ended=not last, ignored=ignored)
