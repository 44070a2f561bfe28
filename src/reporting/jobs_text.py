"""Describe the jobs of a sweep that have no result, for its page: those with the same reason together."""

from collections.abc import Mapping, Sequence
from typing import Any

from src import formatting

MOST_COMMANDS = 3  # of the jobs with one reason; more are folded

Unfinished = Mapping[str, str]  # label, state, reason, command and folder of a job: src.sweep.jobs.unfinished


def groups(unfinished: Sequence[Unfinished]) -> list[dict[str, Any]]:
    """Jobs with the same state and reason together: `title`, `reason`, and `jobs` as (label, command); failed ones first.

    Jobs that share a command, that of the sweep, are one entry.
    """
    found: dict[tuple[str, str], list[Unfinished]] = {}
    for job in sorted(unfinished, key=lambda job: job["state"] != "failed"):
        found.setdefault((job["state"], job["reason"]), []).append(job)
    entries = []
    for (state, reason), members in found.items():
        labels: dict[str, list[str]] = {}
        for job in members:
            labels.setdefault(job["command"], []).append(job["label"])
        name = members[0]["label"] if len(members) == 1 else formatting.count(len(members), "job")
        entries.append(
            {
                "title": f"{name}: {state}",
                "reason": reason,
                "jobs": [("; ".join(names), command) for command, names in labels.items()],
                "single": len(members) == 1,
                "folded": len(labels) > MOST_COMMANDS,
            }
        )
    return entries


def summary(unfinished: Sequence[Unfinished]) -> str:
    """Count the states: "2 failed, 19 not started"."""
    states = [job["state"] for job in unfinished]
    return ", ".join(f"{states.count(state)} {state}" for state in sorted(dict.fromkeys(states)))
