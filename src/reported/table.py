"""A reported table of scores, read from CSV: each figure with what it may have been before it was rounded."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

NAMES = ("model", "name", "method", "identification_method")
MEASURES = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "precision": "precision",
    "prec": "precision",
    "recall": "recall",
    "rec": "recall",
    "f1": "f1",
    "support": "support",
    "clips": "support",
}
AVERAGES = ("macro", "micro", "weighted")
FILLING = {"score", "recognition", "rate", "test", "overall", "average", "avg"}  # words that change no meaning
OTHER_SIDES = {"train", "training", "val", "validation", "dev", "std", "sd"}  # figures of something else
_WORDS = (
    "blues classical country disco electronic experimental folk hiphop instrumental international jazz latin metal pop"
)
GENRES = (*_WORDS.split(), "rap", "reggae", "rock", "soul")  # columns of these names hold genres; --genres names others
_CELL = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*(?:(?:±|\+/-|\+-).*|\(.*\))?")
_EMPTY = {"", "-", "–", "n/a", "na", "nan", "none"}  # noqa: RUF001 (tables do use the longer dash)


class Figure(NamedTuple):
    """A share as it was written, its value, and the lowest and highest shares that round to it."""

    text: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A model's reported figures. `overall`: (measure, average) -> figure, average "" where the table does not say.

    `columns`: the genres that the table has columns for. `genres`: measure -> genre -> figure; the measure "genre" is of columns that say no more than the genre, or call
    theirs an accuracy: recall, or accuracy one-vs-rest. `support`: genre -> test clips.
    """

    name: str
    columns: frozenset[str] = frozenset()
    overall: dict[tuple[str, str], Figure] = field(default_factory=dict)
    genres: dict[str, dict[str, Figure]] = field(default_factory=dict)
    support: dict[str, float] = field(default_factory=dict)


class _Column(NamedTuple):
    measure: str
    average: str
    genre: str


def read(path: Path, genres: Sequence[str] | None = None) -> tuple[list[Row], list[str]]:
    """The rows of a CSV file (comma, semicolon or tab), and the headings of the columns that were not read.

    What the columns may be is in `python -m src.compare --help`. A column with a figure above 1 is in percent.
    Raises ValueError, with the line, on what is no table, no share, or mixes shares and percent in one column.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}). Expected a table as CSV, in UTF-8.") from error
    filled = [line for line in lines if line.strip()]
    if len(filled) < 2:
        raise ValueError(f"{path} holds {len(filled)} lines: expected a header and one row a model.")
    delimiter = max(",;\t", key=filled[0].count)
    header, *cells = [
        [cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(filled)), delimiter=delimiter)
    ]
    ragged = [k for k, row in enumerate(cells, start=2) if len(row) != len(header)]
    if ragged:
        raise ValueError(f"{path}, row {ragged[0]}: expected {len(header)} cells, as in its header.")
    known = [_plain(genre) for genre in genres] if genres is not None else None
    columns = {k: column for k, heading in enumerate(header) if (column := _column(heading, known))}
    if not columns:
        raise ValueError(
            f"{path} has no column of scores: expected accuracy, precision, recall, f1 or genres among {', '.join(header)}."
        )
    twice = [column for column in columns.values() if list(columns.values()).count(column) > 1]
    if twice:
        raise ValueError(
            f"{path} has two columns for {' '.join(filter(None, twice[0]))}: expected one. Rename or remove the other."
        )
    name = next((k for k, heading in enumerate(header) if _plain(heading) in NAMES), None)
    named = frozenset(column.genre for column in columns.values()) - {""}
    rows = [Row(row[name] if name is not None else f"row {k}", named) for k, row in enumerate(cells, start=1)]
    for k, column in columns.items():
        _fill(rows, column, [row[k] for row in cells], f"{path}, column {header[k]}")
    return rows, [heading for k, heading in enumerate(header) if k not in columns and k != name]


def _plain(heading: str) -> str:
    """ "F1 Score (%)" -> "f1_score"; "Hip-Hop" -> "hiphop"."""
    word = heading.lower().replace("hip-hop", "hiphop").replace("hip hop", "hiphop")
    return re.sub(r"[^a-z0-9]+", "_", word).strip("_")


def _column(heading: str, genres: Sequence[str] | None) -> _Column | None:
    """What a column holds; None where it is nothing that is checked here."""
    parts = [part for part in _plain(heading).split("_") if part not in FILLING]
    measure = next((MEASURES[part] for part in parts if part in MEASURES), "")
    average = next((part for part in parts if part in AVERAGES), "")
    rest = "_".join(part for part in parts if part not in MEASURES and part not in AVERAGES)
    if not rest:
        scored = measure in ("precision", "recall", "f1") or (measure == "accuracy" and not average)
        return _Column(measure, average, "") if scored else None
    if rest in (GENRES if genres is None else genres):
        return _Column("genre" if measure in ("", "accuracy") else measure, "", rest)
    if genres is None and measure and not OTHER_SIDES & set(rest.split("_")):
        # Were it a genre, the others would not be all there are, and a sound table would be called impossible.
        raise ValueError(
            f"column {heading}: {rest!r} is no genre that is known here. Name all genres of the table, --genres rock,pop,... ; "
            "other columns are then left unread."
        )
    return None


def _fill(rows: Sequence[Row], column: _Column, cells: Sequence[str], where: str) -> None:
    found = {k: _number(cell, where) for k, cell in enumerate(cells) if cell.lower() not in _EMPTY}
    if column.measure == "support":
        for k, (digits, _) in found.items():
            rows[k].support[column.genre] = float(digits)
        return
    percent = any(sign or float(digits) > 1 for digits, sign in found.values())
    for k, (digits, sign) in found.items():
        if percent and not sign and 0 < float(digits) < 1:
            raise ValueError(
                f"{where} mixes shares and percent ({digits} beside others above 1). Write all in one way."
            )
        if float(digits) > 100:
            raise ValueError(f"{where}: {cells[k]} is no share: expected 0 to 1, or 0 to 100 %.")
        _place(rows[k], column, _figure(cells[k], digits, 100 if percent else 1))


def _number(cell: str, where: str) -> tuple[str, str]:
    match = _CELL.fullmatch(cell)
    if match is None:
        raise ValueError(
            f"{where}: {cell!r} is no score: expected a number such as 0.92, 92 % or 0.92 ± 0.01, or nothing."
        )
    return match[1], match[2]


def _figure(text: str, digits: str, scale: int) -> Figure:
    half = 0.5 * 10.0 ** -len(digits.partition(".")[2])
    value = float(digits)
    return Figure(text, value / scale, max(0.0, (value - half) / scale), min(1.0, (value + half) / scale))


def _place(row: Row, column: _Column, figure: Figure) -> None:
    if column.genre:
        row.genres.setdefault(column.measure, {})[column.genre] = figure
    else:
        row.overall[column.measure, column.average] = figure


def mean(figures: Mapping[str, Figure], weights: Mapping[str, float] | None = None) -> Figure:
    """The mean over genres, plain or weighted by support."""
    share = {genre: 1.0 if weights is None else weights[genre] for genre in figures}

    def of(end: str) -> float:
        return sum(share[genre] * float(getattr(each, end)) for genre, each in figures.items()) / sum(share.values())

    return Figure(f"{of('value'):.3f}", of("value"), of("low"), of("high"))
