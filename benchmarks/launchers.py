"""Speed of sweeps with and without parallel jobs: `python -m benchmarks.launchers [--jobs 4] [--turns 3] [OVERRIDE...]`.

Runs one sweep over seeds in three ways: one job after the other on one thread, one after the other on two threads, and
two jobs at a time on one thread each (launcher=joblib). The three ways take turns. Each time is that of the whole command
with the start of its processes; medians of the turns are printed. The OVERRIDEs choose the experiment (default:
experiment=quick). A first training, not timed, prepares the data. Both ways with one thread must give the same
predictions, otherwise the program exits with 1. Use two idle cores.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from src import rundir

ONE_THREAD, TWO_THREADS, TWO_JOBS = "in turn, 1 thread", "in turn, 2 threads", "2 side by side, 1 thread each"
WAYS = {
    ONE_THREAD: ["--multirun", "trainer.threads=1"],
    TWO_THREADS: ["--multirun", "trainer.threads=2"],
    TWO_JOBS: ["--multirun", "trainer.threads=1", "launcher=joblib", "hydra.launcher.n_jobs=2"],
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.launchers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=4, help="default: 4")
    parser.add_argument("--turns", type=int, default=3, help="default: 3")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", default=["experiment=quick"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run([*options.overrides, f"hydra.run.dir={folder}/first"])
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        predicted: dict[str, dict[int, bytes]] = {}
        for _ in range(options.turns):
            for way, overrides in WAYS.items():
                sweep = Path(tempfile.mkdtemp(dir=folder))
                seconds[way].append(
                    run([*overrides, *options.overrides, f"seed=range(0,{options.jobs})", f"hydra.sweep.dir={sweep}"])
                )
                predicted[way] = predictions(sweep)
    same = predicted[ONE_THREAD] == predicted[TWO_JOBS]
    print(f"`{' '.join(options.overrides)}`, {options.jobs} jobs; medians of {options.turns}\n")
    print("| jobs | seconds | minimum | maximum | times as fast as one after another on 1 thread |")
    print("|---|---:|---:|---:|---:|")
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    for way, times in seconds.items():
        ratio = medians[ONE_THREAD] / medians[way]
        print(f"| {way} | {medians[way]:.1f} | {min(times):.1f} | {max(times):.1f} | {ratio:.2f} |")
    ratio = medians[TWO_THREADS] / medians[TWO_JOBS]
    print(f"\nTwo jobs in parallel are {ratio:.2f} times as fast as one after another on 2 threads.")
    print(f"The predictions of both ways with 1 thread are {'the same' if same else 'NOT the same'}.")
    return 0 if same else 1


def run(arguments: list[str]) -> float:
    """Train, and return the run time of the whole command in seconds. Exits with a message if the command fails."""
    start = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "src.train", *arguments], capture_output=True, text=True, check=False
    )
    if process.returncode:
        sys.exit(
            f"python -m src.train {' '.join(arguments)} ended with exit status {process.returncode}: "
            f"{process.stderr.strip()}"
        )
    return time.perf_counter() - start


def predictions(sweep: Path) -> dict[int, bytes]:
    """Read predictions.csv of each run as bytes, by seed."""
    runs = [rundir.RunDir(path.parent) for path in sweep.glob(f"*/{rundir.METRICS}")]
    return {run.config["seed"]: (run.path / rundir.PREDICTIONS).read_bytes() for run in runs}


if __name__ == "__main__":
    sys.exit(main())
