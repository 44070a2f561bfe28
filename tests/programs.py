"""Run the programs as from the command line, but in this process, as starting Python and torch takes longer than a run."""

import subprocess
import sys
from collections.abc import Callable
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

# A program in this process: its arguments -> exit status, standard output and standard error.
Program = Callable[..., tuple[int, str, str]]


def in_process(program_main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> Program:
    """A program that is called with the arguments of its command line. It must not print a traceback."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = program_main(list(map(str, arguments)))
        except SystemExit as stop:
            status = int(stop.code or 0)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return status, printed.out, printed.err

    return call


def train(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `python -m src.train ARGUMENTS...` and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["src/train.py", *arguments])
    GlobalHydra.instance().clear()
    try:
        errors.run(main, "train")
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def audit(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `python -m src.audit ARGUMENTS...` and return its exit status."""
    from src.audit import COULD_NOT_RUN
    from src.audit import main as audit_main

    monkeypatch.setattr(sys, "argv", ["src/audit.py", *arguments])
    GlobalHydra.instance().clear()
    try:
        errors.run(audit_main, "audit", failure_status=COULD_NOT_RUN)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def small(manifest: Path, folder: Path, *arguments: str) -> tuple[str, ...]:
    """Arguments of a training on a manifest that takes a few seconds and writes into a folder."""
    data = ("dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder.parent / 'cache'}")
    return (*data, *SMALL, f"hydra.run.dir={folder}", *arguments)


def help_of(program: str) -> tuple[str, set[str]]:
    """Run `python -m PROGRAM --help` and return its output and the top-level modules that it imports."""
    completed = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", program, "--help"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return completed.stdout, {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in completed.stderr.splitlines()}
