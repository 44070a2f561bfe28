"""States of a sweep's jobs, and tables of them. A job in any process writes its state to a JSON file, its note."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from src import formatting, plain_files, rundir

TRAINING = "training"
END_STATES = ("run", "resumed", "skipped", "failed")
STOPPED, WAITING = "stopped", "waiting"  # interrupted while training; not started yet
UNFINISHED_REASONS = {
    TRAINING: "Its training has not ended: the sweep is still running, or was killed.",
    STOPPED: "The sweep was interrupted while it was training.",
    WAITING: "Not reached by the sweep, which is still running or was stopped before.",
}
NOTES = ".jobs"  # in a sweep's folder: a folder of notes for each command
PLAN = "plan"  # beside the notes of a command: the command and the labels of all its jobs, for a sweep that is killed
CRASH_REASON = "Its process ended without an error message. It may have been killed, or have run out of memory."
LIVE_ROWS = (6, 3)  # rows of the live table for the jobs that ended last, and for the jobs that start next


@dataclass(frozen=True)
class Outcome:
    """Result of a job. `state` is one of END_STATES.

    "run": trained from the start; "resumed": trained from its last checkpoint; "skipped": was already finished;
    "failed".
    """

    state: str
    reason: str = ""  # error message of a failed job
    f1_macro: float | None = None  # on the validation set
    repeats: bool = False  # a failed job: the same command fails in the same way again

    def __float__(self) -> float:
        """Return the score that sweep=optuna maximizes. Raises ValueError for a failed job."""
        if self.f1_macro is None:
            raise ValueError(self.reason)
        return self.f1_macro


@dataclass(frozen=True)
class Job:
    """One job of a sweep: its number from 0, the settings in which it differs ("fold=0 model=rnn"), and its state.

    `folder` is the name of its run directory in the sweep's folder; "" before the job starts. `command` repeats it.
    """

    number: int
    label: str
    folder: str
    state: str
    seconds: float = 0.0
    f1_macro: float | None = None  # on the validation set
    reason: str = ""  # error message of a failed job
    command: str = ""
    repeats: bool = False  # of its Outcome

    @property
    def ended(self) -> bool:
        return self.state in END_STATES

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.state, self.reason, self.f1_macro, self.repeats)


def write(folder: Path, job: Job) -> None:
    """Write the note of a job into the notes folder, which is created if needed. Replaces its earlier note."""
    folder.mkdir(parents=True, exist_ok=True)
    plain_files.write_text(folder / f"{job.number}.json", json.dumps(asdict(job)))


def read(folder: Path) -> list[Job]:
    """Read the notes of all jobs in the notes folder, in order of their numbers."""
    notes = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json"))
    return sorted((Job(**note) for note in notes), key=lambda job: job.number)


def write_plan(folder: Path, command: str, labels: Sequence[str]) -> None:
    """Write the command of a sweep and the labels of its jobs into the notes folder."""
    plain_files.write_text(folder / PLAN, json.dumps({"command": command, "labels": list(labels)}))


def _never_started(notes: Path) -> list[Job]:
    """The jobs of a sweep's plan that have no note: its process was killed before they started. Empty without a plan."""
    try:
        plan = json.loads((notes / PLAN).read_text(encoding="utf-8"))
        labels, command = [str(label) for label in plan["labels"]], str(plan["command"])
    except (OSError, ValueError, TypeError, KeyError):
        return []
    noted = {note.stem for note in notes.glob("*.json")}
    return [Job(k, label, "", WAITING, command=command) for k, label in enumerate(labels) if str(k) not in noted]


def unfinished(path: Path) -> list[dict[str, Any]]:
    """Label, state, reason, command, folder and repeats of each job without a result, from the notes of a sweep or a folder of sweeps.

    The state is "failed", "not finished" or "not started". A job that another command has finished since then is left out.
    """
    listed = []
    for note in sorted([*path.glob(f"{NOTES}/*/*.json"), *path.glob(f"*/{NOTES}/*/*.json")], key=_note_order):
        sweep = note.parents[2]
        try:
            job = Job(**json.loads(note.read_text(encoding="utf-8")))
            ends = job.state in END_STATES and job.state != "failed"
            if ends or (job.folder and (sweep / job.folder / rundir.METRICS).exists()):
                continue
        except (OSError, ValueError, TypeError) as error:
            job = Job(0, note.name, "", "failed", reason=f"{note} is not the note of a job ({error}).")
        listed.append(_entry(job, sweep, path))
    for notes in sorted([*path.glob(f"{NOTES}/*/"), *path.glob(f"*/{NOTES}/*/")]):
        listed += [_entry(job, notes.parents[1], path) for job in _never_started(notes)]
    return listed


def _entry(job: Job, sweep: Path, path: Path) -> dict[str, Any]:
    """One job for the list of `unfinished`; `path` is the folder that the list is about."""
    state = {"failed": "failed", WAITING: "not started"}.get(job.state, "not finished")
    return {
        "label": job.label if sweep == path else f"{sweep.name}: {job.label}",
        "state": state,
        "reason": job.reason or UNFINISHED_REASONS.get(job.state, ""),
        "command": job.command,
        "folder": job.folder,
        "repeats": job.repeats,
    }


def _note_order(note: Path) -> tuple[str, int, str]:
    """Sort key of a note: its sweep, then its number."""
    return str(note.parent), int(note.stem) if note.stem.isdecimal() else -1, note.name


def clear(folder: Path) -> None:
    """Delete all notes in the notes folder."""
    for path in folder.glob("*.json"):
        path.unlink()


def with_final_states(jobs: Sequence[Job], labels: Sequence[str], complete: bool = True) -> list[Job]:
    """Return all jobs of a sweep that has ended, including those without a note.

    If the sweep is `complete`, jobs that did not end or never started count as failed. If it was interrupted, they
    count as stopped or waiting.
    """
    noted = {job.number: job for job in jobs}
    all_jobs = [noted.get(number) or Job(number, label, "", WAITING) for number, label in enumerate(labels)]
    all_jobs += [job for number, job in sorted(noted.items()) if number >= len(labels)]
    return [job if job.ended else _final_state(job, complete) for job in all_jobs]


def _final_state(job: Job, complete: bool) -> Job:
    if job.state == WAITING:
        return replace(job, state="failed", reason="It was never started.") if complete else job
    return crashed(job) if complete else replace(job, state=STOPPED)


def crashed(job: Job) -> Job:
    """Return the job as failed, with the reason that its process died."""
    return replace(job, state="failed", reason=CRASH_REASON)


def estimate_seconds_left(jobs: Sequence[Job], total: int, elapsed: float) -> float | None:
    """Estimate the remaining seconds from the mean time of the trained jobs; None until one was trained.

    `total` is the number of jobs; `elapsed` is the number of seconds since the sweep started. The mean is over jobs
    that were trained from the start; over resumed jobs only if there are no others. If several jobs run at once, the
    sum of their seconds exceeds `elapsed`: the estimate is divided by that ratio.
    """
    ended = [job for job in jobs if job.ended]
    durations = [job.seconds for job in ended if job.state == "run"]
    durations = durations or [job.seconds for job in ended if job.state == "resumed"]
    total_seconds = sum(job.seconds for job in ended)
    if not durations or not total_seconds:
        return None
    jobs_at_once = max(1.0, total_seconds / elapsed)
    return (total - len(ended)) * sum(durations) / len(durations) / jobs_at_once


def progress(jobs: Sequence[Job], total: int, elapsed: float) -> str:
    """Describe the progress: "5 of 12 jobs are done, 7 left: about 3 min 20 s"; no time before a job was trained."""
    done = sum(job.ended for job in jobs)
    seconds_left = estimate_seconds_left(jobs, total, elapsed)
    if done == total:
        return f"All {formatting.count(total, 'job')} are done" if total > 1 else "The job is done"
    text = f"{done} of {formatting.count(total, 'job')} {'is' if done == 1 else 'are'} done, {total - done} left"
    return text if seconds_left is None else f"{text}: about {formatting.duration(seconds_left)}"


def describe(job: Job, with_reason: bool = False) -> str:
    """Describe how a job ended: "model=rnn: run in 12.3 s, validation macro F1 61.2 %" or "model=rnn: failed".

    `with_reason` adds the error message, for processes whose own output the user does not see.
    """
    if job.state == "failed":
        return f"{job.label}: failed{f': {job.reason}' if with_reason else ''}".removesuffix(".")
    skipped = job.state == "skipped"
    ending = "skipped, already finished" if skipped else f"{job.state} in {formatting.duration(job.seconds)}"
    return f"{job.label}: {ending}, validation macro F1 {formatting.cell(job.f1_macro)} %"


def summary(jobs: Sequence[Job]) -> str:
    """Count the states: "12 jobs: 8 run, 1 resumed, 2 skipped, 1 failed"; plus "3 not finished" if interrupted."""
    counts = [f"{sum(job.state == state for job in jobs)} {state}" for state in END_STATES]
    unfinished = sum(not job.ended for job in jobs)
    counts += [f"{unfinished} not finished"] if unfinished else []
    return f"{formatting.count(len(jobs), 'job')}: {', '.join(counts)}"


def differ_in_settings(jobs: Sequence[Job]) -> bool:
    """True if the labels of the jobs differ in more than seed and fold."""
    return len({re.sub(r"\b(fold|seed)=\S+", "", job.label).strip() for job in jobs}) > 1


def failure_messages(jobs: Sequence[Job]) -> list[str]:
    """List each error once: "Failed: fold=0 model=rnn, and 2 more: model.layers is 0: expected 1 or more." """
    labels_by_reason: dict[str, list[str]] = {}
    for job in jobs:
        if job.state == "failed":
            labels_by_reason.setdefault(job.reason, []).append(job.label)
    more = {reason: f", and {len(labels) - 1} more" for reason, labels in labels_by_reason.items() if len(labels) > 1}
    return [f"Failed: {labels[0]}{more.get(reason, '')}: {reason}" for reason, labels in labels_by_reason.items()]


def advice(jobs: Sequence[Job]) -> str:
    """What to do about failed jobs, with a space at the end; "" if there are none."""
    failed = [job for job in jobs if job.state == "failed"]
    if failed and all(job.repeats for job in failed):
        return "The failed jobs fail in the same way again: change the settings that the messages name. "
    return "Run the same command again to rerun the failed jobs. " if failed else ""


def table(jobs: Sequence[Job], title: str) -> Table:
    """Build a table with one row per job."""
    table = Table(title=escape(title), title_justify="left")
    table.add_column("job")
    table.add_column("state")
    for heading in ("validation macro F1 %", "time"):
        table.add_column(heading, justify="right")
    for job in jobs:
        score = "" if job.f1_macro is None else formatting.cell(job.f1_macro)
        time = formatting.duration(job.seconds) if job.ended else ""
        table.add_row(escape(job.label), job.state, score, time)
    return table


def live_table(jobs: Sequence[Job], labels: Sequence[str], elapsed: float) -> Table:
    """Build the table of a running sweep: the jobs that ended last, those that are training, and the next ones."""
    started = {job.number for job in jobs}
    ended = [job for job in jobs if job.ended][-LIVE_ROWS[0] :]
    training = [job for job in jobs if not job.ended]
    waiting = [Job(k, label, "", WAITING) for k, label in enumerate(labels) if k not in started][: LIVE_ROWS[1]]
    live = table([*ended, *training, *waiting], progress(jobs, len(labels), elapsed))
    live.caption, live.caption_justify = escape("\n".join(failure_messages(jobs))), "left"
    return live
