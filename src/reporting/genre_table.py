"""The table of scores per genre that `train` prints."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from src import formatting
from src.evaluation.run_analysis import extreme_genres
from src.metrics.scores import macro

MANY_GENRES, SHOWN_GENRES = (
    40,
    10,
)  # of more genres, the table shows the 10 with the lowest F1 and the 10 with the highest


def genre_table(metrics: Mapping[str, Any], title: str, subset: str = "test") -> Table:
    """Build the table of the scores of each genre on one set, in percent, for a terminal.

    `metrics` is the content of metrics.json; `subset` is "test" or "val". The caption has the overall scores, the number
    of clips, the data set and the split. Of many genres, only those with the lowest and the highest F1 are shown.
    """
    scores = metrics[subset]
    data = formatting.data(metrics["dataset"], metrics["synthetic"])
    tested = formatting.tested_genres(scores)
    accuracy = formatting.share(scores["accuracy"], scores["accuracy_interval"])
    macro_f1 = f"macro F1 {formatting.percent(scores['f1_macro'])}"
    macro_f1 += f" over {formatting.macro_genres(scores)}" if tested else ""
    caption = (
        f"accuracy over all clips {'of these genres ' if tested else ''}{accuracy}, {macro_f1}; {formatting.size(scores)}; {data}; "
        f"split {formatting.split(metrics['certificate'])}"
    )
    parts = [list(scores["genres"])]
    if len(scores["genres"]) > MANY_GENRES:
        parts = list(extreme_genres(scores["genres"], SHOWN_GENRES))
        shown = f"the {SHOWN_GENRES} lowest and the {SHOWN_GENRES} highest F1"
        caption += f"; {shown} of {formatting.count(len(scores['genres']), 'genre')}, report.html has all"
    table = Table(
        title=escape(f"{title} of {tested}" if tested else title), caption=escape(caption), caption_justify="left"
    )
    table.add_column("genre")
    for heading in ("clips", "recall %", "precision %", "F1 %", "accuracy one-vs-rest %"):
        table.add_column(heading, justify="right")
    for genres in parts:
        for genre in genres:
            row = scores["genres"][genre]
            shares = (row["recall"], row["precision"], row["f1"], row["accuracy_one_vs_rest"])
            table.add_row(escape(genre), str(row["support"]), *map(formatting.cell, shares))
        table.add_section()
    one_vs_rest = macro(scores["genres"], "accuracy_one_vs_rest")
    averages = (scores["recall_macro"], scores["precision_macro"], scores["f1_macro"], one_vs_rest)
    table.add_row(formatting.macro_label(scores), str(scores["clips"]), *map(formatting.cell, averages))
    return table
