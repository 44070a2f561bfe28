"""Tables and JSON files keep every text, and every name in any bytes."""

import json
import os
from pathlib import Path

import pytest

from src import plain_files

TEXTS = [
    "",
    "a,b",
    'say "no"',
    "two\nlines",
    "two\r\nlines",
    "return\r",
    " blank ",
    "tab\t",
    "é",
    "\u2028",
    os.fsdecode(b"caf\xe9 \xff"),
]


def test_a_table_keeps_every_text(tmp_path: Path) -> None:
    rows = [(text, other) for text in TEXTS for other in TEXTS]
    plain_files.write_csv(tmp_path / "t.csv", ("a", "b"), rows)
    assert [tuple(row.values()) for _, row in plain_files.rows(tmp_path, "t.csv", ("a",))] == rows
    header, cells = plain_files.table(tmp_path, "t.csv", ("b",))
    assert (header, [tuple(row) for _, row in cells]) == (["a", "b"], rows)


def test_the_bytes_of_names_stand_in_the_table(tmp_path: Path) -> None:
    plain_files.write_csv(tmp_path / "t.csv", ("a",), [[os.fsdecode(b"caf\xe9")]])
    assert (tmp_path / "t.csv").read_bytes() == b"a\r\ncaf\xe9\r\n"


def test_a_json_file_is_valid_utf_8_and_keeps_every_text(tmp_path: Path) -> None:
    plain_files.write_json(tmp_path / "t.json", {"texts": TEXTS})
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8")) == {"texts": TEXTS}
    assert "é" in (tmp_path / "t.json").read_text(encoding="utf-8")


def test_line_numbers_are_those_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n\n"x\ny",1\nz,2\n')
    assert [line for line, _ in plain_files.rows(tmp_path, "t.csv", ("a",))] == [3, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a,b\n1,"2\n3,4\n', r"t.csv cannot be read as CSV \(line 2: a stray quotation mark"),
        ('a,b\n1,2\n3,4"\n', r"t.csv cannot be read as CSV \(line 3: a stray quotation mark"),
        ('a,b\n1,"2" x\n', r"t.csv cannot be read as CSV \(line 2: a stray quotation mark"),
        ("a,b\n1\n", r"t.csv, line 2: expected 2 fields, as in its header"),
        ("a,a\n1,2\n", r"t.csv has two columns 'a': expected one"),
        ("b\n1\n", r"t.csv lacks the columns a\."),
        ("", r"t.csv lacks the columns a\."),
    ],
)
def test_a_broken_table_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        list(plain_files.rows(tmp_path, "t.csv", ("a",)))


def test_displayable_text_is_valid() -> None:
    assert plain_files.displayable(os.fsdecode(b"caf\xe9 \xc3\xa9")) == "caf\ufffd é"


def test_a_chain_of_errors_that_is_a_cycle_ends() -> None:
    """Hydra's error has the real one as its cause; the real one is raised again, with Hydra's as its context."""
    real, wrapped = ValueError("the real one"), RuntimeError("wrapped")
    wrapped.__cause__, real.__context__ = real, wrapped
    assert plain_files.no_room(real) is None
