"""`python -m src.relations` on runs and sweeps, and its messages on what it cannot use."""

import json
from pathlib import Path

import pytest

from src import relations, rundir
from tests.genre_relations.planted import FAMILIES, write_planted
from tests.programs import help_of
from tests.rundirs import config, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_planted(tmp_path_factory.mktemp("relations") / "run", FAMILIES, artists=10)


def failing(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the program, which fails, and return its one message."""
    try:
        status = relations.main(list(arguments))
    except SystemExit as stop:
        status = int(stop.code or 0)
    assert status == 1
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.err.splitlines()[-1]


def test_a_run_gets_its_page_and_numbers(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert relations.main([str(run)]) == 0
    captured = capsys.readouterr()
    assert "Joins in the embedding: 2 of 2 are stable" in captured.out
    assert "classical, opera" in captured.out
    content = json.loads((run / "relations.json").read_text(encoding="utf-8"))
    assert content["schema"] == 1
    assert f"python -m src.relations {run}" in (run / "relations.html").read_text(encoding="utf-8")
    for sentence in content["sentences"]:
        assert sentence in captured.out
    assert rundir.RunDir(run).predictions.genres == sorted(FAMILIES)  # the run can still be read


def test_a_sweep_is_pooled_and_a_broken_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for fold in range(2):
        write_planted(tmp_path / f"fold{fold}", FAMILIES, artists=5, seed=fold, fold=fold, first_artist=5 * fold)
    broken = write_run(tmp_path / "broken", config(fold=2))
    (broken / rundir.PREDICTIONS).unlink()
    out = tmp_path / "pages"
    assert relations.main([str(tmp_path), "--format", "json", "--output", str(out)]) == 0
    captured = capsys.readouterr()
    content = json.loads(captured.out)
    assert content["clips"] == 80
    assert content["skipped"][0]["run"] == str(broken)
    assert f"skipped {broken}" in captured.err
    assert json.loads((out / "relations.json").read_text(encoding="utf-8")) == content


def test_an_evaluation_has_answers_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run", config())
    metrics = json.loads((run / rundir.METRICS).read_text(encoding="utf-8"))
    evaluation = {
        "run": "a", "members": [], "training_clips": {}, "trained_on": "gtzan", "own_test_clips": True, "scores_of_run": True,
        "common_genres": [], "untested_genres": [], "other_genres": {}, "shared_clips": {"artist": 0, "track": 0, "audio": 0, "near_copy": 0, "any": 0},
        "training_artists_known": True, "among_common": None, "without_shared": None,
        "chance": {"all_genres": 0.1, "common_genres": 0.1}, "recall_macro_interval_by_artist": None,
    }  # fmt: skip
    metrics |= {"kind": "evaluation", "val": None, "evaluation": evaluation}
    (run / rundir.METRICS).write_text(json.dumps(metrics), encoding="utf-8")
    assert relations.main([str(run)]) == 0
    assert "no embedding.npz" in capsys.readouterr().out


def test_each_bad_input_has_one_message(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "contains no run" in failing(capsys, str(empty))
    assert "does not exist" in failing(capsys, str(tmp_path / "nothing"))
    assert "which is not a file: expected a CSV file" in failing(capsys, str(run), "--tree", "nothing.csv")
    for margin in ("60", "10%"):
        expected = f"argument --margin: '{margin}': expected a number above 0 and below 50, in percent, such as 10"
        assert expected in failing(capsys, str(run), "--margin", margin)
    assert "add --output FOLDER" in failing(capsys, str(run), str(run))
    unfinished = write_run(tmp_path / "unfinished", config())
    (unfinished / rundir.METRICS).unlink()
    assert "its run has not finished" in failing(capsys, str(unfinished))
    without = write_run(tmp_path / "without", config())
    (without / rundir.PREDICTIONS).unlink()
    assert "has no predictions.csv" in failing(capsys, str(without))
    models = tmp_path / "models"
    for model in ("Cnn", "Rnn"):
        write_run(models / model, config(model=model))
    assert "found 2 configurations" in failing(capsys, str(models))


def test_a_folder_that_cannot_be_written_is_named_before_the_work(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("src.genre_relations.content.content", lambda *_: pytest.fail("worked for nothing"))
    file = tmp_path / "file.txt"
    file.write_text("keep me", encoding="utf-8")
    for folder in (file, file / "inside"):
        found = failing(capsys, str(run), "--output", str(folder))
        assert f"{folder}: nothing can be written there" in found
        assert "--output FOLDER" in found


def test_an_own_tree_is_used(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tmp_path / "tree.csv"
    tree.write_text("genre,under\nrock,loud\nmetal,loud\n", encoding="utf-8")
    assert relations.main([str(run), "--tree", str(tree), "--output", str(tmp_path)]) == 0
    assert f"By the tree ({tree})" in capsys.readouterr().out


def test_ctrl_c_writes_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("src.genre_relations.content.one_group", interrupt)
    assert relations.main([str(run), "--output", str(tmp_path / "out")]) == 130
    assert not (tmp_path / "out").exists()


def test_help_is_fast() -> None:
    text, modules = help_of("src.relations")
    assert "examples:" in text
    assert not {"torch", "scipy", "matplotlib", "hiclass"} & modules
