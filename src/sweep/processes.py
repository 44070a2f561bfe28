"""Jobs of a sweep in separate processes (conf/launcher): their log files and a check of their working directory."""

import os
import sys
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

LOG = "log.txt"  # in the run directory: all output of a job that ran in a separate process
# Ray forwards the output of jobs. By default it drops lines that two jobs have in common, and colours output to pipes.
os.environ.setdefault("RAY_DEDUP_LOGS", "0")
os.environ.setdefault("RAY_COLOR_PREFIX", "0")


class Log(Callback):
    """Append all output of a job to log.txt in its run directory; otherwise the output of parallel jobs would be mixed.

    The file replaces the standard streams of the process until the job ends, so the output of libraries and
    subprocesses goes there too.
    """

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        self.original_streams = os.dup(1), os.dup(2)
        file = os.open(Path(config.hydra.runtime.output_dir) / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        _redirect(file, file)
        os.close(file)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        _redirect(*self.original_streams)
        for stream in self.original_streams:
            os.close(stream)


def _redirect(stdout: int, stderr: int) -> None:
    """Redirect standard output and standard error to two open file descriptors."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)


def check_working_folder(sweep_folder: str) -> None:
    """Raise ValueError if a job does not run in the folder where its sweep was started: relative paths would differ."""
    if Path(sweep_folder) != Path.cwd():
        raise ValueError(
            f"The job runs in {Path.cwd()}, expected {sweep_folder}, where the sweep was started, as paths are relative "
            "to it. Start the cluster's processes in that folder: run `ray start` there on every node."
        )
