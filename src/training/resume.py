"""Resume training: determine whether the run in a directory is new, interrupted or finished."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig

from src import config as configs
from src import console, rundir
from src.data.datamodule import GenreData
from src.rundir import changes, extras, provenance
from src.training.run_writer import split_rows, write_inputs

TRAINING_OUTPUTS = (  # files that are deleted before a run is trained again
    rundir.BEST,
    rundir.LAST,
    rundir.HISTORY,
    rundir.PREDICTIONS,
    rundir.CONFUSION,
    rundir.OPINIONS,
    rundir.FINGERPRINTS,
    rundir.METRICS,
    rundir.REPORT,
)


class RunState(Enum):
    """State of a run in its directory."""

    NEW = "new"  # nothing to resume
    PARTIAL = "partial"  # has a checkpoint, from which training resumes
    FINISHED = "finished"


class OpenRun(NamedTuple):
    """State of a run, and its identity: digests of its config, data and source code."""

    state: RunState
    identity: dict[str, str]


def open_run(config: DictConfig, folder: Path, data: GenreData) -> OpenRun:
    """Determine the state of this run in its directory (see `run_state`), and write the input files of a new run.

    The input files are config.yaml, environment.json, split.csv and excluded.csv. Raises ValueError if the directory
    contains a run with other settings.
    """
    settings = configs.resolved(config)
    environment = provenance.environment(settings, data.digest, configs.rerun_command(folder), configs.choices())
    state = run_state(folder, settings, data, environment)
    if state is not RunState.FINISHED:
        extras.remove(folder)  # of an earlier training
    if state is RunState.NEW:
        write_inputs(folder, settings, data, environment)
    return OpenRun(state, environment["identity"])


def run_state(folder: Path, settings: Mapping[str, Any], data: GenreData, environment: Mapping[str, Any]) -> RunState:
    """Determine the state of this run in its directory.

    If the data or the source code has changed since it was trained, print a note about what changed, delete the
    TRAINING_OUTPUTS, and return NEW. Raises ValueError if the directory contains a run with other settings.
    """
    if not (folder / rundir.ENVIRONMENT).exists():
        return RunState.NEW
    run, identity = rundir.RunDir(folder, trust=None), environment["identity"]  # its config is only compared
    before = run.environment.get("identity")
    if before is None:
        raise ValueError(f"{folder / rundir.ENVIRONMENT} lacks identity. Choose another hydra.run.dir.")
    if before["config"] != identity["config"]:
        different = changes.settings(run.config, settings)
        raise ValueError(f"{folder} contains a run with other settings ({different}). Choose another hydra.run.dir.")
    if before == identity:
        if (folder / rundir.METRICS).exists():
            return RunState.FINISHED
        return RunState.PARTIAL if (folder / rundir.LAST).exists() else RunState.NEW
    changed = []
    if before["data"] != identity["data"]:
        try:
            changed.append(f"the data changed ({changes.clips(run.split, split_rows(data))})")
        except ValueError:  # split.csv is incomplete, as the run was killed while writing it
            changed.append("the data changed")
    if before["source"] != identity["source"]:
        files = changes.files(run.environment.get("source"), environment["source"])
        changed.append(f"the source changed ({files})" if files else "the source changed")
    console.note(f"{folder}: {' and '.join(changed)} since this run was trained, so it is trained again.")
    for name in TRAINING_OUTPUTS:
        (folder / name).unlink(missing_ok=True)
    return RunState.NEW
