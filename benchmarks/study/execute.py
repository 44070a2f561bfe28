"""Trainings of the plan: one `train --multirun` after the other. Each skips its finished jobs."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.study import plan, scarce
from src import console, errors, formatting

SECONDS = "seconds.csv"
COLUMNS = ("data", "sweep", "arm", "seconds", "exit_status")


# What an option has to name, for each data set that is not rendered.
PLACES = {"music": "the manifest of the recordings", "gtzan": "the folder of GTZAN", "fma": "the folder of FMA"}


def run(data: Sequence[str], only: Sequence[str], folder: Path, places: Mapping[str, Path | None]) -> int:
    """Run the plan on the data sets -> exit status: 0, or 1 if a sweep failed (it is named, and the others go on).

    `places` are the file or folder of each data set in PLACES. For a sweep without comparisons, src.report prints its
    table. Raises ValueError if the place of a data set is missing.
    """
    for name in (name for name in PLACES if name in data):
        place = places[name]
        if place is None or not (place.is_file() if name == "music" else place.is_dir()):
            example = "DIR/manifest.csv" if name == "music" else "DIR"
            raise ValueError(f"--{name} is {place}: expected {PLACES[name]}. Add --{name} {example}.")
    commands = list(plan.commands(data, only))
    announce(commands, data, only)
    # Paths are made relative, so that each has one spelling: a job's folder is named after its whole config.
    tables = {name: Path(os.path.relpath(place or ".")) for name, place in places.items()}
    tables["scarce"] = Path(os.path.relpath(folder)) / "imbalance.csv"
    failed = []
    for number, command in enumerate(commands, start=1):
        console.note(f"[{number}/{len(commands)}] {command.data} {command.sweep.name}: {command.arm}")
        start, status = time.monotonic(), 130
        try:
            status = _train(command, folder, tables)
        finally:  # the time counts even if the command is interrupted
            _append(folder / SECONDS, command, time.monotonic() - start, status)
        if status:
            failed.append(f"{command.data} {command.sweep.name}: {command.arm}")
    reported = dict.fromkeys(
        folder / command.data / command.sweep.name for command in commands if not command.sweep.baselines
    )
    failed += [f"the table of {sweep}" for sweep in reported if _print_table(sweep)]
    for name in failed:
        console.note(f"Failed: {name}")
    return 1 if failed else 0


def announce(commands: Sequence[plan.Command], data: Sequence[str], only: Sequence[str]) -> None:
    """Print the number of jobs of each sweep, and how many jobs of its arms belong to earlier sweeps."""
    for name in data:
        for sweep in plan.PLAN:
            if name not in sweep.data or (only and sweep.name not in only):
                continue
            own = [command for command in commands if (command.data, command.sweep) == (name, sweep)]
            jobs = sum(command.jobs for command in own)
            whole = sum(plan.Command(name, sweep, arm, sweep.seeds).jobs for arm in sweep.arms)
            shared = f", and {whole - jobs} shared with earlier sweeps" if whole > jobs else ""
            print(f"{name} {sweep.name}: {formatting.count(jobs, 'job')}{shared}", flush=True)


def _train(command: plan.Command, folder: Path, tables: dict[str, Path]) -> int:
    """Run one command -> its exit status. All its output goes to standard error."""
    if command.sweep.data is plan.SCARCE:
        try:
            scarce.write(tables["scarce"])
        except (OSError, ValueError) as error:
            console.note(f"study: {errors.explain(error)}")
            return 1
    line = [sys.executable, "-m", "src.train", "--multirun", *command.overrides(folder, tables)]
    with subprocess.Popen(line, stdout=sys.stderr) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # it was interrupted as well, and prints how to continue
            raise


def _print_table(sweep: Path) -> int:
    """Print the table of src.report on standard output -> its exit status."""
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
