"""The top of a sweep's page: what is doubtful about its scores, and what to do next."""

from collections.abc import Mapping, Sequence
from typing import Any

from src import formatting
from src.evaluation import run_analysis
from src.evaluation.pooling import Group
from src.evaluation.run_analysis import Baseline
from src.reporting import cards, jobs_text
from src.reporting.run_summary import WIDE_POINTS, Step, together
from src.rundir import RunDir, nested
from src.split.certificate import leaks

MOST_STEPS = 5
MOST_COMPARED = 5  # groups that are compared pairwise on a sweep's page: those with the best validation scores


def doubts(groups: Sequence[Group], sections: Sequence[Mapping[str, Any]], ranked: Sequence[Group]) -> list[str]:
    """Doubts about the scores, one sentence each. `ranked` has the first group of each section."""
    lines = [*leak_lines(groups)]
    for section in sections:
        prefix = f"Test data {section['number']}: " if section["number"] else ""
        lines += [
            f"{prefix}{line}" for line in (*section["choice_lines"], *section["fold_lines"], *section["floor_lines"])
        ]
    runs = [run for group in groups for run in group.runs]
    for group in ranked:
        share, _ = floor(group)
        if not cards.above(group.scores, share):
            clips = formatting.count(group.scores["clips"], "clip")
            name = "the first group" if len(groups) > 1 else "the model"
            lines.append(
                f"{clips} do not show that {name} is better than always the most frequent genre ({formatting.percent(share)})."
            )
        lines += [gap] if (gap := validation_gap(group)) else []
    if any(run.metrics["synthetic"] for run in runs):
        lines.append("The music is synthetic: scores on it say nothing about recordings.")
    for group in ranked:
        lines += cards.interval_doubt(group.scores)
        data = "" if len(ranked) == 1 else f" of {group.runs[0].metrics['dataset']}"
        lines += cards.few_clips_doubt(group.scores, data)
    if any(_copies_not_looked_for(run) for run in runs):
        lines.append("Near copies in training and test were not looked for.")
    return list(dict.fromkeys(lines))


def _copies_not_looked_for(run: RunDir) -> bool:
    return not run.is_evaluation and run.metrics["certificate"]["shared"]["near_copies"] is None


def floor(group: Group) -> tuple[float, Baseline | None]:
    """The accuracy, 0 to 1, of always predicting the most frequent training genre of each run, over the clips of all runs.

    Also the baseline of the runs; None if they differ in it.
    """
    clips = [run.metrics["test"]["clips"] for run in group.runs]
    baselines = [run_analysis.majority_baseline(run) for run in group.runs]
    share = float(sum(n * each.accuracy for n, each in zip(clips, baselines, strict=True)) / sum(clips))
    same = len({(each.genre, each.equal) for each in baselines}) == 1
    return share, baselines[0] if same else None


def validation_gap(group: Group) -> str:
    """The sentence on validation and test scores that are far apart; "" if they are not, and for evaluations."""
    first = group.runs[0]
    if first.is_evaluation:
        return ""
    seed = nested.get(first.config, "seed")
    val = [run.metrics["val"] for run in group.runs if run.metrics["val"] and nested.get(run.config, "seed") == seed]
    return cards.validation_gap(group.val_f1_macro, val, group.scores)


def shared_kinds(group: Group) -> list[str]:
    """What training and test share in some run of the group; empty if nothing."""
    leaking = any(leaks(run.metrics["certificate"]) for run in group.runs)
    return ["artists, tracks or audio"] if leaking else []


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
    selected: bool,
) -> list[Step]:
    """Steps that the sweep's result suggests, the first MOST_STEPS; none that this page has already taken.

    `selected`: the page shows the configurations that validation selects in each fold.
    """
    steps = jobs_text.steps(unfinished)
    trained = [group for group in ranked if not group.runs[0].is_evaluation]
    if any(group.synthetic for group in groups):
        steps.append(Step("Train on your own music: a folder for each genre.", "… dataset=folder dataset.root=DIR"))
    for group in trained:
        if all(_best_is_last(run) for run in group.runs):
            epochs = 2 * max(int(run.metrics["epochs"]) for run in group.runs)
            steps.append(
                Step("The best epoch of each run is its last one: train longer.", f"… trainer.max_epochs={epochs}")
            )
            break
    for group in trained:
        low, high = group.scores["accuracy_interval"]
        if 100 * (high - low) > WIDE_POINTS and nested.get(group.runs[0].config, "split.folds") is None:
            width = f"{100 * (high - low):.0f} points wide"
            steps.append(Step(f"The interval is {width}: add the preset folds to the sweep, to test every clip once."))
            break
    if any(section["selection_line"] for section in sections) and not selected:
        text = "Validation does not choose the same configuration in all folds: see which one in which fold."
        steps.append(Step(text, "python -m src.report SWEEP --select val/f1_macro"))
    comparisons = [section["comparison"] for section in sections if section["comparison"]]
    if any(each["undecided"] for each in comparisons):
        text = (
            "These clips do not show which of the first two groups is better: train several seeds, or test more clips."
        )
        steps.append(Step(text, "… 'seed=range(0,3)'"))
    if len(groups) == 1 and trained:
        steps.append(
            Step("Compare with other models on the same clips: give model= several values.", "… model=cnn,rnn,hybrid")
        )
    if any(_copies_not_looked_for(run) for group in groups if not group.synthetic for run in group.runs):
        steps.append(Step("Look for copies, faults and wrong labels in the data.", "python -m src.audit …"))
    return steps[:MOST_STEPS]


def _best_is_last(run: RunDir) -> bool:
    """True if the evaluated epoch is the last one."""
    return bool(run.history) and run.metrics["best_epoch"] == run.history[-1]["epoch"]
