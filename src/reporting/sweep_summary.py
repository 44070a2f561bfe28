"""The top of a sweep's page: what is doubtful about its scores, and what to do next."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src import formatting
from src.evaluation import run_analysis
from src.evaluation.pooling import Group
from src.reporting import jobs_text
from src.reporting.run_summary import FEW_CLIPS, WIDE_POINTS, Step, together
from src.rundir import nested
from src.split.certificate import leaks


def doubts(groups: Sequence[Group], sections: Sequence[Mapping[str, Any]], ranked: Sequence[Group]) -> list[str]:
    """Doubts about the scores, one sentence each. `ranked` has the first group of each section."""
    lines = [*leak_lines(groups)]
    for section in sections:
        prefix = f"Test data {section['number']}: " if section["number"] else ""
        lines += [f"{prefix}{line}" for line in section["fold_lines"]]
    runs = [run for group in groups for run in group.runs]
    for group in ranked:
        if not beats_floor(group):
            clips = formatting.count(group.scores["clips"], "clip")
            name = "the first group" if len(groups) > 1 else "the model"
            lines.append(
                f"{clips} do not show that {name} is better than always the most frequent genre ({formatting.percent(floor(group))})."
            )
    if any(run.metrics["synthetic"] for run in runs):
        lines.append("The music is synthetic: scores on it say nothing about recordings.")
    for group in ranked:
        few = [genre for genre, row in group.scores["genres"].items() if 0 < row["support"] < FEW_CLIPS]
        if few:
            names = formatting.first_names(few, 5)
            data = "" if len(ranked) == 1 else f" of {group.runs[0].metrics['dataset']}"
            lines.append(
                f"Fewer than {FEW_CLIPS} test clips{data} in {formatting.count(len(few), 'genre')} ({names}): their recall is hardly known."
            )
    if any(not run.is_evaluation and run.metrics["certificate"]["shared"]["near_copies"] is None for run in runs):
        lines.append("Near copies in training and test were not looked for.")
    return list(dict.fromkeys(lines))


def floor(group: Group) -> float:
    """The accuracy, 0 to 1, of always predicting the most frequent training genre of each run, over the clips of all runs."""
    clips = [run.metrics["test"]["clips"] for run in group.runs]
    floors = [run_analysis.majority_baseline(run)[1] for run in group.runs]
    return float(sum(n * floor for n, floor in zip(clips, floors, strict=True)) / sum(clips))


def beats_floor(group: Group) -> bool:
    """True if the interval of accuracy is above the floor."""
    return bool(group.scores["accuracy_interval"][0] > floor(group))


def leak_lines(groups: Sequence[Group]) -> list[str]:
    """Sentences on what training and test share, and the warnings of the splits."""
    runs = [run for group in groups for run in group.runs]
    lines = []
    if any(leaks(run.metrics["certificate"]) for run in runs):
        lines.append("Some runs share artists, tracks or audio between training and test: see the page of each run.")
    return [*lines, *together(sorted({text for run in runs for text in run.metrics["certificate"]["warnings"]}))]


def next_steps(
    groups: Sequence[Group],
    sections: Sequence[Mapping[str, Any]],
    ranked: Sequence[Group],
    unfinished: Sequence[jobs_text.Unfinished],
) -> list[Step]:
    """Steps that the sweep's result suggests, as for a single run: at most five."""
    steps = []
    if unfinished:
        steps.append(Step("Run the jobs without result: repeat the command of the sweep. Finished jobs are skipped."))
    if any(group.synthetic for group in groups):
        steps.append(Step("Train on your own music: a folder for each genre.", "… dataset=folder dataset.root=DIR"))
    for group in ranked:
        low, high = group.scores["accuracy_interval"]
        wide = 100 * (high - low) > WIDE_POINTS
        if wide and nested.get(group.runs[0].config, "split.folds") is None and not group.runs[0].is_evaluation:
            width = f"{100 * (high - low):.0f} points wide"
            steps.append(Step(f"The interval is {width}: add the preset folds to the sweep, to test every clip once."))
            break
    if any(section["rows"][0]["chosen"] for section in sections):
        text = "Choose by validation score: the best of many test scores is too high by luck."
        steps.append(Step(text, "python -m src.report SWEEP --select val/f1_macro"))
    if any(len(section["groups"]) > 1 for section in sections):
        text = "Compare the groups on the same clips: overlapping intervals do not show which one is better."
        steps.append(Step(text, "python -m src.compare SWEEP"))
    return steps


def worst_confusion(counts_CC: np.ndarray[Any, np.dtype[np.int64]], genres: Sequence[str]) -> tuple[str, str] | None:
    """The most frequent confusion of a matrix (true, predicted), "rock → pop", and its clips; None if there is none."""
    wrong_CC = counts_CC - np.diag(np.diag(counts_CC))
    true, predicted = divmod(int(wrong_CC.argmax()), len(genres))
    clips = int(wrong_CC[true, predicted])
    if not clips:
        return None
    support = formatting.count(int(counts_CC[true].sum()), f"{genres[true]} clip")
    return f"{genres[true]} → {genres[predicted]}", f"{clips:,} of {support}"
