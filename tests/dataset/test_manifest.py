"""A table becomes a corpus, or an error names the line that is wrong."""

import csv
import re
import tracemalloc
import unicodedata
from pathlib import Path

import pytest

from src.clip import Clip
from src.dataset import Manifest
from tests.conftest import tone


def _write(folder: Path, table: str, encoding: str = "utf-8") -> Path:
    for name in ("a.wav", "b.wav", "c.wav"):
        (folder / name).touch()
    (folder / "shelf.csv").write_text(table, encoding=encoding)
    return folder / "shelf.csv"


def _clips(folder: Path, table: str, encoding: str = "utf-8") -> list[Clip]:
    return list(Manifest(str(_write(folder, table, encoding)), None).corpus().clips)


def test_all_columns_are_used(tmp_path: Path) -> None:
    table = (
        "genre,path,start,stop,split,track,album,artist\njazz,a.wav,1.5,4,test,Alone,Sings,Chet\n rock , b.wav ,,,,,,\n"
    )
    assert _clips(tmp_path, table) == [
        Clip("a.wav#1.5-4", tmp_path / "a.wav", "jazz", "Chet", "Alone", 1.5, 4.0, "test", "Sings"),
        Clip("b.wav", tmp_path / "b.wav", "rock"),
    ]


def test_path_and_genre_are_enough(tmp_path: Path) -> None:
    corpus = Manifest(str(_write(tmp_path, "path,genre\na.wav,jazz\nb.wav,rock\n")), None).corpus()
    assert [(clip.name, clip.genre) for clip in corpus.clips] == [("a.wav", "jazz"), ("b.wav", "rock")]
    assert (corpus.name, corpus.excluded, corpus.notes, corpus.synthetic) == ("shelf", (), [], False)


@pytest.mark.parametrize(
    ("start", "stop", "name"), [("", "", "a.wav"), ("2", "", "a.wav#2-"), ("", "3", "a.wav#0-3"), ("0", "", "a.wav#0-")]
)
def test_start_and_stop_are_part_of_the_name(start: str, stop: str, name: str, tmp_path: Path) -> None:
    [clip] = _clips(tmp_path, f"path,genre,start,stop\na.wav,jazz,{start},{stop}\n")
    assert clip.name == name


def test_parts_of_one_file_are_separate_clips(tmp_path: Path) -> None:
    table = "path,genre,start,stop\n" + "".join(f"a.wav,jazz,{k},{k + 10}\n" for k in range(3))
    assert [clip.name for clip in _clips(tmp_path, table)] == ["a.wav#0-10", "a.wav#1-11", "a.wav#2-12"]


def test_parts_late_in_a_long_file_have_different_names(tmp_path: Path) -> None:
    table = "path,genre,start\na.wav,jazz,12345.61\na.wav,jazz,12345.64\n"
    assert [clip.name for clip in _clips(tmp_path, table)] == ["a.wav#12345.61-", "a.wav#12345.64-"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_names_in_any_script_are_read(encoding: str, tmp_path: Path) -> None:
    [clip] = _clips(tmp_path, "path,genre,artist\na.wav,爵士,Björk\n", encoding)
    assert (clip.genre, clip.artist) == ("爵士", "Björk")


def test_paths_are_relative_to_the_table_or_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    clips = _clips(tmp_path, f"path,genre\na.wav,jazz\n{tmp_path / 'b.wav'},jazz\n")
    assert [clip.path for clip in clips] == [tmp_path / "a.wav", tmp_path / "b.wav"]


def test_quoted_commas_and_blank_lines_are_accepted(tmp_path: Path) -> None:
    [clip, other] = _clips(tmp_path, 'path,genre,artist\n\na.wav,jazz,"Earth, Wind & Fire"\n\nb.wav,jazz,\n')
    assert (clip.artist, other.artist) == ("Earth, Wind & Fire", None)


def test_cells_missing_at_the_end_of_a_row_are_unknown(tmp_path: Path) -> None:
    [clip] = _clips(tmp_path, "path,genre,artist,track\na.wav,jazz\n")
    assert (clip.artist, clip.track) == (None, None)


def test_columns_that_are_not_used_are_noted(tmp_path: Path) -> None:
    path = _write(tmp_path, "path,genre,bpm,singer\na.wav,jazz,120,Chet\n")
    assert Manifest(str(path), None).corpus().notes == [
        f"{path}: columns bpm, singer are not used; "
        "known columns are path, genre, artist, album, track, split, start, stop, annotator, and genre_1, genre_2 ... instead "
        "of genre."
    ]


def test_genres_select_clips(tmp_path: Path) -> None:
    path = str(_write(tmp_path, "path,genre\na.wav,jazz\nb.wav,rock\n"))
    assert Manifest(path, ["rock"]).corpus().genres == ["rock"]
    with pytest.raises(ValueError, match=r"^dataset.genres asks for pop, but shelf has jazz, rock\.$"):
        Manifest(path, ["pop"]).corpus()


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    message = f"dataset.path is {tmp_path}, which is not a file: expected a CSV file with columns path and genre."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Manifest(str(tmp_path), None).corpus()


HEADER = "path,genre,artist,split,start,stop"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "{path} has no column 'path'; it has no header."),
        (HEADER, "{path} has a header but no rows: expected one row per clip."),
        ("path,artist\na.wav,Chet", "{path} has no column 'genre'; it has path, artist."),
        (
            "file|genre\na.wav|jazz",
            "{path} has no column 'path'; it has file|genre. Separate columns by commas, semicolons or tabs: '|' is not "
            "read.",
        ),
        (
            "path;genre\na.wav;x;y",
            "{path}, line 2: more cells than the header has columns. Quote a cell that contains a semicolon.",
        ),
        (
            "path,genre,Genre \na.wav,x,y",
            "{path}, line 1: two columns are named 'genre'. Remove or rename one of them.",
        ),
        (
            "path,gener\na.wav,x",
            "{path} has no column 'genre'; it has path, gener. Did you mean 'gener' to be 'genre'?",
        ),
        (f"{HEADER}\na.wav,jazz\n,jazz", "{path}, line 3: path is empty."),
        (f"{HEADER}\na.wav,jazz\n\nb.wav, ,", "{path}, line 4: genre is empty."),
        (
            f"{HEADER}\na.wav,jazz,,Test,,",
            "{path}, line 2: split is 'Test': expected train, val, test, calibration or an empty cell.",
        ),
        (f"{HEADER}\na.wav,jazz,,,1:30,", "{path}, line 2: start is '1:30': expected seconds, e.g. 12.5."),
        (f"{HEADER}\na.wav,jazz,,,-1,", "{path}, line 2: start is -1: expected 0 s or more."),
        (f"{HEADER}\na.wav,jazz,,,,nan", "{path}, line 2: stop is nan: expected 0 s or more."),
        (f"{HEADER}\na.wav,jazz,,,0,inf", "{path}, line 2: stop is inf: expected 0 s or more."),
        (f"{HEADER}\na.wav,jazz,,,5,5", "{path}, line 2: stop is 5 s: expected more than start, 5 s."),
        (f"{HEADER}\na.wav,jazz,,,,0", "{path}, line 2: stop is 0 s: expected more than start, 0 s."),
        (
            "path,genre,artist\na.wav,funk,Earth, Wind & Fire",
            "{path}, line 2: more cells than the header has columns. Quote a cell that contains a comma.",
        ),
        (
            f"{HEADER}\na.wav,jazz\nd.wav,jazz\ne.wav,jazz",
            "{path}: 2 of its 3 files are missing, e.g. {folder}/d.wav. Paths are relative to {folder}.",
        ),
        (
            "path,genre,start,stop\nd.wav,jazz,0,1\nd.wav,jazz,1,2\na.wav,jazz",
            "{path}: 1 of its 2 files are missing, e.g. {folder}/d.wav. Paths are relative to {folder}.",
        ),
        (
            f'{HEADER}\na.wav,jazz\nb.wav,jazz,"Chet\n' + 200_000 * "x",
            "{path}, line 3: field larger than field limit (131072). Is there an unclosed quote?",
        ),
        (
            f"{HEADER}\na.wav,jazz,,,1,2\nb.wav,jazz\na.wav,rock,,,1.0,2.0",
            "{path} lists a.wav#1-2 twice. Remove one row, or change its start or stop.",
        ),
    ],
)
def test_an_unusable_table_is_refused_with_reason_and_line(table: str, message: str, tmp_path: Path) -> None:
    path = _write(tmp_path, table)
    expected = message.format(path=path, folder=tmp_path)
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        Manifest(str(path), None).corpus()


def test_a_table_in_the_wrong_folder_is_not_read_to_its_end(tmp_path: Path) -> None:
    table = "path,genre\na.wav,jazz\n" + "".join(f"gone/{k}.wav,jazz\n" for k in range(5000)) + ",no path\n"
    path = _write(tmp_path, table)
    message = f"{path}: 1000 of its first 1001 files are missing, e.g. {tmp_path}/gone/0.wav. Paths are relative to "
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Manifest(str(path)).corpus()


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"shelf.csv, line 2: artist is not UTF-8 text \(.*\). Save the table as UTF-8.$"
    ):
        _clips(tmp_path, "path,genre,artist\na.wav,jazz,Björk\n", "latin-1")
    for encoding in ("utf-16-le", "utf-16-be"):  # without a byte order mark
        with pytest.raises(ValueError, match=r"shelf.csv is not UTF-8 text \(.*\). Save the table as UTF-8.$"):
            _clips(tmp_path, "path,genre\na.wav,jazz\n", encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("hint", ["", "sep=", '"sep="'])
def test_tables_of_spreadsheets_are_read(
    encoding: str, newline: str, delimiter: str, hint: str, tmp_path: Path
) -> None:
    lines = [hint.replace("=", f"={delimiter}")] if hint else []
    lines += [
        delimiter.join(cells) for cells in ((" Path ", "GENRE", "artist"), ("a.wav", "jazz", '"x,;\ty"'), ("", "", ""))
    ]
    [clip] = _clips(tmp_path, newline.join([*lines, ""]), encoding)
    assert (clip.name, clip.genre, clip.artist) == ("a.wav", "jazz", "x,;\ty")


def test_seconds_may_have_a_decimal_comma_if_commas_do_not_separate_cells(tmp_path: Path) -> None:
    [clip] = _clips(tmp_path, "path;genre;start;stop\na.wav;jazz;1,5;2.25\n")
    assert (clip.start_seconds, clip.stop_seconds) == (1.5, 2.25)


STRAY = "a stray quotation mark. Remove it; or put the whole cell into quotation marks"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (['a.wav,"rock', "b.wav,jazz", "c.wav,jazz"], 2),  # open to the end of the file
        (["a.wav,rock", 'b.wav,"jazz', 'c.wav,"rock'], 3),  # closed by another one at the start of a cell
        (["a.wav,rock", '"b.wav,jazz', "c.wav,rock", '",jazz'], 3),  # closed as a whole cell: holds a row
        (["a.wav,rock", 'b.wav,ja"zz', "c.wav,rock"], 3),  # within a cell
        (["a.wav,rock", 'b.wav,jazz"'], 3),
        (["a.wav,rock", '"b.wav"x,jazz'], 3),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_stray_quotation_mark_is_refused_with_its_line(
    rows: list[str], line: int, delimiter: str, tmp_path: Path
) -> None:
    table = "\n".join(["path,genre", *rows, ""]).replace(",", delimiter)
    with pytest.raises(ValueError, match=rf"shelf.csv, line {line}: .*{re.escape(STRAY)}"):
        _clips(tmp_path, table)


def test_quotation_marks_and_line_breaks_in_names_are_read(tmp_path: Path) -> None:
    for name in ('7" mix.wav', "a\nb, c.wav", " d.wav "):
        (tmp_path / name).touch()
    table = 'path,genre,artist\n7" mix.wav,jazz,x\n"a\nb, c.wav",jazz,"The ""X"""\n d.wav ,jazz,Al "W" Y\n'
    assert [(clip.name, clip.artist) for clip in _clips(tmp_path, table)] == [
        ('7" mix.wav', "x"),
        ("a\nb, c.wav", 'The "X"'),
        (" d.wav ", 'Al "W" Y'),
    ]


def test_paths_in_another_form_are_found_and_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("rock/a.wav", "home/b.wav", "Música.wav", "x\\y.wav", "~c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    decomposed = unicodedata.normalize("NFD", "Música.wav")
    table = f"path,genre\nrock\\a.wav,x\n~/b.wav,x\n{decomposed},x\nx\\y.wav,x\n~c.wav,x\n"
    corpus = Manifest(str(_write(tmp_path, table))).corpus()
    assert [(clip.name, clip.path.resolve()) for clip in corpus.clips] == [
        ("rock/a.wav", tmp_path / "rock" / "a.wav"),
        ("~/b.wav", tmp_path / "home" / "b.wav"),
        ("Música.wav", tmp_path / "Música.wav"),
        ("x\\y.wav", tmp_path / "x\\y.wav"),
        ("~c.wav", tmp_path / "~c.wav"),
    ]
    assert corpus.notes == [
        f"{tmp_path / 'shelf.csv'}: 2 paths written in another form than on this disk, e.g. 'rock\\\\a.wav', read as "
        "'rock/a.wav'."
    ]


def test_the_manifest_of_real_recordings_is_read(music: Path) -> None:
    corpus = Manifest(str(music / "manifest.csv"), None).corpus()
    with open(music / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(c.name, c.genre, c.artist) for c in corpus.clips] == [(r["path"], r["genre"], r["artist"]) for r in rows]
    assert len(rows) == 103


def test_a_corpus_has_the_name_of_its_file_or_its_folder(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav")
    for file, name in (("shelf.csv", "shelf"), ("manifest.csv", tmp_path.name)):
        (tmp_path / file).write_text("path,genre\na.wav,jazz\n", encoding="utf-8")
        assert Manifest(str(tmp_path / file), None).corpus().name == name


def test_equal_values_of_different_rows_are_stored_once(tmp_path: Path) -> None:
    table = "path,genre,artist,album,track,start\n" + "".join(
        f"a.wav,jazz,Chet Baker,Sings,Alone,{k}\n" for k in range(2)
    )
    one, other = _clips(tmp_path, table)
    assert one != other
    for key in ("path", "genre", "artist", "album", "track"):
        assert getattr(one, key) is getattr(other, key)


def test_a_large_table_needs_little_memory_per_row(tmp_path: Path) -> None:
    """20,000 rows take less than 1 kB each, so that a million take less than a gigabyte."""
    table = "path,genre,artist,track,start,stop\n" + "".join(
        f"a.wav,genre {k % 10},artist {k % 500},track {k % 5000},{10 * k},{10 * k + 10}\n" for k in range(20_000)
    )
    path = _write(tmp_path, table)
    tracemalloc.start()
    corpus = Manifest(str(path)).corpus()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(corpus.clips) == 20_000
    assert peak < 20e6
