"""From the command to its answer: --help, and the first optimizer step on decoded data."""

from pathlib import Path
from tempfile import mkdtemp

from benchmarks.speed.commands import run
from benchmarks.speed.experiment import GENRES
from benchmarks.speed.figures import Figure, values_in_turn

TURNS = 5
HELP_SECONDS, STEP_SECONDS = 1.0, 2.0
TO_FIRST_STEP = """
import os, sys
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
register_optimizer_step_post_hook(lambda *_: os._exit(0))
from src import errors
from src.train import main
sys.argv = ["src/train.py", *sys.argv[1:]]
errors.run(main, "train")
sys.exit("no step was made")
"""


def figures(folder: Path) -> list[Figure]:
    def first_step() -> list[float]:
        run_folder = mkdtemp(dir=folder)
        return [run(["-c", TO_FIRST_STEP, GENRES, "model=cnn", f"hydra.run.dir={run_folder}"]).seconds]

    seconds = values_in_turn(
        {
            "imports": lambda: [run(["-c", "import torch, pytorch_lightning"]).seconds],
            "first step": first_step,
            "help": lambda: [run(["-m", "src.train", "--help"]).seconds],
        },
        TURNS,
        warmups=1,
    )
    imported, stepped, shown = (seconds[name] for name in ("imports", "first step", "help"))
    return [
        Figure("start", "--help", shown, "s", "limit", HELP_SECONDS, at_most=1.0),
        Figure("start", "command to first step", stepped, "s", "importing torch and Lightning", imported),
        Figure("start", "of it beyond imports", stepped - imported, "s", "limit", STEP_SECONDS, at_most=1.0),
    ]
