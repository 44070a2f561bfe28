"""Read JSON and CSV files and write CSV files. An invalid file raises a ValueError that names the file."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any


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
    path = existing(folder, name)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in columns if column not in (reader.fieldnames or [])]
            if missing:
                raise ValueError(f"{path} lacks the columns {', '.join(missing)}. Train the run again.")
            for row in reader:
                if None in row or None in row.values():
                    fields = len(reader.fieldnames or [])
                    raise ValueError(
                        f"{path}, line {reader.line_num}: expected {fields} fields, as in its header. "
                        "Train the run again."
                    )
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as CSV ({first_line(error)}). Train the run again.") from error


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
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
