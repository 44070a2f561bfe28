"""Every data set accepts an exclude list and the split.csv of any run, in the same way."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from src.clip import Clip, Corpus, Excluded
from src.dataset import DataSet, Folder, Manifest, Synth, synth
from src.dataset.exclude import line, without_excluded

Make = Callable[..., DataSet]  # takes the settings that all data sets share
HEADER = ("clip", "genre", "artist", "track", "set")  # of a run's split.csv
FILES = ("#1 hits/a.wav", "# 2 hits/b.wav", "jazz/c.wav", "jazz/d, e.wav")
MANIFEST = 'path,genre,artist,start,stop\n"#1 hits/a.wav",hits,Ö,,\n# 2 hits/b.wav,hits,,,\njazz/c.wav,jazz,,0,2.5\njazz/c.wav,jazz,,2.5,\n'


@pytest.fixture(params=["folder", "manifest", "synth"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a data set with two genres and at least four clips."""
    if request.param == "synth":
        monkeypatch.setattr(synth, "_complete", lambda _: True)  # list the clips without rendering them
        return lambda **settings: Synth(str(tmp_path), artists=2, tracks=2, **{"genres": ["jazz", "rock"], **settings})
    root = tmp_path / "music"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    if request.param == "folder":
        return lambda **settings: Folder(str(root), **settings)
    (root / "manifest.csv").write_text(MANIFEST, encoding="utf-8")
    return lambda **settings: Manifest(str(root / "manifest.csv"), **settings)


@pytest.fixture
def exclude(tmp_path: Path) -> Callable[..., str]:
    """Write the lines of an exclude list."""

    def write(*lines: str, encoding: str = "utf-8", newline: str = "\n") -> str:
        (tmp_path / "exclude.txt").write_text(newline.join(lines), encoding=encoding, newline="")
        return str(tmp_path / "exclude.txt")

    return write


@pytest.fixture
def split_file(tmp_path: Path) -> Callable[..., str]:
    """Write pairs of clip and set as a run's split.csv."""

    def write(*rows: tuple[str, str]) -> str:
        with open(tmp_path / "split.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEADER, *((name, "any", "", "", subset) for name, subset in rows)])
        return str(tmp_path / "split.csv")

    return write


def names(corpus: Corpus) -> list[str]:
    return [clip.name for clip in corpus.clips]


def test_without_both_files_all_clips_are_listed(make: Make) -> None:
    data = make()
    assert data.corpus() == data.listed()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_each_clip_can_be_excluded_by_its_name(
    make: Make, exclude: Callable[..., str], encoding: str, newline: str
) -> None:
    whole = make().corpus()
    for clip in whole.clips:  # some names have #start-stop or a comma, or begin like a comment
        corpus = make(exclude=exclude(clip.name, encoding=encoding, newline=newline)).corpus()
        assert list(corpus.clips) == [other for other in whole.clips if other != clip]
        assert corpus.excluded == [*whole.excluded, Excluded(clip.name, "listed in exclude.txt")]
        assert list(corpus.notes) == list(whole.notes)


def test_comments_blank_lines_and_spaces_around_names_are_ignored(make: Make, exclude: Callable[..., str]) -> None:
    first, second, *rest = names(make().corpus())
    lines = ("# A comment.", "#", "# ", "", f"  {first}  ", "   ", f"# {second}", first)
    corpus = make(exclude=exclude(*lines)).corpus()
    assert (names(corpus), corpus.notes) == ([second, *rest], [])


def test_names_that_match_no_clip_are_noted(make: Make, exclude: Callable[..., str]) -> None:
    first, *rest = names(make().corpus())
    path = exclude("zoo/gone.wav", first, "#gone.wav")
    corpus = make(exclude=path).corpus()
    assert names(corpus) == rest
    assert corpus.notes == [f"{path}: names that match no clip of this data set: 2 of 3, e.g. #gone.wav."]


def test_an_exclude_list_of_all_clips_is_refused(make: Make, exclude: Callable[..., str]) -> None:
    whole = make().corpus()
    path = exclude(*names(whole))
    message = f"dataset.exclude: {path} lists every clip of {whole.name}, so none is left. Remove some of its lines."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(exclude=path).corpus()


def test_an_exclude_list_without_names_is_refused_or_noted(
    make: Make, exclude: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "gone.txt"
    message = f"dataset.exclude is {path}, which is not a file: expected a text file, one clip name per line."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(exclude=str(path)).corpus()
    path = exclude("Björk", encoding="latin-1")
    assert make(exclude=path).corpus().notes == [
        f"{path}: names that match no clip of this data set: 1 of 1, e.g. Bj\udcf6rk."
    ]


def test_an_exclude_list_that_is_no_text_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "half.txt").write_bytes("\ufeffa".encode("utf-16-le") + b"b")
    with pytest.raises(ValueError, match=r"^dataset.exclude: .*half.txt is not UTF-8 text \("):
        make(exclude=str(tmp_path / "half.txt")).corpus()


@pytest.mark.parametrize(
    "name", ["two\nlines.wav", "two\r\nlines.wav", "\ta.wav", '"quoted".wav', " blank ", "caf\udce9", "# x\r"]
)
def test_any_name_can_be_excluded(name: str, tmp_path: Path) -> None:
    names = [name, name.strip() + "!", "other"]
    corpus = Corpus("shelf", [Clip(clip, Path(clip), "g") for clip in names])
    lines = ["# a comment", line(name), ""]
    (tmp_path / "exclude.txt").write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    result = without_excluded(corpus, tmp_path / "exclude.txt")
    assert [clip.name for clip in result.clips] == names[1:]
    assert list(result.notes) == []


def test_the_sets_of_a_split_file_are_used(make: Make, split_file: Callable[..., str]) -> None:
    all_names = names(make().corpus())
    subsets = ["test", "train", "val", *["train"] * (len(all_names) - 3)]
    path = split_file(*reversed(list(zip(all_names, subsets, strict=True))))
    corpus = make(split_file=path).corpus()
    assert [(clip.name, clip.subset) for clip in corpus.clips] == list(zip(all_names, subsets, strict=True))
    assert list(corpus.excluded) == list(make().corpus().excluded)


def test_clips_that_the_split_file_does_not_list_are_left_out(make: Make, split_file: Callable[..., str]) -> None:
    first, second, *rest = names(make().corpus())
    corpus = make(split_file=split_file((second, "val"), (first, "train"), (first, "train"))).corpus()
    assert [(clip.name, clip.subset) for clip in corpus.clips] == [(first, "train"), (second, "val")]
    assert corpus.excluded == [Excluded(name, "not in split.csv") for name in rest]


def test_a_split_file_with_other_clips_is_refused(make: Make, split_file: Callable[..., str]) -> None:
    whole = make().corpus()
    path = split_file((names(whole)[0], "test"), ("zoo/b.wav", "train"), ("zoo/a.wav", "train"))
    message = (
        f"dataset.split_file: 2 of the 3 clips in {path} are not in {whole.name}, e.g. zoo/a.wav. Choose the data "
        "set and the genres from which the split was made."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(split_file=path).corpus()


@pytest.mark.parametrize("subset", ["", "Test", "validation"])
def test_an_unknown_set_is_refused(make: Make, split_file: Callable[..., str], subset: str) -> None:
    first, second, *_ = names(make().corpus())
    path = split_file((first, "train"), (second, subset))
    message = f"{path}, line 3: set is {subset!r}: expected train, val, test, calibration."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(split_file=path).corpus()


def test_a_clip_in_two_sets_is_refused(make: Make, split_file: Callable[..., str]) -> None:
    first, *_ = names(make().corpus())
    path = split_file((first, "train"), (first, "test"))
    message = f"{path}, line 3: {first} is in two sets. Remove one of its rows."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(split_file=path).corpus()


def test_a_split_file_without_clips_is_refused(make: Make, split_file: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^dataset.split_file: .*split.csv lists no clip: expected the split.csv of a run"
    ):
        make(split_file=split_file()).corpus()
    (tmp_path / "split.csv").write_text("clip,genre\na,b\n")
    with pytest.raises(ValueError, match=r"split.csv lacks the column set\."):
        make(split_file=str(tmp_path / "split.csv")).corpus()
    with pytest.raises(
        ValueError, match=r"^dataset.split_file is .*gone.csv, which is not a file: expected the split.csv of a run\.$"
    ):
        make(split_file=str(tmp_path / "gone.csv")).corpus()


def test_the_split_file_may_list_excluded_clips(
    make: Make, exclude: Callable[..., str], split_file: Callable[..., str]
) -> None:
    first, second, *rest = names(make().corpus())
    path = split_file((first, "train"), (second, "test"), *((name, "val") for name in rest))
    corpus = make(exclude=exclude(second), split_file=path).corpus()
    assert [(clip.name, clip.subset) for clip in corpus.clips] == [(first, "train"), *((name, "val") for name in rest)]
    assert corpus.excluded == [Excluded(second, "listed in exclude.txt")]
    assert corpus.notes == []


def test_genres_are_selected_before_the_split_file_and_the_exclusion(
    make: Make, exclude: Callable[..., str], split_file: Callable[..., str]
) -> None:
    jazz = names(make(genres=["jazz"]).corpus())
    other = next(name for name in names(make().corpus()) if name not in jazz and not name.startswith("# "))
    corpus = make(genres=["jazz"], split_file=split_file(*((name, "test") for name in jazz))).corpus()
    assert (names(corpus), corpus.genres) == (jazz, ["jazz"])
    path = exclude(jazz[0], other)
    corpus = make(genres=["jazz"], exclude=path).corpus()
    assert names(corpus) == jazz[1:]
    assert corpus.notes == [f"{path}: names that match no clip of this data set: 1 of 2, e.g. {other}."]
    with pytest.raises(ValueError, match=r"^dataset.split_file: 1 of the 2 clips in "):
        make(genres=["jazz"], split_file=split_file((jazz[0], "test"), (other, "train"))).corpus()
