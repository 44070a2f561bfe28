"""Peak memory of a process that trains one small job, and of one that trains thirty of them."""

from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.speed.commands import run
from benchmarks.speed.experiment import GENRES
from benchmarks.speed.figures import Figure, values_in_turn

JOBS, TURNS, LIMIT = 30, 3, 1.2
SMALL = (
    "model=cnn",
    "feature=mfcc",
    "trainer.max_epochs=1",
    "logger=none",
    "dataset.tracks=1",
    "dataset.artists=8",
    GENRES,
)


def figures(folder: Path) -> list[Figure]:
    cache = f"data.cache={folder / 'cache'}"
    run(["-m", "src.train", *SMALL, cache, f"hydra.run.dir={folder / 'first'}"])  # renders and decodes
    works = {jobs: partial(_peak_megabytes, jobs, cache, folder) for jobs in ("1", str(JOBS))}
    peaks = values_in_turn(works, TURNS)
    what = f"peak of {JOBS} small jobs in one process"
    return [Figure("memory", what, peaks[str(JOBS)], "MB", "1 job", peaks["1"], at_most=LIMIT)]


def _peak_megabytes(jobs: str, cache: str, folder: Path) -> list[float]:
    """Peak resident memory of a sweep over seeds, in MB."""
    sweep = mkdtemp(dir=folder)
    command = ["-m", "src.train", "--multirun", *SMALL, cache, f"seed=range(0,{jobs})", f"hydra.sweep.dir={sweep}"]
    return [run(command).peak_bytes / 1e6]
