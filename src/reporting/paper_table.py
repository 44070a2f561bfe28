"""Tables 1 and 2 of Guo 2024 beside finished runs: the published figures, the checks that they fail, and ours."""

import csv
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from src import formatting, table_check
from src.evaluation import run_analysis, selection
from src.evaluation.pooling import Group
from src.evaluation.selection import SELECTION_SCORES, config_value
from src.reporting import tested_on_text
from src.table_check.check import MEAN

TABLE_1, TABLE_2 = (Path(table_check.__file__).parent / f"guo2024_table{number}.csv" for number in (1, 2))
MODELS = ("cnn", "rnn", "hybrid")  # choices of `model`; the rows of both tables, in lower case
GENRES = ("rock", "pop", "classical", "jazz")
SCORES = {"accuracy": "accuracy", "precision_macro": "precision", "recall_macro": "recall", "f1_macro": "F1"}
SETTINGS = {"optimizer.lr": "learning rate", "data.batch_size": "batch size", "model.layers": "hidden layers"}
COLUMNS = ("accuracy", "precision", "recall", "F1", *GENRES)
HEADINGS = (*COLUMNS, "training time", "rate", "batch", "layers")
POINTS = 5  # a difference up to this many percentage points counts as a tie in the words of table 1
RULE = (
    f"For the published figures and for ours, a word compares the three models in one column. best: more than {POINTS} points above both others. good: within {POINTS} "
    f"points of the highest. poor: the lowest, and more than {POINTS} points below the highest. average: all others. The words "
    "know nothing of chance: the intervals are in table 2."
)
BASIS = (
    "Ours: accuracy over all test clips, macro averages of precision, recall and F1, and the recall of each genre (the paper: "
    "recognition accuracy), in percent; below them 95 % intervals (Wilson). Training time is the median of a run, with the range below it where the longest took more than twice as long as the shortest. The paper names "
    "neither its data nor its averages. Its data and ours differ, so a difference between the two is no finding."
)


class Cell(NamedTuple):
    """A cell of table 2: its text, and the small text below it, such as an interval."""

    text: str
    below: str = ""


def models_of(groups: Sequence[Group]) -> set[str]:
    """The model choices of the groups: {"cnn", "rnn"}."""
    return {str(config_value(group.runs[0], "model")) for group in groups}


def check_models(groups: Sequence[Group]) -> None:
    """Raise ValueError if no group has one of the paper's models."""
    if not models_of(groups) & set(MODELS):
        raise ValueError(
            f"--paper: the runs have the models {', '.join(sorted(models_of(groups)))}, expected cnn, rnn or hybrid, the models of "
            "the paper's tables. Train them, e.g. with `python -m src.train sweep=folds model=cnn,rnn,hybrid`."
        )


def tables(groups: Sequence[Group]) -> dict[str, Any]:
    """The values of paper.html and paper.md, from groups that were tested on the same data.

    Of a model with several configurations, validation macro F1 chooses one in each fold.
    """
    chosen: dict[str, Group | None] = {}
    ours: dict[str, dict[str, Any]] = {}
    for model in MODELS:
        members = [group for group in groups if config_value(group.runs[0], "model") == model]
        try:
            chosen[model], ours[model] = _ours(members)
        except ValueError as error:
            chosen[model], ours[model] = None, {"cells": None, "note": f"not shown: {error}"}
    trained = [group for group in chosen.values() if group]
    return {
        "headings": HEADINGS,
        "rows": [{**_published(model), "ours": ours[model]} for model in MODELS],
        "word_headings": COLUMNS,
        "words": _words(chosen) if len(trained) > 1 else [],
        "rule": RULE,
        "basis": BASIS,
        "synthetic": any(group.synthetic for group in trained),
    }


def _ours(members: Sequence[Group]) -> tuple[Group | None, dict[str, Any]]:
    """The group of one model and its cells; without runs of it, no cells. Raises ValueError if none can be chosen."""
    if not members:
        return None, {"cells": None, "note": "not among these runs"}
    runs = [run for group in members for run in group.runs]
    group, how = members[0], ""
    if len(members) > 1:
        [selected] = selection.select_by_validation(runs, "val/f1_macro").selections
        group, runs = selected.group, [run for fold in selected.folds for run in fold.runs]
        folds = f" in each of {len(selected.folds)} folds" if len(selected.folds) > 1 else ""
        name = SELECTION_SCORES["val/f1_macro"].name
        how = f"; chosen by validation {name} among {len(members)} configurations{folds}"
    metrics, scores = group.runs[0].metrics, group.scores
    splits = list(dict.fromkeys(run.metrics["certificate"]["split"] for run in group.runs))
    genres = formatting.count(len(scores["genres"]), "genre")
    note = (
        f"{formatting.size(scores)}, {genres}; {formatting.data(metrics['dataset'], group.synthetic)}, "
        f"{tested_on_text.describe_splits(splits)}, grouped by {metrics['certificate']['grouped_by']}{how}"
    )
    return group, {"cells": _cells(group, [_setting(runs, key) for key in SETTINGS]), "note": note}


def _cells(group: Group, settings: Sequence[str]) -> list[Cell]:
    scores = group.scores
    cells = [Cell(formatting.cell(scores[key])) for key in SCORES]
    cells[0] = Cell(cells[0].text, formatting.cell_interval(scores["accuracy_interval"]))
    for genre in GENRES:
        row = scores["genres"].get(genre)
        interval = run_analysis.recall_interval(row) if row else None
        cells.append(
            Cell(
                formatting.cell(row["recall"] if row else None), formatting.cell_interval(interval) if interval else ""
            )
        )
    shortest, longest = map(formatting.duration, group.train_seconds_range)
    time = Cell(formatting.duration(group.train_seconds), f"{shortest} to {longest}" if group.uneven_seconds else "")
    return [*cells, time, *map(Cell, settings)]


def _setting(runs: Sequence[Any], key: str) -> str:
    """The values of a setting, the most frequent first: "0.001"; "0.001 in 7 runs, 0.005 in 3"."""
    counts = Counter(config_value(run, key) or formatting.UNDEFINED for run in runs).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return ", ".join(f"{value} in {number}{' runs' if k == 0 else ''}" for k, (value, number) in enumerate(counts))


@cache
def _published_rows(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a published table, by model in lower case."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["model"].lower(): row for row in csv.DictReader(file)}


def _published(model: str) -> dict[str, Any]:
    """The published row of a model, in percent, and the contradictions in it."""
    row = _published_rows(TABLE_2)[model]
    shares = [f"{100 * float(row[column.lower()]):.0f}" for column in COLUMNS]
    settings = [row[name] for name in SETTINGS.values()]
    checked = _checked()[model]
    sentences = [*checked.averages[MEAN], *(text for texts in checked.genres.values() for text in texts)]
    return {
        "name": row["model"],
        "published": [*shares, f"{row['training time in hours']} h", *settings],
        "verdict": "impossible, however its figures were averaged" if checked.impossible else "possible",
        "contradiction": sentences[0] if sentences else "",
        "checks": [line for _, line in list(table_check.lines(checked))[1:]],
    }


@cache
def _checked() -> dict[str, table_check.Checked]:
    """The checks of all published rows, by model in lower case."""
    rows, _ = table_check.read(TABLE_2)
    return {row.name.lower(): table_check.check(row) for row in rows}


def _words(chosen: dict[str, Group | None]) -> list[dict[str, Any]]:
    """The rows of table 1: the paper's words, the words for its own figures by RULE, and those for ours."""
    published = {
        model: [float(_published_rows(TABLE_2)[model][column.lower()]) for column in COLUMNS] for model in MODELS
    }
    ours = {model: _shares(group) for model, group in chosen.items()}
    by_rule, our_words = (
        list(zip(*(words(column) for column in zip(*(table[model] for model in MODELS), strict=True)), strict=True))
        for table in (published, ours)
    )
    return [
        {
            "name": _published_rows(TABLE_2)[model]["model"],
            "rows": [
                ("published words", [_published_rows(TABLE_1)[model][column.lower()] for column in COLUMNS]),
                ("published figures", by_rule[k]),
                ("ours", our_words[k]),
            ],
        }
        for k, model in enumerate(MODELS)
    ]


def _shares(group: Group | None) -> list[float | None]:
    """The scores of a group in the columns of table 1; None for a genre that its data lack, and without a group."""
    if group is None:
        return [None] * len(COLUMNS)
    genres = group.scores["genres"]
    return [*(group.scores[key] for key in SCORES), *(genres.get(genre, {}).get("recall") for genre in GENRES)]


def words(shares: Sequence[float | None]) -> list[str]:
    """The word of each model in one column of table 1, by RULE; "n/a" for None, and if only one share is known."""
    known = sorted((share for share in shares if share is not None), reverse=True)
    if len(known) < 2:
        return [formatting.UNDEFINED] * len(shares)
    alone = _apart(known[0], known[1])
    return [formatting.UNDEFINED if share is None else _word(share, known[0], known[-1], alone) for share in shares]


def _word(share: float, highest: float, lowest: float, alone: bool) -> str:
    """`alone`: the highest share is apart from all others."""
    if not _apart(highest, share):
        return "best" if alone else "good"
    return "poor" if share == lowest else "average"


def _apart(higher: float, lower: float) -> bool:
    return higher - lower > POINTS / 100 + 1e-9
