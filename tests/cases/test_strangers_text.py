"""Names from strangers: in pages, Markdown, on terminals and in tables for spreadsheets."""

import csv
import io
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from src import compare, plain_files, predict, report, rundir
from src.inference import output, resume
from src.inference.recognizer import Prediction
from src.reporting import render, run_page
from src.rundir import RunDir
from tests.cases.sounds import genre_folders
from tests.programs import audit, small, train
from tests.rundirs import config, write_run

MARKUP = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "' onmouseover='alert(1)",
    "</title></style></pre></svg><script>alert(1)//",
    "--><b>",
    "&lt;i&gt;{{ 7 * 7 }}{% raw %}",
    "]]><svg onload=alert(1)>",
]
CODES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\x08\u202e\u2066\u200f\u2028"

CONTROLS = {character for character in CODES if not " " <= character <= "~"}


class Elements(HTMLParser):
    """The elements and attributes of a page, and its text; without the script that all pages have."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""
        self.feed(page.replace(f"<script>{render._script()[0]}</script>", ""))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}
        for name, value in attrs:
            assert not (name in ("href", "src", "action") and (value or "").lower().startswith("javascript:"))

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_run(path: Path, names: list[str], number: int = 0) -> Path:
    """A run whose genres, artists, clips, notes, settings and environment contain the names."""
    run = write_run(path, config(optimizer__lr=0.001 + number), genres=names, clips=40, skill=0.5, warnings=names)
    for file in (rundir.PREDICTIONS, rundir.SPLIT):
        with open(run / file, newline="", encoding="utf-8") as table:
            rows = list(csv.reader(table))
        column = rows[0].index("artist")
        for k, row in enumerate(rows[1:]):
            row[column] = names[k % len(names)]
        plain_files.write_csv(run / file, rows[0], rows[1:])
    plain_files.write_csv(run / rundir.EXCLUDED, ("clip", "reason"), [(name, name) for name in names])
    content = yaml.safe_load((run / rundir.CONFIG).read_text(encoding="utf-8"))
    content["dataset"] |= {"root": names[0], "genres": names, names[1]: names[2]}
    (run / rundir.CONFIG).write_text(yaml.safe_dump(content), encoding="utf-8")
    metrics = json.loads((run / rundir.METRICS).read_text(encoding="utf-8"))
    metrics["dataset"] = names[0]
    metrics["certificate"] |= {"split": names[1], "grouped_by": names[2]}
    metrics["certificate"]["shared"] = {"artists": names, "tracks": names, "audio": [names], "near_copies": [names[:2]]}
    metrics["passes"] = {names[3]: [1.0]}
    metrics["identity"] = {names[0]: names[1]}
    (run / rundir.METRICS).write_text(json.dumps(metrics), encoding="utf-8")
    environment = json.loads((run / rundir.ENVIRONMENT).read_text(encoding="utf-8"))
    environment |= {"command": names[0], "hardware": {names[1]: names[2]}, "versions": {names[3]: names[0]}}
    environment |= {"choices": {"model": names[1], "feature": names[3]}, "git": {"commit": names[0], "dirty": True}}
    (run / rundir.ENVIRONMENT).write_text(json.dumps(environment), encoding="utf-8")
    return run


def test_no_element_and_no_attribute_of_a_page_comes_from_the_data(tmp_path: Path) -> None:
    harmless = Elements(run_page.html(RunDir(hostile_run(tmp_path / "harmless", [f"name {k}" for k in range(8)]))))
    folder = tmp_path / "javascript:<b>"
    hostile = Elements(run_page.html(RunDir(hostile_run(folder / "x.onerror=1", MARKUP))))
    assert hostile.tags == harmless.tags
    assert hostile.attributes == harmless.attributes
    assert "script" not in hostile.tags
    for name in MARKUP:
        assert name in hostile.text


def test_no_element_of_the_page_of_a_sweep_comes_from_the_data(tmp_path: Path) -> None:
    pages = []
    for kind, names in (("harmless", [f"name {k}" for k in range(8)]), ("hostile", MARKUP)):
        sweep = tmp_path / kind / "<img src=x onerror=alert(1)>"
        for k in range(2):
            hostile_run(sweep / f'javascript:alert({k})"', names, number=k)
        broken = write_run(sweep / '"><script>', config())
        (broken / rundir.METRICS).write_text('{"schema": "<script>alert(1)</script>"}', encoding="utf-8")
        assert report.main([str(sweep), "--select", "val/f1_macro"]) == 0
        pages.append(Elements((sweep / report.SELECTED).read_text(encoding="utf-8")))
    harmless, hostile = pages
    assert hostile.tags == harmless.tags
    assert hostile.attributes == harmless.attributes
    assert "has schema '<script>alert(1)</script>'" in hostile.text


def test_no_element_of_the_page_of_an_audit_comes_from_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    genres = ["<img src=x onerror=alert(1)>", f"ro{CODES}ck"]
    music = genre_folders(tmp_path / "music", genres, clips=3, seconds=2.0)
    (music / genres[0] / "<script>x.wav").write_bytes((music / genres[0] / "0.wav").read_bytes())
    command = ("dataset=folder", f"dataset.root={music}", f"data.cache={tmp_path / 'cache'}", "labels=false")
    assert audit(monkeypatch, *command, f"hydra.run.dir={tmp_path / 'audit'}") == 1
    page = Elements((tmp_path / "audit" / "audit.html").read_text(encoding="utf-8"))
    assert not page.tags & {"img", "script"}
    assert "<script>x.wav" in page.text
    shown = capsys.readouterr()
    assert not CONTROLS & set(shown.out + shown.err)
    assert r"ro\x1b[2J" in shown.out


@pytest.mark.parametrize(
    "name", ["a|b", "a`b", "a\nb", "|\n|---|\n", "*a*", "<b>", "[a](javascript:b)", "a\r\n# b", CODES]
)
def test_markdown_tables_keep_their_columns(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, word in (("plain", "name"), ("odd", name)):
        for k in range(2):
            hostile_run(tmp_path / kind / str(k), [f"{word}{n}" for n in range(8)])
    texts = {}
    for kind in ("plain", "odd"):
        for program, arguments in (
            (report.main, [str(tmp_path / kind / "0")]),
            (report.main, [str(tmp_path / kind)]),
            (compare.main, [str(tmp_path / kind / "0"), str(tmp_path / kind / "1")]),
        ):
            assert program([*arguments, "--format", "markdown"]) == 0
            texts.setdefault(kind, []).append(capsys.readouterr().out)
    for plain, odd in zip(texts["plain"], texts["odd"], strict=True):
        assert tokens(odd) == tokens(plain)
        assert not CONTROLS & set(odd)


def tokens(text: str) -> list[str]:
    """The block structure of a Markdown text as a reader of GitHub's Markdown sees it, with its cells."""
    return [token.type for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)]


def test_programs_print_no_control_codes(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    music = genre_folders(tmp_path / "music", [f"ja{CODES}zz", "rock", "pop"], clips=10, seconds=1.5)
    run = tmp_path / "run"
    overrides = [text for text in small(tiny, run) if not text.startswith("dataset")]
    (tmp_path / f"{CODES[:4]}.wav").write_bytes(b"RIFF")
    (music / "rock" / f"bad{CODES}.wav").write_bytes(b"no sound")
    status = train(
        monkeypatch,
        "dataset=folder",
        f"dataset.root={music}",
        "model=majority",
        *overrides[:-3],
        f"hydra.run.dir={run}",
    )
    shown = capfd.readouterr()
    assert status == 0, shown.err
    assert not CONTROLS & set(shown.out + shown.err)
    assert r"ja\x1b[2J" in shown.out
    assert predict.main([str(music), "--run", str(run), "--format", "table"]) == 1
    assert report.main([str(run / f"missing{CODES}")]) == 1
    assert compare.main([str(run), str(run)]) == 0
    shown = capfd.readouterr()
    assert not CONTROLS & set(shown.out + shown.err)
    assert r"bad\x1b[2J" in shown.out


class Terminal(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("format_name", ["csv", "json"])
def test_predictions_on_a_terminal_have_no_control_codes_and_in_a_file_the_exact_name(format_name: str) -> None:
    genre, file = f"ja{CODES}zz", f"a{CODES}\n.wav"
    prediction = Prediction(genre, 0.75, {genre: 0.75, "rock": 0.25}, True, 2.0, f"run{CODES}", [])
    for out in (Terminal(), io.StringIO()):
        writer = output.FORMATS[format_name](output.OutputOptions([genre, "rock"], 1), out)
        writer.add(file, [prediction])
        writer.add_error(file, f"bad{CODES}")
        writer.finish()
        text = out.getvalue()
        if out.isatty():
            assert not CONTROLS & set(text)
        if format_name == "json":
            assert json.loads(text.splitlines()[0] if out.isatty() else text.split("\n")[0])["audio_file"] == file
        elif not out.isatty():
            assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))][1:] == [file, file]


SIGNS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1+1",
    "-",
    "=",
    "--",
    "'=x",
    "''=x",
    "'-5",
]
PLAIN = ["'", "'abc", "'Round Midnight", "a=b", "", "-3.5", "+4", "-1e-5", " =x", "jazz", "O'Neill", "1+1", "'5"]


@pytest.mark.parametrize("text", SIGNS)
def test_no_cell_is_a_formula(text: str) -> None:
    written = plain_files.harmless(text)
    assert written[0] == "'"
    assert plain_files.original(str(written)) == text


@pytest.mark.parametrize("cell", [*PLAIN, -3.5, -4, None, 0])
def test_other_cells_and_numbers_stay(cell: object) -> None:
    assert plain_files.harmless(cell) is cell
    if isinstance(cell, str):
        assert plain_files.original(cell) == cell


def test_any_text_survives_a_table(tmp_path: Path) -> None:
    generator = random.Random(0)
    letters = "''==++--@@\t\r\n0159.e\"\\,;| aé音\u202e\x1b\0"
    texts = ["".join(generator.choices(letters, k=generator.randrange(8))) for _ in range(20_000)] + SIGNS + PLAIN
    header = ["text", "=column", "'-column", "p_=x"]
    plain_files.write_csv(tmp_path / "a.csv", header, [[text, text[::-1], "x", -0.5] for text in texts])
    rows = [row for _, row in plain_files.rows(tmp_path, "a.csv", header)]
    assert [row["text"] for row in rows] == texts
    assert [row["=column"] for row in rows] == [text[::-1] for text in texts]
    assert {row["p_=x"] for row in rows} == {"-0.5"}
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [
        cell for cell in cells if re.match(r"[=+\-@\t\r]", cell) and not re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell)
    ]


def test_artists_that_begin_with_a_sign_are_the_same_in_a_run_and_no_formula_in_its_tables(tmp_path: Path) -> None:
    names = ["=HYPERLINK(1)", "@home", "+44", "-ziq", "'=quoted", "'n Sync"]
    run = hostile_run(tmp_path / "run", names)
    for file in (rundir.PREDICTIONS, rundir.SPLIT, rundir.EXCLUDED):
        with open(run / file, newline="", encoding="utf-8") as table:
            cells = [cell for row in csv.reader(table) for cell in row]
        assert not [cell for cell in cells if cell[:1] in ("=", "@", "-")]
    assert set(RunDir(run).predictions.artists) <= set(names)
    assert {row["artist"] for row in RunDir(run).split} == set(names)
    assert RunDir(run).excluded == [(name, name) for name in names]


def test_predict_continues_a_table_with_names_that_begin_with_a_sign(tmp_path: Path) -> None:
    names = ["=x.wav", "-y.wav", "'=z.wav", "plain.wav"]
    path = tmp_path / "out.csv"
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = output.FORMATS["csv"](output.OutputOptions(["rock"], 1), out)
        for name in names:
            writer.add(name, [Prediction("=genre", 1.0, {"rock": 1.0}, True, 2.0, "@model", [])])
    assert resume.read(path).predicted == set(names)
    assert "\n'=x.wav,'=genre,1.0" in path.read_text(encoding="utf-8")
