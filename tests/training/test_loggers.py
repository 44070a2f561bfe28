"""Loggers: what they import."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

OPEN = """
import sys
from pathlib import Path
from src.training import loggers
logger = loggers.wandb(True, "p", folder=Path(sys.argv[1]), name="n", group=None, settings={})
logger.log_metrics({"val/loss": 0.5})
logger.experiment.finish()
print("wandb.sdk.wandb_run" in sys.modules, "wandb.sdk.launch.agent" in sys.modules)
"""


def test_wandb_starts_without_its_programs_for_other_machines(tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", OPEN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert completed.stdout.split() == ["True", "False"]
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
