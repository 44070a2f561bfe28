"""What a user watches: messages and progress bars, on standard error, so that standard output holds results alone."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

X = TypeVar("X")

stderr = Console(stderr=True)


class Parser(argparse.ArgumentParser):
    """Reads a program's arguments, and exits with 1 on bad ones, as all programs here do; argparse would exit with 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog.rpartition('.')[2]}: {message}\n")


def note(text: str) -> None:
    """Say one thing, on a line of its own."""
    stderr.print(text, markup=False, highlight=False, soft_wrap=True)


def result(table: RenderableType) -> None:
    """Show a result on standard output: by `print`, which a moving table below lets pass, as it does not a Console's."""
    out = Console()
    with out.capture() as caught:
        out.print(table)
    print(caught.get(), end="")


def ignore_closed_pipe() -> None:
    """Whoever reads standard output, head perhaps, has seen enough: let the rest go, or Python complains at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def bar() -> Progress:
    """An empty bar: what is done, how much of how much, and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=stderr)


def track(items: Iterable[X], what: str, total: int) -> Iterator[X]:
    """Yield the items under a bar."""
    with bar() as progress:
        yield from progress.track(items, total=total, description=what)


def relative_path(path: Path) -> Path:
    """A path as a user would type it here: relative to the working directory, where it is below it."""
    return Path(os.path.relpath(path)) if path.resolve().is_relative_to(Path.cwd()) else path
