"""Reading runs of schema 1, in which the sets of a split are `sides` and trainer.checkpoint is trainer.keep."""

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
    """Rewrite a run directory in schema 1, as the previous version of the project wrote it."""
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
def old_and_new(tmp_path: Path) -> tuple[RunDir, RunDir]:
    """The same run in schema 1 and in the present schema."""
    runs = [write_run(tmp_path / name, config(trainer__checkpoint="last")) for name in ("old", "new")]
    return RunDir(to_schema_1(runs[0])), RunDir(runs[1])


def test_files_of_schema_1_differ_from_new_ones_and_have_the_same_content(old_and_new: tuple[RunDir, RunDir]) -> None:
    old, new = old_and_new
    for name in (rundir.METRICS, rundir.SPLIT, rundir.CONFIG):
        assert (old.path / name).read_text(encoding="utf-8") != (new.path / name).read_text(encoding="utf-8")
    assert {**old.metrics, "schema": 2} == new.metrics
    assert old.split == new.split
    assert old.config == new.config
    assert old.config["trainer"]["checkpoint"] == "last"


def test_the_report_of_an_old_run_is_that_of_a_new_run(old_and_new: tuple[RunDir, RunDir]) -> None:
    old, new = old_and_new
    assert run_page.html(old).replace("old", "new") == run_page.html(new).replace("old", "new")


def test_an_old_run_is_grouped_with_new_runs(old_and_new: tuple[RunDir, RunDir]) -> None:
    (group,) = group_by_config(old_and_new)
    assert len(group.runs) == 2
    assert "2 runs in 1 group" in sweep_page.markdown(old_and_new, [])


def test_an_unknown_schema_is_refused(old_and_new: tuple[RunDir, RunDir]) -> None:
    path = old_and_new[1].path / rundir.METRICS
    path.write_text(path.read_text(encoding="utf-8").replace('"schema": 2', '"schema": 3'), encoding="utf-8")
    with pytest.raises(ValueError, match="has schema 3, expected 2: another version of this project wrote it"):
        RunDir(old_and_new[1].path).metrics  # noqa: B018


@pytest.mark.parametrize("column", ["set", "side"])
def test_the_sets_are_read_from_a_split_file_of_either_schema(column: str, tmp_path: Path) -> None:
    names = ["a/1.wav", "a/2.wav", "b/1.wav"]
    for name in names:
        tone(tmp_path / "music" / name, seconds=0.1)
    rows = "".join(f"{name},,,,{subset}\n" for name, subset in zip(names, ("train", "val", "test"), strict=True))
    file = tmp_path / "split.csv"
    file.write_text(f"clip,genre,artist,track,{column}\n{rows}", encoding="utf-8")
    clips = Folder(str(tmp_path / "music"), split_file=str(file)).corpus().clips
    assert {clip.name: clip.subset for clip in clips} == dict(zip(names, ("train", "val", "test"), strict=True))


def test_a_split_file_without_a_column_of_sets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("clip,genre\na,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"split.csv lacks the column set\."):
        list(rundir.split_rows(tmp_path / "split.csv", ("clip",)))
