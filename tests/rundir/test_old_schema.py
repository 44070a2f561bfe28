"""Runs of schema 1, which called the sets of a split sides and trainer.checkpoint trainer.keep, are still read."""

import json
from pathlib import Path

import pytest

from src import rundir
from src.dataset import Folder
from src.evaluation.groups import group_by_config
from src.reporting import run_page, sweep_page
from src.rundir import RunDir
from tests.conftest import tone
from tests.rundirs import config, write_run


def to_schema_1(run: Path) -> Path:
    """Rewrite a run directory as the version before wrote it."""
    metrics = json.loads((run / rundir.METRICS).read_text(encoding="utf-8"))
    metrics["schema"] = 1
    metrics["certificate"]["sides"] = metrics["certificate"].pop("sets")
    (run / rundir.METRICS).write_text(json.dumps(metrics), encoding="utf-8")
    split = (run / rundir.SPLIT).read_text(encoding="utf-8")
    (run / rundir.SPLIT).write_text(split.replace(",set", ",side", 1), encoding="utf-8")
    settings = (run / rundir.CONFIG).read_text(encoding="utf-8")
    (run / rundir.CONFIG).write_text(settings.replace("checkpoint: last", "keep: last"), encoding="utf-8")
    return run


@pytest.fixture
def pair(tmp_path: Path) -> tuple[RunDir, RunDir]:
    """The same run of schema 1 and of today."""
    runs = [write_run(tmp_path / name, config(trainer__checkpoint="last")) for name in ("old", "new")]
    return RunDir(to_schema_1(runs[0])), RunDir(runs[1])


def test_its_files_differ_and_read_the_same(pair: tuple[RunDir, RunDir]) -> None:
    old, new = pair
    for name in (rundir.METRICS, rundir.SPLIT, rundir.CONFIG):
        assert (old.path / name).read_text(encoding="utf-8") != (new.path / name).read_text(encoding="utf-8")
    assert {**old.metrics, "schema": 2} == new.metrics
    assert old.split == new.split
    assert old.config == new.config
    assert old.config["trainer"]["checkpoint"] == "last"


def test_its_page_is_that_of_a_new_run(pair: tuple[RunDir, RunDir]) -> None:
    old, new = pair
    assert run_page.html(old).replace("old", "new") == run_page.html(new).replace("old", "new")


def test_it_is_grouped_with_new_runs(pair: tuple[RunDir, RunDir]) -> None:
    (group,) = group_by_config(pair)
    assert len(group.runs) == 2
    assert "2 runs in 1 group" in sweep_page.markdown(pair, [])


def test_an_unknown_schema_is_refused(pair: tuple[RunDir, RunDir]) -> None:
    path = pair[1].path / rundir.METRICS
    path.write_text(path.read_text(encoding="utf-8").replace('"schema": 2', '"schema": 3'), encoding="utf-8")
    with pytest.raises(ValueError, match="has schema 3, expected 2: another version of this project wrote it"):
        RunDir(pair[1].path).metrics  # noqa: B018


@pytest.mark.parametrize("column", ["set", "side"])
def test_a_split_file_of_either_schema_gives_the_sets(column: str, tmp_path: Path) -> None:
    names = ["a/1.wav", "a/2.wav", "b/1.wav"]
    for name in names:
        tone(tmp_path / "music" / name, seconds=0.1)
    rows = "".join(f"{name},,,,{subset}\n" for name, subset in zip(names, ("train", "val", "test"), strict=True))
    file = tmp_path / "split.csv"
    file.write_text(f"clip,genre,artist,track,{column}\n{rows}", encoding="utf-8")
    clips = Folder(str(tmp_path / "music"), split_file=str(file)).corpus().clips
    assert {clip.name: clip.subset for clip in clips} == dict(zip(names, ("train", "val", "test"), strict=True))


def test_a_split_file_without_sets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("clip,genre\na,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"split.csv lacks the column set\."):
        list(rundir.split_rows(tmp_path / "split.csv", ("clip",)))
