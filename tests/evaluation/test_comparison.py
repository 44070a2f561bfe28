"""The program compare: groups, differences with intervals and p values, verdicts, and comparisons that are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import f1_score

from src import compare, rundir
from src.evaluation.compared_groups import letter
from src.evaluation.comparison import f1_macro, verdict
from src.evaluation.group_predictions import collect_predictions
from src.evaluation.groups import group_by_config
from src.metrics import intervals, scores, significance
from src.reporting import comparison_text
from src.reporting.comparison_text import _format_p
from src.rundir import RunDir
from tests.programs import help_of
from tests.rundirs import config, write_run
from tests.table_check.test_table_check import TABLE_2

FOUR = ["blues", "jazz", "pop", "rock"]


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert compare.main([*map(str, arguments), "--format", "json"]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def _output(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> str:
    """The output of the program, on standard output or, if it fails, on standard error."""
    assert compare.main([*map(str, arguments)]) == status
    out, err = capsys.readouterr()
    assert bool(err) == bool(status)
    return err if status else out


def test_a_run_compared_with_itself_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run", config(), clips=100)
    output = _output(capsys, run, run)
    assert (
        "A and B are the same: both have the same prediction for each of the 100 clips (difference 0, p = 1)." in output
    )
    [pair] = _json(capsys, run, run)["pairs"]
    assert pair["verdict"] == "same"
    assert pair["accuracy"] == {"difference": 0, "interval": [0, 0], "p": 1, "p_holm": 1}
    assert pair["f1_macro"] == {"difference": 0, "interval": [0, 0]}
    assert pair["mcnemar"]["p"] == 1
    assert pair["disagreements"] == {"a": [], "b": []}


def test_two_seeds_do_not_differ_significantly_on_100_clips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [write_run(tmp_path / f"s{seed}", config(seed=seed), clips=100) for seed in range(2)]
    output = _output(capsys, *runs)
    assert "A and B cannot be told apart on 100 clips of 50 artists: accuracy differs by " in output
    assert "composer (synthetic music), 100 clips of 50 artists; split holdout, seed 0" in output
    assert "hybrid on mel, seed=0" in output
    assert "hybrid on mel, seed=1" in output
    assert "Each group was trained with one seed, and another seed may reverse a small difference." in output


def test_numbers_equal_those_of_the_statistical_functions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [write_run(tmp_path / m, config(model=m), clips=160, skill=s) for m, s in (("Cnn", 1.0), ("Rnn", 2.0))]
    content = _json(capsys, *runs)
    assert (content["schema"], content["clips"], content["artists"]) == (1, 160, 80)
    [pair] = content["pairs"]
    a, b = (RunDir(run).predictions for run in runs)
    correct = [np.array(each.true) == np.array(each.predicted) for each in (a, b)]
    artists = [str(artist) for artist in a.artists]
    effect = pair["accuracy"]
    assert (effect["difference"], *effect["interval"]) == pytest.approx(intervals.paired_difference(*correct, artists))
    only = int((correct[0] & ~correct[1]).sum()), int((~correct[0] & correct[1]).sum())
    assert (pair["mcnemar"]["a_only"], pair["mcnemar"]["b_only"]) == only
    assert pair["mcnemar"]["p"] == pytest.approx(binomtest(only[0], sum(only)).pvalue)
    assert sum(pair["mcnemar"][key] for key in ("both", "a_only", "b_only", "neither")) == 160
    scores = [RunDir(run).metrics["test"] for run in runs]
    assert pair["f1_macro"]["difference"] == pytest.approx(scores[0]["f1_macro"] - scores[1]["f1_macro"])
    assert [each["scores"]["accuracy_interval"] for each in content["groups"]] == [
        each["accuracy_interval"] for each in scores
    ]
    jazz = pair["genres"]["jazz"]
    assert jazz["recall_a"] == scores[0]["genres"]["jazz"]["recall"]
    assert jazz["difference"] == pytest.approx(jazz["recall_a"] - jazz["recall_b"])
    assert (jazz["clips"], jazz["artists"], jazz["interval"]) == (16, 8, None)  # fewer than 10 artists
    lists = pair["disagreements"]
    assert (len(lists["a"]), len(lists["b"])) == only
    predicted = dict(zip(b.clips, b.predicted, strict=True))
    assert all(each["predicted"]["b"] == [predicted[each["clip"]]] for each in lists["a"])
    assert len({each["genre"] for each in lists["b"][:10]}) == 10  # the first ones show all genres
    assert pair["verdict"] == "b"
    assert pair["sentence"].startswith("B is better than A by ")
    low, high = sorted(-100 * end for end in effect["interval"])
    assert (
        f"(95 % interval {low:.1f} to {high:.1f}) on 160 clips of 80 artists; p < 0.001 (bootstrap over artists)"
        in pair["sentence"]
    )


def test_interval_of_macro_f1_agrees_with_scipy_and_scikit_learn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        write_run(tmp_path / m, config(model=m), genres=FOUR, clips=80, skill=s, artists_known=False)
        for m, s in (("Cnn", 1.0), ("Rnn", 1.5))
    ]
    content = _json(capsys, *runs)
    a, b = (RunDir(run).predictions for run in runs)

    def difference(k: Any) -> float:
        true = np.array(a.true)[k]
        one, other = (f1_score(true, np.array(each.predicted)[k], average="macro") for each in (a, b))
        return float(one - other)

    scipy_interval = bootstrap(
        (np.arange(80),), difference, method="percentile", vectorized=False, n_resamples=600, rng=1
    )
    ours = content["pairs"][0]["f1_macro"]
    assert ours["difference"] == pytest.approx(difference(np.arange(80)))
    assert ours["interval"] == pytest.approx(tuple(scipy_interval.confidence_interval), abs=0.03)
    assert content["resampled"] == {"by": "clip", "of": 80, "resamples": 10_000}
    assert content["artists"] is None
    assert "on 80 clips whose artists are not all known" in content["pairs"][0]["sentence"]
    assert "(bootstrap over clips)" in content["pairs"][0]["sentence"]
    assert "Not all artists are known, so clips were resampled by clip: intervals are too narrow." in content["notes"]


def test_macro_f1_is_over_the_same_genres_as_in_metrics() -> None:
    # Two of three genres have clips, the third is predicted in the first table only.
    support, predicted = np.array([[2.0, 2, 0], [2, 2, 0]]), np.array([[2.0, 1, 1], [2, 2, 0]])
    hits = np.array([[2.0, 1, 0], [1, 1, 0]])
    assert f1_macro(support, predicted, hits) == pytest.approx([(1 + 2 / 3 + 0) / 3, 0.5])


def test_f1_from_counts_equals_that_of_metrics(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config(), clips=60, skill=0.7))
    predictions = run.predictions
    support, predicted = (
        np.array([each.count(g) for g in predictions.genres], float)
        for each in (predictions.true, predictions.predicted)
    )
    pairs = list(zip(predictions.true, predictions.predicted, strict=True))
    hits = np.array([pairs.count((g, g)) for g in predictions.genres], float)
    assert f1_macro(support[None], predicted[None], hits[None])[0] == pytest.approx(run.metrics["test"]["f1_macro"])


def test_a_sweep_is_sorted_by_validation_and_its_p_values_are_adjusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, skill in (("Cnn", 1.5), ("Hybrid", 3.0), ("Rnn", 1.3)):
        for fold in range(4):
            run = config(fold=fold, model=model)
            write_run(tmp_path / "sweep" / f"{model}{fold}", run, clips=80, first=80 * fold, skill=skill)
    content = _json(capsys, tmp_path / "sweep")
    assert [each["label"] for each in content["groups"]] == ["hybrid on mel", "cnn on mel", "rnn on mel"]
    assert [(pair["a"], pair["b"]) for pair in content["pairs"]] == [("A", "B"), ("A", "C"), ("B", "C")]
    for family in ("accuracy", "mcnemar", "folds"):
        p = [pair[family]["p"] for pair in content["pairs"]]
        assert [pair[family]["p_holm"] for pair in content["pairs"]] == pytest.approx(significance.holm(p))
    folds = content["pairs"][0]["folds"]
    single = [
        [RunDir(tmp_path / "sweep" / f"{model}{fold}").metrics["test"]["accuracy"] for fold in range(4)]
        for model in ("Hybrid", "Cnn")
    ]
    expected = significance.corrected_t(np.subtract(*single), 80 / 30)  # 30 training clips each
    assert folds["folds"] == 4
    assert (folds["difference"], *folds["interval"], folds["p"]) == pytest.approx(tuple(expected))
    output = _output(capsys, tmp_path / "sweep")
    assert "p adjusted by Holm for 3 pairs" in output
    assert "The best of 3 test scores is too high by luck" in output
    assert "folds 0 to 3 of 4, seed 0" in output
    assert output.count(" that only A recognizes, ") == 1  # clips of the first pair only


def test_folders_of_folds_are_compared_in_the_given_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model, skill in (("Cnn", 1.0), ("Rnn", 2.0)):
        for fold in range(2):
            write_run(
                tmp_path / model / str(fold), config(fold=fold, model=model), clips=40, first=40 * fold, skill=skill
            )
    content = _json(capsys, tmp_path / "Cnn", tmp_path / "Rnn")
    assert [each["label"] for each in content["groups"]] == ["cnn on mel", "rnn on mel"]
    assert content["clips"] == 80
    assert content["pairs"][0]["folds"] == {
        "p": None,
        "left_out": "a t test over folds needs 3 or more, not 2",
    }
    [same] = _json(capsys, tmp_path / "Cnn", tmp_path / "Cnn")["pairs"]
    assert same["verdict"] == "same"


def test_seeds_are_averaged_for_each_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model, skill in (("Cnn", 1.0), ("Rnn", 2.0)):
        for seed in range(3):
            write_run(tmp_path / model / str(seed), config(seed=seed, model=model), clips=60, skill=skill)
    content = _json(capsys, tmp_path / "Cnn", tmp_path / "Rnn")
    [pair] = content["pairs"]
    groups = [group_by_config(rundir.find_runs(tmp_path / model))[0] for model in ("Cnn", "Rnn")]
    for score in ("accuracy", "f1_macro"):
        assert pair[score]["difference"] == pytest.approx(groups[0].scores[score] - groups[1].scores[score])
    assert pair["mcnemar"]["p"] is None
    assert "there are several seeds" in pair["mcnemar"]["left_out"]
    predictions = collect_predictions(groups[0].runs)
    assert predictions.predicted_KS.shape == (60, 3)
    assert predictions.correct_KS.mean(axis=0) == pytest.approx(
        [run.metrics["test"]["accuracy"] for run in groups[0].runs]
    )
    assert len(pair["disagreements"]["a"][0]["predicted"]["a"]) == 3
    assert any("the spread between seeds is not in them" in note for note in content["notes"])


def test_below_ten_artists_there_is_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        write_run(tmp_path / m, config(model=m), genres=FOUR, clips=12, skill=s) for m, s in (("Cnn", 3), ("Rnn", 0.5))
    ]
    [pair] = _json(capsys, *runs)["pairs"]
    assert pair["verdict"] == "too few artists"
    assert pair["accuracy"]["interval"] is None
    assert pair["f1_macro"]["interval"] is None
    assert [pair[key]["p"] for key in ("accuracy", "mcnemar", "folds")] == [None] * 3
    above = f"A's accuracy is {100 * pair['accuracy']['difference']:.1f} points above B's on 12 clips of 8 artists"
    assert pair["sentence"].startswith(f"{above}; there is no interval, as 8 artists are too few to generalize from")
    assert pair["sentence"] in _output(capsys, *runs)


def _pair(interval: tuple[float, float] | None, p: float | None, p_folds: float | None = None) -> dict[str, Any]:
    return {
        "same": False,
        "accuracy": {"difference": 0.05, "interval": interval, "p": p, "p_holm": p},
        "mcnemar": {"p": p, "p_holm": p},
        "folds": {"p": p_folds, "p_holm": p_folds},
    }


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (_pair((0.01, 0.09), 0.01), "a"),
        (_pair((0.01, 0.09), 0.01, 0.04), "a"),
        (_pair((0.01, 0.09), 0.01, 0.05), "cannot be told apart"),  # any p value that is not small
        (_pair((0.01, 0.09), 0.06), "cannot be told apart"),
        (_pair((-0.01, 0.09), 0.01), "cannot be told apart"),  # the interval holds 0
        (_pair((0.0, 0.09), 0.01), "cannot be told apart"),
        (_pair(None, None), "too few artists"),
        ({**_pair((0.0, 0.0), 1), "same": True}, "same"),
        ({**_pair(None, None), "same": True}, "same"),
    ],
)
def test_the_verdict_needs_the_interval_and_every_p_value(pair: dict[str, Any], expected: str) -> None:
    assert verdict(pair) == expected


def test_an_interval_without_zero_but_a_large_p_value_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, skill in (("Cnn", 1.2), ("Rnn", 1.7)):
        for fold in range(3):
            run = config(fold=fold, model=model)
            write_run(tmp_path / model / str(fold), run, clips=120, first=120 * fold, skill=skill)
    content = _json(capsys, tmp_path / "Cnn", tmp_path / "Rnn")
    [pair] = content["pairs"]
    assert pair["accuracy"]["interval"][1] < 0
    assert pair["folds"]["p"] > 0.05
    assert pair["verdict"] == "cannot be told apart"
    reason = f"training on other clips may reverse it (corrected t test over 3 folds, p {_format_p(pair['folds'])})"
    assert pair["sentence"].endswith(f", but they cannot be told apart: {reason}.")
    assert comparison_text.verdict(pair, content) == f"cannot be told apart: {reason}"


def test_different_clips_are_refused_with_the_differing_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_run(tmp_path / "a", config(model="Cnn"), clips=40)
    other = write_run(tmp_path / "b", config(model="Rnn", split__seed=1), clips=40, first=10)
    output = _output(capsys, one, other, status=1)
    assert "A (cnn on mel, split.seed=0) and B (rnn on mel, split.seed=1) were tested on different clips" in output
    assert (
        "10 clips in A only (e.g. blues/00000.ogg), 10 clips in B only (e.g. blues/00040.ogg), 30 in both, so" in output
    )
    assert "split.seed is 0 and 1. Train both with the same dataset, split, split.seed and folds" in output


def test_other_data_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write_run(tmp_path / "a", config(model="Cnn"), clips=40)
    other = write_run(tmp_path / "b", config(model="Cnn", dataset__genres=FOUR), genres=FOUR, clips=40)
    output = _output(capsys, one, other, status=1)
    assert "The data are composer: blues, classical, country" in output
    assert "; and composer: blues, jazz, pop, rock. Train both" in output


def test_single_folds_are_refused_with_a_hint_to_name_their_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [write_run(tmp_path / str(k), config(fold=k), clips=20, first=20 * k) for k in range(2)]
    output = _output(capsys, *runs, status=1)
    assert "A (hybrid on mel, split.fold=0) and B (hybrid on mel, split.fold=1)" in output
    assert "To pool the folds of one split, name their folder instead of each run." in output


def test_seeds_with_other_folds_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, fold in ((0, 0), (0, 1), (1, 0)):
        write_run(tmp_path / "Cnn" / f"{seed}{fold}", config(seed=seed, fold=fold), clips=20, first=20 * fold)
    output = _output(capsys, tmp_path / "Cnn", tmp_path / "Cnn" / "00", status=1)
    assert "A (hybrid on mel, seed=0 and 1): its 3 runs tested 20 of 40 clips less often than the others" in output
    assert "Train the missing folds" in output


def test_different_true_genres_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [write_run(tmp_path / m, config(model=m), clips=20) for m in ("Cnn", "Rnn")]
    path = runs[1] / rundir.PREDICTIONS
    path.write_text(path.read_text().replace("artist 0,blues,", "artist 0,jazz,", 1))
    assert "blues/00000.ogg is blues in A and jazz in B. Train both on the same labels." in _output(
        capsys, *runs, status=1
    )


def test_unfinished_runs_are_reported_as_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("Cnn", "Rnn"):
        write_run(tmp_path / model, config(model=model), clips=40)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / rundir.LOCK).touch()
    assert compare.main([str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert err.startswith(f"compare: skipped {tmp_path / 'broken'}: ")
    assert "cnn on mel" in out


def test_leaks_and_warnings_are_in_the_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = {"artists": ["Bob Marley"], "tracks": [], "audio": []}
    one = write_run(tmp_path / "a", config(model="Cnn"), clips=40, shared=shared, synthetic=False)
    other = write_run(tmp_path / "b", config(model="Rnn"), clips=40, warnings=["Overlap is unknown."], synthetic=False)
    output = _output(capsys, one, other)
    assert "- Some runs share artists, tracks or audio between training and test" in output
    assert "- Overlap is unknown." in output
    assert "synthetic" not in output


def test_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [write_run(tmp_path / m, config(model=m), clips=40, skill=s) for m, s in (("Cnn", 1.5), ("Rnn", 1.4))]
    output = _output(capsys, *runs, "--format", "markdown")
    assert "\n| A | cnn on mel | 1 | " in output
    assert "\n|  | clips better | accuracy | macro F1 | accuracy over folds | p, bootstrap over artists |" in output
    assert "\n- **A and B cannot be told apart on 40 clips of 20 artists: " in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "run"], "compare: nowhere does not exist: expected a run directory or a folder of runs."),
        (["empty", "run"], "compare: empty contains no run: expected metrics.json in it"),
        (["table.csv", "run"], "compare: table.csv is not a folder"),
        (["run"], "compare: got only one config (hybrid on mel, 1 run): expected two or more to compare."),
        ([], "compare: expected either runs to compare, or --check TABLE."),
        (["run", "--check", "table.csv"], "compare: expected either runs to compare, or --check TABLE."),
        (["run", "run", "--more-genres"], "compare: --genres and --more-genres need --check TABLE."),
        (["--check", "nowhere.csv"], "compare: nowhere.csv cannot be read"),
        (["run", "run", "--format", "xml"], "compare: argument --format: invalid choice: 'xml'"),
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
    Path("empty").mkdir()
    Path("table.csv").write_text("accuracy\n.9\n")
    try:
        status = compare.main(arguments)
    except SystemExit as stop:
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith(message)


def test_check_exits_with_1_if_a_row_is_impossible(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table2.csv"
    table.write_text(TABLE_2)
    assert compare.main(["--check", str(table)]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "CNN: impossible, however its figures were averaged\n" in out
    assert "    recalls: impossible: accuracy 0.75 is below the lowest recall, 0.79 (pop)\n" in out
    assert "Not read: Training Time, Learning Rate, Batch Size, Hidden Layers.\n" in out
    assert compare.main(["--check", str(table), "--format", "json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert [row["impossible"] for row in content["rows"]] == [True, True, True]
    assert [row["possible"] for row in content["rows"]] == [[], [], []]
    table.write_text("model,precision,recall,f1\nours,.80,.70,.74\n")
    assert compare.main(["--check", str(table), "--format", "markdown"]) == 0
    assert "- ours: possible\n" in capsys.readouterr().out


def test_scores_of_this_project_are_possible(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = RunDir(write_run(tmp_path / "run", config(), clips=70, skill=0.8)).metrics["test"]
    header = ["accuracy", "precision_macro", "recall_macro", "f1_macro", *(f"recall_{g}" for g in scores["genres"])]
    cells = [*(scores[key] for key in header[:4]), *(row["recall"] for row in scores["genres"].values())]
    (tmp_path / "ours.csv").write_text(f"{','.join(header)}\n{','.join(f'{100 * cell:.1f}' for cell in cells)}\n")
    assert compare.main(["--check", str(tmp_path / "ours.csv")]) == 0
    assert "row 1: possible" in capsys.readouterr().out


def test_letters_and_p_values() -> None:
    assert [letter(k) for k in (0, 1, 25, 26, 51, 52)] == ["A", "B", "Z", "AA", "AZ", "BA"]
    shown = {0.0002: "< 0.001", 0.0123: "= 0.012", 0.05: "= 0.05", 0.1: "= 0.1", 0.45: "= 0.45", 1.0: "= 1"}
    assert {p: _format_p({"p_holm": p}) for p in shown} == shown


def test_help_imports_no_heavy_library() -> None:
    shown, loaded = help_of("src.compare")
    assert "RUN|SWEEP" in shown
    assert "recall_rock precision_rock" in shown
    assert not {"torch", "scipy", "numpy", "matplotlib", "omegaconf"} & loaded


def test_the_bootstrap_draws_artists_or_clips(tmp_path: Path) -> None:
    known = collect_predictions([RunDir(write_run(tmp_path / "known", config(), clips=20))])
    assert (known.owner_kind, known.artists, len(set(known.owner))) == ("artist", 10, 10)
    unknown = collect_predictions([RunDir(write_run(tmp_path / "unknown", config(), clips=20, artists_known=False))])
    assert (unknown.owner_kind, unknown.artists, len(set(unknown.owner))) == ("clip", None, 20)
    path = tmp_path / "unknown" / rundir.PREDICTIONS
    path.write_text(path.read_text().replace("blues/00000.ogg,,", "blues/00000.ogg,Bo,"))
    assert collect_predictions([RunDir(tmp_path / "unknown")]).owner_kind == "artist, where known"


def test_the_minimum_number_of_artists_is_the_same_everywhere() -> None:
    from src.evaluation.comparison import MIN_ARTISTS
    from src.reporting import leak_gap_text

    assert MIN_ARTISTS == leak_gap_text.MIN_ARTISTS == scores.ARTISTS_PER_GENRE
