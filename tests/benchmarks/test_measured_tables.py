"""The measured tables of docs/: written from stored figures, which come from run directories."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import tables
from benchmarks.study import plan, report, results
from benchmarks.study.claims import Contrast
from benchmarks.study.measure import ACCURACY
from benchmarks.study.plan import CNN, HYBRID, RNN
from benchmarks.study.results import Results
from src.rundir import RunDir
from tests import programs
from tests.rundirs import config, write_run


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of the pages with tables and of their figures."""
    shutil.copytree(tables.DOCS / "tables", tmp_path / "docs" / "tables")
    for page in tables.PAGES:
        shutil.copy(tables.DOCS / page, tmp_path / "docs")
    return tmp_path / "docs"


def test_the_pages_have_the_stored_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert tables.main(["--check"]) == 0, capsys.readouterr().err


def test_every_table_is_on_a_page() -> None:
    asked = [name for page in tables.PAGES for _, name, _ in tables.BLOCK.findall((tables.DOCS / page).read_text())]
    assert sorted(asked) == sorted(tables.tables(tables.DOCS))


def test_every_data_set_has_a_name() -> None:
    assert tables.NAMES.keys() == plan.DATA.keys()


def test_a_changed_figure_is_noticed_and_written(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = docs / "results.md"
    before = page.read_text()
    page.write_text(before.replace("| 71.9 |", "| 99.9 |", 1))
    assert tables.main(["--check", "--docs", str(docs)]) == 1
    assert "results.md is out of date: run python -m benchmarks.tables" in capsys.readouterr().err
    assert tables.main(["--docs", str(docs)]) == 0
    assert page.read_text() == before


def test_results_survive_json(tmp_path: Path) -> None:
    """Results read from JSON give the same tables, to the last character."""
    for stored in results.load(tables.DOCS / "tables" / "study.json"):
        results.save(tmp_path / "a.json", stored.plain(), depth=3)
        again = Results.from_plain(stored.data, json.loads((tmp_path / "a.json").read_text()), stored.older)
        assert report.claims(again) == report.claims(stored)
        assert report.ablations(again) == report.ablations(stored)
        assert report.table_2(again) == report.table_2(stored)


def test_old_and_new_figures_are_never_in_one_comparison() -> None:
    new = Results("synth", {"kind": "runs"}, [], {CNN: results.Arm([0], 1.0)}, {}, [])
    both = {CNN: results.Arm([0], 1.0), RNN: results.Arm([0], 1.0)}
    old = Results(
        "synth", {"kind": "transcribed"}, [], both, {results.name(ACCURACY, Contrast([CNN], [RNN])): "old"}, []
    )
    joined = Results(new.data, new.source, new.genres, new.arms, {}, [], old)
    assert joined.of([CNN, RNN]) is old
    assert joined.difference(ACCURACY, Contrast([CNN], [RNN])) == "old"
    assert joined.of([CNN]) is joined
    assert joined.difference(ACCURACY, Contrast([HYBRID], [])) == "not measured: hybrid"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["music"], "'music' names no runs: expected NAME=FOLDER with a name among folds-music,"),
        (["study="], "'study=' names no runs"),
        (["study=nowhere"], "nowhere holds no finished run of the study: expected nowhere/synth or nowhere/music"),
        (["precision=nowhere"], "nowhere"),
        (["--docs", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_gets_one_message(
    docs: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = (docs / "tables" / "results.json").read_text()
    assert tables.main([*arguments, *([] if "--docs" in arguments else ["--docs", str(docs)])]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("tables: ")
    assert message in printed
    assert printed.count("\n") == 1
    assert (docs / "tables" / "results.json").read_text() == stored


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "<!-- table claim -->\n\n<!-- end of table -->\n",
            "asks for the table claim: expected one of verdicts, claims",
        ),
        ("<!-- table claims -->\n\n| a |\n", "has a table without the line <!-- end of table -->"),
    ],
)
def test_a_page_with_a_wrong_marker_gets_one_message(
    docs: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (docs / "paper.md").write_text(text)
    assert tables.main(["--docs", str(docs)]) == 1
    assert message in capsys.readouterr().err


def test_groups_are_read_from_runs(docs: Path, tmp_path: Path) -> None:
    for fold in range(4):
        for model in ("Cnn", "Hybrid"):
            folder = tmp_path / "runs" / f"{model}-{fold}"
            write_run(folder, config(fold=fold, model=model), clips=40, first=40 * fold)
    assert tables.main([f"folds-synth={tmp_path / 'runs'}", "--docs", str(docs)]) == 0
    stored = json.loads((docs / "tables" / "results.json").read_text())["folds-synth"]
    assert (stored["source"]["kind"], stored["source"]["runs"]) == ("runs", 8)
    correct = 0
    for fold in range(4):
        run = RunDir(tmp_path / "runs" / f"Cnn-{fold}")
        correct += sum(t == p for t, p in zip(run.predictions.true, run.predictions.predicted, strict=True))
    row = next(row for label, row in stored["rows"].items() if "cnn" in label)
    assert row["accuracy"] == correct / 160
    assert f"| {100 * correct / 160:.1f} |" in (docs / "results.md").read_text()


@pytest.mark.slow
def test_the_tables_of_real_runs_have_the_scores_of_their_metrics(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiny trainings of the paper's recipes, as on the page of the paper, then its table."""
    small = ("dataset.artists=5", "dataset.tracks=1", "dataset.clip_seconds=4", "trainer.max_epochs=1", "model.width=4")
    sweep = ("--multirun", "experiment=paper_cnn,paper_rnn,paper_hybrid", "seed=0,1", f"trainer.threads={plan.THREADS}")
    cache = f"data.cache={tmp_path / 'cache'}"
    folder = f"hydra.sweep.dir={tmp_path / 'study' / 'synth'}"
    assert programs.train(monkeypatch, *sweep, *small, cache, folder, "logger=none") == 0
    # The settings that make the runs small are not in the plan, so they are removed from the recorded command.
    for path in (tmp_path / "study").rglob("environment.json"):
        environment = json.loads(path.read_text())
        words = [
            w for w in environment["command"].split() if not any(key.split("=")[0] in w for key in (*small, cache))
        ]
        path.write_text(json.dumps(environment | {"command": " ".join(words)}))
    assert tables.main([f"study={tmp_path / 'study'}", "--docs", str(docs)]) == 0
    scores: dict[str, list[dict[str, float]]] = {}
    for path in (tmp_path / "study").rglob("metrics.json"):
        scores.setdefault(json.loads((path.parent / "environment.json").read_text())["choices"]["model"], []).append(
            json.loads(path.read_text())["test"]
        )
    page = (docs / "paper.md").read_text()
    for name, both in scores.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {name}, here |")).split(" | ")
        for column, key in enumerate(("accuracy", "precision_macro", "recall_macro", "f1_macro"), start=1):
            assert row[column].split(" ± ")[0] == f"{50 * sum(test[key] for test in both):.1f}", (name, key)
