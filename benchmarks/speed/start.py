"""From the command to its answer: --help, and the first optimizer step on decoded data."""

import statistics
from pathlib import Path

from benchmarks.speed.commands import run
from benchmarks.speed.experiment import GENRES
from benchmarks.speed.figures import Figure

TURNS = 3
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
    warm = [GENRES, "model=cnn"]
    imports, steps, helps = [], [], []
    for turn in range(TURNS + 1):
        imports.append(run(["-c", "import torch, pytorch_lightning"]).seconds)
        steps.append(run(["-c", TO_FIRST_STEP, *warm, f"hydra.run.dir={folder / str(turn)}"]).seconds)
        helps.append(run(["-m", "src.train", "--help"]).seconds)
    imported, first_step, shown = (statistics.median(seconds[1:]) for seconds in (imports, steps, helps))
    return [
        Figure("start", "--help", shown, "s", "limit", HELP_SECONDS, at_most=1.0),
        Figure("start", "command to first step", first_step, "s", "importing torch and Lightning", imported),
        Figure("start", "of it beyond imports", first_step - imported, "s", "limit", STEP_SECONDS, at_most=1.0),
    ]
