"""What the templates show of what was selected by validation."""

from typing import Any

from src.evaluation.selection import Choice, Configuration, Measure, Selected, Selection
from src.reporting import selection_text as said


def context(selected: Selected) -> dict[str, Any]:
    """What the templates show of a selection."""
    measure, selections = selected.measure, selected.selections
    single = len(selections) == 1
    return {
        "by": ", ".join(selected.by),
        "unit": "nats" if measure.key == "nll" else "%",
        "measure": measure.words,
        "lead": said.verdict(selections[0], measure) if single else said.lead(selected),
        "honest": said.by_test(selections[0], measure) if single else None,
        "rows": [_row(each, measure) for each in selections],
        "notes": said.notes(selected),
    }


def _row(selection: Selection, measure: Measure) -> dict[str, Any]:
    """One selection for the templates."""
    return {
        "name": selection.name,
        "group": selection.group,
        "folds": len(selection.choices),
        "planned": len(selection.choices) + len(selection.lost),
        "verdict": said.verdict(selection, measure),
        "chosen": said.chosen(selection),
        "by_test": selection.by_test,
        "honest": said.by_test(selection, measure),
        "gaps": said.gaps(selection),
        "ties": said.ties(selection),
        "made": [_configuration(each, selection, measure) for each in selection.configurations],
        "choices": [_choice(each, measure) for each in selection.choices],
    }


def _configuration(each: Configuration, selection: Selection, measure: Measure) -> dict[str, Any]:
    return {
        "group": each.group,
        "val": said.shown(each.val, measure),
        "folds": each.folds,
        "picked": each.picked,
        "lacks": "; ".join(each.lacks),
        "complete": each.complete,
        "by_test": each is selection.by_test,
    }


def _choice(choice: Choice, measure: Measure) -> dict[str, Any]:
    """One fold for the templates; its test score is the mean over the seeds."""
    tests = [run.metrics["test"] for run in choice.runs]
    return {
        "fold": "" if choice.fold is None else choice.fold,
        "label": choice.label,
        "offered": choice.offered,
        "val": said.shown(choice.val, measure),
        "validated": choice.runs[0].metrics["val"]["clips"],
        "tested": tests[0]["clips"],
        "accuracy": sum(test["accuracy"] for test in tests) / len(tests),
        "f1_macro": sum(test["f1_macro"] for test in tests) / len(tests),
    }
