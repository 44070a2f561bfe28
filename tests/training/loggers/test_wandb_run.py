"""Loggers: what they import."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

OPEN = """
import sys
from pathlib import Path
from src.training.loggers import wandb_run
run = wandb_run.open_run(Path(sys.argv[1]), name="n")
wandb_run.WandbRun(run, Path(sys.argv[1]), False, False).log_metrics({"val/loss": 0.5}, 1)
run.finish()
print("wandb.sdk.wandb_run" in sys.modules, "wandb.sdk.launch.agent" in sys.modules)
"""


def test_wandb_starts_without_its_programs_for_other_machines(tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", OPEN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert completed.stdout.split() == ["True", "False"]
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
