"""Running `train` as a user does, in this process, since starting Python and importing torch costs more than the run."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from src import errors
from src.train import main

SMALL = (
    "trainer.max_epochs=2",
    "trainer.threads=1",
    "trainer.accelerator=cpu",
    "data.batch_size=8",
    "data.crop_seconds=1",
    "data.segments=2",
    "model.width=4",
    "logger=none",
)


def train(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """`python -m src.train WORDS...` -> its exit status."""
    monkeypatch.setattr(sys, "argv", ["src/train.py", *words])
    GlobalHydra.instance().clear()
    try:
        errors.run(main, "train")
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def audit(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """`python -m src.audit WORDS...` -> its exit status."""
    from src.audit import COULD_NOT_RUN
    from src.audit import main as main_of_audit

    monkeypatch.setattr(sys, "argv", ["src/audit.py", *words])
    GlobalHydra.instance().clear()
    try:
        errors.run(main_of_audit, "audit", failure_status=COULD_NOT_RUN)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def small(manifest: Path, folder: Path, *words: str) -> tuple[str, ...]:
    """The words of a training of seconds on a manifest, into a folder."""
    data = ("dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder.parent / 'cache'}")
    return (*data, *SMALL, f"hydra.run.dir={folder}", *words)


def help_of(program: str) -> tuple[str, set[str]]:
    """What `python -m PROGRAM --help` prints, and the top-level modules that it loads for that."""
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", program, "--help"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return shown.stdout, {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in shown.stderr.splitlines()}
