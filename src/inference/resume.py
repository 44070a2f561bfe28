"""An earlier output of `predict`, read again, so that its files are not done twice."""

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from src import formatting

ENCODING: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}  # a file's name may be no text


@dataclass(frozen=True)
class Earlier:
    """What an output holds. `form` is "json" or "csv", None where it is empty; `answered` are its files without error.

    `torn` is the bytes of a last line that was being written when the process ended, `ended` whether the last line is
    closed, and `ignored` how many other lines cannot be read.
    """

    path: Path
    form: str | None
    answered: frozenset[str]
    header: Sequence[str] = ()
    torn: int = 0
    ended: bool = True
    ignored: int = 0

    def skipped(self, files: Sequence[str]) -> str:
        """What of the files that are asked for is not done again, in words."""
        if self.form is None:
            return f"{self.path} holds no answers yet: nothing is skipped."
        skipped = sum(file in self.answered for file in files)
        said = f"{self.path} answers {skipped} of {formatting.count(len(files), 'file')}: they are skipped."
        if self.torn:
            said += " Its last line was cut off and does not count."
        if self.ignored:
            said += f" {formatting.count(self.ignored, 'line')} of it cannot be read and do not count."
        return said

    def continues(self, out: TextIO) -> bool:
        """Whether `out` writes into this very file, as with `>>`."""
        try:
            return os.path.samestat(os.fstat(out.fileno()), self.path.stat())
        except OSError:  # not there yet, or a stream without a file
            return False

    def append_to(self, out: TextIO, form: str, header: Sequence[str]) -> None:
        """Make `out`, which writes into this file, ready to go on. Raises ValueError where it would not fit."""
        if self.form not in (form, None):
            raise ValueError(f"{self.path} holds {self.form}, but --format is {form}: ask for {self.form}.")
        if self.form == "csv" and self.header and list(self.header) != list(header):
            other = sorted({*self.header} ^ {*header}) or ["in another order"]
            raise ValueError(
                f"{self.path} has other columns ({', '.join(other[:5])}): it is of another --run or --genres. "
                "Ask for the same, or write into a new file."
            )
        if self.torn:
            os.ftruncate(out.fileno(), self.path.stat().st_size - self.torn)
        elif not self.ended:
            out.write("\n")


def read(path: Path) -> Earlier:
    """What an earlier output answered; nothing where it is not there. Raises ValueError on another kind of file."""
    text = path.read_bytes().decode(**ENCODING) if path.exists() else ""
    if not text.strip():
        return Earlier(path, None, frozenset())
    if text.startswith("{"):
        return _json(path, text)
    if text.startswith("audio_file,") or "audio_file,".startswith(text):
        return _csv(path, text)
    raise ValueError(f"--resume {path}: expected JSON lines or CSV that `python -m src.predict` has printed.")


def _json(path: Path, text: str) -> Earlier:
    *lines, last = text.split("\n")
    objects = [_object(line) for line in lines if line]
    ending = _object(last)
    answered = {each["audio_file"] for each in [*objects, ending] if each and "error" not in each}
    torn = len(last.encode(**ENCODING)) if ending is None else 0
    return Earlier(path, "json", frozenset(answered), torn=torn, ended=not last, ignored=objects.count(None))


def _object(line: str) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) and "audio_file" in content else None


def _csv(path: Path, text: str) -> Earlier:
    whole, _, last = text.rpartition("\n")
    header, *rows = [row for row in csv.reader(io.StringIO(whole, newline="")) if row] or [[]]
    fit = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header) and row != header]
    answered = {row["audio_file"] for row in fit if not row.get("error")}
    ignored = sum(len(row) != len(header) for row in rows)
    torn = len(last.encode(**ENCODING))
    return Earlier(path, "csv", frozenset(answered), header, torn, ended=not last, ignored=ignored)
