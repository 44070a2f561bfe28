"""Predictions on standard output, one file after another, as JSON, CSV or a table; and such output, read again."""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.table import Table as RichTable

from src import formatting
from src.inference.recognizer import Prediction

DIGITS = 8  # of a share: many genres still sum to 1
WIDTH = 160  # characters of a table that no terminal's width bounds


class Format(Protocol):
    """What `--format` chooses. `add` takes the answers of each model on a file, `fail` why there are none."""

    def add(self, file: str, answers: Sequence[Prediction]) -> None: ...
    def fail(self, file: str, reason: str) -> None: ...
    def finish(self) -> None: ...


@dataclass(frozen=True)
class Shown:
    """What is shown: the genres that are asked about, the number of models, and what the user chose.

    `top`: of the most probable genres only, None for all; `header`: whether a CSV still needs its first line.
    """

    genres: Sequence[str]
    models: int
    top: int | None = None
    timeline: bool = False
    header: bool = True


def agree(answers: Sequence[Prediction]) -> bool:
    """Whether all models predict one genre."""
    return len({answer.predicted_genre for answer in answers}) == 1


def ranked(answer: Prediction, top: int | None) -> dict[str, float]:
    """The genres' shares: all in their order, or the `top` most probable ones, falling."""
    if top is None:
        return answer.probabilities
    return dict(sorted(answer.probabilities.items(), key=lambda item: -item[1])[:top])


class Json:
    """One object a line and file: what it says is in `python -m src.predict --help`."""

    def __init__(self, shown: Shown, out: TextIO) -> None:
        self.shown, self.out = shown, out

    def add(self, file: str, answers: Sequence[Prediction]) -> None:
        objects = [self._object(answer) for answer in answers]
        if len(objects) == 1:
            self._line({"audio_file": file, **objects[0]})
            return
        told = {"audio_file": file, "duration_seconds": objects[0]["duration_seconds"], "agree": agree(answers)}
        models = [{"model": each["model"]} | {k: v for k, v in each.items() if k not in told} for each in objects]
        self._line({**told, "models": models})

    def fail(self, file: str, reason: str) -> None:
        self._line({"audio_file": file, "error": reason})

    def finish(self) -> None:
        """Nothing: every line was written when it was known."""

    def _object(self, answer: Prediction) -> dict[str, Any]:
        content: dict[str, Any] = {
            "predicted_genre": answer.predicted_genre,
            "confidence": round(answer.confidence, DIGITS),
            "calibrated": answer.calibrated,
            "probabilities": {g: round(share, DIGITS) for g, share in ranked(answer, self.shown.top).items()},
            "duration_seconds": round(answer.duration_seconds, 3),
            "model": answer.model,
        }
        if self.shown.timeline:
            content["segments"] = [
                {"start": round(s.start_seconds, 3), "stop": round(s.stop_seconds, 3)}
                | {"genre": s.genre, "confidence": round(s.confidence, DIGITS)}
                for s in answer.segments
            ]
        return content | ({"note": answer.note} if answer.note else {})

    def _line(self, content: dict[str, Any]) -> None:
        text = json.dumps(content, ensure_ascii=False)
        try:
            text.encode(self.out.encoding or "utf-8")
        except UnicodeEncodeError:  # a file's name that is no text, or a terminal without its letters
            text = json.dumps(content)
        self.out.write(text + "\n")
        self.out.flush()


class Csv:
    """One row a file and model, under `columns`."""

    def __init__(self, shown: Shown, out: TextIO) -> None:
        self.shown, self.out = shown, out
        self.rows = csv.DictWriter(out, columns(shown), restval="", lineterminator="\n")
        if shown.header:
            self.rows.writeheader()

    def add(self, file: str, answers: Sequence[Prediction]) -> None:
        for answer in answers:
            row: dict[str, Any] = {
                "audio_file": file,
                "predicted_genre": answer.predicted_genre,
                "confidence": round(answer.confidence, DIGITS),
                "calibrated": str(answer.calibrated).lower(),
                "duration_seconds": round(answer.duration_seconds, 3),
                "model": answer.model,
            }
            row |= {"agree": str(agree(answers)).lower()} if len(answers) > 1 else {}
            shares = ranked(answer, self.shown.top)
            self.rows.writerow(row | {f"p_{genre}": round(share, DIGITS) for genre, share in shares.items()})
        self.out.flush()

    def fail(self, file: str, reason: str) -> None:
        self.rows.writerow({"audio_file": file, "error": reason})
        self.out.flush()

    def finish(self) -> None:
        """Nothing: every row was written when it was known."""


def columns(shown: Shown) -> list[str]:
    """The header of the CSV."""
    told = ["audio_file", "predicted_genre", "confidence", "calibrated", "duration_seconds", "model"]
    told += ["agree"] if shown.models > 1 else []
    return [*told, "error", *(f"p_{genre}" for genre in shown.genres)]


class Table:
    """A table for people, printed when all is known, and a summary."""

    def __init__(self, shown: Shown, out: TextIO) -> None:
        self.shown = shown
        wide = None if out.isatty() or "COLUMNS" in os.environ else WIDTH
        self.console = Console(file=out, width=wide, markup=False, highlight=False, emoji=False)
        self.answers: list[tuple[str, Sequence[Prediction]]] = []
        self.failures: list[tuple[str, str]] = []

    def add(self, file: str, answers: Sequence[Prediction]) -> None:
        self.answers.append((file, answers))

    def fail(self, file: str, reason: str) -> None:
        self.failures.append((file, reason))

    def finish(self) -> None:
        several = self.shown.models > 1
        if self.answers:
            self.console.print(self._table(several))
        if self.shown.timeline and self.answers:
            self.console.print(self._timeline(several))
        for file, reason in self.failures:
            self.console.print(f"{file}: {reason}", soft_wrap=True)
        for line in self._summary(several):
            self.console.print(line, soft_wrap=True)

    def _table(self, several: bool) -> RichTable:
        raw = any(not answer.calibrated for _, answers in self.answers for answer in answers)
        table = RichTable(caption="Confidence is a share of the model's, not calibrated." if raw else None)
        table.add_column("file", overflow="fold")
        for name in (*(["model"] if several else []), "genre", "confidence", "next best", "seconds"):
            table.add_column(name, justify="right" if name in ("confidence", "seconds") else "left")
        if several:
            table.add_column("agree")
        for file, answers in self.answers:
            for answer in answers:
                shares = list(ranked(answer, max(2, self.shown.top or 0)).items())
                following = shares if answer.predicted_genre != shares[0][0] else shares[1:]  # unsure of all of them
                table.add_row(
                    file,
                    *([answer.model] if several else []),
                    answer.predicted_genre,
                    formatting.percent(answer.confidence),
                    ", ".join(f"{genre} {formatting.percent(share)}" for genre, share in following),
                    f"{answer.duration_seconds:.1f}",
                    *(["yes" if agree(answers) else "no"] if several else []),
                )
        return table

    def _timeline(self, several: bool) -> RichTable:
        table = RichTable(title="Timeline")
        table.add_column("file", overflow="fold")
        for name in (*(["model"] if several else []), "from", "to", "genre", "confidence"):
            table.add_column(name, justify="left" if name in ("model", "genre") else "right")
        for file, answers in self.answers:
            for answer in answers:
                for start, stop, genre, share in answer.segments:
                    told = [answer.model] if several else []
                    table.add_row(file, *told, clock(start), clock(stop), genre, formatting.percent(share))
        return table

    def _summary(self, several: bool) -> Iterable[str]:
        for k in range(self.shown.models):
            counted = Counter(answers[k].predicted_genre for _, answers in self.answers)
            model = f", {self.answers[0][1][k].model}" if several and self.answers else ""
            genres = ", ".join(f"{genre} {count}" for genre, count in counted.most_common())
            yield f"{formatting.count(len(self.answers), 'file')}{model}{': ' if genres else ''}{genres}"
        if self.failures:
            yield f"{formatting.count(len(self.failures), 'file')} failed"


def clock(seconds: float) -> str:
    """75 -> "1:15"; 3675 -> "1:01:15"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


FORMATS: dict[str, Callable[[Shown, TextIO], Format]] = {"json": Json, "csv": Csv, "table": Table}
