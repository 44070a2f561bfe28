"""Format a selection by validation as sentences and table rows, with the result of a selection by test for comparison."""

from collections import Counter
from typing import Any

from src import formatting
from src.evaluation.folds import format_folds
from src.evaluation.pooling import Group
from src.evaluation.selection import Configuration, FoldSelection, Selection, Selections, SelectionScore
from src.evaluation.tested_on import by_test_data
from src.split.certificate import leaks

MAX_CONFIGURATIONS = 3  # a sentence names at most this many configurations; the table has all


def selection_lines(selections: Selections) -> list[str]:
    """Lines for the terminal: the result of each selection, that of a selection by test, and the missing runs."""
    lines = []
    for selection in selections.selections:
        prefix = f"{selection.name}: " if selection.name else ""
        sentences = (
            describe_selection(selection, selections.score),
            describe_best_on_test(selection, selections.score),
            *missing_lines(selection),
        )
        lines += [f"{prefix}{sentence}" for sentence in sentences]
    return lines


def describe_selection(selection: Selection, score: SelectionScore) -> str:
    """Describe the pooled test scores of the selected configurations in one sentence."""
    group = selection.group
    configuration_count = len(selection.configurations)
    start = (
        f"Selected by validation {score.name} {_in_each_fold(selection)}, from {configuration_count} configurations"
        if configuration_count > 1
        else f"One configuration, so nothing was selected, {_over_folds(selection)}"
    )
    tested = formatting.tested_genres(group.scores)
    clips = f"{formatting.size(group.scores)}{f' of {tested}' if tested else ''}"
    text = f"{start}: {describe_scores(group, score)}, on {clips}"
    return f"{text}{'; synthetic music' if group.synthetic else ''}."


def describe_scores(group: Group, score: SelectionScore) -> str:
    """Format pooled scores: "accuracy over all clips 63.3 % (95 % interval 55.1 to 70.2 %), macro F1 61.0 %"."""
    scores = group.scores
    nll = f", NLL {format_val_score(scores['nll'], score)} nats" if score.key == "nll" else ""
    return (
        f"accuracy over all clips {formatting.cell(scores['accuracy'])} % (95 % interval "
        f"{formatting.cell_interval(scores['accuracy_interval'])} %), macro F1 {formatting.cell(scores['f1_macro'])} %{nll}"
    )


def describe_selected_configurations(selection: Selection) -> str:
    """Describe which configurations were selected in how many folds: "Selected: cnn on mel, optimizer.lr=0.01 in 6 folds; ..."."""
    counts = Counter(fold.label for fold in selection.folds).most_common()
    if len(selection.folds) == 1:
        return f"Selected: {counts[0][0]}."
    if len(counts) == 1:
        return f"Selected in every fold: {counts[0][0]}."
    texts = [f"{label} in {formatting.count(folds, 'fold')}" for label, folds in counts[:MAX_CONFIGURATIONS]]
    more = len(counts) - MAX_CONFIGURATIONS
    return f"Selected: {'; '.join(texts)}{f'; and {more} more' if more > 0 else ''}."


def describe_best_on_test(selection: Selection, score: SelectionScore) -> str:
    """Describe the test scores of the configuration that is best on the test sets, and why they are biased."""
    best = selection.best_on_test
    if len(selection.configurations) == 1:
        return "There is nothing to select by test either: there is one configuration."
    if best is None:
        return "Fewer than two configurations have all folds, so there is no selection by test to compare with."
    complete_count = sum(configuration.complete for configuration in selection.configurations)
    claim = f"{describe_scores(best.group, score)}, by {best.group.label}, the best of {complete_count} test scores ({score.name})"
    by_test, by_validation = (group.scores[score.key] for group in (best.group, selection.group))
    if (
        by_test is None
        or by_validation is None
        or (by_test > by_validation) != score.higher_is_better
        or by_test == by_validation
    ):
        return f"Selecting by test would have claimed no more: {claim}, which is too high by luck nevertheless."
    return f"Selecting by test would have claimed {claim}: too high by luck."


def missing_lines(selection: Selection) -> list[str]:
    """Describe the folds that are not in the pooled score, and the configurations that lack runs, one sentence each."""
    lines = []
    if selection.missing_folds:
        lines.append(
            f"The score leaves out {format_folds(selection.missing_folds)}: no configuration has a run with validation scores there"
            f"{' for all seeds' if selection.seeds > 1 else ''}."
        )
    incomplete = [
        f"{configuration.group.label} ({'; '.join(configuration.missing)})"
        for configuration in selection.configurations
        if configuration.missing
    ]
    if incomplete:
        more = len(incomplete) - MAX_CONFIGURATIONS
        names = ", ".join(incomplete[:MAX_CONFIGURATIONS]) + (
            f" and {more} more, marked in the table" if more > 0 else ""
        )
        lines.append(
            f"{len(incomplete)} of {formatting.count(len(selection.configurations), 'configuration')} "
            f"{'lacks' if len(incomplete) == 1 else 'lack'} runs and could not be selected there: {names}."
        )
    return lines


def _in_each_fold(selection: Selection) -> str:
    """ "in each of 10 folds", "in 9 of 10 folds", "on one split"."""
    if selection.missing_folds:
        return f"in {_format_folds(selection)}"
    return "on one split" if len(selection.folds) == 1 else f"in each of {_format_folds(selection)}"


def _over_folds(selection: Selection) -> str:
    """ "over 10 folds", "over 9 of 10 folds", "on one split"."""
    single = len(selection.folds) == 1 and not selection.missing_folds
    return "on one split" if single else f"over {_format_folds(selection)}"


def _format_folds(selection: Selection) -> str:
    """ "10 folds", "9 of 10 folds"."""
    folds, missing = len(selection.folds), len(selection.missing_folds)
    return f"{folds} of {folds + missing} folds" if missing else f"{folds} folds"


def describe_all_selections(selections: Selections) -> str:
    """Describe the test accuracies of all selections, one for each value of the keys `by`, in one sentence."""
    rows = [(selection.name, selection.group.scores) for selection in selections.selections]
    accuracies = [
        f"{name} {formatting.cell(scores['accuracy'])} % ({formatting.cell_interval(scores['accuracy_interval'])} %"
        f"{f', {tested}' if (tested := formatting.tested_genres(scores)) else ''})"
        for name, scores in rows
    ]
    music = "; synthetic music" if any(selection.group.synthetic for selection in selections.selections) else ""
    return (
        f"Selected by validation {selections.score.name} in each fold, separately for each {' and '.join(selections.by)}; "
        f"accuracy over all test clips with its 95 % interval: {', '.join(accuracies)}{music}."
    )


def describe_ties(selection: Selection) -> str | None:
    """Describe how ties were broken; None if no fold had a tie."""
    tied = sum(fold.tied > 0 for fold in selection.folds)
    if not tied:
        return None
    return (
        f"In {formatting.count(tied, 'fold')} several configurations had the best validation score; the tie was broken by the "
        "lower validation NLL, then by fewer parameters, then by the alphabet."
    )


def note_lines(selections: Selections) -> list[str]:
    """List notes on the method of selection; a note has one sentence or more."""
    runs = [run for selection in selections.selections for fold in selection.folds for run in fold.runs]
    notes = [
        "Nothing was trained again: in each fold, the configuration with the best score on the validation clips of that fold is "
        "selected, and its stored predictions for the test clips of that fold count, pooled over the folds. No test clip "
        "affects the selection in the fold that tests it; in other folds it is a training or validation clip, as in any "
        "cross-validation."
    ]
    if any(selection.seeds > 1 for selection in selections.selections):
        notes.append(
            "A configuration is selected by the mean of its validation scores over the seeds, and the test scores of all its "
            "seeds are averaged: it can be selected in a fold only if it has all seeds there."
        )
    if selections.score.key == "nll":
        notes.append(
            "Validation NLL is measured after calibration, with a temperature that was fitted on the same validation clips."
        )
    if any(leaks(run.metrics["certificate"]) for run in runs):
        notes.append(
            "Some runs share artists, tracks or audio between their sets, so validation and test scores may both be too high: "
            "see the page of each run."
        )
    if len(selections.selections) > 1:
        same = len(by_test_data([selection.group for selection in selections.selections])) == 1
        clips = "the same clips" if same else "different clips, so each test data has its own table"
        notes.append(
            f"The rows were tested on {clips}. Taking the best of {len(selections.selections)} rows is again a selection by test; "
            "without --by, validation selects among them too."
        )
    return notes


def format_val_score(value: float | None, score: SelectionScore) -> str:
    """Format a validation score for a table: F1 and accuracy in percent, NLL in nats."""
    return formatting.cell(value) if score.higher_is_better or value is None else f"{value:.3f}"


def template_context(selections: Selections) -> dict[str, Any]:
    """Collect the values that the templates selected.html and selected.md show."""
    score, rows = selections.score, selections.selections
    single = len(rows) == 1
    return {
        "by": ", ".join(selections.by),
        "unit": "nats" if score.key == "nll" else "%",
        "score": score.name,
        "summary": describe_selection(rows[0], score) if single else describe_all_selections(selections),
        "by_test_sentence": describe_best_on_test(rows[0], score) if single else None,
        "rows": [_row(selection, score) for selection in rows],
        "notes": note_lines(selections),
    }


def _row(selection: Selection, score: SelectionScore) -> dict[str, Any]:
    """The values of one selection for the templates."""
    return {
        "name": selection.name,
        "group": selection.group,
        "folds": len(selection.folds),
        "planned": len(selection.folds) + len(selection.missing_folds),
        "summary": describe_selection(selection, score),
        "selected_sentence": describe_selected_configurations(selection),
        "best_on_test": selection.best_on_test,
        "by_test_sentence": describe_best_on_test(selection, score),
        "missing_lines": missing_lines(selection),
        "ties": describe_ties(selection),
        "configurations": [
            _configuration_row(configuration, selection, score) for configuration in selection.configurations
        ],
        "fold_rows": [_fold_row(fold, score) for fold in selection.folds],
    }


def _configuration_row(configuration: Configuration, selection: Selection, score: SelectionScore) -> dict[str, Any]:
    return {
        "group": configuration.group,
        "val": format_val_score(configuration.val_score, score),
        "candidate_folds": configuration.candidate_folds,
        "selected_folds": configuration.selected_folds,
        "missing": "; ".join(configuration.missing),
        "complete": configuration.complete,
        "best_on_test": configuration is selection.best_on_test,
    }


def _fold_row(fold: FoldSelection, score: SelectionScore) -> dict[str, Any]:
    """The values of one fold for the templates; its test scores are means over the seeds."""
    return {
        "fold": "" if fold.fold is None else fold.fold,
        "label": fold.label,
        "candidates": fold.candidates,
        "val": format_val_score(fold.val_score, score),
        "val_clips": fold.runs[0].metrics["val"]["clips"],
        "test_clips": fold.runs[0].metrics["test"]["clips"],
        "accuracy": fold.test_mean("accuracy"),
        "f1_macro": fold.test_mean("f1_macro"),
    }
