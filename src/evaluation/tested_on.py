"""Divide groups of runs by the data that they were tested on. Scores on different data must not be ranked."""

from collections.abc import Sequence
from typing import NamedTuple

from src.evaluation.folds import check_same_clips
from src.evaluation.pooling import Group


class TestedOn(NamedTuple):
    """Test data of a group: the data set, the genres to choose from, and the test clips with their true genres."""

    dataset: str
    genres: tuple[str, ...]
    clips: frozenset[tuple[str, str]]


def tested_on(group: Group) -> TestedOn:
    """Read the test data of a group from the files of its runs."""
    predictions = [run.predictions for run in group.runs]
    return TestedOn(
        str(group.runs[0].metrics["dataset"]),
        tuple(sorted({genre for each in predictions for genre in each.genres})),
        frozenset(pair for each in predictions for pair in zip(each.clips, each.true, strict=True)),
    )


def by_test_data(groups: Sequence[Group]) -> list[list[Group]]:
    """Divide groups by their test data, keeping their order within each part; parts are sorted by data set and size."""
    parts: dict[TestedOn, list[Group]] = {}
    for group in groups:
        parts.setdefault(tested_on(group), []).append(group)
    return [parts[key] for key in sorted(parts, key=lambda key: (key.dataset, -len(key.clips), sorted(key.clips)))]


def by_split(groups: Sequence[Group]) -> list[list[Group]]:
    """Divide groups by data set and split: in each part, runs of one fold have the same clips and genres.

    Unlike in `by_test_data`, a group may lack folds. Raises ValueError if the runs of one group do not fit together.
    """
    parts: list[list[Group]] = []
    for group in groups:
        check_same_clips(group.runs)
        part = next((part for part in parts if _same_split(group, part)), None)
        if part is None:
            parts.append([group])
        else:
            part.append(group)
    return parts


def _same_split(group: Group, part: Sequence[Group]) -> bool:
    if group.runs[0].metrics["dataset"] != part[0].runs[0].metrics["dataset"]:
        return False
    try:
        check_same_clips([run for member in (*part, group) for run in member.runs])
    except ValueError:
        return False
    return True
