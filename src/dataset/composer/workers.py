"""Many clips at once: rendering in programs of their own.

The synthesizer holds Python's lock while it renders, so threads gain nothing. The workers are started by command line,
neither forked (unsafe beside torch's threads) nor spawned by multiprocessing (which would import the whole training
program in each): they load only the composer, and end when their input does, even where their parent was killed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[3]  # where `python -m src...` works
MOST_WORKERS = 16


@dataclass(frozen=True)
class Job:
    """One clip to render: which one, how long, and where to."""

    seed: int
    genre: str
    artist: int
    track: int
    seconds: float
    path: str


def render(jobs: Sequence[Job]) -> Iterator[Job]:
    """Render all jobs on all cores, with a progress bar on stderr -> the jobs, each when it is done.

    Raises OSError with what went wrong and what to do. However it ends, no worker stays behind.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("Rendering the synthetic corpus"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    count = min(_cores(), len(jobs), MOST_WORKERS)
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ThreadPoolExecutor(count) as pool,  # one thread waits for each worker
        _workers(count) as idle,
    ):

        def work(job: Job) -> Job:
            worker = idle.get()
            try:
                _ask(worker, job)
            finally:
                idle.put(worker)
            return job

        done = as_completed([pool.submit(work, job) for job in jobs])
        try:
            for future in progress.track(done, total=len(jobs)):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _workers(count: int) -> Iterator[SimpleQueue[subprocess.Popen[str]]]:
    """A queue of `count` idle workers; they are ended on the way out."""
    command = [sys.executable, "-m", "src.dataset.composer.render"]
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) for _ in range(count)
    ]
    idle: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
    for worker in workers:
        idle.put(worker)
    try:
        yield idle
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.communicate()


def _ask(worker: subprocess.Popen[str], job: Job) -> None:
    """Have a worker do a job. Raises OSError where it could not, RuntimeError where it died."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stderr is not None
    try:
        worker.stdin.write(json.dumps(asdict(job)) + "\n")
        worker.stdin.flush()
        answer = worker.stdout.readline().strip()
    except (BrokenPipeError, ValueError):  # it died, or was ended because another one failed
        answer = ""
    if answer != "ok":
        if not answer:
            raise RuntimeError(f"The renderer stopped at {job}: {worker.stderr.read().strip() or worker.wait()}")
        raise OSError(
            f"Rendering {job.path} failed: {answer}. The whole corpus needs about 0.3 MB a clip of 10 s: make room, or "
            "choose another folder with data.cache=; what is complete is kept, and the next run continues."
        )


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
