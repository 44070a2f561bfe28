"""The launcher behind conf/launcher/joblib.yaml. Hydra takes launchers from packages of this name only."""

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from hydra.core.utils import JobReturn, JobStatus

try:
    from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher
except ImportError:  # an extra, of which conf/launcher/joblib.yaml says how to get it
    pass
else:

    class Joblib(JoblibLauncher):  # type: ignore[misc]  # comes without types
        """Jobs side by side, of which one whose process dies (out of memory, or killed) does not stop the others.

        joblib ends all processes when one dies, and does not say which it was. So the jobs that were training are set aside
        until the others have ended, and then go on one by one: the one whose process dies when it is alone has failed.
        """

        def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
            from src import console, formatting  # here, since Hydra reads this file for every --help
            from src.sweep import jobs, names  # here, since Hydra reads this file for every --help

            self.joblib |= {"initializer": _end_with, "initargs": (os.getpid(),)}
            notes = names.notes_folder(self.config)
            asked = dict(enumerate(job_overrides, start=initial_job_idx))
            ended: dict[int, JobReturn] = {}
            rounds = [list(asked)]  # of jobs whose numbers follow one another
            while rounds:
                now = rounds.pop(0)
                try:
                    ended |= zip(now, super().launch([asked[number] for number in now], now[0]), strict=True)
                    continue
                except BrokenProcessPool:
                    noted = {job.number: job for job in jobs.read(notes) if job.number in now}
                    met = [job for job in noted.values() if not job.ended]
                    if not met:
                        raise  # before any job began, as it would again
                if len(met) > 1:
                    labels = formatting.few([job.label for job in met], 4)
                    console.note(
                        f"The process of a job died. Those that were training go on at the end, alone: {labels}."
                    )
                for job in met:
                    noted[job.number] = jobs.crashed(job) if len(met) == 1 else replace(job, state=jobs.WAITING)
                    jobs.write(notes, noted[job.number])
                ended |= {number: _returned(asked[number], job.outcome) for number, job in noted.items() if job.ended}
                later = [number for number in now if number > max(noted)]
                alone = [[number] for number in now if number not in ended and number not in later]
                rounds = [*([later] if later else []), *rounds, *alone]
            return [ended[number] for number in asked]


def _returned(overrides: Sequence[str], outcome: object) -> JobReturn:
    """What is known of a job whose process did not live to return it."""
    made = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    made.return_value = outcome
    return made


def _end_with(sweep: int) -> None:
    """Have a job's process end when that of its `sweep` is gone, be it killed: it would train on, and then wait for ever."""

    def watch() -> None:
        while os.getppid() == sweep:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
