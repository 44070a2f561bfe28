"""The part of a sweep's page about the groups that were tested on the same data: their scores, figures and comparison."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from src import formatting
from src.evaluation import run_analysis, selection
from src.evaluation.compared_groups import ComparedGroup, letter
from src.evaluation.comparison import compare
from src.evaluation.folds import format_folds
from src.evaluation.group_predictions import collect_predictions
from src.evaluation.pooling import Group
from src.evaluation.shared_folds import Part
from src.evaluation.swept import Panel, Swept, chosen_by_validation, mean_history, panels, short, swept
from src.reporting import comparison_text, plots, selection_text, sweep_plots, sweep_summary, tested_on_text
from src.split.certificate import leaks

SCORE_NAMES = {"recall": "Recall", "precision": "Precision", "f1": "F1"}
FIGURES = ("grids", "matrices", "curves", "time", "recall")
MOST_COMPARED = 5  # groups that are compared pairwise on a sweep's page: those with the best validation scores
SHOWN_PAIRS = 2  # pairs whose sentence is shown, the others are folded: the first group with the next ones
MOST_DRAWN_PAIRS = 6  # of more pairs, the figure shows those of the first group
MOST_MATRICES = 4  # groups whose confusion matrix is drawn
MOST_PANELS = 6  # grids that are drawn; the table has all values


def section(part: Part, number: int, count: int, figures: bool) -> dict[str, Any]:
    """The values of the groups with the same test data; `number` counts from 1 to `count`. `figures`: also draw them."""
    groups = part.groups
    chosen = chosen_by_validation(groups)
    ordered = sorted(groups, key=lambda group: -(group.val_f1_macro or 0.0)) if chosen else list(groups)
    ordered = [chosen, *(group for group in ordered if group is not chosen)] if chosen else ordered
    found = swept(ordered)
    names = genres(ordered)
    return {
        "heading": tested_on_text.heading(ordered, number) if count > 1 else None,
        "number": number if count > 1 else None,
        "headline": _headline(ordered, chosen),
        "incomplete": bool(formatting.tested_genres(ordered[0].scores)),
        "fold_lines": tested_on_text.fold_lines(part),
        "unranked": [(group, format_folds(folds)) for group, folds in part.unranked],
        "data_lines": tested_on_text.data_lines([run for group in ordered for run in group.runs]),
        "cards": _cards(ordered[0], chosen, found),
        "common": found.common,
        "keys": [(short(key), key) for key in found.keys],
        "groups": ordered,
        "rows": [
            {"key": letter(k), "group": group, "values": list(values.values()), "chosen": group is chosen}
            for k, (group, values) in enumerate(zip(ordered, found.values, strict=True))
        ],
        "by_artist": any(group.scores["accuracy_interval_by_artist"] for group in ordered),
        "genres": names,
        "support": support(ordered, names),
        "genre_tables": [genre_table(ordered, names, key, _named(found) if figures else None) for key in SCORE_NAMES],
        "selection_line": _selection_line(ordered) if chosen and figures else None,
        "comparison": _comparison(ordered) if figures else None,
        **dict.fromkeys(FIGURES),
        **(_figures(found, chosen) if figures else {}),
    }


def _named(found: Swept) -> list[str]:
    """The labels of groups with their letters, "A cnn"; the label alone if there is one group."""
    if len(found.groups) == 1:
        return found.labels
    return [f"{letter(k)} {label}" for k, label in enumerate(found.labels)]


def _selection_line(groups: Sequence[Group]) -> str | None:
    """The pooled test scores if validation chooses anew in each fold; None if it chooses the same in all folds."""
    runs = [run for group in groups for run in group.runs]
    try:
        selected = selection.select_by_validation(runs, "val/f1_macro")
    except ValueError:  # e.g. one configuration; the command in the notes says why
        return None
    if len(selected.selections) > 1 or len({fold.label for fold in selected.selections[0].folds}) < 2:
        return None  # in all folds the same is selected, which is the first group of the page
    return selection_text.describe_selection(selected.selections[0], selected.score)


def _headline(groups: Sequence[Group], chosen: Group | None) -> str:
    """The result in one sentence: of the group chosen by validation, or else of the one with the highest accuracy."""
    first = groups[0]
    scores, tested = first.scores, formatting.tested_genres(first.scores)
    start = "Highest accuracy" if len(groups) > 1 else "Accuracy"
    if chosen:
        start = f"Chosen by validation macro F1 among {len(groups)}: accuracy"
    interval = f"95 % interval {formatting.cell_interval(scores['accuracy_interval'])} %"
    share = f"{formatting.percent(scores['accuracy'])} of {formatting.count(scores['clips'], 'clip')}"
    headline = f"{start} over all test clips: {share} ({interval})"
    if tested:  # "accuracy over all test clips" would be read as one over all genres
        correct = f"{round(scores['accuracy'] * scores['clips'])} of {formatting.count(scores['clips'], 'clip')}"
        headline = f"Tested on {tested}. {start}: {correct} ({interval})"
    macro_f1 = f"macro F1 {formatting.percent(scores['f1_macro'])}"
    macro_f1 += f" over {formatting.macro_genres(scores)}" if tested else ""
    return f"{headline}, {macro_f1}, by {first.label}{'; synthetic music' if first.synthetic else ''}."


def _cards(first: Group, chosen: Group | None, found: Swept) -> list[tuple[str, str, str, bool]]:
    """The label, value, note and doubt of each card: the scores of the first group, and its test data."""
    scores, certificate = first.scores, first.runs[0].metrics["certificate"]
    label = found.labels[0]
    by = f"{label}, chosen by validation" if chosen else f"{label}, the highest of {len(found.groups)}"
    by = label if len(found.groups) == 1 else by
    splits = list(dict.fromkeys(run.metrics["certificate"]["split"] for run in first.runs))
    leaking = any(leaks(run.metrics["certificate"]) for run in first.runs)
    untested = formatting.tested_genres(scores)
    data = f"{formatting.data(first.runs[0].metrics['dataset'], first.synthetic)}; {tested_on_text.describe_splits(splits)}"
    owners = "artists unknown" if scores["artists"] is None else f"of {formatting.count(scores['artists'], 'artist')}"
    worst = sweep_summary.worst_confusion(confusion(first), first.runs[0].confusion[0])
    cards = [
        (
            "accuracy over all clips",
            f"{formatting.cell(scores['accuracy'])} %",
            f"95 % interval {formatting.cell_interval(scores['accuracy_interval'])} %; {by}",
            leaking or not sweep_summary.beats_floor(first),
        ),
        ("macro F1", f"{formatting.cell(scores['f1_macro'])} %", untested or "mean over genres", bool(untested)),
        (
            "test clips",
            f"{scores['clips']:,}",
            f"{owners}; {data}; {'leaks' if leaking else 'grouped by ' + certificate['grouped_by']}",
            leaking or first.synthetic or scores["artists"] is None,
        ),
    ]
    return [*cards, ("most frequent confusion", worst[0], worst[1], False)] if worst else cards


def _comparison(groups: Sequence[Group]) -> dict[str, Any] | None:
    """Sentences and figure of the pairwise comparison of the first groups; None for one group."""
    shown = groups[:MOST_COMPARED]
    if len(shown) < 2:
        return None
    try:
        content = compare([ComparedGroup(letter(k), g, collect_predictions(g.runs)) for k, g in enumerate(shown)])
    except ValueError as error:  # e.g. seeds with different test clips
        sentence = f"These groups cannot be compared: {error}"
        return {"sentences": [sentence], "others": [], "note": "", "figure": ""}
    more = len(groups) - len(shown)
    note = f"Compared: the {len(shown)} groups with the best validation scores. " if more else ""
    drawn = content["pairs"]
    if len(drawn) > MOST_DRAWN_PAIRS:
        drawn, note = drawn[: len(shown) - 1], f"{note}Drawn: the differences of {letter(0)} from the others. "
    sentences = [comparison_text.describe_pair(pair, content) for pair in content["pairs"]]
    return {
        "sentences": sentences[:SHOWN_PAIRS],
        "others": sentences[SHOWN_PAIRS:],
        "note": f"{note}p values are adjusted by Holm. All tests and notes: python -m src.compare SWEEP.",
        "figure": difference_figure(drawn),
    }


def difference_figure(pairs: Sequence[Any]) -> Markup:
    """Draw the accuracy differences of pairs."""
    names = [f"{pair['a']} - {pair['b']}" for pair in pairs]
    points = [100 * pair["accuracy"]["difference"] for pair in pairs]
    intervals = [
        (100 * ends[0], 100 * ends[1]) if (ends := pair["accuracy"]["interval"]) is not None else None for pair in pairs
    ]
    return Markup(sweep_plots.differences(names, points, intervals))


def _figures(found: Swept, chosen: Group | None) -> dict[str, Any]:
    """Draw the figures of the groups of one test data."""
    groups = found.groups
    if len(groups) == 1 and len(groups[0].runs) == 1:
        return {}  # its own page has them
    keys = [letter(k) for k in range(len(groups))]
    named = _named(found)
    intervals = [(group.scores["accuracy_interval"][0], group.scores["accuracy_interval"][1]) for group in groups]
    histories = [mean_history(group) for group in groups]
    names = genres(groups)
    figures: dict[str, Any] = {
        "grids": _heat_maps(panels(found), chosen),
        "matrices": [
            (label, Markup(plots.confusion(confusion(group), names, narrow=True)))
            for label, group in list(zip(named, groups, strict=True))[:MOST_MATRICES]
        ],
    }
    if any(history["val_loss"] for history in histories):
        trained = [k for k, history in enumerate(histories) if history["val_loss"]]  # the others are fitted in one step
        losses, scores = ([histories[k][key] for k in trained] for key in ("val_loss", "val_f1_macro"))
        figures["curves"] = Markup(sweep_plots.overlaid_curves([named[k] for k in trained], losses, scores))
    if len(groups) > 1:
        seconds, accuracy = [g.train_seconds for g in groups], [g.scores["accuracy"] for g in groups]
        figures["time"] = Markup(sweep_plots.time_and_score(keys, seconds, accuracy, intervals, 0 if chosen else None))
        recall = [
            [_nan_if_none(group.scores["genres"].get(genre, {}).get("recall")) for genre in names] for group in groups
        ]
        figures["recall"] = plots.both(plots.recall_map, recall, named, names)
    return figures


def _heat_maps(grids: Sequence[Panel], chosen: Group | None) -> list[tuple[str, Markup]]:
    """Draw the grids: validation macro F1, which chooses, and test accuracy. Without validation scores only the latter."""
    scores: list[tuple[str, Callable[[Group], float | None]]] = [
        ("Validation macro F1 %: this chooses", lambda group: group.val_f1_macro),
        ("Test accuracy over all clips %: this chooses nothing", lambda group: group.scores["accuracy"]),
    ]
    figures = []
    for name, score in scores if chosen else scores[1:]:
        maps = [heat_map(panel, score, chosen) for panel in grids[:MOST_PANELS]]
        if maps:
            figures.append((name, Markup(sweep_plots.heat_maps(maps, name))))
    return figures


def heat_map(panel: Panel, score: Callable[[Group], float | None], chosen: Group | None) -> sweep_plots.HeatMap:
    """The cells of a grid: the score of the group in each, and which is the chosen one."""
    marked = [(r, c) for r, row in enumerate(panel.groups) for c, group in enumerate(row) if group and group is chosen]
    return sweep_plots.HeatMap(
        panel.title,
        short(panel.row_key),
        short(panel.column_key),
        panel.rows,
        panel.columns,
        [[score(group) if group else None for group in row] for row in panel.groups],
        marked[0] if marked else None,
    )


def confusion(group: Group) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The confusion matrices of a group's runs, added: true genres in rows, in the order of its first run."""
    order, total = group.runs[0].confusion
    total = np.zeros_like(total)
    for run in group.runs:
        names, counts = run.confusion
        index = [names.index(genre) for genre in order]
        total = total + counts[np.ix_(index, index)]
    return total


def genres(groups: Sequence[Group]) -> list[str]:
    """All genres of the groups, without duplicates, in their order."""
    return list(dict.fromkeys(genre for group in groups for genre in group.scores["genres"]))


def support(groups: Sequence[Group], names: Sequence[str]) -> list[str]:
    """The number of test clips of each genre, as a range if the groups differ: "16", "16 to 18"."""
    texts = []
    for genre in names:
        clips = [round(group.scores["genres"][genre]["support"]) for group in groups if genre in group.scores["genres"]]
        texts.append(str(min(clips)) if min(clips) == max(clips) else f"{min(clips)} to {max(clips)}")
    return texts


def genre_table(
    groups: Sequence[Group], names: Sequence[str], key: str, labels: Sequence[str] | None = None
) -> dict[str, Any]:
    """The table of one score: a row for each group, a cell (share, interval) for each genre.

    `key` is a key of SCORE_NAMES. Only recall has an interval; for other scores it is None.
    """
    rows = []
    for group, label in zip(groups, labels or [group.label for group in groups], strict=True):
        scores = group.scores["genres"]
        cells = []
        for genre in names:
            row = scores.get(genre)
            cells.append(
                (row[key] if row else None, run_analysis.recall_interval(row) if row and key == "recall" else None)
            )
        rows.append((label, group.scores["clips"], cells, group.scores[f"{key}_macro"]))
    return {"name": SCORE_NAMES[key], "rows": rows}


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else value
