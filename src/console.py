"""Messages and progress bars on standard error; standard output is for results only."""

import argparse
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from src import __version__

X = TypeVar("X")

# Settings of the option --trust of the programs that read runs.
TRUST: dict[str, Any] = {
    "action": "append",
    "default": [],
    "metavar": "MODULE",
    "help": "allow runs to name the classes of this module, your own; may be repeated",
}
# Characters that a terminal obeys instead of showing them: control codes (ESC, BEL, CR, C1 ...), marks and overrides of the
# writing direction, line separators, and the bytes of a file name that are no UTF-8 (lone surrogates).
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Show control characters as escapes, so that names from data cannot control the terminal: "\x1b[2J" -> r"\x1b[2J".

    Tabs and newlines stay.
    """
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    r"""Like `printable`, and newlines and tabs become escapes too: a name of a clip cannot look like two lines."""
    return printable(text).replace("\n", r"\n").replace("\t", r"\t")


class SafeConsole(Console):
    """Console that shows control characters in texts and in cells of tables as escapes; its own colours still work."""

    def render_str(self, text: str, **settings: Any) -> Text:
        return super().render_str(printable(text), **settings)


stderr = SafeConsole(stderr=True)


class Parser(argparse.ArgumentParser):
    """Argument parser that exits with status 1 on bad arguments, like all programs here; argparse would exit with 2."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_argument("--version", action="version", version=f"music-genre {__version__}")

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog.rpartition('.')[2]}: {message}\n")


def number(fits: Callable[[float], bool], expected: str) -> Callable[[str], float]:
    """A type of arguments: a number that fits, `expected` in words. Text that is no number is NaN, which must not fit."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not fits(value):
            raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}")
        return value

    return read


def whole_number(text: str) -> int:
    """A type of arguments: a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of 1 or more")
    return int(text)


def note(text: str) -> None:
    """Print a message on standard error, on a line of its own, with control characters as escapes."""
    stderr.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


def result(table: RenderableType) -> None:
    """Print a table of results on standard output.

    It goes through `print`: while rich shows a live table, printed lines appear above the table, but the output of a
    second Console would be mixed into it.
    """
    stdout = SafeConsole()
    with stdout.capture() as text:
        stdout.print(table)
    print(text.get(), end="")


def accept_any_name() -> None:
    r"""Let standard output and error show file names that are not valid text: as escapes, \udce9 for the byte e9."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def line(text: str, file: TextIO | None = None) -> None:
    """Print a line on standard output or in `file`, with control characters as escapes."""
    print(printable(text), file=file)


def error(program: str, message: object) -> None:
    """Print the message of a program that has failed on standard error: "report: ..."."""
    line(f"{program}: {message}", sys.stderr)


def ignore_closed_pipe() -> None:
    """Discard all further output after the reader of standard output, e.g. `head`, has closed the pipe.

    Otherwise Python would report an error at exit. The change lasts until the process ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def discard_unwritable_output() -> None:
    """If standard output cannot be written, e.g. into a file on a full disk, discard the rest of it: see `ignore_closed_pipe`."""
    try:
        sys.stdout.flush()
    except OSError:
        ignore_closed_pipe()


def bar() -> Progress:
    """Progress bar without tasks; it shows a description, the count and the remaining time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=stderr)


def track(items: Iterable[X], description: str, total: int) -> Iterator[X]:
    """Yield the items and show a progress bar."""
    with bar() as progress:
        yield from progress.track(items, total=total, description=description)


def relative_path(path: Path) -> Path:
    """Path relative to the working directory if it lies below it; other paths are returned unchanged."""
    return Path(os.path.relpath(path)) if path.resolve().is_relative_to(Path.cwd()) else path
