"""The opinions of several people in a run directory."""

from pathlib import Path

import pytest

from src import rundir
from src.rundir import ClipOpinions, RunDir


def read(folder: Path, labels: str, shares: str, subset: str = "test") -> dict[str, ClipOpinions]:
    text = f"clip,set,labels,s_blues,s_jazz,s_rock\na.ogg,{subset},{labels},{shares}\n"
    (folder / rundir.OPINIONS).write_text(text, encoding="utf-8")
    return RunDir(folder).opinions


def test_votes_are_counted_the_most_frequent_genre_first(tmp_path: Path) -> None:
    assert RunDir(tmp_path).opinions == {}
    found = read(tmp_path, "ann=jazz|ben=blues|cy=jazz", "0.333333,0.666667,0.000000")
    assert found == {"a.ogg": ClipOpinions({"jazz": 0.666667, "blues": 0.333333}, {"jazz": 2, "blues": 1})}
    assert found["a.ogg"].tied == ["jazz"]
    assert read(tmp_path, "ann=jazz|ben=blues", "0.500000,0.500000,0.000000")["a.ogg"].tied == ["blues", "jazz"]
    assert read(tmp_path, "ann=jazz", "0,1,0", subset="train") == {}


@pytest.mark.parametrize("labels", ["", "ann|a=jazz|ben=blues", "ann=jazz=blues|ben=blues"])
def test_there_are_no_votes_if_only_shares_are_certain(tmp_path: Path, labels: str) -> None:
    found = read(tmp_path, labels, "0.500000,0.500000,0.000000")["a.ogg"]
    assert found.votes == {}
    assert found.share == {"blues": 0.5, "jazz": 0.5}


@pytest.mark.parametrize("shares", ["0.5,0.6,0", "nan,1,0", "-1,1,1", "x,1,0"])
def test_broken_shares_are_named_with_their_line(tmp_path: Path, shares: str) -> None:
    with pytest.raises(ValueError, match="opinions.csv, line 2: "):
        read(tmp_path, "", shares)
