"""kill -9 of a sweep, also while it decodes: no finished job is lost or rerun, and the results are the same."""

import multiprocessing
import re
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import numpy as np
import pytest

from src import rundir
from src.audio import reader
from src.sweep import jobs
from tests.integration.test_programs import metrics, same, weights
from tests.programs import SMALL, train

FOUR_JOBS = ("--multirun", "model=cnn,rnn", "seed=0,1", "feature=mfcc", *SMALL)


def sweep_arguments(manifest: Path, folder: Path) -> list[str]:
    """Arguments of a sweep of four small jobs into a folder."""
    data = ["dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder / 'cache'}"]
    return [*FOUR_JOBS, *data, f"hydra.sweep.dir={folder / 'sweep'}"]


def run_sweep(arguments: list[str]) -> None:
    """Run a sweep in a process that may be killed. Decoding is slowed down, so that a kill can happen during it."""
    original_read: Callable[..., object] = reader.read

    def slow_read(*read_arguments: object) -> object:
        time.sleep(0.02)
        return original_read(*read_arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "read", slow_read)
        sys.exit(train(patch, *arguments))


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Fork server that has imported torch, so that starting a process again after a kill does not take five seconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "tests.programs",
            "src.training.setup",
            "src.training.run_writer",
            "src.training.loggers",
            "src.reporting.run_page",
        ]
    )
    return context


@pytest.fixture(scope="module")
def uninterrupted(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], float]:
    """Runs of an uninterrupted sweep, by name, and its duration in seconds."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    start = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *sweep_arguments(tiny, folder)) == 0
    return runs(folder), time.monotonic() - start


def runs(folder: Path) -> dict[str, Path]:
    """Folders of the finished runs of a sweep, by name."""
    return {path.parent.name.split("-")[0]: path.parent for path in (folder / "sweep").glob("*/metrics.json")}


def finish_times(folder: Path) -> dict[str, int]:
    """Time in ns at which each finished job wrote its metrics."""
    return {name: (run / rundir.METRICS).stat().st_mtime_ns for name, run in runs(folder).items()}


def noted_jobs(folder: Path) -> list[jobs.Job]:
    return [job for notes in (folder / "sweep" / ".jobs").glob("*") for job in jobs.read(notes)]


def wait_until(condition: Callable[[], bool], process: ForkServerProcess, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while process.is_alive() and not condition() and time.monotonic() < deadline:
        time.sleep(0.001)


def kill_conditions(folder: Path, kills: int, seconds: float) -> Iterator[Callable[[], bool]]:
    """When to kill: during decoding; after the first epoch of a job; when that job, resumed, has ended; then at random."""
    random = np.random.default_rng(kills)
    yield lambda: bool(list((folder / "cache").glob("sound-*/1.piece")))
    yield lambda: bool(list((folder / "sweep").glob(f"*/{rundir.LAST}")))
    yield lambda: any(job.ended for job in noted_jobs(folder))
    for _ in range(kills - 3):
        end = time.monotonic() + random.uniform(0, seconds / 3)
        yield lambda end=end: time.monotonic() > end


@pytest.mark.parametrize(
    ("kills", "launcher"),
    [
        (3, "basic"),
        pytest.param(20, "basic", marks=pytest.mark.slow),
        pytest.param(6, "joblib", marks=pytest.mark.slow),
    ],
)
def test_a_killed_sweep_ends_like_an_uninterrupted_one(
    kills: int,
    launcher: str,
    tiny: Path,
    tmp_path: Path,
    uninterrupted: tuple[dict[str, Path], float],
    processes: ForkServerContext,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    if launcher == "joblib":
        request.getfixturevalue("workers")
    arguments, (expected, seconds) = [*sweep_arguments(tiny, tmp_path), f"launcher={launcher}"], uninterrupted
    finished: dict[str, int] = {}
    states: list[str] = []
    for condition in kill_conditions(tmp_path, kills, seconds):
        process = processes.Process(target=run_sweep, args=(arguments,))
        process.start()
        wait_until(condition, process)
        process.kill()
        process.join()
        states += [job.state for job in noted_jobs(tmp_path)]
        now_finished = finish_times(tmp_path)
        assert {name: now_finished[name] for name in finished} == finished  # no finished job has run again
        finished = now_finished
    # joblib's workers notice a kill of the sweep within a second, in which their jobs may end.
    assert "resumed" in states or launcher == "joblib"

    assert train(monkeypatch, *arguments) == 0
    counts = re.findall(r"4 jobs: (\d) run, (\d) resumed, (\d) skipped, 0 failed", capsys.readouterr().out)[-1]
    assert (sum(map(int, counts)), int(counts[2])) == (4, len(finished))
    assert {name: finish_times(tmp_path)[name] for name in finished} == finished
    runs_after_kills = runs(tmp_path)
    assert runs_after_kills.keys() == expected.keys()
    assert not list((tmp_path / "cache").glob("*.part-*"))
    for name, run in runs_after_kills.items():
        assert metrics(run) == metrics(expected[name])
        assert same(weights(run), weights(expected[name]))
        for file in (rundir.PREDICTIONS, rundir.CONFUSION, rundir.SPLIT, rundir.EXCLUDED):
            assert (run / file).read_bytes() == (expected[name] / file).read_bytes()
        rows = zip(rundir.RunDir(run).history, rundir.RunDir(expected[name]).history, strict=True)
        assert all({**a, "seconds": 0} == {**b, "seconds": 0} for a, b in rows)
    if kills == 3:
        assert len(finished) < len(runs_after_kills)  # the kills came before the end of the sweep
