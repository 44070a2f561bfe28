"""Read a reported table of scores from CSV, each score with the range of values that round to it."""

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
IGNORED = {"score", "recognition", "rate", "test", "overall", "average", "avg"}  # words that are ignored in a heading
NOT_TEST = {
    "train",
    "training",
    "val",
    "validation",
    "dev",
    "std",
    "sd",
}  # a heading with one of these words has no test scores
_GENRE_NAMES = (
    "blues classical country disco electronic experimental folk hiphop instrumental international jazz latin metal pop"
)
GENRES = (*_GENRE_NAMES.split(), "rap", "reggae", "rock", "soul")  # recognized in headings; --genres names others
_CELL = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*(?:(?:±|\+/-|\+-).*|\(.*\))?")
_EMPTY = {"", "-", "–", "n/a", "na", "nan", "none"}  # noqa: RUF001 (some tables use the longer dash)


class Figure(NamedTuple):
    """A score as printed in the table (`text`), its value in [0, 1], and the lowest and highest value that round to it."""

    text: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """The reported figures of one model, a row of the table.

    `columns`: the names of the genres that have columns in the table.
    `overall`: (measure, average) -> figure; the average is "" if the heading does not name one.
    `genres`: measure -> genre -> figure. The measure is "genre" if the heading has only the genre, or the genre and
    accuracy: such a column may be recall or one-vs-rest accuracy.
    `support`: genre -> number of test clips.
    """

    name: str
    columns: frozenset[str] = frozenset()
    overall: dict[tuple[str, str], Figure] = field(default_factory=dict)
    genres: dict[str, dict[str, Figure]] = field(default_factory=dict)
    support: dict[str, float] = field(default_factory=dict)


class _Column(NamedTuple):
    """A parsed heading; `average` and `genre` are "" if the heading does not name one."""

    measure: str
    average: str
    genre: str


def read(path: Path, genres: Sequence[str] | None = None) -> tuple[list[Row], list[str]]:
    """Read a CSV file (comma, semicolon or tab) -> (rows, headings of the columns that were ignored).

    `genres` are the names of the genre columns; None for those of GENRES.
    `python -m src.compare --help` lists the possible columns. A column with a figure above 1 is in percent.
    Raises ValueError, with the row or column, if the file is not a table of scores, if a cell is not a share, or if a
    column mixes shares and percent.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}). Expected a table as CSV, in UTF-8.") from error
    lines = [line for line in lines if line.strip()]
    if len(lines) < 2:
        raise ValueError(f"{path} has {len(lines)} lines: expected a header and one row per model.")
    delimiter = max(",;\t", key=lines[0].count)
    header, *cells = [
        [cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    ]
    ragged = [k for k, row in enumerate(cells, start=2) if len(row) != len(header)]
    if ragged:
        raise ValueError(f"{path}, row {ragged[0]}: expected {len(header)} cells, as in the header.")
    known_genres = [_normalized(genre) for genre in genres] if genres is not None else None
    columns = {k: column for k, heading in enumerate(header) if (column := _column(heading, known_genres))}
    if not columns:
        raise ValueError(
            f"{path} has no column of scores: expected accuracy, precision, recall, f1 or genres among {', '.join(header)}."
        )
    repeated = [column for column in columns.values() if list(columns.values()).count(column) > 1]
    if repeated:
        raise ValueError(
            f"{path} has two columns for {' '.join(filter(None, repeated[0]))}: expected one. Rename or remove the other."
        )
    name = next((k for k, heading in enumerate(header) if _normalized(heading) in NAMES), None)
    column_genres = frozenset(column.genre for column in columns.values()) - {""}
    rows = [Row(row[name] if name is not None else f"row {k}", column_genres) for k, row in enumerate(cells, start=1)]
    for k, column in columns.items():
        _fill(rows, column, [row[k] for row in cells], f"{path}, column {header[k]}")
    return rows, [heading for k, heading in enumerate(header) if k not in columns and k != name]


def _normalized(heading: str) -> str:
    """Normalize a heading or genre name: "F1 Score (%)" -> "f1_score"; "Hip-Hop" -> "hiphop"."""
    text = heading.lower().replace("hip-hop", "hiphop").replace("hip hop", "hiphop")
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


def _column(heading: str, genres: Sequence[str] | None) -> _Column | None:
    """Parse a heading; None if the column has no scores that can be checked."""
    words = [word for word in _normalized(heading).split("_") if word not in IGNORED]
    measure = next((MEASURES[word] for word in words if word in MEASURES), "")
    average = next((word for word in words if word in AVERAGES), "")
    rest = "_".join(word for word in words if word not in MEASURES and word not in AVERAGES)
    if not rest:
        is_score = measure in ("precision", "recall", "f1") or (measure == "accuracy" and not average)
        return _Column(measure, average, "") if is_score else None
    if rest in (GENRES if genres is None else genres):
        return _Column("genre" if measure in ("", "accuracy") else measure, "", rest)
    if genres is None and measure and not NOT_TEST & set(rest.split("_")):
        # Do not skip it: if the other columns were taken for all genres, a correct table could be called impossible.
        raise ValueError(
            f"column {heading}: {rest!r} is not a known genre. Name all genres of the table with --genres rock,pop,... ; "
            "other columns are then not read."
        )
    return None


def _fill(rows: Sequence[Row], column: _Column, cells: Sequence[str], where: str) -> None:
    """Add the figures of a column to the rows; empty cells are left out. `where` names the column in errors."""
    numbers = {k: _number(cell, where) for k, cell in enumerate(cells) if cell.lower() not in _EMPTY}
    if column.measure == "support":
        for k, (digits, _) in numbers.items():
            rows[k].support[column.genre] = float(digits)
        return
    percent = any(percent_sign or float(digits) > 1 for digits, percent_sign in numbers.values())
    for k, (digits, percent_sign) in numbers.items():
        if percent and not percent_sign and 0 < float(digits) < 1:
            raise ValueError(
                f"{where} mixes shares and percent ({digits} and figures above 1). Write all as shares or all as percent."
            )
        if float(digits) > 100:
            raise ValueError(f"{where}: {cells[k]} is not a share: expected 0 to 1, or 0 to 100 %.")
        _add_figure(rows[k], column, _figure(cells[k], digits, 100 if percent else 1))


def _number(cell: str, where: str) -> tuple[str, str]:
    """The digits of a cell, and its percent sign or "": "92.5 %" -> ("92.5", "%")."""
    match = _CELL.fullmatch(cell)
    if match is None:
        raise ValueError(
            f"{where}: {cell!r} is not a score: expected a number such as 0.92, 92 % or 0.92 ± 0.01, or an empty cell."
        )
    return match[1], match[2]


def _figure(text: str, digits: str, scale: int) -> Figure:
    """Divide by `scale` (100 for percent) and compute the range of shares that round to the digits."""
    half_unit = 0.5 * 10.0 ** -len(digits.partition(".")[2])  # of the last digit
    value = float(digits)
    return Figure(text, value / scale, max(0.0, (value - half_unit) / scale), min(1.0, (value + half_unit) / scale))


def _add_figure(row: Row, column: _Column, figure: Figure) -> None:
    if column.genre:
        row.genres.setdefault(column.measure, {})[column.genre] = figure
    else:
        row.overall[column.measure, column.average] = figure


def mean(figures: Mapping[str, Figure], weights: Mapping[str, float] | None = None) -> Figure:
    """Mean of the genres' figures with its range, plain or weighted by the number of clips."""
    weight = {genre: 1.0 if weights is None else weights[genre] for genre in figures}

    def mean_of(attribute: str) -> float:
        total = sum(weight[genre] * float(getattr(figure, attribute)) for genre, figure in figures.items())
        return total / sum(weight.values())

    return Figure(f"{mean_of('value'):.3f}", mean_of("value"), mean_of("low"), mean_of("high"))
