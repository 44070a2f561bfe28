"""How much faster jobs side by side are: `python -m benchmarks.launchers [--jobs 4] [--turns 3] [WORDS...]`.

One sweep over seeds in three ways, in turns: its jobs in turn on one thread, in turn on two, and two side by side on one
each (launcher=joblib). Whole commands are timed, with their processes' start; medians of the turns are printed. WORDS say
what is trained, `experiment=quick` unless given. The data are prepared by a first training that is not counted. Both ways
with one thread must give the same predictions, or the program ends with 1. Measure on two idle cores.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from src import rundir

ALONE, THREADS, BESIDE = "in turn, 1 thread", "in turn, 2 threads", "2 side by side, 1 thread each"
WAYS = {
    ALONE: ["--multirun", "trainer.threads=1"],
    THREADS: ["--multirun", "trainer.threads=2"],
    BESIDE: ["--multirun", "trainer.threads=1", "launcher=joblib", "hydra.launcher.n_jobs=2"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=4, help="default: 4")
    parser.add_argument("--turns", type=int, default=3, help="default: 3")
    parser.add_argument("words", nargs="*", default=["experiment=quick"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run([*options.words, f"hydra.run.dir={folder}/first"])
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        made: dict[str, dict[int, bytes]] = {}
        for _ in range(options.turns):
            for way, words in WAYS.items():
                sweep = Path(tempfile.mkdtemp(dir=folder))
                seconds[way].append(
                    run([*words, *options.words, f"seed=range(0,{options.jobs})", f"hydra.sweep.dir={sweep}"])
                )
                made[way] = predictions(sweep)
    same = made[ALONE] == made[BESIDE]
    print(f"`{' '.join(options.words)}`, {options.jobs} jobs; medians of {options.turns}\n")
    print("| jobs | seconds | from | to | times as fast as one after the other on 1 thread |")
    print("|---|---:|---:|---:|---:|")
    medians = {way: statistics.median(each) for way, each in seconds.items()}
    for way, each in seconds.items():
        ratio = medians[ALONE] / medians[way]
        print(f"| {way} | {medians[way]:.1f} | {min(each):.1f} | {max(each):.1f} | {ratio:.2f} |")
    print(f"\nSide by side against in turn on 2 threads: {medians[THREADS] / medians[BESIDE]:.2f} times as fast.")
    print(f"The predictions of both ways with 1 thread are {'the same' if same else 'NOT the same'}.")
    return 0 if same else 1


def run(words: list[str]) -> float:
    """Train -> the seconds that the whole command took."""
    before = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "src.train", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"python -m src.train {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return time.perf_counter() - before


def predictions(sweep: Path) -> dict[int, bytes]:
    """By seed, the bytes of predictions.csv."""
    runs = [rundir.RunDir(path.parent) for path in sweep.glob(f"*/{rundir.METRICS}")]
    return {run.config["seed"]: (run.path / rundir.PREDICTIONS).read_bytes() for run in runs}


if __name__ == "__main__":
    sys.exit(main())
