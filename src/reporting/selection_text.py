"""A selection by validation in sentences and tables; beside it what picking by test would have claimed."""

from collections import Counter
from typing import Any

from src import formatting
from src.evaluation.folds import format_folds
from src.evaluation.pooling import Group
from src.evaluation.selection import Configuration, FoldSelection, Selection, Selections, SelectionScore
from src.split.certificate import leaks

MAX_CONFIGURATIONS = 3  # configurations in a sentence; the table has all


def selection_lines(selected: Selections) -> list[str]:
    """For a terminal: what each selection comes to, what picking by test would have claimed, and what is missing."""
    told = []
    for each in selected.selections:
        start = f"{each.name}: " if each.name else ""
        told += [
            f"{start}{text}"
            for text in (describe_selection(each, selected.score), describe_best_on_test(each, selected.score))
        ]
        told += [f"{start}{text}" for text in missing_lines(each)]
    return told


def describe_selection(selection: Selection, measure: SelectionScore) -> str:
    """The pooled score of what validation picked, for those who read only one sentence."""
    group = selection.group
    rivals = len(selection.configurations)
    how = (
        f"selected by validation {measure.name} {_each(selection)}, of {rivals} configurations"
        if rivals > 1
        else f"one configuration, so nothing was selected, {_over(selection)}"
    )
    said = f"{how[0].upper()}{how[1:]}: {describe_scores(group, measure)}, on {formatting.size(group.scores)}"
    return f"{said}{'; synthetic music' if group.synthetic else ''}."


def describe_scores(group: Group, measure: SelectionScore) -> str:
    """A pooled score: "accuracy over all clips 63.3 % (95 % interval 55.1 to 70.2 %), macro F1 61.0 %"."""
    scores = group.scores
    nll = f", NLL {format_val_score(scores['nll'], measure)} nats" if measure.key == "nll" else ""
    return (
        f"accuracy over all clips {formatting.cell(scores['accuracy'])} % (95 % interval "
        f"{formatting.cell_interval(scores['accuracy_interval'])} %), macro F1 {formatting.cell(scores['f1_macro'])} %{nll}"
    )


def describe_selected_configurations(selection: Selection) -> str:
    """How often each configuration was picked: "cnn on mel, optimizer.lr=0.01 in 6 folds, ... in 4"."""
    counts = Counter(choice.label for choice in selection.folds).most_common()
    if len(selection.folds) == 1:
        return f"Chosen: {counts[0][0]}."
    if len(counts) == 1:
        return f"Chosen in every fold: {counts[0][0]}."
    told = [f"{label} in {formatting.count(times, 'fold')}" for label, times in counts[:MAX_CONFIGURATIONS]]
    more = len(counts) - MAX_CONFIGURATIONS
    return f"Chosen: {'; '.join(told)}{f'; and {more} more' if more > 0 else ''}."


def describe_best_on_test(selection: Selection, measure: SelectionScore) -> str:
    """What the configuration with the best test score would have claimed, and why that is no result."""
    best = selection.best_on_test
    if len(selection.configurations) == 1:
        return "Nothing was picked by test either: there is one configuration."
    if best is None:
        return "Fewer than two configurations have all folds, so there is no picking by test to set beside it."
    rivals = sum(each.complete for each in selection.configurations)
    said = f"{describe_scores(best.group, measure)}, by {best.group.label}, the best of {rivals} test scores ({measure.name})"
    score, honest = (each.scores[measure.key] for each in (best.group, selection.group))
    if score is None or honest is None or (score > honest) != measure.higher_is_better or score == honest:
        return f"Picking by test would have claimed no more: {said}, which is too high by luck all the same."
    return f"Picking by test would have claimed {said}: too high by luck."


def missing_lines(selection: Selection) -> list[str]:
    """What the grid lacks: planned folds that do not count, and configurations that could not be picked everywhere."""
    told = []
    if selection.missing_folds:
        told.append(
            f"The score leaves out {format_folds(selection.missing_folds)}: no configuration has a run with validation scores there"
            f"{' for all seeds' if selection.seeds > 1 else ''}."
        )
    short = [f"{each.group.label} ({'; '.join(each.missing)})" for each in selection.configurations if each.missing]
    if short:
        more = (
            f" and {len(short) - MAX_CONFIGURATIONS} more, marked in the table"
            if len(short) > MAX_CONFIGURATIONS
            else ""
        )
        verb = "lacks" if len(short) == 1 else "lack"
        told.append(
            f"{len(short)} of {formatting.count(len(selection.configurations), 'configuration')} {verb} runs and could not be picked "
            f"there: {', '.join(short[:MAX_CONFIGURATIONS])}{more}."
        )
    return told


def _each(selection: Selection) -> str:
    """ "in each of 10 folds", "in each of 9 of 10 folds", "on the one split"."""
    folds, planned = len(selection.folds), len(selection.folds) + len(selection.missing_folds)
    if planned == 1:
        return "on one split"
    return f"in each of {folds if folds == planned else f'{folds} of {planned}'} folds"


def _over(selection: Selection) -> str:
    return _each(selection).replace("in each of", "over")


def describe_all_selections(selected: Selections) -> str:
    """All selections in a sentence, for those who read only one."""
    scores = [(each.name, each.group.scores) for each in selected.selections]
    told = [
        f"{name} {formatting.cell(s['accuracy'])} % ({formatting.cell_interval(s['accuracy_interval'])} %)"
        for name, s in scores
    ]
    music = "; synthetic music" if any(each.group.synthetic for each in selected.selections) else ""
    return (
        f"Selected by validation {selected.score.name} in each fold, within each {' and '.join(selected.by)}; accuracy over "
        f"all test clips with its 95 % interval: {', '.join(told)}{music}."
    )


def describe_ties(selection: Selection) -> str | None:
    """How ties were broken; None where there was none."""
    tied = sum(choice.tied > 0 for choice in selection.folds)
    if not tied:
        return None
    return (
        f"In {formatting.count(tied, 'fold')} several configurations had the best validation score; the lower validation NLL "
        "decided, then fewer parameters, then the alphabet."
    )


def note_lines(selected: Selections) -> list[str]:
    """What a reader must know of how it was selected."""
    runs = [run for each in selected.selections for choice in each.folds for run in choice.runs]
    notes = [
        "Nothing was trained again: in each fold the configuration with the best score on that fold's validation clips is "
        "taken, and its stored answers to that fold's test clips count, pooled over the folds. No test clip decided anything "
        "in the fold that tests it; in other folds it trains or validates, as in any cross-validation."
    ]
    if any(each.seeds > 1 for each in selected.selections):
        notes.append(
            "A configuration is picked by the mean of its validation scores over the seeds, and the scores of all its seeds "
            "are averaged: it must have all seeds in a fold to be picked there."
        )
    if selected.score.key == "nll":
        notes.append(
            "Validation NLL is after calibration, by a temperature that was fitted on the same validation clips."
        )
    if any(leaks(run.metrics["certificate"]) for run in runs):
        notes.append(
            "Some runs share artists, tracks or audio between their sides, so validation and test scores may both be too "
            "high: see each run's own page."
        )
    if len(selected.selections) > 1:
        same = len({each.group.clips for each in selected.selections}) == 1
        clips = "the same clips" if same else "different clips, so they differ for that reason too"
        notes.append(
            f"The rows were tested on {clips}. The best of {len(selected.selections)} rows is again picked by test; without "
            "--by validation picks that too."
        )
    return notes


def format_val_score(score: float | None, measure: SelectionScore) -> str:
    """A validation score for a table's cell: shares in percent, NLL in nats."""
    return formatting.cell(score) if measure.higher_is_better or score is None else f"{score:.3f}"


def template_context(selected: Selections) -> dict[str, Any]:
    """What the templates show of a selection."""
    measure, selections = selected.score, selected.selections
    single = len(selections) == 1
    return {
        "by": ", ".join(selected.by),
        "unit": "nats" if measure.key == "nll" else "%",
        "measure": measure.name,
        "lead": describe_selection(selections[0], measure) if single else describe_all_selections(selected),
        "honest": describe_best_on_test(selections[0], measure) if single else None,
        "rows": [_row(each, measure) for each in selections],
        "notes": note_lines(selected),
    }


def _row(selection: Selection, measure: SelectionScore) -> dict[str, Any]:
    """One selection for the templates."""
    return {
        "name": selection.name,
        "group": selection.group,
        "folds": len(selection.folds),
        "planned": len(selection.folds) + len(selection.missing_folds),
        "verdict": describe_selection(selection, measure),
        "chosen": describe_selected_configurations(selection),
        "by_test": selection.best_on_test,
        "honest": describe_best_on_test(selection, measure),
        "gaps": missing_lines(selection),
        "ties": describe_ties(selection),
        "made": [_configuration(each, selection, measure) for each in selection.configurations],
        "choices": [_choice(each, measure) for each in selection.folds],
    }


def _configuration(each: Configuration, selection: Selection, measure: SelectionScore) -> dict[str, Any]:
    return {
        "group": each.group,
        "val": format_val_score(each.val_score, measure),
        "folds": each.candidate_folds,
        "picked": each.selected_folds,
        "lacks": "; ".join(each.missing),
        "complete": each.complete,
        "by_test": each is selection.best_on_test,
    }


def _choice(choice: FoldSelection, measure: SelectionScore) -> dict[str, Any]:
    """One fold for the templates; its test score is the mean over the seeds."""
    return {
        "fold": "" if choice.fold is None else choice.fold,
        "label": choice.label,
        "offered": choice.candidates,
        "val": format_val_score(choice.val_score, measure),
        "validated": choice.runs[0].metrics["val"]["clips"],
        "tested": choice.runs[0].metrics["test"]["clips"],
        "accuracy": choice.test_mean("accuracy"),
        "f1_macro": choice.test_mean("f1_macro"),
    }
