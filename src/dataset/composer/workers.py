"""Parallel rendering of clips in worker processes.

The synthesizer holds Python's global interpreter lock while it renders, so threads gain nothing. The workers are
separate programs. They are not forked (unsafe beside torch's threads) and not spawned by multiprocessing (which would
import the whole training program in each). They import only the composer and end when their standard input ends, even
if the parent process was killed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

from src.threads import usable_cores

ROOT = Path(__file__).parents[3]  # the directory in which `python -m src...` works
MOST_WORKERS = 16


@dataclass(frozen=True)
class Job:
    """One clip to render: its artist and track, its duration and the path of the file."""

    seed: int
    genre: str
    artist: int
    track: int
    seconds: float
    path: str


def render(jobs: Sequence[Job]) -> Iterator[Job]:
    """Render all jobs on all cores, with a progress bar on stderr -> each job, as soon as it is done.

    Raises OSError, with the reason and the fix, if a clip cannot be written, and RuntimeError if a worker dies. All
    workers are ended in every case.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("Rendering the synthetic corpus"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    count = min(usable_cores(), len(jobs), MOST_WORKERS)
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ThreadPoolExecutor(count) as pool,  # one thread waits for each worker
        _workers(count) as idle,
    ):

        def run(job: Job) -> Job:
            worker = idle.get()
            try:
                _run_job(worker, job)
            finally:
                idle.put(worker)
            return job

        done = as_completed([pool.submit(run, job) for job in jobs])
        try:
            for future in progress.track(done, total=len(jobs)):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _workers(count: int) -> Iterator[SimpleQueue[subprocess.Popen[str]]]:
    """Start `count` workers and yield the queue of idle ones; end them all on exit."""
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


def _run_job(worker: subprocess.Popen[str], job: Job) -> None:
    """Run a job on a worker. Raises OSError if the rendering failed, RuntimeError if the worker died."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stderr is not None
    try:
        worker.stdin.write(json.dumps(asdict(job)) + "\n")
        worker.stdin.flush()
        reply = worker.stdout.readline().strip()
    except (BrokenPipeError, ValueError):  # the worker died, or was ended because another one failed
        reply = ""
    if reply != "ok":
        if not reply:
            raise RuntimeError(f"The rendering worker died at {job}: {worker.stderr.read().strip() or worker.wait()}")
        raise OSError(
            f"Rendering {job.path} failed: {reply}. The corpus needs about 0.3 MB per clip of 10 s. Free disk space, "
            "or choose another folder with data.cache=. Complete genres stay cached and are not rendered again."
        )
