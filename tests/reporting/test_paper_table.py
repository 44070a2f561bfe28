"""The paper's tables beside runs: published figures and the checks that they fail, our scores, and the words of table 1."""

from pathlib import Path

import pytest

from src import formatting, report, rundir, table_check
from src.evaluation.groups import group_by_config
from src.reporting import paper_table
from tests.reporting.sweeps import write_grid, write_models
from tests.reporting.test_pages import Page
from tests.rundirs import config, write_run


def test_the_published_rows_are_those_of_the_paper_and_all_are_impossible() -> None:
    rows = {model: paper_table._published(model) for model in paper_table.MODELS}
    assert rows["cnn"]["published"] == ["92", "88", "75", "86", "93", "91", "85", "87", "1.5 h", "0.001", "32", "4"]
    assert rows["rnn"]["published"] == ["75", "72", "82", "73", "81", "79", "90", "80", "2.0 h", "0.005", "64", "3"]
    assert rows["hybrid"]["published"] == ["85", "78", "68", "77", "88", "83", "84", "90", "1.8 h", "0.001", "32", "5"]
    assert {row["verdict"] for row in rows.values()} == {"impossible, however its figures were averaged"}
    assert "F1 0.86 is above 0.810" in rows["cnn"]["contradiction"]
    assert "accuracy 0.75 is below the lowest recall, 0.79 (pop)" in rows["rnn"]["contradiction"]
    assert len(table_check.read(paper_table.TABLE_2)[0]) == 3


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.92, 0.75, 0.85], ["best", "poor", "average"]),  # the paper's accuracies, and its words for them
        ([0.60, 0.58, 0.40], ["good", "good", "poor"]),
        ([0.60, 0.55, 0.58], ["good", "good", "good"]),  # 5 points are a tie
        ([0.60, 0.5499, 0.55], ["good", "poor", "good"]),
        ([0.70, 0.64, None], ["best", "poor", "n/a"]),
        ([0.70, None, None], ["n/a", "n/a", "n/a"]),
    ],
)
def test_the_words_of_table_1_follow_from_the_figures_by_the_rule(
    shares: list[float | None], expected: list[str]
) -> None:
    assert paper_table.words(shares) == expected


def test_a_page_of_the_three_models_has_the_tables_with_interval_clips_and_data(tmp_path: Path) -> None:
    write_models(tmp_path)
    assert report.main([str(tmp_path)]) == 0
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown = Page(text).text
    cnn = next(g for g in group_by_config(rundir.find_runs(tmp_path)) if g.runs[0].path.name.startswith("cnn"))
    scores = cnn.scores
    row = text[text.index("CNN, ours") : text.index("RNN, published")]
    for value in ("accuracy", "precision_macro", "recall_macro", "f1_macro"):
        assert f'<td class="n">{formatting.cell(scores[value])}' in row
    for genre in paper_table.GENRES:
        assert f'<td class="n">{formatting.cell(scores["genres"][genre]["recall"])}<small>' in row
    assert f"<small>{formatting.cell_interval(scores['accuracy_interval'])}</small>" in row
    for value in ("12 min 34 s", "0.001", "32", "4"):  # training time, rate, batch, layers
        assert f'<td class="n">{value}</td>' in row
    assert (
        "144 clips of 72 artists, 4 genres; composer (synthetic music), folds 0 to 2 of 4, seed 0"
        in Page(row_page(row)).text
    )
    assert "RNN, published 75 72 82 73 81 79 90 80 2.0 h 0.005 64 3" in shown
    assert paper_table.RULE in shown


def row_page(fragment: str) -> str:
    """A part of a table as a page that can be parsed: from its first complete row."""
    rows = fragment[fragment.index('<tr class="below">') : fragment.rindex("</tr>") + len("</tr>")]
    return f"<table>{rows}</table>"


def test_paper_is_for_its_models_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a", config(model="Svm"), clips=20)
    assert report.main([str(tmp_path), "--paper"]) == 1
    assert "--paper: the runs have the models svm, expected cnn, rnn or hybrid" in capsys.readouterr().err
    write_run(tmp_path / "b", config(model="Cnn"), clips=20)
    assert report.main([str(tmp_path), "--format", "markdown"]) == 0
    assert "paper's tables" not in capsys.readouterr().out
    assert report.main([str(tmp_path), "--format", "markdown", "--paper"]) == 0
    out = capsys.readouterr().out
    assert "| CNN, published | 92 | 88 | 75 | 86 |" in out
    assert "RNN, ours: not among these runs" in out


def test_of_several_configurations_of_a_model_validation_chooses_in_each_fold(tmp_path: Path) -> None:
    write_grid(tmp_path)
    context = paper_table.tables(group_by_config(rundir.find_runs(tmp_path)))
    cnn = context["rows"][0]["ours"]
    assert [cell.text for cell in cnn["cells"]][-3:] == ["0.005", "64", "4"]
    assert "chosen by validation macro F1 among 12 configurations in each of 2 folds" in cnn["note"]
    assert context["rows"][1]["ours"] == {"cells": None, "note": "not among these runs"}
    assert context["words"] == []  # one model cannot be compared
