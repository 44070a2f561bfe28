"""Making the measurements: one `train --multirun` after the other, which itself skips what is finished."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.study import plan, scarce
from src import console, errors, formatting

SECONDS = "seconds.csv"
COLUMNS = ("data", "sweep", "arm", "seconds", "exit_status")


def run(data: Sequence[str], only: Sequence[str], folder: Path, music: Path | None) -> int:
    """Run the plan on the data sets -> 0, or 1 where a sweep failed, which is named while the others go on.

    A sweep that is not judged is looked at as a user would: src.report prints its table.
    """
    if "music" in data and (music is None or not music.is_file()):
        raise ValueError(f"--music is {music}: expected the recordings' table, --music DIR/manifest.csv.")
    commands = list(plan.commands(data, only))
    announce(commands, data, only)
    # One spelling of a path, whatever was typed: a job's folder is named after its whole config.
    tables = {"scarce": Path(os.path.relpath(folder)) / "imbalance.csv", "music": Path(os.path.relpath(music or "."))}
    failed = []
    for number, command in enumerate(commands, start=1):
        console.note(f"[{number}/{len(commands)}] {command.data} {command.sweep.name}: {command.arm}")
        start, status = time.monotonic(), 130
        try:
            status = _train(command, folder, tables)
        finally:  # interrupted or not, the time was spent
            _append(folder / SECONDS, command, time.monotonic() - start, status)
        if status:
            failed.append(f"{command.data} {command.sweep.name}: {command.arm}")
    looked_at = dict.fromkeys(folder / each.data / each.sweep.name for each in commands if not each.sweep.against)
    failed += [f"the table of {sweep}" for sweep in looked_at if _table(sweep)]
    for name in failed:
        console.note(f"Failed: {name}")
    return 1 if failed else 0


def announce(commands: Sequence[plan.Command], data: Sequence[str], only: Sequence[str]) -> None:
    """Print how many jobs each sweep has, and how many of its arms' jobs are made by sweeps before it."""
    for name in data:
        for sweep in plan.PLAN:
            if name not in sweep.data or (only and sweep.name not in only):
                continue
            own = [command for command in commands if (command.data, command.sweep) == (name, sweep)]
            jobs = sum(command.jobs for command in own)
            whole = sum(plan.Command(name, sweep, arm, sweep.seeds).jobs for arm in sweep.arms)
            shared = f", and {whole - jobs} that sweeps before it make" if whole > jobs else ""
            print(f"{name} {sweep.name}: {formatting.count(jobs, 'job')}{shared}", flush=True)


def _train(command: plan.Command, folder: Path, tables: dict[str, Path]) -> int:
    """The exit status of one command; its messages go to our standard error, and its tables too."""
    if command.sweep.data is plan.SCARCE:
        try:
            scarce.write(tables["scarce"])
        except (OSError, ValueError) as error:
            console.note(f"study: {errors.explain(error)}")
            return 1
    line = [sys.executable, "-m", "src.train", "--multirun", *command.words(folder, tables)]
    with subprocess.Popen(line, stdout=sys.stderr) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # it was interrupted too, and says how to go on
            raise


def _table(sweep: Path) -> int:
    """The exit status of src.report, whose table goes to our standard output."""
    return subprocess.run(
        [sys.executable, "-m", "src.report", str(sweep), "--format", "markdown"], check=False
    ).returncode


def _append(path: Path, command: plan.Command, seconds: float, status: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(COLUMNS)
        writer.writerow((command.data, command.sweep.name, command.arm, f"{seconds:.1f}", status))
