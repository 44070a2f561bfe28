"""Write reports of finished runs: `python -m src.report RUN|SWEEP... [--paper] [--select val/SCORE] [--format html|markdown] [--output FILE]`.

For one run, this writes the report.html of the run. For several runs, or a sweep, it writes one report.html, in which
runs that differ only in seed and fold form one group. `--select` selects a group in each fold by its validation score
and reports its stored test scores, in selected.html. `--paper` adds the tables of Guo 2024.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from src import console, plain_files

if TYPE_CHECKING:
    from src.evaluation.selection import Selections
    from src.reporting.sweep_page import Skipped
    from src.rundir import RunDir

SELECTED = "selected.html"  # with --select, beside report.html
SELECTION_SCORES = (
    "val/f1_macro",
    "val/accuracy",
    "val/loss",
)  # the keys of evaluation.selection.SELECTION_SCORES; importing it would make --help slow
HELP = """\
--select: in each fold, select the configuration with the best score on the validation clips of the fold (val/loss is the NLL;
with several seeds, the mean over the seeds). Then pool its stored predictions for the test clips of all folds into one score.
Nothing is trained again, and no test clip of a fold affects the selection in it.
--by: select separately for each value of a key. A key is a config group (model, feature ...) or any key of the runs'
config.yaml; several keys, joined by commas, select separately for each combination.
--paper: the tables 1 and 2 of Guo 2024 (cnn, rnn, hybrid) with our scores below the published ones. A page of runs with exactly
these three models has them without --paper. Of several configurations of a model, validation macro F1 chooses one in each fold.

examples:
  python -m src.report outputs/RUN                                        one run
  python -m src.report outputs/SWEEP --format markdown                    tables of a sweep
  python -m src.report outputs/GRID --select val/f1_macro                 a grid over all folds, tuned by validation
  python -m src.report outputs/GRID --select val/f1_macro --by model      one row per model, each tuned by validation
  python -m src.report outputs/SWEEP --paper --format markdown            the paper's tables beside the runs of a sweep
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report and print its path, or print Markdown; return the exit status: 0, or 1 on bad input."""
    console.accept_any_name()
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
        "--output",
        type=Path,
        metavar="FILE",
        help="file to write (default: report.html in RUN or SWEEP, with --select selected.html)",
    )
    parser.add_argument("--trust", **console.TRUST)
    parser.add_argument(
        "--select", choices=SELECTION_SCORES, help="select the configuration of each fold by this score"
    )
    parser.add_argument(
        "--by",
        type=_keys,
        default=(),
        metavar="KEY[,KEY]",
        help="with --select: select separately for each value, e.g. of model",
    )
    parser.add_argument("--paper", action="store_true", help="show the paper's tables 1 and 2 beside the runs")
    options = parser.parse_args(arguments)
    if options.by and not options.select:
        parser.error("--by needs --select, e.g. --select val/f1_macro --by model. Add --select, or leave out --by.")
    try:
        _report(options)
    except (ValueError, OSError) as error:
        console.error("report", plain_files.no_room(error) or error)
        console.discard_unwritable_output()
        return 1
    return 0


def _keys(text: str) -> tuple[str, ...]:
    """ "model, feature" -> ("model", "feature")."""
    return tuple(key.strip() for key in text.split(",") if key.strip())


def _report(options: argparse.Namespace) -> None:
    """Render the runs of `options` and write or print the result."""
    # Imported here, so that --help does not wait for torch and matplotlib.
    from src import rundir
    from src.reporting import render, run_page

    paths: list[Path] = options.paths
    runs = _find_runs(paths, tuple(options.trust))
    name = SELECTED if options.select else rundir.REPORT
    target = options.output or (paths[0] if len(paths) == 1 else Path("outputs")) / name
    if len(paths) == 1 and runs[0].path == paths[0] and not options.select and not options.paper:  # one run
        text = run_page.html(runs[0]) if options.format == "html" else run_page.markdown(runs[0])
    else:
        text = _render_several(runs, options, target.parent)
    if options.format == "markdown" and options.output is None:
        print(text, end="")
    else:
        console.line(str(render.save(target, text)))


def _render_several(all_runs: "Sequence[RunDir]", options: argparse.Namespace, folder: Path) -> str:
    """Render the report of several runs.

    For HTML, this also writes the missing report.html of single runs and prints the selection on the terminal.
    """
    from src.reporting import selection_text, sweep_page
    from src.sweep import jobs

    unfinished = [job for path in options.paths for job in jobs.unfinished(path)]
    runs, skipped = sweep_page.readable_runs(all_runs, pages=False)
    _print_skipped(skipped)
    selections = _select(runs, options)
    if options.format == "markdown":
        return sweep_page.markdown(runs, skipped, selections, unfinished, options.paper)
    # Write the page of each run only now, because it takes long: an error in the selection is shown before.
    runs, broken = sweep_page.readable_runs(runs, pages=True)
    _print_skipped(broken)
    selections = _select(runs, options) if broken else selections
    text = sweep_page.html(runs, [*skipped, *broken], folder, selections, unfinished, options.paper)
    for line in selection_text.selection_lines(selections) if selections else ():
        console.note(line)
    return text


def _print_skipped(skipped: "Sequence[Skipped]") -> None:
    for path, reason in skipped:
        console.error("report", f"skipped {path}: {reason}")


def _select(runs: "Sequence[RunDir]", options: argparse.Namespace) -> "Selections | None":
    """Select among the runs by validation; None without --select."""
    from src.evaluation import selection

    if not options.select:
        return None
    trained = [run for run in runs if not run.is_evaluation]  # an evaluation has no validation scores
    return selection.select_by_validation(trained or runs, options.select, options.by)


def _find_runs(paths: Sequence[Path], trust: tuple[str, ...]) -> "list[RunDir]":
    """Find the runs in the folders, each once. Raises ValueError on a path without runs."""
    from src import rundir

    return list({run.path.resolve(): run for path in paths for run in rundir.runs_at(path, trust)}.values())


if __name__ == "__main__":
    sys.exit(main())
