"""Sweep presets (conf/sweep), and sweep=leak_gap from its command to its printed result."""

import json
import re
from pathlib import Path

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from src import report, rundir
from src.clip import Clip
from src.sweep import names
from tests.programs import SMALL, train
from tests.reporting.test_pages import Page
from tests.test_conf import CONF, compose

SENTENCE = (
    r"Accuracy over all clips of tiny is 0\.\d\d on the random split and 0\.\d\d on unseen artists: "
    r"the leak adds (no points|1 point|\d+ points) \(95 % interval -?\d+ to -?\d+, {how}\)\."
)


def leak_gap_arguments(manifest: Path, folder: Path, *arguments: str) -> tuple[str, ...]:
    """Arguments of a small sweep=leak_gap into a folder."""
    data = ("dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder / 'cache'}")
    majority = "model=majority" in arguments
    small = [argument for argument in SMALL if not (majority and argument.startswith("model."))]
    return ("sweep=leak_gap", *data, *small, f"hydra.sweep.dir={folder / 'sweep'}", *arguments)


@pytest.mark.parametrize("preset", sorted(path.stem for path in (CONF / "sweep").glob("*.yaml")))
def test_a_preset_starts_with_a_description_and_a_command(preset: str) -> None:
    lines = (CONF / "sweep" / f"{preset}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# @package _global_"
    assert lines[1].startswith("# ")
    assert preset == "none" or any(f"python -m src.train sweep={preset}" in line for line in lines)
    if preset == "optuna":
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="make extra-optuna")
    assert set(compose(f"sweep={preset}")) == set(compose())


def folder_and_labels(*overrides: str) -> tuple[str, list[str]]:
    """Folder of the sweep that a command defines, and the labels of its jobs."""
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        composed = GlobalHydra.instance().hydra.compose_config("train", list(overrides), run_mode=RunMode.MULTIRUN)  # type: ignore[union-attr]
        return composed.hydra.sweep.dir, names.job_labels(composed)


@pytest.mark.parametrize(
    ("overrides", "count", "first", "last"),
    [
        (["sweep=folds"], 10, "fold=0", "fold=9"),
        (["sweep=folds", "split.folds=3", "model=cnn,rnn"], 6, "fold=0 model=cnn", "fold=2 model=rnn"),
        (["sweep=seeds"], 5, "seed=0", "seed=4"),
        (["sweep=seeds", "seed=3,5"], 2, "seed=3", "seed=5"),
        (["sweep=paper"], 12, "lr=0.001 batch_size=32 layers=3", "lr=0.005 batch_size=64 layers=5"),
        (["sweep=paper", "model.layers=4"], 4, "lr=0.001 batch_size=32", "lr=0.005 batch_size=64"),
        (["sweep=paper_full", "optimizer.lr=0.001", "data.batch_size=32", "model.layers=3"], 6, None, None),
        (["sweep=[folds,paper]"], 120, None, "fold=9 lr=0.005 batch_size=64 layers=5"),
        (["sweep=[paper_full,folds]", "split.folds=3"], 216, None, None),
        (["sweep=features"], 9, "feature=mfcc", "feature=all"),
        (["sweep=[folds,features]"], 90, "fold=0 feature=mfcc", None),
        (["sweep=models"], 12, "model=majority", "model=hybrid"),
        (["sweep=models", "model=cnn"], 1, "", ""),
        (["sweep=[folds,leak_gap]"], 20, "fold=0 grouped=True", "fold=9 grouped=False"),
    ],
)
def test_presets_combine_and_the_command_line_overrides_them(
    overrides: list[str], count: int, first: str | None, last: str | None
) -> None:
    _, labels = folder_and_labels(*overrides)
    assert len(labels) == len(set(labels)) == count
    assert labels[0] == (labels[0] if first is None else first)
    assert labels[-1] == (labels[-1] if last is None else last)


@pytest.mark.parametrize("group", ["feature", "model"])
def test_the_choices_of_a_preset_exist(group: str) -> None:
    _, labels = folder_and_labels(f"sweep={group}s")
    assert {label.removeprefix(f"{group}=") for label in labels} <= {p.stem for p in (CONF / group).glob("*.yaml")}


def test_the_same_command_has_the_same_folder() -> None:
    folder, _ = folder_and_labels("sweep=[folds,paper]", "model=cnn,rnn", "experiment=quick")
    assert re.fullmatch(r"outputs/sweep_folds_paper_quick_model-[0-9a-f]{8}", folder)
    assert folder_and_labels("model=cnn,rnn", "experiment=quick", "sweep=[folds, paper]", "debug=true")[0] == folder
    assert folder_and_labels("sweep=[folds,paper]", "model=cnn", "experiment=quick")[0] != folder
    assert folder_and_labels("model=cnn,rnn", "hydra.sweep.dir=here")[0] == "here"
    assert len(Path(folder_and_labels(*(f"+{'x' * 30}{k}=1,2" for k in range(9)))[0]).name) < 80


def test_sweep_folds_uses_the_kfold_split_by_default() -> None:
    assert compose("sweep=folds").split.folds == 10
    assert compose("sweep=[folds,seeds]", "split.folds=4").split.folds == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["sweep=folds", "split=leave_one_artist_out"],
            "split.folds: the sweep or another choice uses this key, but the chosen split does not have it. Choose another split.",
        ),
        (
            ["sweep=models", "model.width=4"],
            "model.width: not every model in the sweep has this key. List only those that have it: model=A,B.",
        ),
        (
            ["sweep=[folds,paper]", "model=svm"],
            "model.layers: the sweep sets this key, but the chosen model does not have it. Choose another model.",
        ),
        (["--multirun", "sweep=folds,seeds"], "sweep=folds,seeds: combine presets with brackets: sweep=[folds,seeds]."),
    ],
)
def test_a_preset_that_does_not_fit_is_refused_before_the_first_job(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train(monkeypatch, *arguments, f"hydra.sweep.dir={tmp_path / 'sweep'}") == 1
    assert f"train: {message}" in capsys.readouterr().err
    assert not list(tmp_path.glob("*/*/config.yaml"))


def test_only_the_random_split_may_leak_and_the_command_line_overrides_it() -> None:
    assert compose("sweep=leak_gap").split.allow_leak is False
    assert compose("sweep=leak_gap", "split.grouped=false").split.allow_leak is True
    assert compose("sweep=leak_gap", "split=kfold", "split.grouped=false").split.allow_leak is True
    assert compose("sweep=leak_gap", "split.grouped=false", "split.allow_leak=false").split.allow_leak is False
    assert compose("sweep=leak_gap", "experiment=paper_cnn", "model.layers=5").model.layers == 5


def test_leak_gap_trains_both_arms_and_ends_with_a_table_and_a_sentence(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *leak_gap_arguments(tiny, tmp_path, "model=cnn")) == 0
    out = capsys.readouterr().out
    sweep = tmp_path / "sweep"
    runs = {path.parent.name.rpartition("-")[0]: rundir.RunDir(path.parent) for path in sweep.glob("*/metrics.json")}
    assert set(runs) == {"cnn_grouped-True", "cnn_grouped-False"}
    grouped, random = runs["cnn_grouped-True"], runs["cnn_grouped-False"]
    assert grouped.metrics["certificate"]["grouped_by"] == "artist"
    assert random.metrics["certificate"]["grouped_by"] == "nothing"
    assert (grouped.metrics["certificate"]["allow_leak"], random.metrics["certificate"]["allow_leak"]) == (False, True)
    assert len(random.metrics["certificate"]["shared"]["artists"]) > 3
    assert "grouped by artist" in " ".join(out.split())
    sentence = re.search(SENTENCE.format(how="unpaired: the test clips differ"), out)
    assert sentence
    page = Page((sweep / rundir.REPORT).read_text(encoding="utf-8"))
    assert sentence.group() in page.text
    assert "choose a group by its validation score" not in page.text  # the leak gap is no choice between models
    assert f"{sweep}: the report is {sweep / rundir.REPORT}" in out
    assert report.main([str(sweep), "--format", "markdown"]) == 0
    assert sentence.group() in capsys.readouterr().out

    rerun_arguments = json.loads((random.path / rundir.ENVIRONMENT).read_text(encoding="utf-8"))["command"].split()[3:]
    assert "hydra.mode=RUN" in rerun_arguments
    assert train(monkeypatch, *rerun_arguments) == 0
    assert "this run is already finished" in capsys.readouterr().out


def test_leak_gap_over_folds_pools_the_folds_of_each_arm(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folds = ("split=kfold", "split.folds=3", "split.fold=range(0,3)", "model=majority")
    assert train(monkeypatch, *leak_gap_arguments(tiny, tmp_path, *folds)) == 0
    names = {path.parent.name.rpartition("-")[0] for path in (tmp_path / "sweep").glob("*/metrics.json")}
    assert names == {f"majority_grouped-{arm}_fold{fold}" for arm in (True, False) for fold in range(3)}
    out = capsys.readouterr().out
    assert re.search(SENTENCE.format(how="paired: the same test clips"), out)
    assert "3 folds pooled, each of the 24 clips tested once" in " ".join(out.split())


def test_without_artists_the_leak_gap_says_that_it_cannot_be_measured(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ("dataset=folder", f"dataset.root={tiny.parent}", "model=majority")
    manifest = ("dataset=manifest", "dataset.path")
    arguments = [text for text in leak_gap_arguments(tiny, tmp_path, *folder) if not text.startswith(manifest)]
    assert train(monkeypatch, *arguments) == 0
    out = capsys.readouterr().out
    assert "The split could not be grouped by artist, as no artist is known" in out
    assert "grouped by clip" in " ".join(out.split())


def test_a_failed_arm_is_reported_instead_of_a_table(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(clips: list[Clip]) -> None:
        raise ValueError("the split is broken.")

    with monkeypatch.context() as patch:
        patch.setattr("src.split.holdout.single_clips", broken)
        assert train(patch, *leak_gap_arguments(tiny, tmp_path, "model=majority")) == 1
    out, err = capsys.readouterr()
    assert "the split is broken." in err
    assert (
        "sweep=leak_gap: grouped=False failed, so there is no table. Fix the error and run the same command again."
        in err
    )
    assert "on the random split and" not in out
    assert "2 jobs: 1 run, 0 resumed, 0 skipped, 1 failed." in out
    shown = Page((tmp_path / "sweep" / rundir.REPORT).read_text(encoding="utf-8")).text
    assert "1 job without result" in shown
    assert "grouped=False: failed the split is broken." in shown
    assert f"hydra.mode=RUN hydra.run.dir={tmp_path / 'sweep'}/majority_grouped-False-" in shown
    assert train(monkeypatch, *leak_gap_arguments(tiny, tmp_path, "model=majority")) == 0  # the finished arm is skipped
    out = capsys.readouterr().out
    assert "this run is already finished" in out
    assert "on the random split and" in out
    assert out.index("on the random split and") < out.index("2 jobs: 1 run, 0 resumed, 1 skipped, 0 failed.")


def test_a_split_without_groups_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *leak_gap_arguments(tiny, tmp_path, "split=official")) == 1
    errors = capsys.readouterr().err
    assert "train: split.grouped: the sweep sets this key, but the chosen split does not have it." in errors


@pytest.mark.slow
def test_the_folder_of_a_job_says_its_values_and_one_of_an_earlier_version_is_found(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = tmp_path / "sweep"
    data = ("dataset=manifest", f"dataset.path={tiny}", f"data.cache={tmp_path / 'cache'}")
    small = [argument for argument in SMALL if not argument.startswith("model.")]
    arguments = (
        "--multirun",
        "model=majority",
        "seed=3,4",
        *data,
        *small,
        f"hydra.sweep.dir={sweep}",
    )
    assert train(monkeypatch, *arguments) == 0
    folders = {path.parent.name.rpartition("-")[0]: path.parent for path in sweep.glob("*/metrics.json")}
    assert set(folders) == {"majority_seed3", "majority_seed4"}
    renamed = folders["majority_seed3"].with_name(
        folders["majority_seed3"].name.replace("majority_seed3", "old_name_seed3")
    )
    folders["majority_seed3"].rename(renamed)
    capsys.readouterr()
    assert train(monkeypatch, *arguments) == 0
    out = capsys.readouterr().out
    assert f"{renamed}: this run is already finished" in out
    assert "2 jobs: 0 run, 0 resumed, 2 skipped, 0 failed." in out
    assert not folders["majority_seed3"].exists()
