"""Read and write JSON, CSV and text files. An invalid file raises a ValueError, a full disk NoRoom; both name the file.

File names are bytes. Python stores those that are not UTF-8 as surrogate characters. All text files are read and written
with these, so that any name keeps its bytes; pages and other texts for readers show it with `displayable`.
"""

import codecs
import csv
import errno
import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}  # arguments of open() and encode()
SURROGATE = re.compile("[\ud800-\udfff]")
STRAY_QUOTE = (
    "a stray quotation mark. Remove it; or put the whole cell into quotation marks and double those within it, as in "
    '"7"" mix".'
)


class Record(NamedTuple):
    """One row of a CSV file. `line` is the number of its first line; `quotes` counts its quotation marks: odd if one is stray."""

    line: int
    cells: list[str]
    quotes: int


X = TypeVar("X")

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LARGEST = 1e100  # the losses of a diverged training are smaller
MAX_JSON_BYTES = 5_000_000  # metrics.json of 1,000 genres has about 0.6 MB


def existing(folder: Path, name: str) -> Path:
    """Return the path of a file in a run directory. Raises ValueError if the file is missing."""
    path = folder / name
    if not os.path.isfile(path):  # unlike Path.is_file, False in a folder that may not be read
        raise ValueError(f"{folder} has no {name}: it is not a complete run directory. Train the run again.")
    return path


def text(path: Path, most_bytes: int, advice: str = "Train the run again.") -> str:
    """Read a text file in UTF-8. Raises ValueError, which names the file, if it cannot be read or is too large."""
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise ValueError(f"{path} has {size:,} bytes, expected at most {most_bytes:,}. {advice}")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as text ({first_line(error)}). {advice}") from error


def shown(value: Any) -> str:
    """A value of any type as it stands in a file, at most 60 characters: "null", "'jaz'", "[0.1, 2]"."""
    try:
        written = repr(value) if isinstance(value, str) else json.dumps(value, default=repr)
    except (ValueError, RecursionError):
        written = f"a {type(value).__name__}"
    return written if len(written) <= 60 else f"{written[:60]}..."


def json_object(
    folder: Path, name: str, advice: str = "Train the run again.", most_bytes: int = MAX_JSON_BYTES
) -> dict[str, Any]:
    """Read a JSON file that contains an object.

    Raises ValueError if it is missing or contains anything else; `advice` is the advice at the end of the message.
    """
    path = existing(folder, name)
    written = text(path, most_bytes, advice)
    try:
        content = json.loads(written)
    except (ValueError, RecursionError) as error:
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
            header = list(map(original, next(reader, Record(1, [], 0)).cells))
            missing = [column for column in columns if column not in header]
            if missing:
                raise ValueError(f"{path} lacks the columns {', '.join(missing)}. Train the run again.")
            yield 1, header
            for line, cells, quotes in reader:
                if quotes % 2:
                    raise csv.Error(f"line {line}: {STRAY_QUOTE}")
                if len(cells) != len(header):
                    raise ValueError(
                        f"{path}, line {line}: expected {len(header)} fields, as in its header. Train the run again."
                    )
                yield line, list(map(original, cells))
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
            yield Record(first, cells, quotes)


def number(folder: Path, name: str, line: int, text: str) -> float | None:
    """Convert the text of a CSV cell to a number; None if it is empty.

    Raises ValueError if it is not a number, or one that no figure can show.
    """
    try:
        value = float(text) if text else None
    except ValueError as error:
        raise ValueError(
            f"{folder / name}, line {line}: {text[:60]!r} is not a number. Train the run again."
        ) from error
    if value is not None and LARGEST < abs(value) < math.inf:
        raise ValueError(f"{folder / name}, line {line}: {text[:60]!r} is too large. Train the run again.")
    return value


def stamp(path: Path) -> tuple[int, int] | None:
    """Size in bytes and modification time in ns, to detect that a file has changed; None if it does not exist."""
    status = path.stat() if path.exists() else None
    return (status.st_size, status.st_mtime_ns) if status else None


def first_line(error: BaseException) -> str:
    """The first line of an error message, or the name of the error class if the message is empty."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def harmless(cell: X) -> X | str:
    """A cell of a CSV file that no spreadsheet runs as a formula; `original` undoes it.

    A text that begins with = + - @, their wide forms, a tab or a line break gets an apostrophe in front, as does one that
    begins with apostrophes and such a sign. Numbers, also as text, stay: -3.5.
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def original(cell: str) -> str:
    """The text of a cell that `harmless` has written."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV, with a header line, in `harmless` cells.

    Replaces an existing file. Raises NoRoom if the disk is full.
    """
    with replacing(path) as part, open(part, "w", newline="", **TEXT) as file:
        writer = csv.writer(file)
        writer.writerow(map(harmless, header))
        writer.writerows(map(harmless, row) for row in rows)


def write_json(path: Path, content: Any, indent: int | None = None) -> None:
    """Write a JSON file whole. A surrogate character becomes its JSON escape, so that the file is valid UTF-8."""
    text = json.dumps(content, indent=indent, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def open_text(path: Path) -> TextIO:
    """Open a text file for reading, with its line ends: UTF-8, or UTF-16 if it begins with that byte order mark."""
    with open(path, "rb") as file:
        start = file.read(2)
    encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    return open(path, newline="", encoding=encoding, errors="surrogateescape")


def displayable(text: str) -> str:
    """Replace surrogate characters, which no valid text contains, by the character for "unknown"."""
    return SURROGATE.sub("\ufffd", text)


# Why the disk does not take a file -> what else to say about it, and what to do.
_NO_ROOM = {
    errno.ENOSPC: ("the disk is full", "Free some space there"),
    errno.EDQUOT: ("your share of the disk is used up", "Free some space there"),
    errno.EROFS: ("nothing can be written to this disk", "Make it writable"),
    errno.EFBIG: ("files have a largest size here, see ulimit -f", "Raise this limit"),
}
# The same reasons in errors of libraries that do not pass on the error number: sqlite, torch, Go, Rust, the C library.
_NO_ROOM_TEXTS = {
    "no space left on device": errno.ENOSPC,
    "no space left on disk": errno.ENOSPC,
    "database or disk is full": errno.ENOSPC,
    "pytorchstreamwriter failed writing": errno.ENOSPC,
    "no usable temporary directory": errno.ENOSPC,
    "disk quota exceeded": errno.EDQUOT,
    "read-only file system": errno.EROFS,
    "readonly database": errno.EROFS,
    "file too large": errno.EFBIG,
}


class NoRoom(OSError):
    """A file that its disk cannot take: full, over quota, read-only, or beyond the largest file size.

    str() is the message for the user. `path` is the file or None if unknown, `needed_bytes` its size if known.
    """

    def __init__(self, number: int, path: Path | None, needed_bytes: float | None = None) -> None:
        super().__init__(number, os.strerror(number), str(path) if path else None)
        reason, advice = _NO_ROOM[number]
        place = _existing_folder(path) if path else None
        facts = [f"{format_bytes(needed_bytes)} needed"] if needed_bytes else []
        with suppress(OSError):
            facts += [f"{format_bytes(shutil.disk_usage(place).free)} free"] if place and number == errno.ENOSPC else []
        numbers = f" ({', '.join(facts)})" if facts else ""
        self.message = (
            f"{path or 'A temporary file or standard output'}: {os.strerror(number)}, {reason}{numbers}. {advice}, or choose "
            "another folder. Then give the same command again: what is finished is not done again."
        )

    def __str__(self) -> str:
        return self.message


def no_room(error: BaseException | None) -> str | None:
    """The message for an error that a full or read-only disk has caused, directly or inside a library; None for others."""
    seen: list[BaseException] = []  # a chain can be a cycle: Hydra's error, its cause raised again
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, NoRoom):
            return str(error)
        if isinstance(error, OSError) and error.errno is None:
            return None  # this project's own message, which says what to do
        text = str(error).lower()
        number = error.errno if isinstance(error, OSError) and error.errno in _NO_ROOM else None
        number = number or next((number for part, number in _NO_ROOM_TEXTS.items() if part in text), None)
        if number:
            filename = getattr(error, "filename", None)
            return str(NoRoom(number, Path(os.fsdecode(filename)) if isinstance(filename, str | bytes) else None))
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def explaining_no_room(path: Path, needed_bytes: float | None = None) -> Iterator[None]:
    """Raise NoRoom with this path if the block fails because the disk is full. Errors of a write do not name the file."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM or isinstance(error, NoRoom):
            raise
        raise NoRoom(error.errno, path, needed_bytes) from error


@contextmanager
def replacing(path: Path, needed_bytes: float | None = None) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it becomes `path` if the block succeeds, and is removed otherwise.

    So a file with its final name is never half-written. What is no regular file, as /dev/stdout, is written directly.
    Raises NoRoom if the disk is full.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with explaining_no_room(path, needed_bytes):
        if target.exists() and not target.is_file():
            yield target
            return
        try:
            yield part
            os.replace(part, target)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole. Replaces an existing file. Raises NoRoom if the disk is full."""
    with replacing(path, memoryview(content).nbytes) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole. Replaces an existing file. Raises NoRoom if the disk is full."""
    write_bytes(path, text.encode(**TEXT))


def remove_parts(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder, to which no other process writes now."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def format_bytes(number: float) -> str:
    """Format a number of bytes: 2116800 -> "2.1 MB"."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def _existing_folder(path: Path) -> Path:
    """The folder of a path, or the first one above it that exists."""
    return next(folder for folder in path.absolute().parents if folder.is_dir())
