"""`report --select`: each fold's configuration by validation alone, and its stored test answers as one score."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import accuracy_score, f1_score

from src import report, rundir
from src.evaluation import selection
from src.evaluation.selection import Selections
from src.metrics.intervals import wilson
from src.reporting import selection_text, sweep_page
from src.rundir import RunDir
from tests.reporting.test_pages import Page
from tests.rundirs import config, write_run

GENRES = ["jazz", "rock"]
SLOW, FAST = "cnn on mel, optimizer.lr=0.001", "cnn on mel, optimizer.lr=0.01"


def one(
    folder: Path, val: float | None, fold: int | None = 0, lr: float = 0.001, seed: int = 0, **other: Any
) -> RunDir:
    """A finished run of 20 test clips whose validation scores are `val`; None: it has none."""
    given = {"model": "Cnn", "skill": 1.0, "nll": 1.0, "parameters": 1000, "first": 20 * (fold or 0), "val_clips": 8}
    given |= other
    changes = {key: given.pop(key) for key in list(given) if "__" in key}
    made = config(seed=seed, fold=fold, model=given.pop("model"), optimizer__lr=lr, **changes)
    nll, parameters, val_clips = (given.pop(key) for key in ("nll", "parameters", "val_clips"))
    genres = given.pop("genres", GENRES)
    name = "_".join(map(str, [made["model"]["_target_"].rsplit(".", 1)[-1], *changes.values(), lr, fold, seed]))
    path = write_run(folder / name, made, genres=genres, clips=20, **given)
    metrics = json.loads((path / rundir.METRICS).read_text())
    metrics["parameters"] = parameters
    scores = metrics["val"] | {"accuracy": val, "f1_macro": val, "nll": nll, "clips": val_clips}
    metrics["val"] = None if val is None else scores
    (path / rundir.METRICS).write_text(json.dumps(metrics))
    with (path / rundir.SPLIT).open("a", newline="") as file:
        csv.writer(file).writerows([f"val{fold}/{k}.ogg", GENRES[k % 2], "", "", "val"] for k in range(val_clips))
    return RunDir(path)


def grid(folder: Path, fast: list[float | None], slow: list[float | None], **other: Any) -> list[RunDir]:
    """Two learning rates times the folds, with the validation scores of each."""
    rates = ((0.01, fast), (0.001, slow))
    return [one(folder, val, fold, lr, **other) for lr, row in rates for fold, val in enumerate(row)]


def picked(made: Selections) -> list[str]:
    (only,) = made.selections
    return [choice.label for choice in only.folds]


def found(folder: Path, word: str = "val/f1_macro", *by: str) -> Selections:
    runs, _ = sweep_page.readable_runs(rundir.find(folder), pages=False)
    return selection.select_by_validation(runs, word, by)


def test_each_folds_winner_by_validation_is_pooled(tmp_path: Path) -> None:
    for fold, (fast, slow) in enumerate([(0.9, 0.5), (0.6, 0.7), (0.9, 0.8), (0.2, 0.3)]):
        one(tmp_path, fast, fold, 0.01, skill=0.3)
        one(tmp_path, slow, fold, 0.001, skill=4)
    made = found(tmp_path)
    assert picked(made) == [FAST, SLOW, FAST, SLOW]
    (only,) = made.selections
    answers = [choice.runs[0].predictions for choice in only.folds]
    true = [genre for given in answers for genre in given.true]
    said = [genre for given in answers for genre in given.predicted]
    right = accuracy_score(true, said)
    assert only.group.scores["clips"] == 80
    assert only.group.scores["accuracy"] == pytest.approx(right)
    assert only.group.scores["f1_macro"] == pytest.approx(f1_score(true, said, average="macro"))
    assert only.group.scores["accuracy_interval"] == list(wilson(round(80 * right), 80))
    assert {each.group.label: each.selected_folds for each in only.configurations} == {FAST: 2, SLOW: 2}
    assert {each.group.label: each.val_score for each in only.configurations} == pytest.approx(
        {FAST: 0.65, SLOW: 0.575}
    )
    assert (
        "cnn on mel, optimizer.lr=0.01 in 2 folds; cnn on mel, optimizer.lr=0.001 in 2 folds"
        in selection_text.describe_selected_configurations(only)
    )


def test_the_test_score_never_decides(tmp_path: Path) -> None:
    for fold in range(4):
        one(tmp_path, 0.9, fold, 0.01, skill=0)
        one(tmp_path, 0.8, fold, 0.001, skill=9)
    made = found(tmp_path)
    (only,) = made.selections
    assert picked(made) == [FAST] * 4
    assert only.best_on_test is not None
    assert only.best_on_test.group.label == SLOW
    assert only.best_on_test.group.scores["accuracy"] == 1
    assert only.group.scores["accuracy"] < 0.8
    said = selection_text.describe_best_on_test(only, made.score)
    assert said.startswith("Picking by test would have claimed accuracy over all clips 100.0 %")
    assert said.endswith(f"by {SLOW}, the best of 2 test scores (macro F1): too high by luck.")


def test_other_test_answers_change_no_choice(tmp_path: Path) -> None:
    validation = ([0.9, 0.6, 0.5, 0.5], [0.5, 0.7, 0.5, 0.4])
    runs = [
        one(tmp_path, val, fold, lr, skill=200 * lr)
        for lr, row in zip((0.01, 0.001), validation, strict=True)
        for fold, val in enumerate(row)
    ]
    first = found(tmp_path)
    before, honest = picked(first), first.selections[0].group.scores["accuracy"]
    for fold in range(4):  # each takes the other's test answers and scores
        one_, other = runs[fold], runs[4 + fold]
        for name in (rundir.PREDICTIONS, rundir.CONFUSION):
            shutil.move(one_.path / name, tmp_path / "kept")
            shutil.move(other.path / name, one_.path / name)
            shutil.move(tmp_path / "kept", other.path / name)
        mine, its = (json.loads((run.path / rundir.METRICS).read_text()) for run in (one_, other))
        mine["test"], its["test"] = {**its["test"], "accuracy": 0.0, "f1_macro": 0.0}, mine["test"]
        for run, metrics in ((one_, mine), (other, its)):
            (run.path / rundir.METRICS).write_text(json.dumps(metrics))
    after = found(tmp_path)
    assert picked(after) == before == [FAST, SLOW, SLOW, FAST]
    assert after.selections[0].group.scores["accuracy"] != honest


def test_ties_go_by_likelihood_then_by_size_then_by_name(tmp_path: Path) -> None:
    one(tmp_path, 0.5, 0, 0.01, nll=2.0, skill=9)
    one(tmp_path, 0.5, 0, 0.001, nll=1.9, skill=0)
    one(tmp_path, 0.5, 1, 0.01, skill=0)
    one(tmp_path, 0.5, 1, 0.001, skill=9, parameters=2000)
    made = found(tmp_path)
    assert picked(made) == [SLOW, FAST]
    assert [choice.tied for choice in made.selections[0].folds] == [1, 1]
    assert "In 2 folds several configurations had the best" in str(selection_text.describe_ties(made.selections[0]))


def test_of_equals_in_all_the_first_name_is_taken(tmp_path: Path) -> None:
    one(tmp_path, 0.5, 0, 0.01, skill=9)
    one(tmp_path, 0.5, 0, 0.001, skill=0)
    assert picked(found(tmp_path)) == [SLOW]


def test_what_rounding_adds_breaks_no_tie(tmp_path: Path) -> None:
    for seed, fast, slow in ((0, 0.1, 0.15), (1, 0.2, 0.15)):
        one(tmp_path, fast + 1e-13, 0, 0.01, seed)
        one(tmp_path, slow, 0, 0.001, seed)
    assert found(tmp_path).selections[0].folds[0].tied == 1


def test_seeds_are_averaged_before_and_after_the_choice(tmp_path: Path) -> None:
    for seed, lucky in enumerate((0.99, 0.1, 0.1)):
        for fold in range(2):
            one(tmp_path, lucky, fold, 0.01, seed)
            one(tmp_path, 0.5, fold, 0.001, seed)
    made = found(tmp_path)
    (only,) = made.selections
    assert picked(made) == [SLOW, SLOW]
    assert [len(choice.runs) for choice in only.folds] == [3, 3]
    accuracy = [run.metrics["test"]["accuracy"] for choice in only.folds for run in choice.runs]
    assert only.group.scores["accuracy"] == pytest.approx(sum(accuracy) / 6)
    assert only.group.scores["clips"] == 40
    assert only.group.description.startswith("mean of 3 repetitions, each pooling 2 of 4 folds")
    assert any("mean of its validation scores over the seeds" in note for note in selection_text.note_lines(made))


def test_a_configuration_without_a_fold_is_named_and_picked_where_it_is(tmp_path: Path) -> None:
    grid(tmp_path, [0.9, 0.9, 0.1, 0.9], [0.5, 0.5, 0.5, 0.5])
    shutil.rmtree(tmp_path / "Cnn_0.01_1_0")
    made = found(tmp_path)
    (only,) = made.selections
    assert picked(made) == [FAST, SLOW, SLOW, FAST]
    assert [choice.candidates for choice in only.folds] == [2, 1, 2, 2]
    assert only.group.scores["clips"] == 80
    assert only.best_on_test is None  # one alone has all folds, and on fewer clips the other is not comparable
    assert selection_text.missing_lines(only) == [
        f"1 of 2 configurations lacks runs and could not be picked there: {FAST} (fold 1)."
    ]
    assert "Fewer than two configurations have all folds" in selection_text.describe_best_on_test(only, made.score)
    assert [each.complete for each in only.configurations] == [True, False]


def test_a_seed_that_is_missing_makes_a_fold_incomplete(tmp_path: Path) -> None:
    for seed in range(2):
        for fold in range(4):
            one(tmp_path, 0.9, fold, 0.01, seed)
            one(tmp_path, 0.5, fold, 0.001, seed)
    shutil.rmtree(tmp_path / "Cnn_0.01_2_1")
    shutil.rmtree(tmp_path / "Cnn_0.01_3_0")
    shutil.rmtree(tmp_path / "Cnn_0.001_3_0")
    made = found(tmp_path)
    (only,) = made.selections
    assert picked(made) == [FAST, FAST, SLOW]
    assert only.missing_folds == [3]
    assert only.best_on_test is None
    said = selection_text.missing_lines(only)
    assert said[0].startswith(
        "The score leaves out fold 3: no configuration has a run with validation scores there for"
    )
    assert f"{FAST} (seed 0 in fold 3; seed 1 in fold 2)" in said[1]
    assert "in each of 3 of 4 folds" in selection_text.describe_selection(only, made.score)
    complete = only.configurations[0]  # its run of the lost fold's other seed does not count
    assert (complete.group.label, complete.complete, complete.group.scores["clips"]) == (SLOW, True, 60)


def test_where_no_configuration_is_complete_the_folds_still_choose(tmp_path: Path) -> None:
    grid(tmp_path, [0.9, None], [None, 0.5])
    (only,) = found(tmp_path).selections
    assert [choice.label for choice in only.folds] == [FAST, SLOW]
    assert only.best_on_test is None


def test_a_fold_that_nobody_ran_is_told(tmp_path: Path) -> None:
    grid(tmp_path, [0.9, 0.9], [0.5, 0.5])
    (only,) = found(tmp_path).selections
    assert only.missing_folds == [2, 3]
    assert selection_text.missing_lines(only)[0].startswith(
        "The score leaves out folds 2 and 3: no configuration has a run"
    )


def test_runs_without_validation_scores_cannot_be_picked(tmp_path: Path) -> None:
    grid(tmp_path, [None, 0.9, 0.9, 0.9], [0.5] * 4)
    made = found(tmp_path)
    assert picked(made) == [SLOW, FAST, FAST, FAST]
    assert f"{FAST} (fold 0 (no validation scores))" in selection_text.missing_lines(made.selections[0])[0]
    grid(tmp_path / "none", [None], [None])
    with pytest.raises(ValueError, match="none of 2 runs has validation scores, so there is nothing to select by"):
        found(tmp_path / "none")
    one(tmp_path / "apart", 0.5, 0, 0.01, 0)
    one(tmp_path / "apart", 0.5, 0, 0.001, 1)
    with pytest.raises(ValueError, match="in no fold does a configuration have validation scores for all of 2 seeds"):
        found(tmp_path / "apart")


def test_the_lower_loss_is_the_better_and_an_infinite_one_the_worst(tmp_path: Path) -> None:
    one(tmp_path, 0.9, 0, 0.01, nll=1.5)
    one(tmp_path, 0.1, 0, 0.001, nll=0.5)
    one(tmp_path, 0.9, 1, 0.01, nll=None)
    one(tmp_path, 0.1, 1, 0.001, nll=3.5)
    made = found(tmp_path, "val/loss")
    assert picked(made) == [SLOW, SLOW]
    assert [each.val_score for each in made.selections[0].configurations] == [2.0, None]
    assert picked(found(tmp_path, "val/accuracy")) == [FAST, FAST]
    assert "NLL" in selection_text.describe_selection(made.selections[0], made.score)


def test_a_single_split_is_one_fold(tmp_path: Path) -> None:
    one(tmp_path, 0.4, None, 0.01)
    one(tmp_path, 0.5, None, 0.001)
    made = found(tmp_path)
    assert picked(made) == [SLOW]
    assert selection_text.describe_selection(made.selections[0], made.score).startswith(
        "Selected by validation macro F1 on one split, of 2"
    )
    assert selection_text.missing_lines(made.selections[0]) == []
    assert selection_text.describe_selected_configurations(made.selections[0]) == f"Chosen: {SLOW}."


def test_where_a_split_does_not_say_how_many_folds_it_has_those_of_all_runs_are_expected(tmp_path: Path) -> None:
    for fold in range(3):
        for model in ("Cnn", "Rnn"):
            if (model, fold) != ("Rnn", 1):
                one(tmp_path, 0.5, fold, model=model, split__folds=None)
                one(tmp_path, 0.6, fold, 0.01, model=model, split__folds=None)
    cnn, rnn = found(tmp_path, "val/f1_macro", "model").selections
    assert (cnn.missing_folds, rnn.missing_folds) == ([], [1])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"first": 10}, r"Cnn_0.01_0_0 \(fold 0\) have different test clips \(10 of 20 and of 20 are in both\)"),
        ({"val_clips": 6}, r"have different validation clips \(6 of 8 and of 6 are in both\)"),
        ({"genres": ["jazz", "pop"]}, "have different genres"),
        (
            {"first": 10, "split__seed": 1},
            "against one another: split.seed is 0 in one and 1 in the other. Name the runs",
        ),
        ({"fold": 1, "first": 10}, r"\(fold 0\) and .* \(fold 1\) both test .*, so they are not folds of one split"),
    ],
)
def test_runs_on_different_clips_are_refused(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    one(tmp_path, 0.5, 0, 0.001)
    one(tmp_path, **{"val": 0.5, "lr": 0.01, **other})
    with pytest.raises(ValueError, match=message):
        found(tmp_path)


def test_the_same_run_twice_is_refused(tmp_path: Path) -> None:
    grid(tmp_path, [0.5], [0.5])
    shutil.copytree(tmp_path / "Cnn_0.01_0_0", tmp_path / "copy")
    with pytest.raises(ValueError, match="are the same configuration .*, fold and seed: which of them counts"):
        found(tmp_path)


def test_by_model_each_model_has_a_row_of_its_own(tmp_path: Path) -> None:
    grid(tmp_path, [0.9] * 4, [0.5] * 4)
    grid(tmp_path, [0.5] * 4, [0.9] * 4, model="Rnn", skill=2)
    one(tmp_path, 0.5, 0, model="Majority")
    made = found(tmp_path, "val/f1_macro", "model")
    assert [each.name for each in made.selections] == ["cnn", "majority", "rnn"]
    cnn, majority, rnn = made.selections
    assert {choice.label for choice in cnn.folds} == {FAST}
    assert {choice.label for choice in rnn.folds} == {"rnn on mel, optimizer.lr=0.001"}
    assert selection_text.describe_selection(majority, made.score).startswith(
        "One configuration, so nothing was selected, over 1 of 4 folds:"
    )
    assert (
        "within each model; accuracy over all test clips with its 95 % interval: cnn "
        in selection_text.describe_all_selections(made)
    )
    assert "The rows were tested on different clips" in selection_text.note_lines(made)[-1]


def test_by_any_key_and_by_several(tmp_path: Path) -> None:
    for layers in (2, 16):
        grid(tmp_path, [0.9], [0.5], model__layers=layers)
    assert [each.name for each in found(tmp_path, "val/f1_macro", "optimizer.lr").selections] == [
        "optimizer.lr=0.001",
        "optimizer.lr=0.01",
    ]
    assert [each.name for each in found(tmp_path, "val/f1_macro", "model", "model.layers").selections] == [
        "cnn, model.layers=2",
        "cnn, model.layers=16",
    ]
    one(tmp_path, 0.5, model="Rnn", model__cell="gru")
    assert [each.name for each in found(tmp_path, "val/f1_macro", "model.cell").selections] == [
        "model.cell=gru",
        "model.cell=n/a",
    ]


def test_a_presets_name_is_what_one_typed(tmp_path: Path) -> None:
    for run in grid(tmp_path, [0.9], [0.5]):
        path = run.path / rundir.ENVIRONMENT
        said = {"model": "fast_cnn", "feature": "mel", "experiment": "none"}
        path.write_text(json.dumps({**json.loads(path.read_text()), "choices": said}))
    assert [each.name for each in found(tmp_path, "val/f1_macro", "model").selections] == ["fast_cnn"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--select", "test/accuracy"], "argument --select: invalid choice: 'test/accuracy' (choose from"),
        (["--by", "model"], "--by is of --select, e.g. --select val/f1_macro --by model."),
        (["--select", "val/loss", "--by", "seed"], "--by seed: runs that differ in it alone are one configuration."),
        (["--select", "val/loss", "--by", "split.fold"], "--by split.fold: runs that differ in it alone"),
        (
            ["--select", "val/loss", "--by", "modle"],
            "--by modle: no run has such a key. Did you mean 'model'? Expected",
        ),
        (["--select", "val/loss", "--by", "lr"], "no run has such a key. Did you mean 'optimizer.lr'?"),
        (
            ["--select", "val/loss", "--by", "optimizer.lr"],
            "one configuration came for each optimizer.lr: expected several",
        ),
    ],
)
def test_bad_input_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    grid(tmp_path, [0.9], [0.5])
    try:
        status = report.main([str(tmp_path), *arguments])
    except SystemExit as exit:
        status = int(exit.code or 0)
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert message in err
    assert err.splitlines()[-1].startswith("report: ")
    assert not (tmp_path / "report.html").exists()


def test_one_run_is_nothing_to_select_among(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = one(tmp_path, 0.5)
    assert report.main([str(run.path), "--select", "val/f1_macro"]) == 1
    assert "one configuration came (cnn on mel, 1 run): expected several" in capsys.readouterr().err


def test_the_words_of_the_command_line_are_the_measures() -> None:
    assert tuple(selection.SELECTION_SCORES) == report.SELECTION_SCORES


def test_the_page_has_the_selection_on_top(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid(tmp_path, [0.9, 0.6, 0.5, 0.5], [0.5, 0.7, 0.5, 0.4])
    (tmp_path / "failed").mkdir()
    (tmp_path / "failed" / rundir.LOCK).touch()
    assert report.main([str(tmp_path), "--select", "val/f1_macro"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'report.html'}\n"
    (only,) = found(tmp_path).selections
    verdict = selection_text.describe_selection(only, selection.SELECTION_SCORES["val/f1_macro"])
    assert verdict.startswith(
        "Selected by validation macro F1 in each of 4 folds, of 2 configurations: accuracy over all"
    )
    assert verdict in err
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown = Page(text).text
    assert shown.index(verdict) < shown.index("Picking by test") < shown.index("Groups Runs that differ")
    assert "Highest accuracy over all test clips" not in shown  # that is picking by test
    assert "picked by test: too high by luck" in shown
    assert "1 run could not be counted, as the end of this page says" in shown
    assert report.main([str(tmp_path)]) == 0
    assert "Selected by" not in Page((tmp_path / "report.html").read_text(encoding="utf-8")).text


def test_markdown_has_a_row_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("Cnn", "Rnn"):
        grid(tmp_path, [0.9] * 4, [0.5] * 4, model=model, skill=9)
    (tmp_path / "Rnn_0.01_2_0" / rundir.METRICS).unlink()
    assert report.main([str(tmp_path), "--select", "val/loss", "--by", "model", "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    assert (
        "| model | folds | clips | artists | accuracy over all clips | 95 % interval | macro precision | macro recall | "
        "macro F1 | training time a run | picked by test, too high by luck: accuracy | its macro F1 |\n"
    ) in out
    cells = "| 4 | 80 | 40 | 100.0 | 95.4 to 100.0 | 100.0 | 100.0 | 100.0 | 12 min 34 s |"
    assert f"| cnn {cells} 100.0 | 100.0 |\n" in out
    assert f"| rnn {cells} n/a | n/a |\n" in out
    assert (
        "- rnn: 1 of 2 configurations lacks runs and could not be picked there: rnn on mel, optimizer.lr=0.01 (fold 2).\n"
        in out
    )
    assert "| 2 | rnn on mel, optimizer.lr=0.001 | 1 | 8 | 1.000 | 20 | 100.0 | 100.0 |\n" in out
    assert "## All runs, whatever was selected\n\n" in out
    assert "\n\n\n\n" not in out


def test_leaks_are_told(tmp_path: Path) -> None:
    grid(tmp_path, [0.9], [0.5], shared={"artists": ["Bob Marley"], "tracks": [], "audio": []})
    runs, skipped = sweep_page.readable_runs(rundir.find(tmp_path), pages=False)
    made = found(tmp_path)
    assert "may both be too high" in " ".join(selection_text.note_lines(made))
    assert "may both be too high" in Page(sweep_page.html(runs, skipped, tmp_path, made)).text
