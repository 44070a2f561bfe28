"""Train and evaluate the models for the paper's claims.

    python -m benchmarks.study run synth music --music DIR/manifest.csv [--only SWEEP...]
    python -m benchmarks.study run gtzan --gtzan DIR
    python -m benchmarks.study report

`run` trains the models that benchmarks/study/plan.py lists and that have no finished run yet. If it is interrupted, the
same command continues. `report` reads the runs and prints Markdown.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.study import execute, plan, report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program -> exit status: 0; 1 on bad input or if a sweep failed; 130 if interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    programs = parser.add_subparsers(dest="program", required=True)
    run_parser = programs.add_parser("run", help="train the models of the plan")
    run_parser.add_argument("data", nargs="+", choices=tuple(plan.DATA), metavar="DATA", help=", ".join(plan.DATA))
    for name, place in execute.PLACES.items():
        metavar = "FILE" if name == "music" else "DIR"
        run_parser.add_argument(f"--{name}", type=Path, metavar=metavar, help=f"{place}, for the data set {name}")
    run_parser.add_argument(
        "--only", nargs="+", default=(), choices=[sweep.name for sweep in plan.PLAN], metavar="SWEEP"
    )
    report_parser = programs.add_parser("report", help="print the claims, ablations and tables as Markdown")
    for program in (run_parser, report_parser):
        program.add_argument("--folder", type=Path, default=Path("outputs/study"), metavar="DIR")
    options = parser.parse_args(arguments)
    try:
        if options.program == "run":
            places = {name: getattr(options, name) for name in execute.PLACES}
            return execute.run(list(dict.fromkeys(options.data)), options.only, options.folder, places)
        print(report.markdown(options.folder))
    except (ValueError, OSError) as error:
        print(f"study: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("study: interrupted; the same command continues.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
