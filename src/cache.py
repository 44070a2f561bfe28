"""List what the cache contains, and delete what no run needs: `python -m src.cache [FOLDER] [--prune] [--runs FOLDER]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from src import console, errors, formatting, plain_files

if TYPE_CHECKING:
    from rich.table import Table

    from src.data.cache_folder import Part

HELP = """\
The cache has decoded sound, features and statistics of each clip, and rendered corpora. Everything in it can be made again.
A part is needed if a run has its sample rate or feature, the present code made it, and the files of its clips exist. A clip
whose folder is missing counts as needed: its disk may be away.

examples:
  python -m src.cache                     the parts of outputs/cache, and which of them no run in outputs/ needs
  python -m src.cache --prune             delete those
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the parts of a cache and prune it if asked to; return the exit status: 0, or 1 on bad input."""
    console.accept_any_name()
    parser = console.Parser(
        prog="python -m src.cache",
        description="List the parts of the cache with their sizes, and delete what no run needs.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("outputs/cache"), help="the cache (default: outputs/cache)"
    )
    parser.add_argument("--prune", action="store_true", help="delete what no run needs")
    parser.add_argument(
        "--runs", type=Path, default=Path("outputs"), metavar="FOLDER", help="where the runs are (default: outputs)"
    )
    options = parser.parse_args(arguments)
    try:
        _list_and_prune(options)
    except (ValueError, OSError) as error:
        console.error("cache", errors.explain(error))
        return 1
    return 0


def _list_and_prune(options: argparse.Namespace) -> None:
    """Print the table of the parts, then prune or say what pruning would free. Raises ValueError on a missing folder."""
    for folder, what in ((options.folder, "a cache"), (options.runs, "a folder of runs")):
        if not folder.is_dir():
            problem = "is not a folder" if folder.exists() else "does not exist"
            raise ValueError(
                f"{folder} {problem}: expected {what}. Training makes both; data.cache= chooses the cache."
            )
    from src.data import cache_folder
    from src.rundir import find_runs

    runs = find_runs(options.runs, trust=None)
    needs = cache_folder.needs_of(runs)
    found = cache_folder.parts(options.folder, needs)
    for reason in needs.unread:
        console.note(f"cache: it is unknown what this run needs: {reason}")
    if options.prune and (needs.unread or not runs):
        problem = "has runs that cannot be read" if needs.unread else "has no run, so nothing would be needed"
        raise ValueError(
            f"{options.runs} {problem}, and nothing was deleted. Wait for runs that have just started, delete broken ones, or name "
            "the folder of the runs with --runs. `make clean` deletes the whole cache."
        )
    console.result(_table(found))
    size = plain_files.format_bytes(sum(part.size_bytes for part in found))
    unneeded = plain_files.format_bytes(sum(_unneeded_bytes(part) for part in found))
    console.line(f"{options.folder}: {size}, of which no run in {options.runs} needs {unneeded}.")
    if not options.prune:
        if any(_unneeded_bytes(part) for part in found):
            console.line("To delete that: the same command with --prune")
        return
    for part, deleted in cache_folder.prune(found):
        if deleted:
            console.line(f"Deleted from {part.path}: {plain_files.format_bytes(_unneeded_bytes(part))}")
        else:
            console.note(f"cache: {part.path} stays, because another process is using it.")


def _unneeded_bytes(part: "Part") -> int:
    return part.size_bytes if part.unneeded else part.unneeded_bytes


def _table(found: "Sequence[Part]") -> "Table":
    from rich.table import Table

    table = Table("part", "content", "clips", "size", "not needed, because", title="Parts of the cache")
    for column in table.columns[2:4]:
        column.justify = "right"
    for part in found:
        reason = part.unneeded or ""
        if not reason and part.unneeded_keys:
            reason = f"{formatting.count(len(part.unneeded_keys), 'clip')}: the files are gone or have changed"
        clips = "" if part.clips is None else f"{part.clips:,}"
        table.add_row(part.path.name, part.content, clips, plain_files.format_bytes(part.size_bytes), reason)
    return table


if __name__ == "__main__":
    sys.exit(main())
