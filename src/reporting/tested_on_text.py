"""Describe the test data of groups, and how they differ, in sentences."""

import re
from collections.abc import Sequence

from src import formatting
from src.evaluation.folds import format_folds
from src.evaluation.pooling import Group
from src.evaluation.shared_folds import Part
from src.evaluation.tested_on import tested_on
from src.rundir import RunDir

NOT_RANKED = "Scores on different test data say nothing about which group is better, so the groups are ranked only within one of them."


def heading(part: Sequence[Group], number: int) -> str:
    """The heading of the groups of one test data: "Test data 2: gtzan, 290 clips of 120 artists, 10 genres"."""
    scores = part[0].scores
    data = formatting.data(tested_on(part[0]).dataset, part[0].synthetic)
    genres = formatting.tested_genres(scores) or formatting.count(len(scores["genres"]), "genre")
    return f"Test data {number}: {data}, {formatting.size(scores)}, {genres}"


def describe_differences(parts: Sequence[Sequence[Group]]) -> list[str]:
    """Describe how the test data of the parts differ from those of the first; empty for one part."""
    if len(parts) < 2:
        return []
    counted = formatting.count(sum(map(len, parts)), "group")
    lines = [f"The {counted} were tested on {len(parts)} different test data. {NOT_RANKED}"]
    return lines + [f"{_difference(parts[0], part, number)}." for number, part in enumerate(parts[1:], start=2)]


def _difference(first_part: Sequence[Group], part: Sequence[Group], number: int) -> str:
    first, other = tested_on(first_part[0]), tested_on(part[0])
    shared = len({clip for clip, _ in first.clips} & {clip for clip, _ in other.clips})
    reasons = []
    if first.dataset != other.dataset:
        reasons.append(f"another data set, {other.dataset}")
    if first.genres != other.genres:
        only = [genre for genre in other.genres if genre not in first.genres]
        absent = [genre for genre in first.genres if genre not in other.genres]
        texts = [
            f"{verb} {formatting.first_names(genres, formatting.MAX_GENRES)}"
            for verb, genres in (("with", only), ("without", absent))
            if genres
        ]
        reasons.append(f"other genres, {' and '.join(texts)}")
    if shared < max(len(first.clips), len(other.clips)):
        reasons.append(
            f"other clips, {shared:,} of {len(other.clips):,} are among the {len(first.clips):,} of test data 1"
        )
    elif first.clips != other.clips:
        reasons.append(f"other labels of {formatting.count(len(other.clips - first.clips), 'clip')}")
    return f"Test data {number} differ from test data 1: {'; '.join(reasons)}"


def fold_lines(part: Part) -> list[str]:
    """Say on which folds groups are ranked of which some lack folds, and which are not ranked; empty if none does."""
    if part.folds is None:
        return []
    ranked, unranked = len(part.groups), len(part.unranked)
    owners = f"{ranked} of the {ranked + unranked} groups have" if unranked else f"all {ranked} groups have"
    if ranked == 1:
        owners = f"1 of the {1 + unranked} groups has"
    line = f"Ranked on {format_folds(part.folds)} of {part.planned}, which {owners}"
    if part.left_out:
        verb = "is" if part.left_out == 1 else "are"
        line += f"; {formatting.count(part.left_out, 'run')} on other folds {verb} not in these scores"
    lines = [f"{line}."]
    if unranked:
        names = formatting.first_names(
            [f"{group.label} (has {format_folds(folds)})" for group, folds in part.unranked], 3
        )
        lines.append(f"Not ranked, for lack of folds: {names}.")
    return lines


def data_lines(runs: Sequence[RunDir]) -> list[str]:
    """Describe the data sets and splits of the runs, without duplicates: "gtzan; split fold 0 of 10, seed 0; grouped by artist"."""
    splits_of_data: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        metrics = run.metrics
        key = (
            formatting.data(metrics["dataset"], metrics["synthetic"]),
            f"grouped by {metrics['certificate']['grouped_by']}",
        )
        splits = splits_of_data.setdefault(key, [])
        if metrics["certificate"]["split"] not in splits:
            splits.append(metrics["certificate"]["split"])
    return [f"{data}; {describe_splits(splits)}; {grouped}" for (data, grouped), splits in splits_of_data.items()]


def describe_splits(splits: Sequence[str]) -> str:
    """Summarize the splits of runs: "split holdout, seed 0"; "folds 0 to 2 of 3, seed 0"; else the first and the last."""
    if len(splits) == 1:
        return f"split {splits[0]}"
    folds = [re.fullmatch(r"fold (\d+) (of .+)", split) for split in splits]
    numbers = [int(fold[1]) for fold in folds if fold]
    endings = {fold[2] if fold else None for fold in folds}  # "of 10, seed 0"; None if a split is not a fold
    if None not in endings and len(endings) == 1 and max(numbers) - min(numbers) == len(splits) - 1:
        return f"folds {min(numbers)} to {max(numbers)} {endings.pop()}"
    return f"{len(splits)} splits, {splits[0]} to {splits[-1]}"
