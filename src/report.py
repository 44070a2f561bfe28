"""Render runs as a page: `python -m src.report RUN|SWEEP... [--select val/SCORE] [--format html|markdown] [--output FILE]`.

One run gives its own report.html; several, or a sweep, give one report.html in which runs that differ only in seed and
fold are one group. `--select` picks among the groups by validation, fold by fold, and reports the stored test scores.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from src import console

if TYPE_CHECKING:
    from src.evaluation.selection import Selections
    from src.reporting.sweep_page import Skipped
    from src.rundir import RunDir

SELECTION_SCORES = (
    "val/f1_macro",
    "val/accuracy",
    "val/loss",
)  # as page/select.py reads them; it is too heavy for --help
HELP = """\
--select takes, in each fold, the configuration with the best score on the fold's validation clips (val/loss: the NLL; with
several seeds the mean over them) and pools its stored answers to the fold's test clips into one score. Nothing is trained
again, and no test clip of a fold decides anything in it. --by does so within each value of a key: a group of choices
(model, feature ...) or any key of the runs' config.yaml; several, joined by commas, within each combination.

examples:
  python -m src.report outputs/RUN                                        one run
  python -m src.report outputs/SWEEP --format markdown                    tables of a sweep
  python -m src.report outputs/GRID --select val/f1_macro                 a grid times folds, tuned by validation
  python -m src.report outputs/GRID --select val/f1_macro --by model      a row a model, each tuned by validation
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report, say on stdout where it is, and return the exit status: 0, or 1 on bad input."""
    parser = console.Parser(
        prog="python -m src.report",
        description="Render runs as an HTML page or as Markdown tables.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN|SWEEP", help="a run directory, or a folder of runs")
    parser.add_argument(
        "--format", choices=("html", "markdown"), default="html", help="html (a page), markdown (stdout)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write (default: report.html in RUN or SWEEP)"
    )
    parser.add_argument("--select", choices=SELECTION_SCORES, help="pick the configuration of each fold by this score")
    parser.add_argument(
        "--by", type=_keys, default=(), metavar="KEY[,KEY]", help="of --select: pick within each value, e.g. model"
    )
    options = parser.parse_args(arguments)
    if options.by and not options.select:
        parser.error("--by is of --select, e.g. --select val/f1_macro --by model. Add it, or leave --by out.")
    try:
        _report(options)
    except (ValueError, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    return 0


def _keys(text: str) -> tuple[str, ...]:
    """ "model, feature" -> ("model", "feature")."""
    return tuple(key.strip() for key in text.split(",") if key.strip())


def _report(options: argparse.Namespace) -> None:
    # Imported here, so that --help does not wait for torch and matplotlib.
    from src import rundir
    from src.reporting import render, run_page

    paths: list[Path] = options.paths
    found = _found(paths)
    target = options.output or (paths[0] if len(paths) == 1 else Path("outputs")) / rundir.REPORT
    if len(paths) == 1 and found[0].path == paths[0] and not options.select:  # one run
        text = run_page.html(found[0]) if options.format == "html" else run_page.markdown(found[0])
    else:
        text = _several(found, options, target.parent)
    if options.format == "markdown" and options.output is None:
        print(text, end="")
    else:
        print(render.save(target, text))


def _several(found: "Sequence[RunDir]", options: argparse.Namespace, start: Path) -> str:
    """The summary of runs as the options want it; where it is a page, the terminal says what was selected too."""
    from src.reporting import selection_text, sweep_page

    runs, skipped = sweep_page.readable_runs(found, pages=False)
    _say(skipped)
    selected = _selected(runs, options)
    if options.format == "markdown":
        return sweep_page.markdown(runs, skipped, selected)
    runs, broken = sweep_page.readable_runs(
        runs, pages=True
    )  # only now: a refusal need not wait for a page of every run
    _say(broken)
    selected = _selected(runs, options) if broken else selected
    text = sweep_page.html(runs, [*skipped, *broken], start, selected)
    for sentence in selection_text.selection_lines(selected) if selected else ():
        console.note(sentence)
    return text


def _say(skipped: "Sequence[Skipped]") -> None:
    for path, reason in skipped:
        print(f"report: skipped {path}: {reason}", file=sys.stderr)


def _selected(runs: "Sequence[RunDir]", options: argparse.Namespace) -> "Selections | None":
    """What validation picks among the runs; None where nothing is to be selected."""
    from src.evaluation import selection

    return selection.select_by_validation(runs, options.select, options.by) if options.select else None


def _found(paths: Sequence[Path]) -> "list[RunDir]":
    """The runs in the given folders, each once. Raises ValueError on a path without runs."""
    from src import rundir

    return list({run.path.resolve(): run for path in paths for run in rundir.at(path)}.values())


if __name__ == "__main__":
    sys.exit(main())
