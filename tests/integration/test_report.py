"""The program report: groups of runs, their pooled scores, the page of a sweep, and messages on bad input."""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src import metrics, report, rundir
from src.evaluation.groups import group_by_config
from src.metrics.intervals import wilson
from src.reporting import sweep_page, tested_on_text
from src.rundir import RunDir
from tests.reporting.test_pages import Page
from tests.rundirs import GENRES, config, write_run


def _folds(folder: Path, model: str = "Hybrid", skill: float = 1.5, folds: int = 4) -> list[RunDir]:
    return [
        RunDir(
            write_run(
                folder / f"{model}-{fold}", config(fold=fold, model=model), clips=40, first=40 * fold, skill=skill
            )
        )
        for fold in range(folds)
    ]


def test_folds_are_pooled_into_one_score_over_all_clips(tmp_path: Path) -> None:
    runs = _folds(tmp_path)
    [pooled] = group_by_config(runs)
    correct = sum(round(40 * run.metrics["test"]["accuracy"]) for run in runs)
    assert pooled.scores["clips"] == 160
    assert pooled.scores["artists"] == 80
    assert pooled.scores["accuracy"] == correct / 160
    assert pooled.scores["accuracy_interval"] == list(wilson(correct, 160))
    counts = np.sum([run.confusion[1] for run in runs], axis=0)
    recall = [counts[k, k] / counts[k].sum() for k in range(10)]
    assert [row["recall"] for row in pooled.scores["genres"].values()] == pytest.approx(recall)
    single = [run.metrics["test"]["accuracy"] for run in runs]
    assert pooled.spread is not None
    assert pooled.spread["accuracy"] == (statistics.fmean(single), statistics.stdev(single))
    assert pooled.description == "4 folds pooled, each of the 160 clips tested once; interval over these clips"


def test_missing_folds_are_counted(tmp_path: Path) -> None:
    [pooled] = group_by_config(_folds(tmp_path, folds=3))
    assert pooled.description.startswith("3 of 4 folds pooled, each of the 120 clips tested once")


def test_seeds_on_the_same_clips_are_not_pooled(tmp_path: Path) -> None:
    runs = [RunDir(write_run(tmp_path / str(seed), config(seed=seed))) for seed in range(3)]
    [mean] = group_by_config(runs)
    accuracy = statistics.fmean(run.metrics["test"]["accuracy"] for run in runs)
    assert mean.scores["clips"] == 160
    assert mean.scores["accuracy"] == accuracy
    assert mean.scores["accuracy_interval"] == list(wilson(round(160 * accuracy), 160))
    assert mean.description == (
        "mean of 3 repetitions on the same 160 clips; repetitions are not pooled, as they are not independent; interval of the "
        "mean accuracy on 160 clips, without the spread between repetitions"
    )


def test_seeds_of_folds_are_pooled_each_and_then_averaged(tmp_path: Path) -> None:
    runs = [
        RunDir(write_run(tmp_path / f"{seed}-{fold}", config(seed=seed, fold=fold), clips=40, first=40 * fold))
        for seed in range(2)
        for fold in range(4)
    ]
    [mean] = group_by_config(runs)
    assert mean.scores["clips"] == 160
    assert mean.description.startswith("mean of 2 repetitions (each pooled over 4 folds) on the same 160 clips")
    assert mean.scores["accuracy"] == pytest.approx(statistics.fmean(run.metrics["test"]["accuracy"] for run in runs))


def test_pooling_does_not_change_the_predicted_genres(tmp_path: Path) -> None:
    runs = _folds(tmp_path, folds=2)
    lines = (runs[0].path / rundir.PREDICTIONS).read_text().splitlines()
    clip, artist, genre = lines[1].split(",")[:3]
    lines[1] = ",".join([clip, artist, genre, genre, *["0.1"] * 10])  # ten equal probabilities, as after rounding
    (runs[0].path / rundir.PREDICTIONS).write_text("\n".join(lines))
    [pooled] = group_by_config(runs)
    correct = sum(p == t for run in runs for p, t in zip(run.predictions.predicted, run.predictions.true, strict=True))
    assert pooled.scores["accuracy"] == correct / 80


def test_labels_of_groups_have_the_distinguishing_settings(tmp_path: Path) -> None:
    write_run(tmp_path / "a", config(model="Cnn", optimizer__lr=0.01, trainer__accelerator="gpu"), clips=20)
    write_run(tmp_path / "b", config(model="Cnn", data__resident=True), clips=20, skill=3)
    write_run(tmp_path / "c", config(model="Rnn", model__cell="gru"), clips=20, skill=0)
    write_run(tmp_path / "d", config(seed=1, model="Cnn"), clips=20, skill=3)
    groups = group_by_config(rundir.find_runs(tmp_path))
    labels = {each.label: [run.path.name for run in each.runs] for each in groups}
    assert labels == {
        "cnn on mel, optimizer.lr=0.001": ["b", "d"],
        "cnn on mel, optimizer.lr=0.01": ["a"],
        "rnn on mel, optimizer.lr=0.001": ["c"],
    }
    assert [each.scores["accuracy"] for each in groups] == sorted((e.scores["accuracy"] for e in groups), reverse=True)


def test_a_key_that_varies_with_an_earlier_key_is_not_in_the_label(tmp_path: Path) -> None:
    for rate, layers in ((0.01, 3), (0.01, 4), (0.02, 3)):
        changes = {
            "optimizer__lr": rate,
            "scheduler__max_lr": rate,
            "scheduler__steps": layers,
            "model__layers": layers,
        }
        write_run(tmp_path / f"{rate}_{layers}", config(**changes | {"model__width": 5 - layers}), clips=20)
    assert sorted(each.label for each in group_by_config(rundir.find_runs(tmp_path))) == [
        "hybrid on mel, model.layers=3, model.width=2, optimizer.lr=0.01",
        "hybrid on mel, model.layers=3, model.width=2, optimizer.lr=0.02",
        "hybrid on mel, model.layers=4, model.width=1, optimizer.lr=0.01",
    ]


def test_a_sweep_becomes_one_page_with_links(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = tmp_path / "a sweep"
    _folds(sweep / "deep", "Cnn", skill=2, folds=2)
    _folds(sweep, "Rnn", skill=1, folds=2)
    (sweep / "failed").mkdir()
    (sweep / "failed" / rundir.LOCK).touch()
    broken = write_run(sweep / "broken", config(), clips=20)
    (broken / rundir.METRICS).write_text("{")
    assert report.main([str(sweep)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{sweep / 'report.html'}\n"
    assert f"report: skipped {sweep / 'failed'}" in err
    text = (sweep / "report.html").read_text(encoding="utf-8")
    shown = Page(text)
    assert sorted(shown.links) == [
        "Rnn-0/report.html",
        "Rnn-1/report.html",
        "deep/Cnn-0/report.html",
        "deep/Cnn-1/report.html",
    ]
    for link in shown.links:
        Page((sweep / link).read_text(encoding="utf-8"))
    assert "http" not in text.replace("http-equiv", "")
    assert "4 runs in 2 groups" in shown.text
    assert "All groups were tested on the same 80 clips." in shown.text
    assert "failed : " in shown.text
    assert "its run has not finished, or it failed" in shown.text
    assert "broken : " in shown.text
    assert "is not JSON" in shown.text
    assert "synthetic music" in shown.text
    # Pairs, curves, time and score, two confusion matrices; the map of recall is drawn wide and narrow.
    assert text.count("<svg") == 7


def test_one_run_becomes_its_own_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run", config(), clips=20)
    assert report.main([str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert "The hybrid on mel recognizes" in (run / "report.html").read_text(encoding="utf-8")
    assert report.main([str(run), "--output", str(tmp_path / "new" / "single.html")]) == 0
    assert (tmp_path / "new" / "single.html").read_text() == (run / "report.html").read_text()


def test_the_report_of_several_arguments_is_written_to_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for model in ("Cnn", "Rnn"):
        write_run(tmp_path / "runs" / model, config(model=model), clips=20)
    assert report.main(["runs/Cnn", "runs/Rnn", "runs"]) == 0  # the last argument has the same runs again
    assert capsys.readouterr().out == "outputs/report.html\n"
    shown = Page(Path("outputs/report.html").read_text(encoding="utf-8"))
    assert "2 runs in 2 groups" in shown.text
    assert sorted(shown.links) == ["../runs/Cnn/report.html", "../runs/Rnn/report.html"]


def test_markdown_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed in range(2):
        write_run(tmp_path / "sweep" / f"s{seed}", config(seed=seed), clips=8, genres=["jazz", "rock"], skill=20)
    assert report.main(["sweep", "--format", "markdown"]) == 0
    assert not list(tmp_path.rglob("report.html"))
    out = capsys.readouterr().out
    assert out.startswith(
        "# 2 runs in 1 group\n\nData: composer (synthetic music); split holdout, seed 0; grouped by artist.\n"
    )
    assert (
        "| hybrid on mel | 2 | 8 | 4 | 100.0 | 67.6 to 100.0 | 100.0 ± 0.0 | "
        "100.0 | 100.0 | 100.0 | 100.0 | 123,456 | 12 min 39 s |\n"
    ) in out
    assert (
        "Recall on the test set, in percent, with its 95 % interval (Wilson); composer (synthetic music); "
        "split holdout, seed 0; grouped by artist.\n\n"
        "| group | clips | jazz | rock | macro |\n"
        "|---|---:|---:|---:|---:|\n"
        "| test clips | | 4 | 4 | |\n"
        "| hybrid on mel | 8 | 100.0 (51.0 to 100.0) | 100.0 (51.0 to 100.0) | 100.0 |\n"
    ) in out
    assert "| hybrid on mel | sweep/s1 | 1 |  | 8 | 100.0 | 67.6 to 100.0 | 100.0 | 12 min 44 s |\n" in out
    assert report.main(["sweep/s0", "--format", "markdown", "--output", "s0.md"]) == 0
    assert capsys.readouterr().out == "s0.md\n"
    assert Path("s0.md").read_text(encoding="utf-8").startswith("# hybrid on mel, composer\n")


def test_different_clips_and_leaks_are_in_the_notes(tmp_path: Path) -> None:
    write_run(tmp_path / "a", config(model="Cnn"), clips=20)
    shared = {"artists": ["Bob Marley"], "tracks": [], "audio": []}
    write_run(tmp_path / "b", config(model="Rnn"), clips=24, genres=GENRES[:4], shared=shared)
    runs, skipped = sweep_page.readable_runs(rundir.find_runs(tmp_path), pages=False)
    shown = Page(sweep_page.html(runs, skipped, tmp_path))
    assert "The 2 groups were tested on 2 different test data." in shown.text
    assert "Some runs share artists, tracks or audio" in shown.text
    assert shown.text.count("Runs that differ only in seed or fold form one group.") == 2  # a table for each


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "report: nowhere does not exist: expected a run directory or a folder of runs."),
        (["empty"], "report: empty contains no run: expected metrics.json in it"),
        (["file"], "report: file is not a folder"),
        (["unfinished"], "report: unfinished has no metrics.json: its run has not finished, or it failed."),
        (["sweep"], "report: none of 1 run can be reported. sweep/failed has no metrics.json"),
        (["run", "--output", "file/report.html"], "report: "),
        (["run", "--format", "pdf"], "report: argument --format: invalid choice: 'pdf'"),
        ([], "report: the following arguments are required: RUN|SWEEP"),
    ],
)
def test_bad_input_gives_one_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(Path("run"), config(), clips=20)
    for folder in ("empty", "unfinished", "sweep/failed"):
        Path(folder).mkdir(parents=True)
    Path("file").touch()
    for folder in ("unfinished", "sweep/failed"):
        Path(folder, rundir.CONFIG).write_text("seed: 0")
    try:
        status = report.main(arguments)
    except SystemExit as exit:
        status = int(exit.code or 0)
    out, err = capsys.readouterr()
    assert status == 1
    assert out == ""
    assert message in err
    assert err.splitlines()[-1].startswith("report: ")


def test_probabilities_of_zero_are_scored_without_nll(tmp_path: Path) -> None:
    # A nearest-neighbour model gives probabilities of exactly 0.
    runs = _folds(tmp_path, folds=2)
    for run in runs:
        lines = (run.path / rundir.PREDICTIONS).read_text().splitlines()
        rows = [line.split(",") for line in lines[1:]]
        sure = [",".join([*row[:4], *(str(float(genre == row[3])) for genre in GENRES)]) for row in rows]
        (run.path / rundir.PREDICTIONS).write_text("\n".join([lines[0], *sure]))
    [pooled] = group_by_config(runs)
    assert pooled.scores["nll"] is None
    json.dumps(pooled.scores, allow_nan=False)


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys\nfrom src import report\n"
        "try:\n    report.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'matplotlib', 'scipy', 'omegaconf'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "RUN|SWEEP" in done.stdout


def test_find_searches_no_folder_inside_a_run_or_below_the_depth(tmp_path: Path) -> None:
    for folder in ("a", "a/wandb/files", "b/c/d", "b/c/e/f", ".hidden", "b/wandb/x"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / rundir.CONFIG).touch()
    assert [run.path.relative_to(tmp_path).as_posix() for run in rundir.find_runs(tmp_path)] == ["a", "b/c/d"]


def test_pooled_scores_equal_those_of_metrics(tmp_path: Path) -> None:
    runs = _folds(tmp_path)
    [pooled] = group_by_config(runs)
    probability = torch.cat([torch.from_numpy(run.predictions.probability_KC) for run in runs])
    true = torch.tensor([GENRES.index(genre) for run in runs for genre in run.predictions.true])
    expected = metrics.score(probability.log(), true, GENRES)
    assert pooled.scores["nll"] == pytest.approx(expected["nll"])
    assert pooled.scores["genres"] == expected["genres"]


def test_labels_have_the_recipe_and_only_settings_that_differ_within_it(tmp_path: Path) -> None:
    def recipe(folder: str, name: str, **changes: Any) -> None:
        write_run(tmp_path / folder, config(**changes), clips=8)
        path = tmp_path / folder / "environment.json"
        environment = json.loads(path.read_text(encoding="utf-8"))
        choices = {"model": "cnn", "feature": "mfcc", "experiment": name}
        path.write_text(json.dumps({**environment, "choices": choices}), encoding="utf-8")

    recipe("a", "paper_cnn", optimizer__lr=0.1)
    recipe("b", "best", optimizer__lr=0.2)
    recipe("c", "best", optimizer__lr=0.3)
    recipe("d", "none", optimizer__lr=0.4)
    groups = group_by_config(rundir.find_runs(tmp_path))
    assert {each.label for each in groups} == {
        "paper_cnn: cnn on mfcc",
        "best: cnn on mfcc, optimizer.lr=0.2",
        "best: cnn on mfcc, optimizer.lr=0.3",
        "cnn on mfcc",
    }


@pytest.mark.parametrize(
    ("splits", "description"),
    [
        (["holdout, seed 0"], "split holdout, seed 0"),
        ([f"fold {k} of 12, seed 0" for k in (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9)], "folds 0 to 11 of 12, seed 0"),
        (["fold 0 of 3, seed 0", "fold 2 of 3, seed 0"], "2 splits, fold 0 of 3, seed 0 to fold 2 of 3, seed 0"),
        (["fold 0 of 3, seed 0", "fold 1 of 4, seed 0"], "2 splits, fold 0 of 3, seed 0 to fold 1 of 4, seed 0"),
        (["holdout, seed 0", "holdout, seed 1"], "2 splits, holdout, seed 0 to holdout, seed 1"),
    ],
)
def test_splits_are_described_by_the_numbers_of_their_folds(splits: list[str], description: str) -> None:
    assert tested_on_text.describe_splits(splits) == description
