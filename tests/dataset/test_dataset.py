"""Every data set takes an exclude list and the split.csv of any run, in the same way."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from src.clip import Corpus, Excluded
from src.dataset import DataSet, Folder, Manifest, Synth, synth

Make = Callable[..., DataSet]  # of the keys that all data sets share
HEADER = ("clip", "genre", "artist", "track", "set")  # of a run's split.csv
FILES = ("#1 hits/a.wav", "# 2 hits/b.wav", "jazz/c.wav", "jazz/d, e.wav")
MANIFEST = 'path,genre,artist,start,stop\n"#1 hits/a.wav",hits,Ö,,\n# 2 hits/b.wav,hits,,,\njazz/c.wav,jazz,,0,2.5\njazz/c.wav,jazz,,2.5,\n'


@pytest.fixture(params=["folder", "manifest", "synth"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A data set of two genres and four clips or more."""
    if request.param == "synth":
        monkeypatch.setattr(synth, "_complete", lambda _: True)  # nothing is rendered to be listed
        return lambda **keys: Synth(str(tmp_path), artists=2, tracks=2, **{"genres": ["jazz", "rock"], **keys})
    root = tmp_path / "music"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    if request.param == "folder":
        return lambda **keys: Folder(str(root), **keys)
    (root / "manifest.csv").write_text(MANIFEST, encoding="utf-8")
    return lambda **keys: Manifest(str(root / "manifest.csv"), **keys)


@pytest.fixture
def exclude(tmp_path: Path) -> Callable[..., str]:
    """Writes an exclude list, a line each."""

    def written(*lines: str, encoding: str = "utf-8", newline: str = "\n") -> str:
        (tmp_path / "exclude.txt").write_text(newline.join(lines), encoding=encoding, newline="")
        return str(tmp_path / "exclude.txt")

    return written


@pytest.fixture
def split_file(tmp_path: Path) -> Callable[..., str]:
    """Writes (clip, side) as a run's split.csv."""

    def written(*rows: tuple[str, str]) -> str:
        with open(tmp_path / "split.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEADER, *((name, "any", "", "", side) for name, side in rows)])
        return str(tmp_path / "split.csv")

    return written


def names(corpus: Corpus) -> list[str]:
    return [clip.name for clip in corpus.clips]


def test_without_either_all_clips_are_taken(make: Make) -> None:
    data = make()
    assert data.corpus() == data.listed()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_each_clip_can_be_excluded_by_its_name(
    make: Make, exclude: Callable[..., str], encoding: str, newline: str
) -> None:
    everything = make().corpus()
    for clip in everything.clips:  # names with #start-stop, with commas, and such as begin like a remark
        corpus = make(exclude=exclude(clip.name, encoding=encoding, newline=newline)).corpus()
        assert list(corpus.clips) == [other for other in everything.clips if other != clip]
        assert corpus.excluded == [*everything.excluded, Excluded(clip.name, "named in exclude.txt")]
        assert list(corpus.notes) == list(everything.notes)


def test_remarks_blank_lines_and_spaces_around_a_name_are_no_names(make: Make, exclude: Callable[..., str]) -> None:
    first, second, *rest = names(make().corpus())
    lines = ("# Doubtful.", "#", "# ", "", f"  {first}  ", "   ", f"# {second}", first)
    corpus = make(exclude=exclude(*lines)).corpus()
    assert (names(corpus), corpus.notes) == ([second, *rest], [])


def test_names_that_are_no_clip_are_noted(make: Make, exclude: Callable[..., str]) -> None:
    first, *rest = names(make().corpus())
    path = exclude("zoo/gone.wav", first, "#gone.wav")
    corpus = make(exclude=path).corpus()
    assert names(corpus) == rest
    assert corpus.notes == [f"{path}: 2 of its 3 names are no clip here, e.g. #gone.wav."]


def test_a_list_that_leaves_nothing_is_refused(make: Make, exclude: Callable[..., str]) -> None:
    everything = make().corpus()
    path = exclude(*names(everything))
    message = f"dataset.exclude: {path} names every clip of {everything.name}; none is left."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(exclude=path).corpus()


def test_a_list_that_is_none_is_refused(make: Make, exclude: Callable[..., str], tmp_path: Path) -> None:
    message = f"dataset.exclude is {tmp_path / 'gone.txt'}, which is no file: expected a clip's name a line."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(exclude=str(tmp_path / "gone.txt")).corpus()
    with pytest.raises(ValueError, match=r"^dataset.exclude: .*exclude.txt is not UTF-8 text \("):
        make(exclude=exclude("Björk", encoding="latin-1")).corpus()


def test_the_sides_of_a_split_are_taken(make: Make, split_file: Callable[..., str]) -> None:
    everything = names(make().corpus())
    sides = ["test", "train", "val", *["train"] * (len(everything) - 3)]
    path = split_file(*reversed(list(zip(everything, sides, strict=True))))
    corpus = make(split_file=path).corpus()
    assert [(clip.name, clip.subset) for clip in corpus.clips] == list(zip(everything, sides, strict=True))
    assert list(corpus.excluded) == list(make().corpus().excluded)


def test_clips_that_a_split_does_not_list_are_left_out(make: Make, split_file: Callable[..., str]) -> None:
    first, second, *rest = names(make().corpus())
    corpus = make(split_file=split_file((second, "val"), (first, "train"), (first, "train"))).corpus()
    assert [(clip.name, clip.subset) for clip in corpus.clips] == [(first, "train"), (second, "val")]
    assert corpus.excluded == [Excluded(name, "not in split.csv") for name in rest]


def test_a_split_of_other_clips_is_refused(make: Make, split_file: Callable[..., str]) -> None:
    everything = make().corpus()
    path = split_file((names(everything)[0], "test"), ("zoo/b.wav", "train"), ("zoo/a.wav", "train"))
    message = (
        f"dataset.split_file: 2 of the 3 clips in {path} are not in {everything.name}, e.g. zoo/a.wav. Choose the data "
        "set and the genres that the split was made of."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(split_file=path).corpus()


@pytest.mark.parametrize("side", ["", "Test", "validation"])
def test_a_side_that_is_none_is_refused(make: Make, split_file: Callable[..., str], side: str) -> None:
    first, second, *_ = names(make().corpus())
    path = split_file((first, "train"), (second, side))
    message = f"{path}, line 3: side is {side!r}: expected train, val, test."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(split_file=path).corpus()


def test_a_clip_on_two_sides_is_refused(make: Make, split_file: Callable[..., str]) -> None:
    first, *_ = names(make().corpus())
    path = split_file((first, "train"), (first, "test"))
    message = f"{path}, line 3: {first} is on two sides. Remove one of its rows."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(split_file=path).corpus()


def test_a_split_of_nothing_is_refused(make: Make, split_file: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^dataset.split_file: .*split.csv lists no clip: expected a run's split.csv"):
        make(split_file=split_file()).corpus()
    (tmp_path / "split.csv").write_text("clip,genre\na,b\n")
    with pytest.raises(ValueError, match=r"split.csv lacks the columns side\."):
        make(split_file=str(tmp_path / "split.csv")).corpus()
    with pytest.raises(ValueError, match=r" has no gone.csv"):
        make(split_file=str(tmp_path / "gone.csv")).corpus()


def test_what_is_excluded_may_stand_in_the_split(
    make: Make, exclude: Callable[..., str], split_file: Callable[..., str]
) -> None:
    first, second, *rest = names(make().corpus())
    path = split_file((first, "train"), (second, "test"), *((name, "val") for name in rest))
    corpus = make(exclude=exclude(second), split_file=path).corpus()
    assert [(clip.name, clip.subset) for clip in corpus.clips] == [(first, "train"), *((name, "val") for name in rest)]
    assert corpus.excluded == [Excluded(second, "named in exclude.txt")]
    assert corpus.notes == []


def test_genres_are_chosen_before(make: Make, exclude: Callable[..., str], split_file: Callable[..., str]) -> None:
    jazz = names(make(genres=["jazz"]).corpus())
    other = next(name for name in names(make().corpus()) if name not in jazz and not name.startswith("# "))
    corpus = make(genres=["jazz"], split_file=split_file(*((name, "test") for name in jazz))).corpus()
    assert (names(corpus), corpus.genres) == (jazz, ["jazz"])
    path = exclude(jazz[0], other)
    corpus = make(genres=["jazz"], exclude=path).corpus()
    assert names(corpus) == jazz[1:]
    assert corpus.notes == [f"{path}: 1 of its 2 names are no clip here, e.g. {other}."]
    with pytest.raises(ValueError, match=r"^dataset.split_file: 1 of the 2 clips in "):
        make(genres=["jazz"], split_file=split_file((jazz[0], "test"), (other, "train"))).corpus()
