"""`report --select`: a configuration is selected in each fold by validation alone; its test predictions are pooled."""

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
    """A finished run of 20 test clips whose validation scores are `val`; None for a run without them."""
    settings = {"model": "Cnn", "skill": 1.0, "nll": 1.0, "parameters": 1000, "first": 20 * (fold or 0), "val_clips": 8}
    settings |= other
    changes = {key: settings.pop(key) for key in list(settings) if "__" in key}
    run_config = config(seed=seed, fold=fold, model=settings.pop("model"), optimizer__lr=lr, **changes)
    nll, parameters, val_clips = (settings.pop(key) for key in ("nll", "parameters", "val_clips"))
    genres = settings.pop("genres", GENRES)
    name = "_".join(map(str, [run_config["model"]["_target_"].rsplit(".", 1)[-1], *changes.values(), lr, fold, seed]))
    path = write_run(folder / name, run_config, genres=genres, clips=20, **settings)
    metrics = json.loads((path / rundir.METRICS).read_text())
    metrics["parameters"] = parameters
    scores = metrics["val"] | {"accuracy": val, "f1_macro": val, "nll": nll, "clips": val_clips}
    metrics["val"] = None if val is None else scores
    (path / rundir.METRICS).write_text(json.dumps(metrics))
    with (path / rundir.SPLIT).open("a", newline="") as file:
        csv.writer(file).writerows([f"val{fold}/{k}.ogg", GENRES[k % 2], "", "", "val"] for k in range(val_clips))
    return RunDir(path)


def grid(folder: Path, fast: list[float | None], slow: list[float | None], **other: Any) -> list[RunDir]:
    """Runs of two learning rates on all folds, with the given validation scores."""
    rates = ((0.01, fast), (0.001, slow))
    return [one(folder, val, fold, lr, **other) for lr, row in rates for fold, val in enumerate(row)]


def selected_labels(selections: Selections) -> list[str]:
    (only,) = selections.selections
    return [fold.label for fold in only.folds]


def select(folder: Path, score_name: str = "val/f1_macro", *by: str) -> Selections:
    runs, _ = sweep_page.readable_runs(rundir.find_runs(folder), pages=False)
    return selection.select_by_validation(runs, score_name, by)


def test_the_configurations_selected_in_each_fold_are_pooled(tmp_path: Path) -> None:
    for fold, (fast, slow) in enumerate([(0.9, 0.5), (0.6, 0.7), (0.9, 0.8), (0.2, 0.3)]):
        one(tmp_path, fast, fold, 0.01, skill=0.3)
        one(tmp_path, slow, fold, 0.001, skill=4)
    selections = select(tmp_path)
    assert selected_labels(selections) == [FAST, SLOW, FAST, SLOW]
    (only,) = selections.selections
    predictions = [fold_selection.runs[0].predictions for fold_selection in only.folds]
    true = [genre for of_fold in predictions for genre in of_fold.true]
    predicted = [genre for of_fold in predictions for genre in of_fold.predicted]
    accuracy = accuracy_score(true, predicted)
    assert only.group.scores["clips"] == 80
    assert only.group.scores["accuracy"] == pytest.approx(accuracy)
    assert only.group.scores["f1_macro"] == pytest.approx(f1_score(true, predicted, average="macro"))
    assert only.group.scores["accuracy_interval"] == list(wilson(round(80 * accuracy), 80))
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
    selections = select(tmp_path)
    (only,) = selections.selections
    assert selected_labels(selections) == [FAST] * 4
    assert only.best_on_test is not None
    assert only.best_on_test.group.label == SLOW
    assert only.best_on_test.group.scores["accuracy"] == 1
    assert only.group.scores["accuracy"] < 0.8
    sentence = selection_text.describe_best_on_test(only, selections.score)
    assert sentence.startswith("Selecting by test would have claimed accuracy over all clips 100.0 %")
    assert sentence.endswith(f"by {SLOW}, the best of 2 test scores (macro F1): too high by luck.")


def test_other_test_predictions_change_no_selection(tmp_path: Path) -> None:
    validation = ([0.9, 0.6, 0.5, 0.5], [0.5, 0.7, 0.5, 0.4])
    runs = [
        one(tmp_path, val, fold, lr, skill=200 * lr)
        for lr, row in zip((0.01, 0.001), validation, strict=True)
        for fold, val in enumerate(row)
    ]
    first = select(tmp_path)
    before, accuracy = selected_labels(first), first.selections[0].group.scores["accuracy"]
    for fold in range(4):  # swap the test predictions and scores of the two runs
        run, other = runs[fold], runs[4 + fold]
        for name in (rundir.PREDICTIONS, rundir.CONFUSION):
            shutil.move(run.path / name, tmp_path / "swap")
            shutil.move(other.path / name, run.path / name)
            shutil.move(tmp_path / "swap", other.path / name)
        a, b = (json.loads((each.path / rundir.METRICS).read_text()) for each in (run, other))
        a["test"], b["test"] = {**b["test"], "accuracy": 0.0, "f1_macro": 0.0}, a["test"]
        for each, metrics in ((run, a), (other, b)):
            (each.path / rundir.METRICS).write_text(json.dumps(metrics))
    after = select(tmp_path)
    assert selected_labels(after) == before == [FAST, SLOW, SLOW, FAST]
    assert after.selections[0].group.scores["accuracy"] != accuracy


def test_ties_are_broken_by_likelihood_then_by_size(tmp_path: Path) -> None:
    one(tmp_path, 0.5, 0, 0.01, nll=2.0, skill=9)
    one(tmp_path, 0.5, 0, 0.001, nll=1.9, skill=0)
    one(tmp_path, 0.5, 1, 0.01, skill=0)
    one(tmp_path, 0.5, 1, 0.001, skill=9, parameters=2000)
    selections = select(tmp_path)
    assert selected_labels(selections) == [SLOW, FAST]
    assert [fold_selection.tied for fold_selection in selections.selections[0].folds] == [1, 1]
    assert "In 2 folds several configurations had the best" in str(
        selection_text.describe_ties(selections.selections[0])
    )


def test_other_ties_are_broken_by_the_alphabet(tmp_path: Path) -> None:
    one(tmp_path, 0.5, 0, 0.01, skill=9)
    one(tmp_path, 0.5, 0, 0.001, skill=0)
    assert selected_labels(select(tmp_path)) == [SLOW]


def test_rounding_errors_break_no_tie(tmp_path: Path) -> None:
    for seed, fast, slow in ((0, 0.1, 0.15), (1, 0.2, 0.15)):
        one(tmp_path, fast + 1e-13, 0, 0.01, seed)
        one(tmp_path, slow, 0, 0.001, seed)
    assert select(tmp_path).selections[0].folds[0].tied == 1


def test_seeds_are_averaged_before_and_after_the_selection(tmp_path: Path) -> None:
    for seed, lucky in enumerate((0.99, 0.1, 0.1)):
        for fold in range(2):
            one(tmp_path, lucky, fold, 0.01, seed)
            one(tmp_path, 0.5, fold, 0.001, seed)
    selections = select(tmp_path)
    (only,) = selections.selections
    assert selected_labels(selections) == [SLOW, SLOW]
    assert [len(fold_selection.runs) for fold_selection in only.folds] == [3, 3]
    accuracy = [run.metrics["test"]["accuracy"] for fold_selection in only.folds for run in fold_selection.runs]
    assert only.group.scores["accuracy"] == pytest.approx(sum(accuracy) / 6)
    assert only.group.scores["clips"] == 40
    assert only.group.description.startswith("mean of 3 repetitions (each pooled over 2 of 4 folds)")
    assert any("mean of its validation scores over the seeds" in note for note in selection_text.note_lines(selections))


def test_a_configuration_that_lacks_a_fold_is_selected_in_the_others(tmp_path: Path) -> None:
    grid(tmp_path, [0.9, 0.9, 0.1, 0.9], [0.5, 0.5, 0.5, 0.5])
    shutil.rmtree(tmp_path / "Cnn_0.01_1_0")
    selections = select(tmp_path)
    (only,) = selections.selections
    assert selected_labels(selections) == [FAST, SLOW, SLOW, FAST]
    assert [fold_selection.candidates for fold_selection in only.folds] == [2, 1, 2, 2]
    assert only.group.scores["clips"] == 80
    assert only.best_on_test is None  # only one has all folds; the other was tested on fewer clips
    assert selection_text.missing_lines(only) == [
        f"1 of 2 configurations lacks runs and could not be selected there: {FAST} (fold 1)."
    ]
    assert "Fewer than two configurations have all folds" in selection_text.describe_best_on_test(
        only, selections.score
    )
    assert [each.complete for each in only.configurations] == [True, False]


def test_a_missing_seed_makes_a_fold_incomplete(tmp_path: Path) -> None:
    for seed in range(2):
        for fold in range(4):
            one(tmp_path, 0.9, fold, 0.01, seed)
            one(tmp_path, 0.5, fold, 0.001, seed)
    shutil.rmtree(tmp_path / "Cnn_0.01_2_1")
    shutil.rmtree(tmp_path / "Cnn_0.01_3_0")
    shutil.rmtree(tmp_path / "Cnn_0.001_3_0")
    selections = select(tmp_path)
    (only,) = selections.selections
    assert selected_labels(selections) == [FAST, FAST, SLOW]
    assert only.missing_folds == [3]
    assert only.best_on_test is None
    lines = selection_text.missing_lines(only)
    assert lines[0].startswith(
        "The score leaves out fold 3: no configuration has a run with validation scores there for"
    )
    assert f"{FAST} (seed 0 in fold 3; seed 1 in fold 2)" in lines[1]
    assert "in 3 of 4 folds" in selection_text.describe_selection(only, selections.score)
    complete = only.configurations[0]  # its run of the other seed in the missing fold does not count
    assert (complete.group.label, complete.complete, complete.group.scores["clips"]) == (SLOW, True, 60)


def test_folds_select_even_if_no_configuration_is_complete(tmp_path: Path) -> None:
    grid(tmp_path, [0.9, None], [None, 0.5])
    (only,) = select(tmp_path).selections
    assert [fold_selection.label for fold_selection in only.folds] == [FAST, SLOW]
    assert only.best_on_test is None


def test_folds_without_any_run_are_named(tmp_path: Path) -> None:
    grid(tmp_path, [0.9, 0.9], [0.5, 0.5])
    (only,) = select(tmp_path).selections
    assert only.missing_folds == [2, 3]
    assert selection_text.missing_lines(only)[0].startswith(
        "The score leaves out folds 2 and 3: no configuration has a run"
    )


def test_runs_without_validation_scores_cannot_be_selected(tmp_path: Path) -> None:
    grid(tmp_path, [None, 0.9, 0.9, 0.9], [0.5] * 4)
    selections = select(tmp_path)
    assert selected_labels(selections) == [SLOW, FAST, FAST, FAST]
    assert f"{FAST} (fold 0 (no validation scores))" in selection_text.missing_lines(selections.selections[0])[0]
    grid(tmp_path / "none", [None], [None])
    with pytest.raises(ValueError, match="none of 2 runs has validation scores, so there is nothing to select by"):
        select(tmp_path / "none")
    one(tmp_path / "apart", 0.5, 0, 0.01, 0)
    one(tmp_path / "apart", 0.5, 0, 0.001, 1)
    with pytest.raises(ValueError, match="in no fold does a configuration have validation scores for all of 2 seeds"):
        select(tmp_path / "apart")


def test_a_lower_loss_is_better_and_an_infinite_one_the_worst(tmp_path: Path) -> None:
    one(tmp_path, 0.9, 0, 0.01, nll=1.5)
    one(tmp_path, 0.1, 0, 0.001, nll=0.5)
    one(tmp_path, 0.9, 1, 0.01, nll=None)
    one(tmp_path, 0.1, 1, 0.001, nll=3.5)
    selections = select(tmp_path, "val/loss")
    assert selected_labels(selections) == [SLOW, SLOW]
    assert [each.val_score for each in selections.selections[0].configurations] == [2.0, None]
    assert selected_labels(select(tmp_path, "val/accuracy")) == [FAST, FAST]
    assert "NLL" in selection_text.describe_selection(selections.selections[0], selections.score)


def test_a_single_split_is_one_fold(tmp_path: Path) -> None:
    one(tmp_path, 0.4, None, 0.01)
    one(tmp_path, 0.5, None, 0.001)
    selections = select(tmp_path)
    assert selected_labels(selections) == [SLOW]
    assert selection_text.describe_selection(selections.selections[0], selections.score).startswith(
        "Selected by validation macro F1 on one split, from 2"
    )
    assert selection_text.missing_lines(selections.selections[0]) == []
    assert selection_text.describe_selected_configurations(selections.selections[0]) == f"Selected: {SLOW}."


def test_a_split_without_number_of_folds_expects_the_folds_of_all_runs(tmp_path: Path) -> None:
    for fold in range(3):
        for model in ("Cnn", "Rnn"):
            if (model, fold) != ("Rnn", 1):
                one(tmp_path, 0.5, fold, model=model, split__folds=None)
                one(tmp_path, 0.6, fold, 0.01, model=model, split__folds=None)
    cnn, rnn = select(tmp_path, "val/f1_macro", "model").selections
    assert (cnn.missing_folds, rnn.missing_folds) == ([], [1])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"first": 10}, r"Cnn_0.01_0_0 \(fold 0\) have different test clips \(10 of 20 and of 20 are in both\)"),
        ({"val_clips": 6}, r"have different validation clips \(6 of 8 and of 6 are in both\)"),
        ({"genres": ["jazz", "pop"]}, "have different genres"),
        (
            {"first": 10, "split__seed": 1},
            "compared: split.seed is 0 in one and 1 in the other. Name the runs",
        ),
        ({"fold": 1, "first": 10}, r"\(fold 0\) and .* \(fold 1\) both test .*, so they are not folds of one split"),
    ],
)
def test_runs_on_different_clips_are_refused(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    one(tmp_path, 0.5, 0, 0.001)
    one(tmp_path, **{"val": 0.5, "lr": 0.01, **other})
    with pytest.raises(ValueError, match=message):
        select(tmp_path)


def test_the_same_run_twice_is_refused(tmp_path: Path) -> None:
    grid(tmp_path, [0.5], [0.5])
    shutil.copytree(tmp_path / "Cnn_0.01_0_0", tmp_path / "copy")
    with pytest.raises(ValueError, match="have the same configuration .*, fold and seed: expected one run for each"):
        select(tmp_path)


def test_by_model_selects_separately_for_each_model(tmp_path: Path) -> None:
    grid(tmp_path, [0.9] * 4, [0.5] * 4)
    grid(tmp_path, [0.5] * 4, [0.9] * 4, model="Rnn", skill=2)
    one(tmp_path, 0.5, 0, model="Majority")
    selections = select(tmp_path, "val/f1_macro", "model")
    assert [each.name for each in selections.selections] == ["cnn", "majority", "rnn"]
    cnn, majority, rnn = selections.selections
    assert {fold_selection.label for fold_selection in cnn.folds} == {FAST}
    assert {fold_selection.label for fold_selection in rnn.folds} == {"rnn on mel, optimizer.lr=0.001"}
    assert selection_text.describe_selection(majority, selections.score).startswith(
        "One configuration, so nothing was selected, over 1 of 4 folds:"
    )
    assert (
        "separately for each model; accuracy over all test clips with its 95 % interval: cnn "
        in selection_text.describe_all_selections(selections)
    )
    assert "The rows were tested on different clips" in selection_text.note_lines(selections)[-1]


def test_by_any_key_or_several_keys(tmp_path: Path) -> None:
    for layers in (2, 16):
        grid(tmp_path, [0.9], [0.5], model__layers=layers)
    assert [each.name for each in select(tmp_path, "val/f1_macro", "optimizer.lr").selections] == [
        "optimizer.lr=0.001",
        "optimizer.lr=0.01",
    ]
    assert [each.name for each in select(tmp_path, "val/f1_macro", "model", "model.layers").selections] == [
        "cnn, model.layers=2",
        "cnn, model.layers=16",
    ]
    one(tmp_path, 0.5, model="Rnn", model__cell="gru")
    assert [each.name for each in select(tmp_path, "val/f1_macro", "model.cell").selections] == [
        "model.cell=gru",
        "model.cell=n/a",
    ]


def test_a_row_is_named_by_the_choice_on_the_command_line(tmp_path: Path) -> None:
    for run in grid(tmp_path, [0.9], [0.5]):
        path = run.path / rundir.ENVIRONMENT
        choices = {"model": "fast_cnn", "feature": "mel", "experiment": "none"}
        path.write_text(json.dumps({**json.loads(path.read_text()), "choices": choices}))
    assert [each.name for each in select(tmp_path, "val/f1_macro", "model").selections] == ["fast_cnn"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--select", "test/accuracy"], "argument --select: invalid choice: 'test/accuracy' (choose from"),
        (["--by", "model"], "--by needs --select, e.g. --select val/f1_macro --by model."),
        (["--select", "val/loss", "--by", "seed"], "--by seed: the runs of one configuration may differ in this key."),
        (["--select", "val/loss", "--by", "split.fold"], "--by split.fold: the runs of one configuration may differ"),
        (
            ["--select", "val/loss", "--by", "modle"],
            "--by modle: no run has such a key. Did you mean 'model'? Expected",
        ),
        (["--select", "val/loss", "--by", "lr"], "no run has such a key. Did you mean 'optimizer.lr'?"),
        (
            ["--select", "val/loss", "--by", "optimizer.lr"],
            "got one configuration for each optimizer.lr: expected several",
        ),
    ],
)
def test_bad_input_gives_one_message(
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


def test_one_run_is_too_few_to_select_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = one(tmp_path, 0.5)
    assert report.main([str(run.path), "--select", "val/f1_macro"]) == 1
    assert "got one configuration (cnn on mel, 1 run): expected several" in capsys.readouterr().err


def test_the_command_line_offers_all_selection_scores() -> None:
    assert tuple(selection.SELECTION_SCORES) == report.SELECTION_SCORES


def test_the_page_starts_with_the_selection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid(tmp_path, [0.9, 0.6, 0.5, 0.5], [0.5, 0.7, 0.5, 0.4])
    (tmp_path / "failed").mkdir()
    (tmp_path / "failed" / rundir.LOCK).touch()
    assert report.main([str(tmp_path), "--select", "val/f1_macro"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'selected.html'}\n"
    (only,) = select(tmp_path).selections
    sentence = selection_text.describe_selection(only, selection.SELECTION_SCORES["val/f1_macro"])
    assert sentence.startswith(
        "Selected by validation macro F1 in each of 4 folds, from 2 configurations: accuracy over all"
    )
    assert sentence in err
    text = (tmp_path / "selected.html").read_text(encoding="utf-8")
    shown = Page(text).text
    assert shown.index(sentence) < shown.index("Selecting by test") < shown.index("Groups Runs that differ")
    assert "by test accuracy, recognizes" not in shown  # which would be a selection by test
    assert "best on test: too high by luck" in shown
    assert "1 run could not be read; the end of this page gives the reason." in shown
    assert report.main([str(tmp_path)]) == 0
    plain = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "Selecting by test" not in plain
    assert sentence in plain  # below the groups: validation selects another configuration in each fold


def test_markdown_has_one_row_per_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("Cnn", "Rnn"):
        grid(tmp_path, [0.9] * 4, [0.5] * 4, model=model, skill=9)
    (tmp_path / "Rnn_0.01_2_0" / rundir.METRICS).unlink()
    assert report.main([str(tmp_path), "--select", "val/loss", "--by", "model", "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    assert (
        "| model | folds | clips | artists | accuracy over all clips | 95 % interval | macro precision | macro recall | "
        "macro F1 | median training time | selected by test, too high by luck: accuracy | its macro F1 |\n"
    ) in out
    cells = "| 4 | 80 | 40 | 100.0 | 95.4 to 100.0 | 100.0 | 100.0 | 100.0 | 12 min 34 s |"
    assert f"| cnn {cells} 100.0 | 100.0 |\n" in out
    assert f"| rnn {cells} n/a | n/a |\n" in out
    assert (
        "- rnn: 1 of 2 configurations lacks runs and could not be selected there: rnn on mel, optimizer.lr=0.01 (fold 2).\n"
        in out
    )
    assert "| 2 | rnn on mel, optimizer.lr=0.001 | 1 | 8 | 1.000 | 20 | 100.0 | 100.0 |\n" in out
    assert "## All runs, selected or not\n\n" in out
    assert "\n\n\n\n" not in out


def test_leaks_are_in_the_notes(tmp_path: Path) -> None:
    grid(tmp_path, [0.9], [0.5], shared={"artists": ["Bob Marley"], "tracks": [], "audio": []})
    runs, skipped = sweep_page.readable_runs(rundir.find_runs(tmp_path), pages=False)
    selections = select(tmp_path)
    assert "may both be too high" in " ".join(selection_text.note_lines(selections))
    assert "may both be too high" in Page(sweep_page.html(runs, skipped, tmp_path, selections)).text
