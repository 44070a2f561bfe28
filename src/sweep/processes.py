"""Jobs of a sweep in processes of their own (conf/launcher): how many, where they talk, and what can go wrong there."""

import os
import sys
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

LOG = "log.txt"  # in the run directory of a job that ran beside others: all that it said
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


def check_working_folder(started: str) -> None:
    """Raise ValueError where a job runs in another folder than its sweep was `started` in: relative paths would differ."""
    if Path(started) != Path.cwd():
        raise ValueError(
            f"The job runs in {Path.cwd()}, expected {started}, where the sweep was started and paths begin. Start the "
            "cluster's processes there: `ray start` in that folder, on every node."
        )
