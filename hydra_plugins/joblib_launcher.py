"""Launcher of conf/launcher/joblib.yaml. Hydra finds launchers only in packages named hydra_plugins."""

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from hydra.core.utils import JobReturn, JobStatus

try:
    from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher
except ImportError:  # an optional package; conf/launcher/joblib.yaml explains how to install it
    pass
else:

    class Joblib(JoblibLauncher):  # type: ignore[misc]  # comes without types
        """Run jobs in parallel. If a worker is killed (e.g. out of memory), only its own job fails.

        When a worker dies, joblib ends all workers and does not report which one died. The jobs that were training at
        that moment are therefore rerun after all others, one at a time. A job counts as failed if its process dies
        while no other job is training.
        """

        def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
            from src import console, formatting  # imported here, since Hydra imports this file for every --help
            from src.sweep import jobs, names

            self.joblib |= {"initializer": _exit_with_sweep, "initargs": (os.getpid(),)}
            notes_folder = names.notes_folder(self.config)
            overrides = dict(enumerate(job_overrides, start=initial_job_idx))
            returned: dict[int, JobReturn] = {}
            batches = [list(overrides)]  # each batch is a list of consecutive job numbers that run in one pool
            while batches:
                batch = batches.pop(0)
                try:
                    returned |= zip(batch, super().launch([overrides[k] for k in batch], batch[0]), strict=True)
                    continue
                except BrokenProcessPool:
                    started_jobs = {job.number: job for job in jobs.read(notes_folder) if job.number in batch}
                    interrupted = [job for job in started_jobs.values() if not job.ended]
                    if not interrupted:
                        raise  # no job had started, so another attempt would fail in the same way
                if len(interrupted) > 1:
                    labels = formatting.first_names([job.label for job in interrupted], 4)
                    console.note(
                        "The process of a job died. The jobs that were training are rerun at the end, one at a time: "
                        f"{labels}."
                    )
                for job in interrupted:
                    only_one = len(interrupted) == 1
                    started_jobs[job.number] = jobs.crashed(job) if only_one else replace(job, state=jobs.WAITING)
                    jobs.write(notes_folder, started_jobs[job.number])
                returned |= {k: _job_return(overrides[k], job.outcome) for k, job in started_jobs.items() if job.ended}
                not_started = [k for k in batch if k > max(started_jobs)]
                one_by_one = [[k] for k in batch if k not in returned and k not in not_started]
                batches = [*([not_started] if not_started else []), *batches, *one_by_one]
            return [returned[k] for k in overrides]


def _job_return(overrides: Sequence[str], outcome: object) -> JobReturn:
    """Build the return value of a job whose process died before returning it."""
    job_return = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    job_return.return_value = outcome
    return job_return


def _exit_with_sweep(sweep_pid: int) -> None:
    """Start a thread that ends this worker process when the process of the sweep has ended, even if it was killed.

    Otherwise the worker would continue training and then wait forever.
    """

    def watch() -> None:
        while os.getppid() == sweep_pid:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
