"""What became of each job of a sweep: a small file a job, since jobs may run in other processes; and all as one table."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from src import formatting

TRAINING = "training"
END_STATES = ("run", "resumed", "skipped", "failed")
STOPPED, WAITING = "stopped", "waiting"  # in a sweep that ended before its jobs
CRASH_REASON = "Its process ended without a word: killed, or out of memory?"
LIVE_ROWS = (6, 3)  # rows of the live table: jobs that ended last, and jobs that come next


@dataclass(frozen=True)
class Outcome:
    """How a job ended, one of END_STATES: trained from its beginning, or from where it stopped, or finished before."""

    state: str
    reason: str = ""
    f1_macro: float | None = None  # of the validation clips

    def __float__(self) -> float:
        """What sweep=optuna raises. Raises ValueError of a failed job."""
        if self.f1_macro is None:
            raise ValueError(self.reason)
        return self.f1_macro


@dataclass(frozen=True)
class Job:
    """One job: its number in the sweep, what tells it from the others ("split.fold=0 model=rnn"), and how far it is."""

    number: int
    label: str
    folder: str
    state: str
    seconds: float = 0.0
    f1_macro: float | None = None  # of the validation clips
    reason: str = ""

    @property
    def ended(self) -> bool:
        return self.state in END_STATES

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.state, self.reason, self.f1_macro)


def write(folder: Path, job: Job) -> None:
    """Note a job in the folder of all jobs, in place of what was noted of it."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{job.number}.{os.getpid()}.part"
    part.write_text(json.dumps(asdict(job)), encoding="utf-8")
    part.replace(folder / f"{job.number}.json")


def read(folder: Path) -> list[Job]:
    """All jobs that were noted, in order."""
    noted = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json"))
    return sorted((Job(**job) for job in noted), key=lambda job: job.number)


def clear(folder: Path) -> None:
    """Forget the jobs of an earlier sweep."""
    for path in folder.glob("*.json"):
        path.unlink()


def with_final_states(jobs: Sequence[Job], labels: Sequence[str], complete: bool = True) -> list[Job]:
    """The jobs of a sweep that has ended as a whole (`complete`): those that never ended, or never began, have failed. Of one that
    broke off they were stopped, or wait for the next time."""
    noted = {job.number: job for job in jobs}
    every = [noted.get(number) or Job(number, label, "", WAITING) for number, label in enumerate(labels)]
    every += [job for number, job in sorted(noted.items()) if number >= len(labels)]
    return [job if job.ended else _left(job, complete) for job in every]


def _left(job: Job, complete: bool) -> Job:
    if job.state == WAITING:
        return replace(job, state="failed", reason="It never began.") if complete else job
    return crashed(job) if complete else replace(job, state=STOPPED)


def crashed(job: Job) -> Job:
    """A job whose process is gone."""
    return replace(job, state="failed", reason=CRASH_REASON)


def estimate_seconds_left(jobs: Sequence[Job], total: int, elapsed: float) -> float | None:
    """How long the jobs take that have not ended, judged by those that were trained; None before the first of these.

    Where several run at once, `elapsed` is less than the sum of their seconds, and so much faster the rest will be.
    """
    ended = [job for job in jobs if job.ended]
    whole = [job.seconds for job in ended if job.state == "run"] or [j.seconds for j in ended if j.state == "resumed"]
    busy = sum(job.seconds for job in ended)
    if not whole or not busy:
        return None
    at_once = max(1.0, busy / elapsed)
    return (total - len(ended)) * sum(whole) / len(whole) / at_once


def progress(jobs: Sequence[Job], total: int, elapsed: float) -> str:
    """ "5 of 12 jobs are done, 7 are left: about 3 min 20 s"; the time from the first that was trained on."""
    done = sum(job.ended for job in jobs)
    left = estimate_seconds_left(jobs, total, elapsed)
    if done == total:
        return f"All {formatting.count(total, 'job')} are done" if total > 1 else "The job is done"
    said = f"{done} of {formatting.count(total, 'job')} {'is' if done == 1 else 'are'} done, {total - done} left"
    return said if left is None else f"{said}: about {formatting.duration(left)}"


def describe(job: Job, with_reason: bool = False) -> str:
    """ "model=rnn: run in 12.3 s, validation macro F1 61.2 %", "model=rnn: failed"; and `why`, where nobody has heard it."""
    if job.state == "failed":
        return f"{job.label}: failed{f': {job.reason}' if with_reason else ''}".removesuffix(".")
    took = (
        "skipped, finished before" if job.state == "skipped" else f"{job.state} in {formatting.duration(job.seconds)}"
    )
    return f"{job.label}: {took}, validation macro F1 {formatting.cell(job.f1_macro)} %"


def summary(jobs: Sequence[Job]) -> str:
    """ "12 jobs: 8 run, 1 resumed, 2 skipped, 1 failed"; and "3 not finished", where a sweep broke off."""
    told = [f"{sum(job.state == state for job in jobs)} {state}" for state in END_STATES]
    left = sum(not job.ended for job in jobs)
    return f"{formatting.count(len(jobs), 'job')}: {', '.join([*told, f'{left} not finished'] if left else told)}"


def differ_in_settings(jobs: Sequence[Job]) -> bool:
    """Whether jobs differ in more than seed and fold, as their labels tell."""
    return len({re.sub(r"\b(fold|seed)=\S+", "", job.label).strip() for job in jobs}) > 1


def failure_messages(jobs: Sequence[Job]) -> list[str]:
    """Why jobs failed, each reason once: "Failed: fold=0 model=rnn, and 2 more: model.layers is 0: expected 1 or more." """
    alike: dict[str, list[str]] = {}
    for job in jobs:
        if job.state == "failed":
            alike.setdefault(job.reason, []).append(job.label)
    more = {reason: f", and {len(labels) - 1} more" if len(labels) > 1 else "" for reason, labels in alike.items()}
    return [f"Failed: {labels[0]}{more[reason]}: {reason}" for reason, labels in alike.items()]


def table(jobs: Sequence[Job], title: str) -> Table:
    """A row a job."""
    drawn = Table(title=escape(title), title_justify="left")
    drawn.add_column("job")
    drawn.add_column("state")
    for heading in ("validation macro F1 %", "time"):
        drawn.add_column(heading, justify="right")
    for job in jobs:
        score = "" if job.f1_macro is None else formatting.cell(job.f1_macro)
        time = formatting.duration(job.seconds) if job.ended else ""
        drawn.add_row(escape(job.label), job.state, score, time)
    return drawn


def live_table(jobs: Sequence[Job], labels: Sequence[str], elapsed: float) -> Table:
    """The table while a sweep runs: the jobs that ended last, those that are training, and those that come next."""
    started = {job.number for job in jobs}
    ended = [job for job in jobs if job.ended][-LIVE_ROWS[0] :]
    training = [job for job in jobs if not job.ended]
    waiting = [Job(k, label, "", WAITING) for k, label in enumerate(labels) if k not in started][: LIVE_ROWS[1]]
    drawn = table([*ended, *training, *waiting], progress(jobs, len(labels), elapsed))
    drawn.caption, drawn.caption_justify = escape("\n".join(failure_messages(jobs))), "left"
    return drawn
