"""Tables and names as spreadsheets, other systems and people write them, through the programs."""

import csv
import json
import os
import shutil
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from src import predict, report
from src.compare import main as compare
from src.rundir import RunDir
from tests import programs
from tests.cases.sounds import genre_folders

Train = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips of 2 s of rock, and six of jazz."""
    return genre_folders(tmp_path_factory.mktemp("music"), ["rock", "jazz"], seconds=2)


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Train:
    """Train the majority baseline in tmp_path/run -> exit status and standard error."""

    def run(*arguments: str, folder: Path = tmp_path / "run") -> tuple[int, str]:
        settings = ["model=majority", "logger=none", f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={folder}"]
        status = programs.train(monkeypatch, *settings, *arguments)
        return status, capsys.readouterr().err

    return run


def listed(music: Path) -> list[tuple[str, str]]:
    """Path and genre of each clip of `music`."""
    return [(path.relative_to(music).as_posix(), path.parent.name) for path in sorted(music.glob("*/*.wav"))]


def table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    """Write a table without any quotation marks, and return the setting that names it."""
    lines = [delimiter.join(cells) for cells in (header, *rows)]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return f"dataset.path={path}"


def genres(folder: Path) -> dict[str, int]:
    """The clips of each genre of a run."""
    return dict(Counter(str(row["genre"]) for row in RunDir(folder).split))


# Placeholders


@pytest.mark.parametrize(
    "word",
    ["nan", "Various Artists", "Unknown", "<unknown>", "-", "N/A", "null", "Untitled", "Verschiedene Interpreten"],
)
def test_a_placeholder_is_no_artist(word: str, music: Path, train: Train, tmp_path: Path) -> None:
    rows = [(f"{music / path}", genre, word) for path, genre in listed(music)]
    status, text = train("dataset=manifest", table(tmp_path / "m.csv", ("path", "genre", "artist"), rows))
    assert status == 0, text
    assert f"Note: The artist of 12 clips is a placeholder, e.g. {word!r}: it counts as unknown." in text
    assert {row["artist"] for row in RunDir(tmp_path / "run").split} == {None}
    assert RunDir(tmp_path / "run").metrics["certificate"]["grouped_by"] == "clip"


def test_placeholders_of_albums_and_folders_are_no_names(train: Train, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for genre, seconds in (("rock", 1), ("jazz", 1.1)):
        genre_folders(root / genre, ["Unknown Artist", "The Band", "the_band"], clips=3, seconds=seconds)
    status, text = train("dataset=folder", f"dataset.root={root}", "dataset.artist_pattern='^[^/]+/(?P<artist>[^/]+)/'")
    assert status == 0, text
    assert "The artist of 6 clips is a placeholder, e.g. 'Unknown Artist': it counts as unknown." in text
    assert "The artist of 6 clips is another spelling of a more frequent name, e.g. 'the_band' of 'The Band'" in text
    assert {row["artist"] for row in RunDir(tmp_path / "run").split} == {None, "The Band"}
    assert len({row["set"] for row in RunDir(tmp_path / "run").split if row["artist"]}) == 1


# Names in any bytes


def odd_folder(root: Path, names: Sequence[bytes]) -> list[str]:
    """Rename the clips of rock and jazz, in turn, to `names` -> the clips' names."""
    genre_folders(root, ["rock", "jazz"], clips=max(6, (len(names) + 1) // 2), seconds=2)
    clips = []
    for k, name in enumerate(names):
        genre = ("rock", "jazz")[k % 2]
        os.rename(os.fsencode(root / genre / f"{k // 2}.wav"), os.fsencode(root / genre) + b"/" + name + b".wav")
        clips.append(f"{genre}/{os.fsdecode(name)}.wav")
    return clips


LATIN = [b"caf\xe9 0", b"caf\xe9 1", b"\xff\xfe", b"na\xefve"]
SIGNS = [
    b'say "no"',
    b"one, two; three",
    b"tab\there",
    b" blank ",
    b"two\nlines",
    b"two\r\nlines",
    b"return\r",
    b"# 1",
    b'"q"',
]


@pytest.mark.parametrize(
    "names", [LATIN, SIGNS, [b"\xc3\xa9\xe9", b"a\x85b", "\u2028x".encode(), b"=1+1", b"-x", b"@y"]]
)
def test_names_in_any_bytes_survive_every_program(
    names: list[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    root, run = tmp_path / "root", tmp_path / "run"
    clips = odd_folder(root, names)
    broken = f"rock/{os.fsdecode(names[0])} broken.wav"
    (root / broken).write_text("no sound")
    data = ("dataset=folder", f"dataset.root={root}", "data.crop_seconds=1")
    arguments = ("model=majority", "logger=none", f"data.cache={tmp_path / 'cache'}", *data)
    assert programs.train(monkeypatch, *arguments, f"hydra.run.dir={run}") == 0
    assert set(clips) < {row["clip"] for row in RunDir(run).split}
    assert [clip for clip, _ in RunDir(run).excluded] == [broken]
    assert set(RunDir(run).predictions.clips) <= {row["clip"] for row in RunDir(run).split}

    # The same sets, from the table.
    again = tmp_path / "again"
    split = ("split=official", f"dataset.split_file={run / 'split.csv'}")
    assert programs.train(monkeypatch, *arguments, *split, f"hydra.run.dir={again}") == 0
    assert (again / "split.csv").read_bytes() == (run / "split.csv").read_bytes()

    # Pages are valid UTF-8.
    assert report.main([str(run)]) == 0
    assert report.main([str(run), "--format", "markdown"]) == 0
    assert compare([str(run), str(again)]) == 0
    (run / "report.html").read_text(encoding="utf-8")

    (root / broken).unlink()

    # Predictions name the files, and --resume finds all of them again.
    for kind in ("json", "csv"):
        capsysbinary.readouterr()
        assert predict.main([str(root), "--run", str(run), "--format", kind]) == 0
        output = tmp_path / f"out.{kind}"
        output.write_bytes(capsysbinary.readouterr().out)
        assert predict.main([str(root), "--run", str(run), "--format", kind, "--resume", str(output)]) == 0
        files = len(list(root.glob("*/*")))
        assert f"predictions for {files} of {files} files".encode() in capsysbinary.readouterr().err

    # The audit proposes copies of the odd files, and its proposal excludes just these.
    for name in clips:
        shutil.copy(root / name, root / name.split("/")[0] / "0 first of the copies.wav")
        break
    audit = tmp_path / "audit"
    status = programs.audit(
        monkeypatch, *data, f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={audit}", "labels=false"
    )
    assert status == 1
    copies = json.loads((audit / "audit.json").read_text(encoding="utf-8"))["copies"]
    assert [len(group) for group in copies] == [2]
    (audit / "audit.html").read_text(encoding="utf-8")
    last = tmp_path / "last"
    assert (
        programs.train(monkeypatch, *arguments, f"dataset.exclude={audit / 'exclude.txt'}", f"hydra.run.dir={last}")
        == 0
    )
    assert [clip for clip, _ in RunDir(last).excluded] == copies[0][1:]


def test_genres_and_artists_in_any_bytes_survive(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    genre_folders(root, ["rock", "jazz"], seconds=2)
    os.rename(os.fsencode(root / "rock"), os.fsencode(root) + b"/m\xfasica")
    status, text = train("dataset=folder", f"dataset.root={root}", "dataset.artist_pattern='(?P<artist>^.*)'")
    assert status == 0, text
    run = tmp_path / "run"
    assert genres(run) == {"jazz": 6, "m\udcfasica": 6}
    assert report.main([str(run)]) == 0
    assert "m\ufffdsica" in (run / "report.html").read_text(encoding="utf-8")
    assert predict.main([str(root / "jazz" / "0.wav"), "--run", str(run)]) == 0
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])["probabilities"]) == {"jazz", "m\udcfasica"}


def test_a_manifest_in_latin_1_names_files_in_latin_1(music: Path, train: Train, tmp_path: Path) -> None:
    root = tmp_path / "root"
    names = odd_folder(root, LATIN)
    rows = [f"{name},{name.split('/')[0]}" for name in [*names, *(name for name, _ in listed(root) if name.isascii())]]
    (root / "m.csv").write_bytes(os.fsencode("\n".join(["path,genre", *rows, ""])))
    status, text = train("dataset=manifest", f"dataset.path={root / 'm.csv'}")
    assert status == 0, text
    assert set(names) < {row["clip"] for row in RunDir(tmp_path / "run").split}


# Tables


@pytest.mark.parametrize(("delimiter", "name"), [(";", "m.csv"), ("\t", "m.tsv"), (";", "m.txt")])
def test_tables_with_other_delimiters_are_read(
    delimiter: str, name: str, music: Path, train: Train, tmp_path: Path
) -> None:
    rows = [(f"{music / path}", genre) for path, genre in listed(music)]
    status, text = train("dataset=manifest", table(tmp_path / name, ("path", "genre"), rows, delimiter))
    assert status == 0, text
    assert genres(tmp_path / "run") == {"rock": 6, "jazz": 6}


def test_a_table_saved_by_excel_is_read(music: Path, train: Train, tmp_path: Path) -> None:
    lines = ["sep=;", "Genre;Path;comment;start", *(f"{g};{music / p};a|b, c;0,5" for p, g in listed(music)), ";;;"]
    (tmp_path / "m.csv").write_text("\r\n".join([*lines, ""]), encoding="utf-16", newline="")
    status, text = train("dataset=manifest", f"dataset.path={tmp_path / 'm.csv'}")
    assert status == 0, text
    assert genres(tmp_path / "run") == {"rock": 6, "jazz": 6}


def test_backslashes_and_home_folders_are_read(
    music: Path, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(music, tmp_path / "root")
    monkeypatch.setenv("HOME", str(tmp_path / "root"))
    rows = [(("~/" if genre == "jazz" else "root\\") + path.replace("/", "\\"), genre) for path, genre in listed(music)]
    status, text = train("dataset=manifest", table(tmp_path / "m.csv", ("path", "genre"), rows))
    assert status == 0, text
    assert "12 paths written in another form than on this disk, e.g. '~/jazz\\\\0.wav', read as '~/jazz/0.wav'." in text
    assert {row["clip"] for row in RunDir(tmp_path / "run").split} == {
        f"{'~' if genre == 'jazz' else 'root'}/{path}" for path, genre in listed(music)
    }


@pytest.mark.parametrize("place", ["genre", "path", "comment"])
def test_a_stray_quotation_mark_is_an_error_with_its_line(
    place: str, music: Path, train: Train, tmp_path: Path
) -> None:
    columns = ("path", "genre", "comment")
    rows = [[f"{music / path}", genre, "live"] for path, genre in listed(music)]
    for k in (3, 9):
        rows[k][columns.index(place)] = '"' + rows[k][columns.index(place)]
    status, text = train("dataset=manifest", table(tmp_path / "m.csv", columns, rows))
    assert status == 1
    assert f"{tmp_path / 'm.csv'}, line 5: " in text
    assert "stray quotation mark" in text
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "header", [("path", "genre", "genre"), ("Path", "genre", "path "), ("path", "genre", "x", "x")]
)
def test_a_column_that_stands_twice_is_an_error(
    header: Sequence[str], music: Path, train: Train, tmp_path: Path
) -> None:
    rows = [(f"{music / path}", genre, *header[2:]) for path, genre in listed(music)]
    status, text = train("dataset=manifest", table(tmp_path / "m.csv", header, rows))
    assert status == 1
    assert "line 1: two columns are named " in text


def test_a_broken_split_file_is_an_error_with_its_line(music: Path, train: Train, tmp_path: Path) -> None:
    data = ("dataset=folder", f"dataset.root={music}")
    assert train(*data)[0] == 0
    good = (tmp_path / "run" / "split.csv").read_text()
    for broken, message in (
        (good.replace("jazz/1.wav", '"jazz/1.wav'), "split.csv cannot be read as CSV (line 3: a stray quotation mark"),
        (good.replace("artist,track", "artist,artist"), "split.csv has two columns 'artist'"),
    ):
        (tmp_path / "split.csv").write_text(broken)
        status, text = train(
            *data, "split=official", f"dataset.split_file={tmp_path / 'split.csv'}", folder=tmp_path / "b"
        )
        assert status == 1
        assert message in text


# The same thing spelt twice

NFC, NFD = (unicodedata.normalize(form, "Música") for form in ("NFC", "NFD"))


def test_spellings_of_a_genre_are_pointed_out(train: Train, tmp_path: Path) -> None:
    root = genre_folders(tmp_path / "root", ["Hip-Hop", "hip-hop", NFC, NFD], clips=8, seconds=1)
    status, text = train("dataset=folder", f"dataset.root={root}")
    assert status == 0, text
    assert genres(tmp_path / "run") == {"Hip-Hop": 8, "hip-hop": 8, NFC: 16}
    assert f"{NFC} is written in two Unicode forms, which look the same: one genre of 16 clips." in text
    line = "Genres that differ only in case or separators: 'Hip-Hop' (8 clips) and 'hip-hop' (8 clips)."
    assert f"{line} If they are the same genre: 'dataset.genre_map={{hip-hop:Hip-Hop}}'" in text
    status, text = train(
        "dataset=folder", f"dataset.root={root}", "dataset.genre_map={hip-hop:Hip-Hop}", folder=tmp_path / "b"
    )
    assert status == 0, text
    assert genres(tmp_path / "b") == {"Hip-Hop": 16, NFC: 16}
    assert "dataset.genre_map renames the genre of 8 clips (hip-hop to Hip-Hop: 8)." in text
    assert "differ only" not in text


def test_an_audit_points_out_spellings_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = genre_folders(tmp_path / "root", ["Drum & Bass", "drum_&_bass", "R&B"], clips=4, seconds=1)
    settings = (f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={tmp_path / 'audit'}", "labels=false")
    programs.audit(monkeypatch, "dataset=folder", f"dataset.root={root}", *settings)
    notes = json.loads((tmp_path / "audit" / "audit.json").read_text())["notes"]
    assert notes == [
        "Genres that differ only in case or separators: 'Drum & Bass' (4 clips) and 'drum_&_bass' (4 clips). If they are the "
        "same genre: dataset.genre_map=FILE.csv, a file with the lines from,to / drum_&_bass,Drum & Bass"
    ]
    assert notes[0] in " ".join(capsys.readouterr().out.split())


def test_artists_that_differ_only_in_spelling_stay_in_one_set(music: Path, train: Train, tmp_path: Path) -> None:
    artists = ["Sigur Rós", "sigur ro\u0301s", "SIGUR_RÓS", "!!!", "!!", "AC/DC", "AC-DC"]
    rows = [(f"{music / path}", genre, artists[k % 7]) for k, (path, genre) in enumerate(listed(music))]
    status, text = train("dataset=manifest", table(tmp_path / "m.csv", ("path", "genre", "artist"), rows))
    assert status == 0, text
    sets: dict[str | None, set[str | None]] = {}
    for row in RunDir(tmp_path / "run").split:
        sets.setdefault(row["artist"], set()).add(row["set"])
    assert {len(found) for found in sets.values()} == {1}
    assert len(sets) == 4
    assert {"!!!", "!!"} < set(sets)
    assert "The artist of " in text


def test_cells_with_several_genres_are_pointed_out(music: Path, train: Train, tmp_path: Path) -> None:
    rows = [
        (f"{music / path}", genre + ("|pop" if k % 3 == 0 else "")) for k, (path, genre) in enumerate(listed(music))
    ]
    data = ("dataset=manifest", table(tmp_path / "m.csv", ("path", "genre"), rows))
    status, text = train(*data)
    assert status == 0, text
    assert "The genre of 4 clips seems to list several genres: 'jazz|pop' (2 clips), 'rock|pop' (2 clips)." in text
    assert "\"dataset.genre_separator='|'\"" in text
    for pick, counts in (("first", {"rock": 6, "jazz": 6}), ("drop", {"rock": 4, "jazz": 4})):
        settings = ("dataset.genre_separator='|'", f"dataset.genre_pick={pick}")
        status, text = train(*data, *settings, folder=tmp_path / pick)
        assert status == 0, text
        assert genres(tmp_path / pick) == counts
        assert (
            f"4 clips with several genres {'are left out' if pick == 'drop' else 'count under the first of them'}"
            in text
        )
    assert len(RunDir(tmp_path / "drop").excluded) == 4


@pytest.mark.parametrize("suffix", [".csv", ".yaml"])
def test_a_file_renames_merges_and_drops_genres(suffix: str, train: Train, tmp_path: Path) -> None:
    names = ["R&B", "r & b", "Drum & Bass", "Folk, World, & Country", "!!!", "80"]
    root = genre_folders(tmp_path / "root", names, clips=4, seconds=1)
    pairs = {"r & b": "R&B", "Folk, World, & Country": "Folk", "80": "", "Drum & Bas": "DnB"}
    path = tmp_path / f"map{suffix}"
    if suffix == ".csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=";").writerows([("from", "to"), *pairs.items()])
    else:
        path.write_text("".join(f"{old if old == '80' else json.dumps(old)}: {new}\n" for old, new in pairs.items()))
    status, text = train(
        "dataset=folder",
        f"dataset.root={root}",
        f"dataset.genre_map={path}",
        "dataset.genres=[R&B,Folk,'!!!']".replace("R&B", "'R&B'"),
    )
    assert status == 0, text
    assert genres(tmp_path / "run") == {"R&B": 8, "Folk": 4, "!!!": 4}
    assert "dataset.genre_map leaves out 4 clips (80: 4)." in text
    assert "dataset.genre_map: no clip has the genre 'Drum & Bas'. Did you mean 'Drum & Bass'?" in text
    assert "seems to list several" not in text


# Genres of any name


@pytest.mark.parametrize(
    "names",
    [
        ["genre", "path", "clip"],
        ["predicted", "p_x", "x"],
        ["nan", "null", "80", "1e5"],
        ["true", "NaN, or 'so'", 'say "hi"'],
        ["artist", "🎷🎺", "a" * 200],
        ["two\nlines", "-", "=1+1"],
    ],
)
def test_a_genre_may_have_any_name(
    names: list[str], train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run, again = genre_folders(tmp_path / "root", names, clips=5, seconds=1), tmp_path / "run", tmp_path / "again"
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")
        status, text = train("dataset=folder", f"dataset.root={root}")
    assert status == 0, text
    assert genres(run) == dict.fromkeys(names, 5)
    assert RunDir(run).confusion[0] == RunDir(run).predictions.genres == sorted(names)
    assert report.main([str(run), "--format", "markdown"]) == 0
    status, text = train("dataset=folder", f"dataset.root={root}", "seed=1", folder=again)
    assert status == 0, text
    assert compare([str(run), str(again)]) == 0
    capsys.readouterr()
    assert predict.main([str(root), "--run", str(run), "--format", "csv"]) == 0
    header = next(csv.reader(capsys.readouterr().out.splitlines(keepends=True)))
    assert [column for column in header if column.startswith("p_")] == [f"p_{name}" for name in sorted(names)]


def test_genres_that_hydra_reads_as_numbers_can_be_selected(train: Train, tmp_path: Path) -> None:
    root = genre_folders(tmp_path / "root", ["80", "1e5", "null", "true", "x"], clips=5, seconds=1)
    status, text = train("dataset=folder", f"dataset.root={root}", "dataset.genres=[80,1e5,null,true]")
    assert status == 0, text
    assert set(genres(tmp_path / "run")) == {"80", "1e5", "null", "true"}


@pytest.mark.parametrize("names", [["ジャズ", "ロック"], ["爵士", "摇滚", "موسيقى"]])
def test_pages_with_names_in_other_scripts_give_no_warning(names: list[str], train: Train, tmp_path: Path) -> None:
    root = genre_folders(tmp_path / "root", names, clips=5, seconds=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert train("dataset=folder", f"dataset.root={root}")[0] == 0
        assert report.main([str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in names)
