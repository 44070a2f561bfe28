"""The top of a run's page: its numbers as cards, what is doubtful about them, and what to do next."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from src import formatting
from src.evaluation import run_analysis
from src.reporting import cards, opinions_text, run_text
from src.reporting.cards import Card
from src.rundir import RunDir, nested
from src.split.certificate import leaks

WIDE_POINTS = 10  # an interval of accuracy that is wider can be narrowed by more folds


class Step(NamedTuple):
    """Something to do next, and the command for it, "" if there is none."""

    text: str
    command: str = ""


def page_cards(run: RunDir) -> list[Card]:
    """The numbers of a run, the most important first: accuracy, macro F1, the floor, the test data, the worst confusion.

    If several people have labelled the test clips: accuracy, that of a person, the floor, macro F1, the test data.
    """
    metrics, scores = run.metrics, run.metrics["test"]
    shared, baseline = leaks(metrics["certificate"]), run_analysis.majority_baseline(run)
    opinions = scores["opinions"]
    against = f"; against {opinions_text.majority(opinions)}" if opinions else ""
    accuracy = cards.accuracy(scores, baseline.accuracy, shared, validation_gap(run), against)
    floor = cards.floor(baseline.accuracy, baseline, len(scores["genres"]))
    macro_f1, data = cards.macro_f1(scores), _data_card(run, bool(shared))
    if person := _person_card(opinions) if opinions else None:
        return [accuracy, person, floor, macro_f1, data]
    confusion = cards.confusion(run_analysis.confusions(*run.confusion))
    return [accuracy, macro_f1, floor, data, *([confusion] if confusion else [])]


def validation_gap(run: RunDir) -> str:
    """The sentence on validation and test scores that are far apart; "" if they are not, and for an evaluation."""
    val = run.metrics["val"]
    return cards.validation_gap(val["f1_macro"], [val], run.metrics["test"]) if val and not run.is_evaluation else ""


def _person_card(opinions: Mapping[str, Any]) -> Card | None:
    """The accuracy of a person; None if it cannot be measured."""
    ceiling, beside = opinions["agreement"]["ceiling"], opinions["beside_people"]
    if not ceiling or not beside:
        return None
    note = f"against the majority of the others, where the model reaches {formatting.percent(beside['accuracy'])}"
    return Card("a person", formatting.percent(ceiling["accuracy"]), note)


def _data_card(run: RunDir, shared: bool) -> Card:
    metrics, scores = run.metrics, run.metrics["test"]
    clips = formatting.count(scores["clips"], "clip")
    if scores["artists"] is None:
        artists, doubtful = "artists not all known", True
    else:
        unseen = " absent from training" if not shared and not metrics["certificate"]["warnings"] else ""
        artists, doubtful = f"{formatting.count(scores['artists'], 'artist')}{unseen}", shared
    music = "; synthetic music" if metrics["synthetic"] else ""
    grouped = f"; grouped by {metrics['certificate']['grouped_by']}"
    return Card(f"test data: {metrics['dataset']}", clips, f"{artists}{grouped}{music}", doubtful or bool(music))


def doubts(run: RunDir) -> list[str]:
    """Doubts about the scores, one sentence each, the most serious first."""
    metrics, scores = run.metrics, run.metrics["test"]
    certificate = metrics["certificate"]
    lines = []
    shared = leaks(certificate)
    if shared:
        lines.append(
            f"Training, validation and test share {' and '.join(shared)}: the accuracy is too high for new music."
        )
    if tested := formatting.tested_genres(scores):
        lines.append(f"Tested on {tested}.")
    baseline = run_analysis.majority_baseline(run).accuracy
    if not cards.above(scores, baseline):
        clips, floor = formatting.count(scores["clips"], "clip"), formatting.percent(baseline)
        lines.append(f"{clips} do not show that the model is better than always the most frequent genre ({floor}).")
    lines += [gap] if (gap := validation_gap(run)) else []
    lines += [*run_text.describe_warnings(metrics), *together(certificate["warnings"])]
    if scores["opinions"] and (weak := opinions_text.weak(scores["opinions"]["agreement"])):
        lines.append(weak)
    if metrics["synthetic"]:
        lines.append("The music is synthetic: scores on it say nothing about recordings.")
    lines += [*cards.interval_doubt(scores), *cards.few_clips_doubt(scores)]
    if not run.is_evaluation and certificate["shared"]["near_copies"] is None:
        lines.append("Near copies in training and test were not looked for.")
    return lines


def together(warnings: Sequence[str]) -> list[str]:
    """Warnings of a split, with those that say the same of several genres as one sentence, at the place of the first one."""
    lines, genres = [], []
    for warning in warnings:
        found = re.fullmatch(
            r"(.+) has training clips of one artist only, .+: a model may learn the artist, not the genre\.", warning
        )
        if found:
            genres.append(found[1])
        if not found or len(genres) == 1:
            lines.append(warning)
    if len(genres) > 1:
        first = next(
            k for k, line in enumerate(lines) if line.startswith(f"{genres[0]} has training clips of one artist only")
        )
        counted = f"{formatting.count(len(genres), 'genre')} ({formatting.first_names(genres, 5)})"
        lines[first] = f"{counted} have training clips of one artist only: a model may learn the artist, not the genre."
    return lines


def next_steps(run: RunDir) -> list[Step]:
    """Steps that this run's result suggests, at most five."""
    metrics, scores = run.metrics, run.metrics["test"]
    if run.is_evaluation:
        return [
            Step(
                "Train on these data for comparison, with every clip tested once.",
                "python -m src.train dataset=… sweep=folds",
            )
        ]
    steps = []
    if metrics["synthetic"]:
        steps.append(
            Step(
                "Train on your own music: a folder for each genre.",
                "python -m src.train dataset=folder dataset.root=DIR",
            )
        )
    if metrics["best_epoch"] is not None and run.history and metrics["best_epoch"] == run.history[-1]["epoch"]:
        epochs = 2 * int(metrics["epochs"])
        steps.append(Step("The best epoch is the last one: train longer.", f"… trainer.max_epochs={epochs}"))
    if metrics["certificate"]["shared"]["near_copies"] is None and not metrics["synthetic"]:
        steps.append(Step("Look for copies, faults and wrong labels in the data.", "python -m src.audit …"))
    if scores["opinions"] and opinions_text.weak(scores["opinions"]["agreement"]):
        steps.append(Step("Listen to the clips on which people disagree (opinions.csv), and ask more annotators."))
    low, high = scores["accuracy_interval"]
    folds = nested.get(run.config, "split.folds")
    if isinstance(folds, int) and not _is_job(run):
        text = f"This run tests one of {folds} folds: train the others too, to test every clip once."
        steps.append(Step(text, f"… sweep=folds split.folds={folds}"))
    if 100 * (high - low) > WIDE_POINTS and folds is None:
        width = f"{100 * (high - low):.0f} points wide"
        steps.append(Step(f"The interval is {width}: test every clip once, in folds.", "… sweep=folds"))
    steps.append(Step("Compare with other models on the same clips.", "… sweep=models"))
    return steps


def _is_job(run: RunDir) -> bool:
    """True if the run is a job of a sweep, whose command has hydra.mode=RUN."""
    return "hydra.mode=RUN" in str(run.environment.get("command")).split()
