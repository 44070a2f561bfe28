"""Describe the jobs of a sweep that have no result, for its page: those with the same reason together, and what to do."""

from collections.abc import Mapping, Sequence
from typing import Any

from src import formatting
from src.reporting.run_summary import Step

MOST_COMMANDS = 3  # of the jobs with one reason; more are folded
CHANGE = "The same command fails in the same way again: change what the message names, or leave this out of the sweep."
REPEAT = {
    "failed": "Repeat the command. If memory ran out, run fewer jobs at once.",
    "not finished": "Repeat the command: it continues after the last epoch.",
    "not started": "Repeat the command of the sweep: it skips what is finished.",
}

Unfinished = Mapping[str, Any]  # label, state, reason, command, folder and repeats of a job: src.sweep.jobs.unfinished


def groups(unfinished: Sequence[Unfinished]) -> list[dict[str, Any]]:
    """Jobs with the same state and reason together: `title`, `reason`, `advice`, and `jobs` as (label, command); failed ones first.

    Jobs that share a command, that of the sweep, are one entry.
    """
    found: dict[tuple[str, str, bool], list[Unfinished]] = {}
    for job in sorted(unfinished, key=lambda job: job["state"] != "failed"):
        found.setdefault((job["state"], job["reason"], job["repeats"]), []).append(job)
    entries = []
    for (state, reason, repeats), members in found.items():
        labels: dict[str, list[str]] = {}
        for job in members:
            labels.setdefault(job["command"], []).append(job["label"])
        name = members[0]["label"] if len(members) == 1 else formatting.count(len(members), "job")
        entries.append(
            {
                "title": f"{name}: {state}",
                "reason": reason,
                "advice": CHANGE if repeats else REPEAT[state],
                "jobs": [("; ".join(names), command) for command, names in labels.items()],
                "single": len(members) == 1,
                "folded": len(labels) > MOST_COMMANDS,
            }
        )
    return entries


def steps(unfinished: Sequence[Unfinished]) -> list[Step]:
    """What to do about the jobs without result."""
    repeating = sum(job["repeats"] for job in unfinished)
    others = len(unfinished) - repeating
    found = []
    if repeating:
        fail = "1 job fails" if repeating == 1 else f"{repeating} jobs fail"
        found.append(Step(f"{fail} in the same way at each try: change its settings, as the message says."))
    if others:
        which = "the other " if repeating else "the "
        which += "job" if others == 1 else f"{others} jobs"
        found.append(Step(f"Run {which} without result: repeat the command of the sweep. Finished jobs are skipped."))
    return found


def summary(unfinished: Sequence[Unfinished]) -> str:
    """Count the states: "2 failed, 19 not started"."""
    states = [job["state"] for job in unfinished]
    return ", ".join(f"{states.count(state)} {state}" for state in sorted(dict.fromkeys(states)))
