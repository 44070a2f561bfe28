"""Jobs of a sweep in processes of their own (conf/launcher): how many, where they talk, and what can go wrong there."""

import os
import re
import sys
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

LOG = "log.txt"  # in the run directory of a job that ran beside others: all that it said
# Hydra's plugin -> the word that asks for it, whose second half names the extra that brings it.
EXTRAS = {
    "joblib": "launcher=joblib",
    "submitit_slurm": "launcher=slurm",
    "ray": "launcher=ray",
    "optuna": "sweep=optuna",
}
LIBRARIES = ("joblib", "submitit", "ray")  # whose errors tell of a job's process, not of our code in it

# Ray passes on what jobs say, of which it would leave out lines that two jobs have in common; and it colours pipes too.
os.environ.setdefault("RAY_DEDUP_LOGS", "0")
os.environ.setdefault("RAY_COLOR_PREFIX", "0")


class Log(Callback):
    """What a job says goes into its folder's log.txt, since jobs at once would talk across one another.

    The file takes the place of the process's own streams, so libraries and programs that a job starts write there too.
    """

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        self.kept = os.dup(1), os.dup(2)
        file = os.open(Path(config.hydra.runtime.output_dir) / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        _redirect(file, file)
        os.close(file)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        _redirect(*self.kept)
        for stream in self.kept:
            os.close(stream)


def _redirect(out: int, err: int) -> None:
    """Have standard output and standard error go to open files from now on."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(out, 1)
    os.dup2(err, 2)


def at_once(threads: int) -> int:
    """How many jobs of so many threads the cores hold, at least one. A container's share of the cores is respected."""
    from joblib import cpu_count

    return max(1, int(cpu_count()) // threads)


def check(started: str) -> None:
    """Raise ValueError where a job runs in another folder than its sweep was `started` in: relative paths would differ."""
    if Path(started) != Path.cwd():
        raise ValueError(
            f"The job runs in {Path.cwd()}, expected {started}, where the sweep was started and paths begin. Start the "
            "cluster's processes there: `ray start` in that folder, on every node."
        )


def explain_missing(message: str) -> str | None:
    """What to do where Hydra has no such launcher or sweeper; None where that is not what it says."""
    plugin = re.search(r"Could not find 'hydra/(?:launcher|sweeper)/(\w+)'", message)
    word = EXTRAS.get(plugin.group(1)) if plugin else None
    return f"{word} needs its extra: make extra-{word.partition('=')[2]}" if word else None


def explain(error: BaseException) -> str | None:
    """What to do where a job could not be started, or its process died; None on any other error."""
    if '"srun"' in str(error):
        return (
            "launcher=slurm needs Slurm's commands, srun and sbatch, and this machine has none. Give the command on the "
            "cluster, or choose launcher=joblib."
        )
    library = type(error).__module__.partition(".")[0]
    if library not in LIBRARIES:
        return None
    first = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    advice = (
        "The other jobs stay queued and go on: wait until squeue shows none of them, then give the same command."
        if library == "submitit"
        else "Where memory ran out, let fewer jobs run at once. What is finished is kept; the same command goes on."
    )
    return f"The process of a job died ({type(error).__name__}: {first}). {advice}"


OmegaConf.register_new_resolver("jobs_at_once", at_once, replace=True)
