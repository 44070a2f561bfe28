"""Read and write JSON, CSV and text files. An invalid file raises a ValueError that names the file.

File names are bytes. Python stores those that are not UTF-8 as surrogate characters. All text files are read and written
with these, so that any name keeps its bytes; pages and other texts for readers show it with `displayable`.
"""

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}  # arguments of open() and encode()
SURROGATE = re.compile("[\ud800-\udfff]")
STRAY_QUOTE = (
    "a stray quotation mark. Remove it; or put the whole cell into quotation marks and double those within it, as in "
    '"7"" mix".'
)


class Record(NamedTuple):
    """One row of a CSV file. `line` is the number of its first line; `balanced` is False if it has a stray quotation mark."""

    line: int
    cells: list[str]
    balanced: bool


def existing(folder: Path, name: str) -> Path:
    """Return the path of a file in a run directory. Raises ValueError if the file is missing."""
    path = folder / name
    if not path.is_file():
        raise ValueError(f"{folder} has no {name}: it is not a complete run directory. Train the run again.")
    return path


def json_object(folder: Path, name: str, advice: str = "Train the run again.") -> dict[str, Any]:
    """Read a JSON file that contains an object.

    Raises ValueError if it is missing or contains anything else; `advice` is the advice at the end of the message.
    """
    path = existing(folder, name)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not JSON ({first_line(error)}). {advice}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} contains a {type(content).__name__}, expected an object. {advice}")
    return content


def rows(folder: Path, name: str, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file, each with its line number.

    Raises ValueError if the file or one of `columns` is missing, or if a row is longer or shorter than the header.
    """
    header, cells = table(folder, name, columns)
    if len(set(header)) < len(header):
        twice = next(column for column in header if header.count(column) > 1)
        raise ValueError(f"{folder / name} has two columns {twice!r}: expected one. Remove or rename one of them.")
    for line, row in cells:
        yield line, dict(zip(header, row, strict=True))


def table(folder: Path, name: str, columns: Sequence[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Read a CSV file -> its header, and its rows with their line numbers, as cells by position.

    Raises ValueError if the file or one of `columns` is missing, or, with the line, if a row is longer or shorter than the
    header or has a stray quotation mark.
    """
    path = existing(folder, name)
    read = _table(path, columns)
    return next(read)[1], read


def _table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the header, then the rows, of a CSV file, each with its line number."""
    try:
        with open_text(path) as file:
            reader = records(file)
            header = next(reader, Record(1, [], True)).cells
            missing = [column for column in columns if column not in header]
            if missing:
                raise ValueError(f"{path} lacks the columns {', '.join(missing)}. Train the run again.")
            yield 1, header
            for line, cells, balanced in reader:
                if not balanced:
                    raise csv.Error(f"line {line}: {STRAY_QUOTE}")
                if len(cells) != len(header):
                    raise ValueError(
                        f"{path}, line {line}: expected {len(header)} fields, as in its header. Train the run again."
                    )
                yield line, cells
    except (OSError, UnicodeError, csv.Error) as error:
        raise ValueError(
            f"{path} cannot be read as CSV ({first_line(error).rstrip('.')}). Train the run again."
        ) from error


def records(file: TextIO, delimiter: str = ",") -> Iterator[Record]:
    """Yield the rows of an open CSV file, without empty lines. Raises csv.Error, with the line, on a stray quotation mark."""
    quotes = 0

    def counted() -> Iterator[str]:
        nonlocal quotes
        for line in file:
            quotes += line.count('"')
            yield line

    reader = csv.reader(counted(), delimiter=delimiter, strict=True)
    while True:
        first, quotes = reader.line_num + 1, 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = STRAY_QUOTE if "field" not in str(error) else f"{error}. Is there an unclosed quote?"
            raise csv.Error(f"line {first}: {reason}") from error
        if cells:
            yield Record(first, cells, quotes % 2 == 0)


def number(folder: Path, name: str, line: int, text: str) -> float | None:
    """Convert the text of a CSV cell to a number; None if it is empty. Raises ValueError if it is not a number."""
    try:
        return float(text) if text else None
    except ValueError as error:
        raise ValueError(f"{folder / name}, line {line}: {text!r} is not a number. Train the run again.") from error


def stamp(path: Path) -> tuple[int, int] | None:
    """Size in bytes and modification time in ns, to detect that a file has changed; None if it does not exist."""
    status = path.stat() if path.exists() else None
    return (status.st_size, status.st_mtime_ns) if status else None


def first_line(error: Exception) -> str:
    """The first line of an error message, or the name of the error class if the message is empty."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV, with a header line. Replaces an existing file."""
    with open(path, "w", newline="", **TEXT) as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: Path, content: Any, indent: int | None = None) -> None:
    """Write a JSON file. A surrogate character becomes its JSON escape, so that the file is valid UTF-8."""
    text = json.dumps(content, indent=indent, ensure_ascii=False) + "\n"
    path.write_bytes(text.encode("utf-8", "backslashreplace"))


def open_text(path: Path) -> TextIO:
    """Open a text file for reading, with its line ends: UTF-8, or UTF-16 if it begins with that byte order mark."""
    with open(path, "rb") as file:
        start = file.read(2)
    encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    return open(path, newline="", encoding=encoding, errors="surrogateescape")


def displayable(text: str) -> str:
    """Replace surrogate characters, which no valid text contains, by the character for "unknown"."""
    return SURROGATE.sub("\ufffd", text)
