"""Peak memory of a process that trains one small job, and of one that trains thirty of them."""

from pathlib import Path

from benchmarks.speed.commands import run
from benchmarks.speed.experiment import GENRES
from benchmarks.speed.figures import Figure

JOBS, LIMIT = 30, 1.2
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
    peaks = [
        run(
            [
                "-m",
                "src.train",
                "--multirun",
                *SMALL,
                cache,
                f"seed=range(0,{jobs})",
                f"hydra.sweep.dir={folder / str(jobs)}",
            ]
        ).peak_bytes
        / 1e6
        for jobs in (JOBS, 1)
    ]
    return [
        Figure("memory", f"peak of {JOBS} small jobs in one process", peaks[0], "MB", "1 job", peaks[1], at_most=LIMIT)
    ]
