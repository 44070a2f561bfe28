"""Progress of a sweep: messages and tables before, during and after its jobs. Hydra callback of conf/train.yaml."""

import atexit
import re
import shlex
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import filelock
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src import console, formatting, plain_files
from src.sweep import jobs, names
from src.training import ranks

if TYPE_CHECKING:
    from rich.live import Live

MANY_JOBS = 20  # with more jobs, the delay before the first one is noticeable


class Jobs(Callback):
    """Print the number of jobs, their progress and the remaining time of every sweep, and a table at its end.

    Jobs may run in other processes, with pickled copies of this object. The copies share only the notes folder: one
    JSON file per job, with its state (see `jobs`).
    """

    def __init__(self, swept_keys: str = "") -> None:
        self.notes_folder: Path | None = None  # None: not a sweep
        self.labels: list[str] = []
        # The command of a search, which adds the values that it chooses in each trial; empty for other sweeps.
        self.search_overrides: list[str] = []
        self.command = ""  # of the sweep
        self.start_time = self.job_start_time = 0.0
        self.in_job_process = False  # the job runs in a process of its own, whose output goes to a file
        self.lock: filelock.BaseFileLock | None = None
        self.live: Live | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle for a job's process; the lock and the live table stay in the process of the sweep."""
        return {**self.__dict__, "in_job_process": True, "lock": None, "live": None}

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Print the number of jobs and show the live table.

        Locks the notes folder and deletes the notes of an earlier run of the sweep. Exits with status 1 if the sweep
        cannot run, e.g. because another process is already running it.
        """
        folder, notes_folder = Path(config.hydra.sweep.dir), names.notes_folder(config)
        try:
            # Resolved here, where the overrides are those of the sweep: its jobs get the stored value.
            OmegaConf.select(config, "hydra.callbacks.jobs.swept_keys")
            self.labels = names.job_labels(config)
            self.search_overrides = list(config.hydra.overrides.task) if names.is_search(config) else []
            self.command = shlex.join(["python", "-m", "src.train", "--multirun", *config.hydra.overrides.task])
            notes_folder.mkdir(parents=True, exist_ok=True)
        except (HydraException, OmegaConfBaseException, OSError):
            return  # the sweeper raises the same error next; an error raised here would become a warning of Hydra
        preset_lists = [text for text in config.hydra.overrides.task if re.fullmatch(r"sweep=\w+(,\w+)+", text)]
        if preset_lists:
            presets = preset_lists[0].removeprefix("sweep=")
            _refuse(f"sweep={presets}: combine presets with brackets: sweep=[{presets}].")
        # Not in each job, whose messages would be the same.
        if any(OmegaConf.select(config, f"trainer.{key}", default=1) not in (0, 1) for key in ("devices", "num_nodes")):
            _refuse(f"{ranks.describe(config)}: {ranks.NOT_IN_SWEEPS}")
        self.notes_folder, self.start_time = notes_folder, time.time()
        self.lock = filelock.FileLock(notes_folder / ".lock", timeout=0, is_singleton=True)
        try:
            self.lock.acquire()
        except filelock.Timeout:
            _refuse(
                f"Another process is already running this sweep in {console.relative_path(folder)}. Wait for it, or "
                "choose another folder with hydra.sweep.dir=FOLDER."
            )
        jobs.clear(self.notes_folder)
        with suppress(OSError, ValueError):  # on a full disk, the first job says so
            # A search may end before its last trial.
            jobs.write_plan(self.notes_folder, self.command, [] if self.search_overrides else self.labels)
        # Called at exit if the sweep is interrupted or its launcher fails.
        atexit.register(self._print_summary, config, complete=False)
        job_count = (
            formatting.count(len(self.labels), "job") if self.labels else "A search with an unknown number of jobs"
        )
        # Hydra composes the configs of all jobs before the first job starts, up to half a second for each.
        delay = " The settings of all jobs are checked first." if len(self.labels) > MANY_JOBS else ""
        console.note(f"{job_count} in {console.relative_path(folder)}. Finished jobs are skipped.{delay}")
        if console.stderr.is_terminal and self.labels:
            self._show_live_table()

    def _show_live_table(self) -> None:
        from rich.live import Live

        self.live = Live(
            get_renderable=lambda: jobs.live_table(self._read_jobs(), self.labels, time.time() - self.start_time),
            console=console.stderr,
            refresh_per_second=1,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # results that the user sends to a file must reach that file
        )
        self.live.start()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Write a note that the job is training, and print its label unless the live table shows it."""
        if self.notes_folder is not None:
            self.job_start_time, job = time.time(), self._build_job(config, jobs.TRAINING)
            jobs.write(self.notes_folder, job)
            self._print_unless_live(
                f"Job {job.number + 1}{f' of {len(self.labels)}' if self.labels else ''}: {job.label}"
            )

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Write the final state of the job into its note, and print it unless the live table shows it."""
        if self.notes_folder is None or job_return.status != JobStatus.COMPLETED:
            return
        outcome: jobs.Outcome = job_return.return_value
        seconds = round(time.time() - self.job_start_time, 3)
        ending = {"f1_macro": outcome.f1_macro, "reason": outcome.reason, "repeats": outcome.repeats}
        job = self._build_job(config, outcome.state, seconds=seconds, **ending)
        jobs.write(self.notes_folder, job)
        elapsed = time.time() - self.start_time
        progress = f" {jobs.progress(self._read_jobs(), len(self.labels), elapsed)}." if self.labels else ""
        self._print_unless_live(
            f"Job {job.number + 1}: {jobs.describe(job, with_reason=self.in_job_process)}.{progress}"
        )

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Print the table of all jobs and the errors, write the sweep's page, and unlock the notes folder.

        Exits with status 1 if a job failed.
        """
        if self.notes_folder is None:
            return
        atexit.unregister(self._print_summary)
        failed = self._print_summary(config, complete=True)
        write_page(console.relative_path(Path(config.hydra.sweep.dir)))
        if self.lock is not None:
            self.lock.release()
        if failed:
            sys.exit(1)

    def _print_summary(self, config: DictConfig, complete: bool) -> bool:
        """Print the table of all jobs, the error messages and the next commands. Returns True if a job failed.

        `complete` is False if the sweep was interrupted or its launcher failed.
        """
        if self.live is not None:
            self.live.stop()
        folder, noted_jobs = console.relative_path(Path(config.hydra.sweep.dir)), self._read_jobs()
        if not noted_jobs and not complete:
            return False  # refused before its first job, with a message
        # A complete search may have had fewer trials than its labels, e.g. all points of a small grid.
        labels = [] if complete and self.search_overrides else self.labels
        all_jobs = jobs.with_final_states(noted_jobs, labels, complete)
        for job in all_jobs:
            if job not in noted_jobs:  # its process wrote no end, or it never started
                self._note_end(job)
        console.result(jobs.table(all_jobs, f"Jobs of {folder}"))
        failure_messages = jobs.failure_messages(all_jobs)
        for message in failure_messages:
            console.line(message)
        others = _count_other_runs(folder, {job.folder for job in all_jobs})
        if others:
            console.line(
                f"{folder} also contains {formatting.count(others, 'run')} of other commands or earlier settings."
            )
        advice = jobs.advice(all_jobs)
        advice = advice if complete else "Run the same command again to continue. "
        console.line(f"{jobs.summary(all_jobs)}. {advice}".rstrip())
        if not complete:
            console.line(f"All tables: python -m src.report {folder}")
        if jobs.differ_in_settings(all_jobs):
            console.line(f"Compare the runs, with confidence intervals: python -m src.compare {folder}")
        return bool(failure_messages)

    def _note_end(self, job: jobs.Job) -> None:
        """Write the final state of a job that could not write it; a full disk at the end of a sweep is no error."""
        assert self.notes_folder is not None
        with suppress(OSError, ValueError):
            jobs.write(self.notes_folder, replace(job, command=job.command or self.command))

    def _print_unless_live(self, text: str) -> None:
        """Print a message unless the live table shows the same."""
        if not (console.stderr.is_terminal and self.labels):
            console.note(text)

    def _read_jobs(self) -> list[jobs.Job]:
        assert self.notes_folder is not None
        return jobs.read(self.notes_folder)

    def _build_job(self, config: DictConfig, state: str, **fields: Any) -> jobs.Job:
        number, folder = int(config.hydra.job.num), Path(config.hydra.runtime.output_dir).name
        label = self.labels[number] if number < len(self.labels) else ""
        if self.search_overrides:
            label = names.trial_label(self.search_overrides, config.hydra.overrides.task)
        words = [word for word in config.hydra.overrides.task if not word.startswith("launcher=")]
        run_dir = f"hydra.run.dir={console.relative_path(Path(config.hydra.runtime.output_dir))}"
        command = shlex.join(["python", "-m", "src.train", *words, "hydra.mode=RUN", run_dir])
        return jobs.Job(number, label or folder, folder, state, command=command, **fields)


def write_page(folder: Path) -> None:
    """Write report.html of a sweep, and print where it is. A failure prints a note only: the results are in the runs."""
    from src.reporting import sweep_page

    try:
        page = sweep_page.write(folder, jobs.unfinished(folder))
    except Exception as error:
        reason = plain_files.no_room(error) or f"{type(error).__name__}: {plain_files.first_line(error)}"
        console.note(
            f"Note: the page of the sweep could not be written ({reason}). To try again: python -m src.report {folder}"
        )
        return
    console.line(f"{folder}: the report is {page}")


def _refuse(message: str) -> NoReturn:
    """Print an error message and exit with status 1. Hydra would turn an exception in a callback into a warning."""
    console.note(f"train: {message}")
    sys.exit(1)


def _count_other_runs(folder: Path, own_folders: set[str]) -> int:
    """Count the finished runs in the folder that belong to no job of this sweep."""
    from src import rundir

    return sum(
        run.path.name not in own_folders and (run.path / rundir.METRICS).exists()
        for run in rundir.find_runs(folder, depth=1)  # below them are evaluations
    )
