"""The page of a sweep: choice by validation, grid, comparison, failed jobs, several data sets."""

import json
import re
import shutil
from pathlib import Path

import pytest

from src import formatting, report, rundir
from src.evaluation import run_analysis, shared_folds
from src.evaluation.groups import group_by_config
from src.evaluation.pooling import pooled_confusion
from src.evaluation.swept import chosen_by_validation, panels, swept_settings
from src.reporting import cards, run_summary, sweep_page, sweep_plots, sweep_section
from src.sweep import callbacks, jobs
from tests.reporting.sweeps import set_validation, write_grid, write_models, write_note, write_page
from tests.reporting.test_pages import Page
from tests.rundirs import config, write_run


def page(folder: Path) -> tuple[str, str]:
    """Write the report of a folder -> (HTML, text)."""
    assert report.main([str(folder)]) == 0
    text = (folder / rundir.REPORT).read_text(encoding="utf-8")
    return text, Page(text).text


def test_a_grid_marks_the_choice_by_validation_and_not_the_best_on_test(tmp_path: Path) -> None:
    runs = write_grid(tmp_path / "grid")
    text, shown = page(tmp_path / "grid")
    assert shown.startswith("grid ")  # the title is the name of the folder
    assert ", the best of 12 by validation macro F1, recognizes " in shown
    first = text[text.index('<tr class="chosen">') :]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", first[: first.index("</tr>")])
    headings = re.findall(r'<th title="([\w.]+)"', text)
    assert dict(zip(headings, cells, strict=False)) == {
        "optimizer.lr": "0.005",
        "data.batch_size": "64",
        "model.layers": "4",
    }
    assert text.count('<tr class="chosen">') == 1
    assert "Common to all groups: cnn on mel; trainer.max_epochs 12" in shown
    groups = group_by_config([rundir.RunDir(run) for pair in runs.values() for run in pair])
    assert groups[0].label not in shown.split("Runs")[0].split("Groups")[0]  # the best on test is not in the headline
    assert "Selected by validation macro F1" not in shown  # it is the same configuration in both folds
    set_validation(runs[0.001, 64, 3][1], 0.95)
    changed = group_by_config([rundir.RunDir(run) for pair in runs.values() for run in pair])
    selected = sweep_section._selected_in_folds(changed)
    assert selected is not None
    assert sweep_section._selection_line(selected).startswith(
        "Selected by validation macro F1 in 2 of 4 folds, from 12 configurations: accuracy"
    )


def test_the_cells_of_the_heat_maps_are_the_scores_of_the_runs(tmp_path: Path) -> None:
    runs = write_grid(tmp_path)
    groups = group_by_config(rundir.find_runs(tmp_path))
    chosen = chosen_by_validation(groups)
    for grid, batch in zip(panels(swept_settings(groups)), (32, 64), strict=True):
        drawn = sweep_section.heat_map(grid, lambda group: group.val_f1_macro, chosen)
        assert (drawn.rows, drawn.columns) == (["0.001", "0.005"], ["3", "4", "5"])
        for rate, row in zip((0.001, 0.005), drawn.values, strict=True):
            for layers, value in zip((3, 4, 5), row, strict=True):
                read = [json.loads((run / rundir.METRICS).read_text()) for run in runs[rate, batch, layers]]
                assert value == pytest.approx(sum(metrics["val"]["f1_macro"] for metrics in read) / 2)
        assert drawn.chosen == ((1, 1) if batch == 64 else None)
    text = sweep_plots.heat_maps([drawn], "validation macro F1")
    assert "0.005 and 4 90.0, chosen" in text  # read by screen readers
    assert text.count("<svg") == 1


def test_failed_and_killed_jobs_are_listed_with_reason_and_command(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    write_run(folder / "cnn-1", config(model="Cnn"), clips=20)
    write_note(folder, 0, label="model=cnn", folder="cnn-1", state="run")
    command = "python -m src.train model=tags hydra.mode=RUN hydra.run.dir=sweep/tags-2"
    write_note(folder, 1, label="model=tags", folder="tags-2", reason="tags <b>needs</b> musicnn.", command=command)
    write_note(folder, 2, label="model=rnn", folder="rnn-3", state="training", command="python again")
    write_note(
        folder, 3, label="model=hybrid", folder="cnn-1", reason="failed once, and then another command finished it"
    )
    text, shown = page(folder)
    assert "3 jobs" not in shown
    assert "2 jobs without result" in shown
    failed = shown[shown.index("Failed jobs model=tags") :]
    assert "model=tags: failed tags <b>needs</b> musicnn." in failed
    assert command in failed
    assert "model=rnn: not finished Its training has not ended: the sweep is still running, or was killed." in failed
    assert "finished it" not in shown
    assert 'class="failed"' in text
    markdown = sweep_page.markdown(rundir.find_runs(folder), [], unfinished=jobs.unfinished(folder))
    assert f"- model=tags: failed. tags \\<b\\>needs\\</b\\> musicnn. {command}" in markdown


def test_a_killed_grid_is_one_section_on_the_folds_that_most_groups_have(tmp_path: Path) -> None:
    runs = write_grid(tmp_path, folds=2)
    first, *_ = runs
    for configuration, (_, second) in runs.items():
        if configuration not in ((0.001, 32, 3), (0.001, 32, 4)):  # 12 groups have fold 0, and 2 of them fold 1
            shutil.rmtree(second)
    text, shown = page(tmp_path)
    assert text.count('<tr class="chosen">') == 1
    assert "Test data 2" not in shown
    assert "Ranked on fold 0 of 4, which all 12 groups have; 2 runs on other folds are not in these scores." in shown
    assert "All groups were tested on the same 40 clips." in shown
    [part] = shared_folds.parts(group_by_config(rundir.find_runs(tmp_path)))
    assert (len(part.groups), part.folds, part.left_out, part.unranked) == (12, [0], 2, [])
    alone = json.loads((runs[first][0] / rundir.METRICS).read_text())["test"]["accuracy"]
    [group] = [group for group in part.groups if runs[first][0] in [run.path for run in group.runs]]
    assert group.scores["accuracy"] == pytest.approx(alone)


def test_a_group_that_lacks_folds_is_listed_and_not_ranked(tmp_path: Path) -> None:
    runs = write_grid(tmp_path, folds=2)
    shutil.rmtree(runs[0.001, 32, 3][1])
    _, shown = page(tmp_path)
    assert "Ranked on folds 0 and 1 of 4, which 11 of the 12 groups have." in shown
    assert "Not ranked, for lack of folds: cnn on mel, model.layers=3" in shown
    assert "1 group not ranked, for lack of folds" in shown
    assert "All groups were tested" not in shown


def test_folds_of_other_splits_stay_apart(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_page(write_run(tmp_path / str(seed), config(fold=seed, model="Cnn", split__seed=seed), first=40 * seed))
    assert len(shared_folds.parts(group_by_config(rundir.find_runs(tmp_path)))) == 2


def test_jobs_that_never_started_are_listed_once_with_the_command_of_the_sweep(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    write_page(write_run(folder / "cnn-1", config(model="Cnn"), clips=20))
    write_note(folder, 0, label="model=cnn", folder="cnn-1", state="run")
    write_note(folder, 1, label="model=svm", folder="svm-2", reason="no room", command="python one")
    labels = ["model=cnn", "model=svm", "model=knn", "model=rnn", "model=gru", "model=lstm"]
    jobs.write_plan(folder / jobs.NOTES / "sweep_model-12345678", "python the sweep", labels)
    text, shown = page(folder)
    assert "5 jobs without result (1 failed, 4 not started)" in shown
    assert "4 jobs: not started" in shown
    assert "model=knn; model=rnn; model=gru; model=lstm" in shown
    assert text.count("<pre>python the sweep</pre>") == 1
    assert shown.index("model=svm: failed") < shown.index("4 jobs: not started")
    assert "Run the 5 jobs without result: repeat the command of the sweep." in shown


def test_a_page_says_the_worst_confusion_what_is_doubtful_and_what_to_do_next(tmp_path: Path) -> None:
    write_models(tmp_path, folds=1, clips=16)
    _, shown = page(tmp_path)
    group = chosen_by_validation(group_by_config(rundir.find_runs(tmp_path)))
    assert group is not None
    names, counts = pooled_confusion(group.runs)
    pairs = run_analysis.confusions(names, counts)
    equal = [pair for pair in pairs if pair.clips == pairs[0].clips]
    assert len(equal) > 1
    assert f"{len(equal)} pairs equally frequent, 1 clip each: {equal[0].true} → {equal[0].predicted}, " in shown
    assert "Fewer than 10 test clips in 4 genres (classical, jazz, pop, rock)" in shown
    assert "The music is synthetic" in shown
    assert "python -m src.audit" not in shown  # the music is synthetic


def test_groups_that_are_no_better_than_the_most_frequent_genre_are_doubtful(tmp_path: Path) -> None:
    for name, skill in (("poor", 0.0), ("good", 3.0)):
        write_page(write_run(tmp_path / name / "cnn-1", config(model="Cnn"), clips=100, skill=skill))
    doubt = "100 clips do not show that the model is better than always the most frequent genre (10 %)."
    assert doubt in page(tmp_path / "poor")[1]
    assert "do not show" not in page(tmp_path / "good")[1]


@pytest.mark.parametrize(("skill", "said"), [(0.1, True), (4.0, False)])
def test_a_first_group_that_is_not_better_than_majority_is_doubtful(tmp_path: Path, skill: float, said: bool) -> None:
    for model, each in (("Svm", skill), ("Majority", 0.0)):
        run = write_run(tmp_path / model, config(model=model), clips=100, skill=each)
        write_page(run)
        set_validation(run, 0.5 if model == "Svm" else 0.1)
    _, shown = page(tmp_path)
    doubt = r"A \(svm on mel\) is not shown to be better than B \(majority on mel\): p = 0?\.?\d+\."
    assert bool(re.search(doubt, shown)) == said


def test_the_interval_by_artist_is_shown_where_it_exists(tmp_path: Path) -> None:
    write_models(tmp_path, folds=1, clips=160)
    [part] = shared_folds.parts(group_by_config(rundir.find_runs(tmp_path)))
    shown = sweep_section.section(part, 1, 1, figures=False)
    scores = shown["groups"][0].scores
    low, high = scores["accuracy_interval_by_artist"]
    interval = f"95 % interval by artist {formatting.percent(low).removesuffix(' %')} to {formatting.percent(high)}"
    assert interval in shown["headline"]
    assert shown["cards"][0].note.startswith(interval)
    assert cards.interval_doubt(scores) == []
    over_clips = {**scores, "accuracy_interval_by_artist": None}
    assert "true interval is wider" in cards.interval_doubt(over_clips)[0]
    assert cards.interval_doubt({**over_clips, "artists": over_clips["clips"]}) == []  # an artist for each clip


def test_the_headline_names_the_recipe_after_the_model(tmp_path: Path) -> None:
    run = write_run(tmp_path / "cnn-1", config(model="Cnn"), clips=40)
    content = json.loads((run / rundir.ENVIRONMENT).read_text())
    content["choices"] = {"experiment": "quick", "model": "cnn", "feature": "mfcc"}
    (run / rundir.ENVIRONMENT).write_text(json.dumps(content))
    [part] = shared_folds.parts(group_by_config([rundir.RunDir(run)]))
    headline = sweep_section.section(part, 1, 1, figures=False)["headline"]
    assert headline.startswith("The cnn on mfcc (recipe quick) recognizes ")
    assert " of 40 test clips of composer (95 % interval " in headline


def test_a_sweep_without_any_result_has_a_page_of_its_failed_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_note(tmp_path / "sweep", 0, label="model=tags", reason="tags needs musicnn.")
    callbacks.write_page(tmp_path / "sweep")
    assert "the report is" in capsys.readouterr().out
    shown = Page((tmp_path / "sweep" / rundir.REPORT).read_text(encoding="utf-8")).text
    assert "model=tags: failed tags needs musicnn." in shown


def test_a_page_that_cannot_be_drawn_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no canvas")

    monkeypatch.setattr(sweep_page, "html", broken)
    callbacks.write_page(tmp_path)
    assert "the page of the sweep could not be written (RuntimeError: no canvas)" in capsys.readouterr().err


def test_a_note_that_is_broken_is_listed(tmp_path: Path) -> None:
    write_note(tmp_path, 0, surprise=1)
    [job] = jobs.unfinished(tmp_path)
    assert job["state"] == "failed"
    assert "is not the note of a job" in job["reason"]
    assert jobs.unfinished(tmp_path.parent)[0]["label"].startswith(f"{tmp_path.name}: ")


def test_data_sets_have_a_section_each_with_groups_figures_and_the_papers_tables(tmp_path: Path) -> None:
    write_models(tmp_path / "both" / "a", folds=1, clips=40)
    write_models(tmp_path / "both" / "b", folds=1, clips=40)
    for run in (tmp_path / "both" / "b").iterdir():
        text = (run / rundir.METRICS).read_text().replace('"dataset": "composer"', '"dataset": "gtzan"')
        (run / rundir.METRICS).write_text(text)
        config_file = run / rundir.CONFIG
        config_file.write_text(config_file.read_text().replace("genres: null", "genres: null\n  other: 1"))
    text, shown = page(tmp_path / "both")
    headings = re.findall(r'<h2 id="[^"]*">(.*?)</h2>', text)
    assert [heading for heading in headings if heading.startswith("Test data")] == [
        "Test data 1: composer (synthetic music), 40 clips of 20 artists, 4 genres",
        "Test data 2: gtzan (synthetic music), 40 clips of 20 artists, 4 genres",
    ]
    assert text.count("<h3>Groups</h3>") == 2
    assert shown.count(", the best of 3 by validation macro F1, recognizes ") == 2
    assert text.count("RNN, published") == 2


def test_select_writes_beside_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rate in (0.001, 0.01):
        write_page(write_run(tmp_path / str(rate), config(model="Cnn", optimizer__lr=rate), clips=20))
    page(tmp_path)
    before = (tmp_path / rundir.REPORT).read_text()
    capsys.readouterr()
    assert report.main([str(tmp_path), "--select", "val/f1_macro"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "selected.html")
    assert (tmp_path / rundir.REPORT).read_text() == before
    assert "Selected by validation macro F1" in (tmp_path / "selected.html").read_text()


def test_precision_and_f1_are_behind_a_toggle(tmp_path: Path) -> None:
    write_models(tmp_path, folds=1)
    text, _ = page(tmp_path)
    for name in ("Precision", "F1"):
        assert f"<details><summary>{name} of each genre, %</summary>" in text
    assert "<details open><summary>Recall of each genre, %</summary>" in text


def test_the_confusion_matrix_of_a_group_adds_those_of_its_runs(tmp_path: Path) -> None:
    write_models(tmp_path)
    group = next(g for g in group_by_config(rundir.find_runs(tmp_path)) if g.label.startswith("cnn"))
    _, total = pooled_confusion(group.runs)
    assert total.sum() == 144
    assert total.trace() == round(group.scores["accuracy"] * 144)


def test_advice_is_given_only_where_the_page_has_not_done_it(tmp_path: Path) -> None:
    runs = write_grid(tmp_path)
    _, shown = page(tmp_path)
    steps = shown[shown.index("What to do next") : shown.index("… stands for the command")]
    assert "--select" not in steps  # the same configuration is chosen in both folds
    assert "src.compare" not in steps
    assert "train longer" not in steps  # the best epoch is not the last one
    assert "under Comparison" in shown
    assert "as computed by python" not in shown
    assert "as computed by python -m src.compare" in sweep_page.markdown(rundir.find_runs(tmp_path), [])
    set_validation(runs[0.001, 64, 3][1], 0.95)
    _, shown = page(tmp_path)
    steps = shown[shown.index("What to do next") : shown.index("… stands for the command")]
    assert "Validation does not choose the same configuration in all folds" in steps
    assert "python -m src.report SWEEP --select val/f1_macro" in steps
    assert sweep_section.TWO_CHOICES in shown  # two scores, and why they differ
    found = re.search(r"Chosen in each fold: (\d+) %", shown)  # in the first card
    assert found
    doubt = (
        f"Each fold chooses its own configuration by validation. So chosen, {found[1]} % of the clips are recognized"
    )
    assert doubt in shown[shown.index("Doubtful or missing") : shown.index("Groups Runs that differ")]
    assert report.main([str(tmp_path), "--select", "val/f1_macro"]) == 0
    selected = Page((tmp_path / "selected.html").read_text(encoding="utf-8")).text
    assert "--select" not in selected[: selected.index("… stands for the command")]


def test_groups_that_cannot_be_told_apart_need_seeds_and_the_best_last_epoch_needs_more_epochs(tmp_path: Path) -> None:
    for name, model in (("a", "Cnn"), ("b", "Rnn")):
        for seed in (0, 1):
            run = write_run(
                tmp_path / name / str(seed),
                config(model=model, seed=seed),
                clips=100,
                skill=1.5 if name == "a" else 1.6,
            )
            write_page(run)
            content = json.loads((run / rundir.METRICS).read_text()) | {"best_epoch": 11}
            (run / rundir.METRICS).write_text(json.dumps(content))
    _, shown = page(tmp_path)
    assert "The best epoch of each run is its last one: train longer. … trainer.max_epochs=24" in shown
    assert "train several seeds" not in shown  # there are several
    for name in "ab":
        shutil.rmtree(tmp_path / name / "1")
    _, shown = page(tmp_path)
    assert "These clips do not show which of the first two groups is better: train several seeds" in shown


def test_a_job_that_fails_in_the_same_way_again_needs_other_settings(tmp_path: Path) -> None:
    write_page(write_run(tmp_path / "cnn-1", config(model="Cnn"), clips=20))
    write_note(tmp_path, 0, label="model=tags", reason="tags needs musicnn.", command="python one", repeats=True)
    _, shown = page(tmp_path)
    assert "1 job fails in the same way at each try: change its settings, as the message says." in shown
    assert "repeat the command" not in shown
    assert "tags needs musicnn. The same command fails in the same way again: change what the message names" in shown
    write_note(tmp_path, 1, label="model=rnn", reason="killed", command="python two")
    _, shown = page(tmp_path)
    assert "Run the other job without result: repeat the command of the sweep." in shown
    assert "killed Repeat the command. If memory ran out" in shown


def test_a_page_of_one_run_shows_the_matrix_of_its_most_frequent_confusion(tmp_path: Path) -> None:
    write_page(write_run(tmp_path / "svm-1", config(model="Svm"), clips=40))
    text, shown = page(tmp_path)
    assert "most frequent confusion" in shown
    assert 'aria-label="Confusion matrix: ' in text
    assert "Comparison" not in shown
    assert "Compare with other models on the same clips" in shown


def test_the_score_card_is_orange_as_on_the_page_of_a_run(tmp_path: Path) -> None:
    for name, skill in (("poor", 0.0), ("good", 3.0)):
        run = write_run(tmp_path / name / "cnn-1", config(model="Cnn"), clips=100, skill=skill)
        write_page(run)
        [part] = shared_folds.parts(group_by_config([rundir.RunDir(run)]))
        sweep_cards = sweep_section.section(part, 1, 1, figures=False)["cards"]
        run_cards = run_summary.page_cards(rundir.RunDir(run))
        assert [card.doubtful for card in sweep_cards] == [card.doubtful for card in run_cards]
        assert sweep_cards[0].doubtful == (name == "poor")
        assert [card.value for card in sweep_cards] == [card.value for card in run_cards]


def test_a_slow_run_shows_in_the_range_of_training_times(tmp_path: Path) -> None:
    for fold, seconds in enumerate((57.3, 74.0, 944.0)):
        run = write_run(tmp_path / str(fold), config(fold=fold), clips=20, first=20 * fold)
        write_page(run)
        content = json.loads((run / rundir.METRICS).read_text()) | {"train_seconds": seconds, "parameters": 0}
        (run / rundir.METRICS).write_text(json.dumps(content))
    text, _ = page(tmp_path)
    assert '<td class="n">1 min 14 s<small>57.3 s to 15 min 44 s</small></td><td class="n">none</td>' in text


def test_a_group_has_the_same_colour_in_all_figures() -> None:
    curve = [[(1, 0.5), (2, 0.6)]]
    for k, colour in enumerate(("--blue", "--orange", "--green", "--ink")):
        drawn = sweep_plots.overlaid_curves([k], ["x"], curve, curve, 4)
        points = sweep_plots.time_and_score("ABCD", [1.0, 2.0, 3.0, 4.0], [0.5] * 4, [(0.4, 0.6)] * 4, chosen=True)
        assert f"stroke: var({colour}" in drawn
        assert points.count(f"fill: var({colour}") >= 1
        assert drawn.count("stroke: var(--blue") == (4 if k == 0 else 0) or k == 0
