"""What is said of a sweep before, during and after its jobs: the callback of conf/train.yaml."""

import atexit
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import filelock
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from src import console, formatting
from src.sweep import jobs, names

if TYPE_CHECKING:
    from rich.live import Live

MANY = 20  # jobs, of which the first begins noticeably late


class Jobs(Callback):
    """Every sweep: how many jobs there are, how far they are and how long the rest will take; at the end one table.

    Jobs may run in other processes, in copies of this object. What they share is the folder of notes, a file a job.
    """

    def __init__(self) -> None:
        self.notes_folder: Path | None = None  # None: no sweep
        self.labels: list[str] = []
        self.given: list[str] = []  # the words of a search, of which each trial makes its own; else none
        self.began = self.job_began = 0.0
        self.away = False  # in a process of its job's own, whose words go into a file
        self.lock: filelock.BaseFileLock | None = None
        self.live: Live | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {
            **self.__dict__,
            "away": True,
            "lock": None,
            "live": None,
        }  # what stays with the process that runs the sweep

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Say how many jobs there are, and show them. Ends the program where that cannot be, as where another process runs
        this very sweep."""
        folder, noted = Path(config.hydra.sweep.dir), names.notes_folder(config)
        try:
            self.labels = names.job_labels(config)
            self.given = list(config.hydra.overrides.task) if names.is_search(config) else []
            noted.mkdir(parents=True, exist_ok=True)
        except (HydraException, OmegaConfBaseException, OSError):
            return  # the sweeper meets the same error next, and Hydra would turn ours into a warning
        several = [word for word in config.hydra.overrides.task if re.fullmatch(r"sweep=\w+(,\w+)+", word)]
        if several:
            presets = several[0].removeprefix("sweep=")
            _refuse(f"sweep={presets}: presets combine in brackets, sweep=[{presets}].")
        self.notes_folder, self.began = noted, time.time()
        self.lock = filelock.FileLock(noted / ".lock", timeout=0, is_singleton=True)
        try:
            self.lock.acquire()
        except filelock.Timeout:
            _refuse(
                f"Another process runs this very sweep in {console.relative_path(folder)}. Wait for it, or choose another folder "
                "with hydra.sweep.dir=."
            )
        jobs.clear(self.notes_folder)
        atexit.register(self._tell, config, complete=False)  # an interrupted sweep, or a launcher that broke, ends here
        many = formatting.count(len(self.labels), "job") if self.labels else "Jobs, as many as the sweeper asks for,"
        # Hydra composes each before the first begins, which takes it up to half a second a job.
        first = " The settings of all are checked first." if len(self.labels) > MANY else ""
        console.note(f"{many} in {console.relative_path(folder)}: what is finished there is skipped.{first}")
        if console.stderr.is_terminal and self.labels:
            self._show()

    def _show(self) -> None:
        from rich.live import Live

        self.live = Live(
            get_renderable=lambda: jobs.live_table(self._noted(), self.labels, time.time() - self.began),
            console=console.stderr,
            refresh_per_second=1,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # results that go into a file shall arrive there
        )
        self.live.start()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        if self.notes_folder is not None:
            self.job_began, job = time.time(), self._job(config, jobs.TRAINING)
            jobs.write(self.notes_folder, job)
            self._say(f"Job {job.number + 1}{f' of {len(self.labels)}' if self.labels else ''}: {job.label}")

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Note how the job ended, and say it where no table shows it."""
        if self.notes_folder is None or job_return.status != JobStatus.COMPLETED:
            return
        ended: jobs.Outcome = job_return.return_value
        seconds = round(time.time() - self.job_began, 3)
        job = self._job(config, ended.state, seconds=seconds, f1_macro=ended.f1_macro, reason=ended.reason)
        jobs.write(self.notes_folder, job)
        far = f" {jobs.progress(self._noted(), len(self.labels), time.time() - self.began)}." if self.labels else ""
        self._say(f"Job {job.number + 1}: {jobs.describe(job, with_reason=self.away)}.{far}")

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Print the table of all jobs, why some failed, and one line. Ends the program with 1 where one failed."""
        if self.notes_folder is None:
            return
        atexit.unregister(self._tell)
        failed = self._tell(config, complete=True)
        if self.lock is not None:
            self.lock.release()
        if failed:
            sys.exit(1)

    def _tell(self, config: DictConfig, complete: bool) -> bool:
        """Say what became of all jobs of a sweep that ended as a whole (`complete`), or broke off -> whether one failed."""
        if self.live is not None:
            self.live.stop()
        folder, noted = console.relative_path(Path(config.hydra.sweep.dir)), self._noted()
        if not noted and not complete:
            return False  # it was refused before its first job, and said why
        done = jobs.with_final_states(
            noted, [] if complete and self.given else self.labels, complete
        )  # a grid may be smaller
        console.result(jobs.table(done, f"Jobs of {folder}"))
        failed = jobs.failure_messages(done)
        for reason in failed:
            print(reason)
        others = _others(folder, {job.folder for job in done})
        if others:
            print(f"{folder} also holds {formatting.count(others, 'run')} of other commands or of earlier settings.")
        advice = "The same command runs again what failed. " if failed else ""
        advice = advice if complete else "The same command goes on. "
        print(f"{jobs.summary(done)}. {advice}".rstrip())
        print(f"All tables: python -m src.report {folder}")
        if jobs.differ_in_settings(done):
            print(f"Which is better, and how surely: python -m src.compare {folder}")
        return bool(failed)

    def _say(self, text: str) -> None:
        """A line where no table shows the same."""
        if not (console.stderr.is_terminal and self.labels):
            console.note(text)

    def _noted(self) -> list[jobs.Job]:
        assert self.notes_folder is not None
        return jobs.read(self.notes_folder)

    def _job(self, config: DictConfig, state: str, **known: Any) -> jobs.Job:
        number, folder = int(config.hydra.job.num), Path(config.hydra.runtime.output_dir).name
        label = self.labels[number] if number < len(self.labels) else ""
        label = names.trial_label(self.given, config.hydra.overrides.task) if self.given else label
        return jobs.Job(number, label or folder, folder, state, **known)


def _refuse(message: str) -> NoReturn:
    console.note(f"train: {message}")
    sys.exit(1)  # Hydra turns what a callback raises into a warning


def _others(folder: Path, own: set[str]) -> int:
    """How many finished runs in a folder are of no job of this sweep."""
    from src import rundir

    return sum(run.path.name not in own and (run.path / rundir.METRICS).exists() for run in rundir.find(folder))
