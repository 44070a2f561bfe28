"""Resume a training: lock a run directory, and find out what it already holds of this run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import filelock
from omegaconf import DictConfig

from src import config as configs
from src import console, rundir
from src.data.datamodule import GenreData
from src.rundir import changes, provenance
from src.training.run_writer import split_rows, write_start

TRAINED = (  # the files that are removed before a run is trained again
    rundir.BEST,
    rundir.LAST,
    rundir.HISTORY,
    rundir.PREDICTIONS,
    rundir.CONFUSION,
    rundir.METRICS,
    rundir.REPORT,
)


class RunState(Enum):
    """What a run directory holds of a run."""

    NEW = "new"
    PARTIAL = "partial"  # a checkpoint, from which it goes on
    FINISHED = "finished"


class OpenRun(NamedTuple):
    """A run directory's state, and the run's identity: digests of its config, data and source code."""

    state: RunState
    identity: dict[str, str]


def open_run(config: DictConfig, folder: Path, data: GenreData) -> OpenRun:
    """Find out what the directory holds of this run, and write the first files of a new one.

    Raises ValueError where the directory holds a run with other settings.
    """
    settings = configs.resolved(config)
    environment = provenance.environment(settings, folder, data.digest)
    state = run_state(folder, settings, data, environment)
    if state is RunState.NEW:
        write_start(folder, settings, data, environment)
    return OpenRun(state, environment["identity"])


@contextmanager
def lock(folder: Path, wait: bool) -> Iterator[None]:
    """Hold a run directory. Where another process trains in it, `wait` for that one to end, or raise ValueError."""
    file = filelock.FileLock(folder / rundir.LOCK)
    try:
        held = file.acquire(timeout=0)
    except filelock.Timeout:
        if not wait:
            raise ValueError(
                f"Another process is training in {folder}. Wait for it, or choose another hydra.run.dir."
            ) from None
        console.note(f"Another process is training in {folder}: waiting for it.")
        held = file.acquire()
    with held:
        yield


def discard(folder: Path) -> None:
    """Remove a run directory that holds nothing but its lock."""
    if all(path.name == rundir.LOCK for path in folder.iterdir()):
        (folder / rundir.LOCK).unlink(missing_ok=True)
        folder.rmdir()


def run_state(folder: Path, settings: Mapping[str, Any], data: GenreData, environment: Mapping[str, Any]) -> RunState:
    """Find out what the directory holds of this very run.

    Where the data or the source code has changed since, say what changed, remove what was trained, and start anew.
    Raises ValueError where the directory holds a run with other settings.
    """
    if not (folder / rundir.ENVIRONMENT).exists():
        return RunState.NEW
    run, identity = rundir.RunDir(folder), environment["identity"]
    before = run.environment["identity"]
    if before["config"] != identity["config"]:
        different = changes.settings(run.config, settings)
        raise ValueError(f"{folder} holds a run with other settings ({different}). Choose another hydra.run.dir.")
    if before == identity:
        if (folder / rundir.METRICS).exists():
            return RunState.FINISHED
        return RunState.PARTIAL if (folder / rundir.LAST).exists() else RunState.NEW
    changed = []
    if before["data"] != identity["data"]:
        try:
            changed.append(f"the data changed ({changes.clips(run.split, split_rows(data))})")
        except ValueError:  # killed while its split.csv was written
            changed.append("the data changed")
    if before["source"] != identity["source"]:
        files = changes.files(run.environment.get("source"), environment["source"])
        changed.append(f"the source changed ({files})" if files else "the source changed")
    console.note(f"{folder}: {' and '.join(changed)} since it was trained, so it is trained again.")
    for name in TRAINED:
        (folder / name).unlink(missing_ok=True)
    return RunState.NEW
