"""Relations between genres, from finished runs: `python -m src.relations RUN|SWEEP [--tree FILE] [--format table|json]`."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from src import console, plain_files

MARGIN = 10.0  # percent; that of genre_relations.pairs, whose import would make --help slow
HELP = """\
The runs are one run, or runs that differ only in seed and fold, such as a folder of sweep=folds: folds are pooled, seeds
averaged. Only test clips are used.

  pairs     can the runs tell two genres apart? Three verdicts: told apart; cannot be told apart, if the 95 % interval of
            their AUC (bootstrap over artists) lies within --margin of chance; undecided, mostly for lack of artists
  joins     which genres are near each other, in the embedding of the test clips and by their predictions: a map
            and a tree. A join has a stability, its share of resamples over artists, if each genre has 10 artists
  tree      hierarchical precision, recall and F1 by a tree of genres: --tree FILE, else dataset.tree of the run, else the
            tree of model=tags. FILE is a CSV with the columns genre and under, e.g. metal,rock

relations.html and relations.json are written into the run's or sweep's folder, or into --output.

exit status: 0; 1 on bad input; 130 if interrupted

examples:
  python -m src.relations outputs/RUN                            one run
  python -m src.relations outputs/SWEEP                          all folds of a sweep
  python -m src.relations outputs/SWEEP --tree genres.csv        with your own tree of genres
  python -m src.relations outputs/a outputs/b --output pages     two seeds of one config
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the relations and write their page; return the exit status: 0; 1 on bad input; 130 if interrupted."""
    console.accept_any_name()
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _options(words)
    try:
        _relate(options, shlex.join(["python", "-m", "src.relations", *words]))
    except KeyboardInterrupt:
        console.note("Interrupted. Nothing was written.")
        return 130
    except BrokenPipeError:
        console.ignore_closed_pipe()
    except (ValueError, OSError) as error:
        console.error("relations", plain_files.no_room(error) or error)
        console.discard_unwritable_output()
        return 1
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = console.Parser(
        prog="python -m src.relations",
        description="Show which genres are alike, and which cannot be told apart, from the test clips of finished runs.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN|SWEEP", help="a run directory, or a folder of runs")
    parser.add_argument(
        "--tree", type=Path, metavar="FILE", help="a tree of genres: CSV with the columns genre and under"
    )
    parser.add_argument(
        "--margin",
        type=console.number(lambda margin: 0 < margin < 50, "a number above 0 and below 50, in percent, such as 10"),
        default=MARGIN,
        metavar="PERCENT",
        help="two genres cannot be told apart if their AUC is certainly this near to 50 %% (default: 10)",
    )
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="on standard output; default: table"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder of relations.html and relations.json (default: RUN or SWEEP)",
    )
    parser.add_argument("--trust", **console.TRUST)
    options = parser.parse_args(arguments)
    if len(options.paths) > 1 and options.output is None:
        parser.error("several runs need a folder for the page: add --output FOLDER.")
    return options


def _relate(options: argparse.Namespace, command: str) -> None:
    """Compute, print and write the relations. Raises ValueError on bad input."""
    # Imported here, so that --help does not wait for scipy and matplotlib.
    from src import rundir
    from src.genre_relations import content as relations
    from src.reporting import relations_page, relations_text, render, sweep_page
    from src.rundir.folder import writable

    trust = tuple(options.trust)
    found = {run.path.resolve(): run for path in options.paths for run in rundir.runs_at(path, trust)}
    runs, skipped = sweep_page.readable_runs(list(found.values()), pages=False)
    for path, reason in skipped:
        console.error("relations", f"skipped {path}: {reason}")
    with writable(options.output or options.paths[0]) as folder:
        content = relations.content(relations.one_group(runs), options.tree, options.margin / 100)
        content["skipped"] = [{"run": str(path), "reason": reason} for path, reason in skipped]
        content["sentences"] = relations_text.sentences(content)
        written = json.dumps(content, indent=1, allow_nan=False)
        page = render.save(folder / relations_page.PAGE, relations_page.html(content, command))
        plain_files.write_text(folder / relations_page.JSON, written + "\n")
    if options.format == "json":
        print(written)
    else:
        console.line(relations_text.data_line(content))
        for table in relations_text.terminal_tables(content):
            console.result(table)
        for sentence in content["sentences"]:
            console.line(f"- {sentence}")
    console.note(f"The page is {page}, the numbers are in {folder / relations_page.JSON}")


if __name__ == "__main__":
    sys.exit(main())
