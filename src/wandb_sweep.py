"""Write a wandb sweep: `python -m src.wandb_sweep sweep=paper > sweep.yaml`."""

import argparse
import sys
from collections.abc import Sequence

from src import console, errors

HELP = """\
`wandb sweep sweep.yaml` then creates the sweep, `wandb agent ID` trains its jobs, on one or more machines, and wandb's page
compares them. This needs an account. `python -m src.train` trains the same sweep without one.

examples:
  python -m src.wandb_sweep sweep=paper experiment=paper_cnn > sweep.yaml
  python -m src.wandb_sweep model=cnn,rnn seed=0,1,2 > sweep.yaml
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the YAML of a wandb sweep; return the exit status: 0, or 1 on bad input."""
    console.accept_any_name()
    parser = console.Parser(
        prog="python -m src.wandb_sweep",
        description="Write the YAML of a wandb sweep that trains what `python -m src.train` trains with the same arguments.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="as for src.train: a preset (sweep=paper), keys with one value or several (model=cnn,rnn)",
    )
    options = parser.parse_args(arguments)
    sys.argv[1:] = options.settings  # messages name the words that were typed
    try:
        from src.sweep import wandb_grid

        console.line(wandb_grid.text(options.settings).rstrip())
    except Exception as error:
        console.error("wandb_sweep", errors.explain(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
