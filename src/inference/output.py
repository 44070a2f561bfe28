"""Print predictions as JSON lines, CSV or a table: `predict --format`."""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from rich.table import Table as RichTable

from src import console, formatting, plain_files
from src.inference.recognizer import LOW_CONFIDENCE, NOT_MUSIC, SYNTHETIC, UNLIKE_TRAINING, UNSURE, Prediction

DIGITS = 8  # decimals of a probability, enough that the rounded probabilities of many genres still sum to 1
REMARKS = (
    "reason",
    "training_data",
    "precision",
    "note",
)  # attributes of a prediction that are printed if they are not None
UNSURE_LABELS = {  # in a table, by reason
    NOT_MUSIC: f"{UNSURE}: not music",
    LOW_CONFIDENCE: UNSURE,
    UNLIKE_TRAINING: f"{UNSURE}: unlike training",
}
SEPARATOR = "|"  # between the genres of a set in a CSV
WIDTH = 160  # characters per line of a table that is not printed on a terminal


class PredictionWriter(Protocol):
    """Writer of an output format.

    `add` takes the predictions of all models for one file, `add_error` the reason why a file has none. `finish` is called
    once at the end.
    """

    def add(self, file: str, predictions: Sequence[Prediction]) -> None: ...
    def add_error(self, file: str, reason: str) -> None: ...
    def finish(self) -> None: ...


@dataclass(frozen=True)
class OutputOptions:
    """The genres of all models, the number of models, and the user's choices.

    `top`: print only this many of the most probable genres; None prints all. `header`: write the header line of a CSV.
    `bfloat16`: the predictions are not computed in float32, so a CSV has a column for that. `set_level` and `abstain` are
    those of the predictions, None without sets and abstention.
    """

    genres: Sequence[str]
    models: int
    top: int | None = None
    timeline: bool = False
    header: bool = True
    bfloat16: bool = False
    set_level: float | None = None
    abstain: float | None = None


def agree(predictions: Sequence[Prediction]) -> bool:
    """True if all models predict the same genre."""
    return len({prediction.predicted_genre for prediction in predictions}) == 1


def ranked(prediction: Prediction, top: int | None) -> dict[str, float]:
    """The probabilities by genre: all, in the order of the model's genres, or the `top` highest in descending order."""
    if top is None:
        return prediction.probabilities
    return dict(sorted(prediction.probabilities.items(), key=lambda item: -item[1])[:top])


class Json:
    """JSON lines: one object per file. `python -m src.predict --help` lists its keys."""

    def __init__(self, options: OutputOptions, out: TextIO) -> None:
        self.options, self.out = options, out

    def add(self, file: str, predictions: Sequence[Prediction]) -> None:
        objects = [self._object(prediction) for prediction in predictions]
        if len(objects) == 1:
            self._line({"audio_file": file, **objects[0]})
            return
        common = {"audio_file": file, "duration_seconds": objects[0]["duration_seconds"], "agree": agree(predictions)}
        models = [
            {"model": o["model"]} | {key: value for key, value in o.items() if key not in common} for o in objects
        ]
        self._line({**common, "models": models})

    def add_error(self, file: str, reason: str) -> None:
        self._line({"audio_file": file, "error": reason})

    def finish(self) -> None:
        """Do nothing: all lines are already written."""

    def _object(self, prediction: Prediction) -> dict[str, Any]:
        content: dict[str, Any] = {
            "predicted_genre": prediction.predicted_genre,
            "confidence": round(prediction.confidence, DIGITS),
            "calibrated": prediction.calibrated,
            "probabilities": {
                genre: round(probability, DIGITS) for genre, probability in ranked(prediction, self.options.top).items()
            },
            "duration_seconds": round(prediction.duration_seconds, 3),
            "model": prediction.model,
            "unlike_training": prediction.unlike_training,
        }
        if self.options.set_level is not None:
            content["genre_set"] = None if prediction.genre_set is None else list(prediction.genre_set)
            content["set_level"] = self.options.set_level
        if self.options.abstain is not None:
            content["abstain"] = self.options.abstain
        if prediction.runs:
            content["runs"] = list(prediction.runs)
        if self.options.timeline:
            content["segments"] = [
                {"start": round(segment.start_seconds, 3), "stop": round(segment.stop_seconds, 3)}
                | {"genre": segment.genre, "confidence": round(segment.confidence, DIGITS)}
                for segment in prediction.segments
            ]
        return content | {key: value for key in REMARKS if (value := getattr(prediction, key))}

    def _line(self, content: dict[str, Any]) -> None:
        text = json.dumps(content, ensure_ascii=False)
        try:
            text.encode(self.out.encoding or "utf-8")
        except UnicodeEncodeError:  # a file name that is not valid Unicode, or that the terminal's encoding lacks
            text = json.dumps(content)
        if self.out.isatty():  # JSON escapes most control characters itself, but not all, such as C1 codes
            text = console.CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
        self.out.write(text + "\n")
        self.out.flush()


class _Lines:
    """Receive lines of csv.writer and end them with a line feed. With lineterminator "\\n", csv would not quote "\\r"."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def write(self, line: str) -> None:
        self.out.write(line.removesuffix("\r\n") + "\n")


class Csv:
    """CSV: one row per file and model, with the columns of `columns`. Writes the header line when it is constructed.

    No cell is a formula for spreadsheets. On a terminal, control characters are shown as escapes; in a file they stay.
    """

    def __init__(self, options: OutputOptions, out: TextIO) -> None:
        self.options, self.out = options, out
        self.rows = csv.DictWriter(_Lines(out), columns(options), restval="")
        if options.header:
            self.rows.writer.writerow(
                map(console.one_line, self.rows.fieldnames) if out.isatty() else self.rows.fieldnames
            )

    def add(self, file: str, predictions: Sequence[Prediction]) -> None:
        for prediction in predictions:
            row: dict[str, Any] = {
                "audio_file": file,
                "predicted_genre": prediction.predicted_genre,
                "confidence": round(prediction.confidence, DIGITS),
                "calibrated": str(prediction.calibrated).lower(),
                "duration_seconds": round(prediction.duration_seconds, 3),
                "model": prediction.model,
                "unlike_training": ""
                if prediction.unlike_training is None
                else str(prediction.unlike_training).lower(),
                **{key: getattr(prediction, key) or "" for key in REMARKS if key in self.rows.fieldnames},
            }
            if self.options.set_level is not None:
                row |= {"genre_set": SEPARATOR.join(prediction.genre_set or ()), "set_level": self.options.set_level}
            row |= {"abstain": self.options.abstain} if self.options.abstain is not None else {}
            row |= {"agree": str(agree(predictions)).lower()} if len(predictions) > 1 else {}
            probabilities = ranked(prediction, self.options.top)
            self._row(row | {f"p_{genre}": round(probability, DIGITS) for genre, probability in probabilities.items()})

    def add_error(self, file: str, reason: str) -> None:
        self._row({"audio_file": file, "error": reason})

    def finish(self) -> None:
        """Do nothing: all rows are already written."""

    def _row(self, row: dict[str, Any]) -> None:
        cells = {column: plain_files.harmless(cell) for column, cell in row.items()}
        if self.out.isatty():
            cells = {c: console.one_line(cell) if isinstance(cell, str) else cell for c, cell in cells.items()}
        self.rows.writerow(cells)
        self.out.flush()


def columns(options: OutputOptions) -> list[str]:
    """The column names of the CSV."""
    names = ["audio_file", "predicted_genre", "confidence", "calibrated", "duration_seconds", "model"]
    names += ["agree"] if options.models > 1 else []
    names += ["unlike_training"]
    names += ["genre_set", "set_level"] if options.set_level is not None else []
    names += ["abstain"] if options.abstain is not None else []
    names += [remark for remark in REMARKS if remark != "precision" or options.bfloat16]
    return [*names, "error", *(f"p_{genre}" for genre in options.genres)]


class Table:
    """A table and a summary, both printed by `finish`."""

    def __init__(self, options: OutputOptions, out: TextIO) -> None:
        self.options = options
        width = None if out.isatty() or "COLUMNS" in os.environ else WIDTH
        self.console = console.SafeConsole(file=out, width=width, markup=False, highlight=False, emoji=False)
        self.predictions: list[tuple[str, Sequence[Prediction]]] = []
        self.failures: list[tuple[str, str]] = []

    def add(self, file: str, predictions: Sequence[Prediction]) -> None:
        self.predictions.append((file, predictions))

    def add_error(self, file: str, reason: str) -> None:
        self.failures.append((file, reason))

    def finish(self) -> None:
        several_models = self.options.models > 1
        if self.predictions:
            self.console.print(self._table(several_models))
        if self.options.timeline and self.predictions:
            self.console.print(self._timeline(several_models))
        for file, reason in self.failures:
            self.console.print(f"{file}: {reason}", soft_wrap=True)
        for line in self._summary(several_models):
            self.console.print(line, soft_wrap=True)

    def _table(self, several_models: bool) -> RichTable:
        all_predictions = [prediction for _, predictions in self.predictions for prediction in predictions]
        synthetic = dict.fromkeys(each.model for each in all_predictions if each.training_data == SYNTHETIC)
        averages = dict.fromkeys(", ".join(each.runs) for each in all_predictions if each.runs)
        captions = [f"The average of {runs}." for runs in averages]
        captions += [f"{model} was trained on synthetic music." for model in synthetic]
        if any(prediction.precision for prediction in all_predictions):
            captions.append("Computed in bfloat16.")
        level, rate = self.options.set_level, self.options.abstain
        if level is not None:
            captions.append(
                f"{100 * level:g} % sets hold the true genre of {100 * level:g} % of clips by new artists like those of the calibration."
            )
        if rate is not None:
            captions.append(f"unsure: answers may be wrong more often than {100 * rate:g} %.")
        if any(not prediction.calibrated for prediction in all_predictions):
            captions.insert(0, "Confidence is the model's own probability, not calibrated.")
        table = RichTable(caption=" ".join(captions) or None)
        table.add_column("file", overflow="fold")
        for name in (*(["model"] if several_models else []), "genre", "confidence", "next best", "seconds"):
            table.add_column(name, justify="right" if name in ("confidence", "seconds") else "left")
        if level is not None:
            table.add_column(f"{100 * level:g} % set", overflow="fold")
        doubtful = any(prediction.unlike_training for prediction in all_predictions)
        if doubtful:
            table.add_column("unlike training")
        if several_models:
            table.add_column("agree")
        for file, predictions in self.predictions:
            for prediction in predictions:
                count = max(2, self.options.top or 0)
                probabilities = ranked(prediction, count).items()
                # The predicted genre need not be the most probable one: its confidence may include genres below it.
                others = [item for item in probabilities if prediction.reason or item[0] != prediction.predicted_genre]
                runners_up = others[: count if prediction.reason else count - 1]
                no_music = prediction.reason == NOT_MUSIC  # then all probabilities are equal and mean nothing
                table.add_row(
                    file,
                    *([prediction.model] if several_models else []),
                    UNSURE_LABELS.get(prediction.reason or "", prediction.predicted_genre),
                    "" if no_music else formatting.percent(prediction.confidence),
                    ""
                    if no_music
                    else ", ".join(f"{genre} {formatting.percent(probability)}" for genre, probability in runners_up),
                    f"{prediction.duration_seconds:.1f}",
                    *([", ".join(prediction.genre_set or ())] if level is not None else []),
                    *(["yes" if prediction.unlike_training else ""] if doubtful else []),
                    *(["yes" if agree(predictions) else "no"] if several_models else []),
                )
        return table

    def _timeline(self, several_models: bool) -> RichTable:
        table = RichTable(title="Timeline")
        table.add_column("file", overflow="fold")
        for name in (*(["model"] if several_models else []), "from", "to", "genre", "confidence"):
            table.add_column(name, justify="left" if name in ("model", "genre") else "right")
        for file, predictions in self.predictions:
            for prediction in predictions:
                for start, stop, genre, probability in prediction.segments:
                    model = [prediction.model] if several_models else []
                    table.add_row(file, *model, clock(start), clock(stop), genre, formatting.percent(probability))
        return table

    def _summary(self, several_models: bool) -> Iterable[str]:
        for k in range(self.options.models):
            count_of_genre = Counter(predictions[k].predicted_genre for _, predictions in self.predictions)
            model = f", {self.predictions[0][1][k].model}" if several_models and self.predictions else ""
            genres = ", ".join(f"{genre} {count}" for genre, count in count_of_genre.most_common())
            yield f"{formatting.count(len(self.predictions), 'file')}{model}{': ' if genres else ''}{genres}"
        if self.failures:
            yield f"{formatting.count(len(self.failures), 'file')} failed"


def clock(seconds: float) -> str:
    """Format a time: 75 -> "1:15"; 3675 -> "1:01:15"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


FORMATS: dict[str, Callable[[OutputOptions, TextIO], PredictionWriter]] = {"json": Json, "csv": Csv, "table": Table}
