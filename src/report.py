"""Render runs as a page: `python -m src.report RUN|SWEEP... [--format html|markdown] [--output FILE]`.

One run gives its own report.html; several, or a sweep, give one report.html in which runs that differ only in seed and
fold are one group.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from src import terminal

if TYPE_CHECKING:
    from src.rundir import RunDir


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report, say on stdout where it is, and return the exit status: 0, or 1 on bad input."""
    parser = terminal.Parser(
        prog="python -m src.report", description="Render runs as an HTML page or as Markdown tables."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN|SWEEP", help="a run directory, or a folder of runs")
    parser.add_argument(
        "--format", choices=("html", "markdown"), default="html", help="html (a page), markdown (stdout)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write (default: report.html in RUN or SWEEP)"
    )
    options = parser.parse_args(arguments)
    try:
        _report(options.paths, options.format, options.output)
    except (ValueError, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    return 0


def _report(paths: Sequence[Path], form: str, output: Path | None) -> None:
    # Imported here, so that --help does not wait for torch and matplotlib.
    from src import rundir
    from src.page import several, single

    found = _found(paths)
    target = output or (paths[0] if len(paths) == 1 else Path("outputs")) / rundir.REPORT
    if len(paths) == 1 and found[0].path == paths[0]:  # one run
        text = single.html(found[0]) if form == "html" else single.markdown(found[0])
    else:
        runs, skipped = several.finished(found, pages=form == "html")
        for path, reason in skipped:
            print(f"report: skipped {path}: {reason}", file=sys.stderr)
        text = several.html(runs, skipped, target.parent) if form == "html" else several.markdown(runs, skipped)
    if form == "markdown" and output is None:
        print(text, end="")
    else:
        print(single.save(target, text))


def _found(paths: Sequence[Path]) -> "list[RunDir]":
    """The runs in the given folders, each once. Raises ValueError on a path without runs."""
    from src import rundir

    found: dict[Path, RunDir] = {}
    for path in paths:
        if not path.is_dir():
            what = "not a folder" if path.exists() else "not there"
            raise ValueError(f"{path} is {what}: expected a run directory or a folder of runs.")
        runs = rundir.find(path)
        if not runs:
            raise ValueError(
                f"{path} holds no run: expected {rundir.METRICS} in it, or in folders up to 3 below it, as "
                "`python -m src.train` writes them."
            )
        found.update((run.path.resolve(), run) for run in runs)
    return list(found.values())


if __name__ == "__main__":
    sys.exit(main())
