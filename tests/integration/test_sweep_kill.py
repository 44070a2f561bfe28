"""kill -9 of a sweep, also while it decodes: nothing finished is lost or run again, and the numbers are the same."""

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

FOUR = ("--multirun", "model=cnn,rnn", "seed=0,1", "feature=mfcc", *SMALL)


def words(manifest: Path, folder: Path) -> list[str]:
    data = ["dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder / 'cache'}"]
    return [*FOUR, *data, f"hydra.sweep.dir={folder / 'sweep'}"]


def life(given: list[str]) -> None:
    """A sweep in a process of its own, which may be killed. Decoding takes its time, so that it can be met."""
    usual: Callable[..., object] = reader.read

    def slowly(*arguments: object) -> object:
        time.sleep(0.02)
        return usual(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "read", slowly)
        sys.exit(train(patch, *given))


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that begin with torch imported, by a server that imports it once: a kill then costs no five seconds."""
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
def peace(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], float]:
    """The runs of a sweep that nobody interrupts, by name, and how many seconds it takes."""
    folder = tmp_path_factory.mktemp("peace")
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *words(tiny, folder)) == 0
    return runs(folder), time.monotonic() - began


def runs(folder: Path) -> dict[str, Path]:
    return {path.parent.name.split("-")[0]: path.parent for path in (folder / "sweep").glob("*/metrics.json")}


def finished(folder: Path) -> dict[str, int]:
    """When each finished job was finished."""
    return {name: (run / rundir.METRICS).stat().st_mtime_ns for name, run in runs(folder).items()}


def noted(folder: Path) -> list[jobs.Job]:
    return [job for notes in (folder / "sweep" / ".jobs").glob("*") for job in jobs.read(notes)]


def until(seen: Callable[[], bool], process: ForkServerProcess, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while process.is_alive() and not seen() and time.monotonic() < deadline:
        time.sleep(0.001)


def moments(folder: Path, kills: int, seconds: float) -> Iterator[Callable[[], bool]]:
    """While it decodes; after the first epoch of a job; when that job, resumed, has ended; then at random."""
    random = np.random.default_rng(kills)
    yield lambda: bool(list((folder / "cache").glob("wave-*.part-*/wave.int16")))
    yield lambda: bool(list((folder / "sweep").glob(f"*/{rundir.LAST}")))
    yield lambda: any(job.ended for job in noted(folder))
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
def test_a_killed_sweep_ends_like_one_in_peace(
    kills: int,
    launcher: str,
    tiny: Path,
    tmp_path: Path,
    peace: tuple[dict[str, Path], float],
    processes: ForkServerContext,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    if launcher == "joblib":
        request.getfixturevalue("workers")
    given, (expected, seconds) = [*words(tiny, tmp_path), f"launcher={launcher}"], peace
    kept: dict[str, int] = {}
    ends: list[str] = []
    for moment in moments(tmp_path, kills, seconds):
        process = processes.Process(target=life, args=(given,))
        process.start()
        until(moment, process)
        process.kill()
        process.join()
        ends += [job.state for job in noted(tmp_path)]
        now = finished(tmp_path)
        assert {name: now[name] for name in kept} == kept  # nothing finished has run again
        kept = now
    assert "resumed" in ends or launcher == "joblib"  # whose jobs may end in the second that passes until they are told

    assert train(monkeypatch, *given) == 0
    last = re.findall(r"4 jobs: (\d) run, (\d) resumed, (\d) skipped, 0 failed", capsys.readouterr().out)[-1]
    assert (sum(map(int, last)), int(last[2])) == (4, len(kept))
    assert {name: finished(tmp_path)[name] for name in kept} == kept
    found = runs(tmp_path)
    assert found.keys() == expected.keys()
    assert not list((tmp_path / "cache").glob("*.part-*"))
    for name, run in found.items():
        assert metrics(run) == metrics(expected[name])
        assert same(weights(run), weights(expected[name]))
        for file in (rundir.PREDICTIONS, rundir.CONFUSION, rundir.SPLIT, rundir.EXCLUDED):
            assert (run / file).read_bytes() == (expected[name] / file).read_bytes()
        rows = zip(rundir.RunDir(run).history, rundir.RunDir(expected[name]).history, strict=True)
        assert all({**a, "seconds": 0} == {**b, "seconds": 0} for a, b in rows)
    if kills == 3:
        assert len(kept) < len(found)  # the kills came before the end
