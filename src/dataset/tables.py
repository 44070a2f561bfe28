"""Tables that users write, as text: separated by commas, semicolons or tabs, in UTF-8 or UTF-16."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from src.plain_files import STRAY_QUOTE, SURROGATE, Record, open_text, records

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
EXCEL_HINT = re.compile(r'"?sep=.?"?', re.IGNORECASE)  # first line with the delimiter, which Excel reads and hides


class Table:
    """A table with a header. The delimiter is the one under which the header has all `required` columns.

    In the names of the columns `known`, case and blanks around them do not count. `header` has the name of each column.
    Raises ValueError if the file is not text, or if its header lacks a required column or has a column twice.
    """

    def __init__(self, path: Path, required: Sequence[str], known: Sequence[str]) -> None:
        self.path = path
        headers = {delimiter: self._header(delimiter, known) for delimiter in DELIMITERS}
        fitting = [delimiter for delimiter, header in headers.items() if set(required) <= set(header)]
        # If none fits, the message shows the columns under the delimiter that gives the most.
        self.delimiter = fitting[0] if fitting else max(headers, key=lambda delimiter: len(headers[delimiter]))
        self.header = headers[self.delimiter]
        self._check_columns(required)

    def rows(self, accepts: Callable[[list[str]], bool] = lambda cells: False) -> Iterator[Record]:
        """Yield the rows that have text. Raises ValueError, with the line, on a stray quotation mark.

        A row whose number of quotation marks is odd is yielded if `accepts` finds that they belong to a cell.
        """
        for record in self._records(self.delimiter, skip_header=True):
            if not any(map(str.strip, record.cells)):
                continue  # spreadsheets write the empty rows below a table
            if record.quotes % 2 and not accepts(record.cells):
                raise ValueError(f"{self.path}, line {record.line}: {STRAY_QUOTE}")
            yield record

    def _records(self, delimiter: str, skip_header: bool) -> Iterator[Record]:
        try:
            with open_text(self.path) as file:
                rows = records(file, delimiter)
                first = next(rows, None)
                if first and EXCEL_HINT.fullmatch(delimiter.join(first.cells).rstrip(delimiter) or ""):
                    first = next(rows, None)
                if first and not skip_header:
                    yield first
                yield from rows
        except UnicodeError as error:
            raise ValueError(f"{self.path} is not UTF-8 text ({error}). Save the table as UTF-8.") from error
        except csv.Error as error:
            raise ValueError(f"{self.path}, {error}") from error

    def _header(self, delimiter: str, known: Sequence[str]) -> list[str]:
        first = next(self._records(delimiter, skip_header=False), None)
        cells = [cell.strip() for cell in first.cells] if first else []
        damaged = next((cell for cell in cells if "\0" in cell or SURROGATE.search(cell)), None)
        if damaged is not None:
            raise ValueError(
                f"{self.path} is not UTF-8 text (its header has {damaged[:20]!r}). Save the table as UTF-8."
            )
        return [cell.casefold() if cell.casefold() in known else cell for cell in cells]

    def _check_columns(self, required: Sequence[str]) -> None:
        named = [column for column in self.header if column]
        for column in required:
            if column not in named:
                similar = get_close_matches(column, named, n=1, cutoff=0.5)
                bars = [name for name in named if "|" in name]
                raise ValueError(
                    f"{self.path} has no column {column!r}; it has {', '.join(named) or 'no header'}."
                    + (f" Did you mean {similar[0]!r} to be {column!r}?" if similar and not bars else "")
                    + (" Separate columns by commas, semicolons or tabs: '|' is not read." if bars else "")
                )
        for column in named:
            if named.count(column) > 1:
                raise ValueError(
                    f"{self.path}, line 1: two columns are named {column!r}. Remove or rename one of them."
                )
