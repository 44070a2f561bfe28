"""sweep=leak_gap: one command trains on the grouped and on the random split, and says how much of the latter is leak."""

import json
import re
from pathlib import Path

import pytest

from src import report, rundir
from src.clip import Clip
from tests.programs import SMALL, train
from tests.test_conf import CONF, compose
from tests.test_page import Page

SENTENCE = (
    r"Accuracy over all clips of tiny: the random split claims 0\.\d\d, unseen artists get 0\.\d\d: "
    r"(none of it shows as|1 point of it is|\d+ points of it are) leak \(95 % interval -?\d+ to -?\d+, {how}\)\."
)


def words(manifest: Path, folder: Path, *more: str) -> tuple[str, ...]:
    data = ("dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder / 'cache'}")
    model = "model=majority" in more
    small = [word for word in SMALL if not (model and word.startswith("model."))]
    return ("sweep=leak_gap", *data, *small, f"hydra.sweep.dir={folder / 'sweep'}", *more)


@pytest.mark.parametrize("preset", sorted(path.stem for path in (CONF / "sweep").glob("*.yaml")))
def test_a_preset_says_what_it_is(preset: str) -> None:
    lines = (CONF / "sweep" / f"{preset}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# @package _global_"
    assert lines[1].startswith("# ")
    assert preset == "none" or any(f"python -m src.train sweep={preset}" in line for line in lines)
    assert set(compose(f"sweep={preset}")) == set(compose())


def test_the_random_arm_alone_may_leak_and_the_command_line_has_the_last_word() -> None:
    assert compose("sweep=leak_gap").split.allow_leak is False
    assert compose("sweep=leak_gap", "split.grouped=false").split.allow_leak is True
    assert compose("sweep=leak_gap", "split=kfold", "split.grouped=false").split.allow_leak is True
    assert compose("sweep=leak_gap", "split.grouped=false", "split.allow_leak=false").split.allow_leak is False
    assert compose("sweep=leak_gap", "experiment=paper_cnn", "model.layers=5").model.layers == 5


def test_both_arms_are_trained_and_one_table_and_one_sentence_end_the_sweep(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *words(tiny, tmp_path, "model=cnn")) == 0
    out = capsys.readouterr().out
    sweep = tmp_path / "sweep"
    runs = {path.parent.name.split("-")[0]: rundir.RunDir(path.parent) for path in sweep.glob("*/metrics.json")}
    assert set(runs) == {"manifest_mel_cnn_seed0", "manifest_mel_cnn_random_seed0"}
    grouped, random = runs["manifest_mel_cnn_seed0"], runs["manifest_mel_cnn_random_seed0"]
    assert grouped.metrics["certificate"]["grouped_by"] == "artist"
    assert random.metrics["certificate"]["grouped_by"] == "nothing"
    assert (grouped.metrics["certificate"]["allow_leak"], random.metrics["certificate"]["allow_leak"]) == (False, True)
    assert len(random.metrics["certificate"]["shared"]["artists"]) > 3
    assert "grouped by artist" in " ".join(out.split())
    said = re.search(SENTENCE.format(how="unpaired: the test clips differ"), out)
    assert said
    shown = Page((sweep / rundir.REPORT).read_text(encoding="utf-8"))
    assert said.group() in shown.text
    assert "choose a group by its validation score" not in shown.text  # nobody chooses between these two
    assert f"{sweep}: the report is {sweep / rundir.REPORT}" in out
    assert report.main([str(sweep), "--format", "markdown"]) == 0
    assert said.group() in capsys.readouterr().out

    again = json.loads((random.path / rundir.ENVIRONMENT).read_text(encoding="utf-8"))["command"].split()[3:]
    assert "hydra.mode=RUN" in again
    assert train(monkeypatch, *again) == 0
    assert "holds this very run, finished" in capsys.readouterr().out


def test_folds_are_a_second_dimension(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folds = ("split=kfold", "split.folds=3", "split.fold=range(0,3)", "model=majority")
    assert train(monkeypatch, *words(tiny, tmp_path, *folds)) == 0
    names = {path.parent.name.split("-")[0] for path in (tmp_path / "sweep").glob("*/metrics.json")}
    arms = ("", "_random")
    assert names == {f"manifest_mel_majority{arm}_fold{fold}_seed0" for arm in arms for fold in range(3)}
    out = capsys.readouterr().out
    assert re.search(SENTENCE.format(how="paired: the same test clips"), out)
    assert "3 folds pooled, each of the 24 clips tested once" in " ".join(out.split())


def test_without_artists_it_is_said_that_nothing_can_be_seen(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ("dataset=folder", f"dataset.root={tiny.parent}", "model=majority")
    given = [
        word for word in words(tiny, tmp_path, *folder) if not word.startswith(("dataset=manifest", "dataset.path"))
    ]
    assert train(monkeypatch, *given) == 0
    out = capsys.readouterr().out
    assert "The split could not be grouped by artist, as no artist is known" in out
    assert "grouped by clip" in " ".join(out.split())


def test_an_arm_that_fails_is_said_in_place_of_a_table(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(clips: list[Clip]) -> None:
        raise ValueError("the dealer is ill.")

    with monkeypatch.context() as patch:
        patch.setattr("src.split.single", broken)
        assert train(patch, *words(tiny, tmp_path, "model=majority")) == 1
    out, err = capsys.readouterr()
    assert "the dealer is ill." in err
    assert "sweep=leak_gap: the random split's run failed, so there will be no table." in err
    assert f"hydra.sweep.dir={tmp_path / 'sweep'}" in err
    assert "random split claims" not in out
    assert train(monkeypatch, *words(tiny, tmp_path, "model=majority")) == 0  # the finished arm is kept
    out = capsys.readouterr().out
    assert "holds this very run, finished" in out
    assert "random split claims" in out


def test_a_split_without_groups_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *words(tiny, tmp_path, "split=official")) == 1
    said = capsys.readouterr().err
    assert "train: split.grouped: the sweep sets this key, and the split chosen with it has none." in said
