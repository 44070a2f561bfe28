"""The matrix of transfer between data sets as a table, for the terminal and for pages."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table

from src import formatting

BASIS = (
    "Macro recall in percent on test clips, in the order: with all genres of the run as possible predictions, with the common genres only, "
    "chance of both. Below it, the number of common genres and clips. The diagonal is the own test set. A column has the same "
    "clips in every row, except those of genres that the row's run does not know."
)


class Matrix(NamedTuple):
    """A matrix as texts: title, headings, and rows of cells; the first cell of a row is the data set trained on."""

    title: str
    headings: list[str]
    rows: list[list[str]]


def matrix(content: Mapping[str, Any]) -> Matrix:
    """Format a matrix of `evaluation.transfer.matrices`."""
    names = content["data_sets"]
    rows = [[row, *(_cell(cells[name]) for name in names)] for row, cells in content["rows"].items()]
    return Matrix(f"{content['label']}: trained on (row), judged on (column)", ["trained on", *names], rows)


def table(content: Mapping[str, Any]) -> Table:
    """Build the table of a matrix for a terminal."""
    texts = matrix(content)
    built = Table(title=escape(texts.title), title_justify="left", caption=BASIS, caption_justify="left")
    for k, heading in enumerate(texts.headings):
        built.add_column(escape(heading), justify="right" if k else "left")
    for row in texts.rows:
        built.add_row(*map(escape, row))
    return built


def _cell(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "no common genre"
    recalls = f"{formatting.cell(cell['recall_macro'])}, {formatting.cell(cell['recall_macro_common'])}"
    chances = f"{formatting.cell(cell['chance'])}, {formatting.cell(cell['chance_common'])}"
    return f"{recalls} ({chances}); {formatting.count(len(cell['genres']), 'genre')}, {formatting.count(cell['clips'], 'clip')}"
