"""The part of a sweep's page about the groups that were tested on the same data: their scores, figures and comparison."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from src import formatting
from src.evaluation import run_analysis, selection
from src.evaluation.compared_groups import ComparedGroup, letter
from src.evaluation.comparison import compare
from src.evaluation.folds import format_folds
from src.evaluation.group_predictions import collect_predictions
from src.evaluation.pooling import Group, pooled_confusion
from src.evaluation.run_names import experiment_name
from src.evaluation.selection import Selection, config_value
from src.evaluation.shared_folds import Part
from src.evaluation.swept import (
    Panel,
    SweptSettings,
    chosen_by_validation,
    panels,
    short,
    swept_settings,
    validation_curves,
)
from src.reporting import cards, comparison_text, plots, selection_text, sweep_plots, sweep_summary, tested_on_text
from src.reporting.cards import Card

SCORE_NAMES = {"recall": "Recall", "precision": "Precision", "f1": "F1"}
FIGURES = ("grids", "matrices", "curves", "time", "recall")
SHOWN_PAIRS = 2  # pairs whose sentence is shown, the others are folded: the first group with the next ones
MOST_DRAWN_PAIRS = 6  # of more pairs, the figure shows those of the first group
DIFFERENCES = (
    "Thick bar: 95 % interval over artists; thin line: over folds, as if trained on other clips (corrected t test). Full circles: one "
    "is better by all tests; hollow: not told apart."
)
MOST_MATRICES = 4  # groups whose confusion matrix is drawn
TWO_CHOICES = (
    "Here each fold chooses its own configuration: report this for training and choosing together. The score at the top is that "
    "of one configuration, chosen for all folds by its mean validation score."
)
MOST_PANELS = 6  # grids that are drawn; the table has all values


def section(part: Part, number: int, count: int, figures: bool) -> dict[str, Any]:
    """The values of the groups with the same test data; `number` counts from 1 to `count`. `figures`: also draw them."""
    groups = part.groups
    chosen = chosen_by_validation(groups)
    ordered = sorted(groups, key=lambda group: -(group.val_f1_macro or 0.0)) if chosen else list(groups)
    ordered = [chosen, *(group for group in ordered if group is not chosen)] if chosen else ordered
    settings = swept_settings(ordered)
    names = genres(ordered)
    selected = _selected_in_folds(ordered) if chosen and figures else None
    return {
        "heading": tested_on_text.heading(ordered, number) if count > 1 else None,
        "number": number if count > 1 else None,
        "headline": _headline(ordered, chosen),
        "incomplete": bool(formatting.tested_genres(ordered[0].scores)),
        "fold_lines": tested_on_text.fold_lines(part),
        "unranked": [(group, format_folds(folds)) for group, folds in part.unranked],
        "data_lines": tested_on_text.data_lines([run for group in ordered for run in group.runs]),
        "cards": _cards(ordered[0], chosen, settings, selected),
        "common": settings.common,
        "keys": [(short(key), key) for key in settings.keys],
        "groups": ordered,
        "rows": [
            {"key": letter(k), "group": group, "values": list(values.values()), "chosen": group is chosen}
            for k, (group, values) in enumerate(zip(ordered, settings.values, strict=True))
        ],
        "by_artist": any(group.scores["accuracy_interval_by_artist"] for group in ordered),
        "genres": names,
        "support": support(ordered, names),
        "genre_tables": [
            genre_table(ordered, names, key, _named(settings) if figures else None) for key in SCORE_NAMES
        ],
        "selection_line": _selection_line(selected) if selected else None,
        "choice_lines": [_two_scores(ordered[0], selected)] if selected else [],
        "floor_lines": _floor_lines(ordered) if figures else [],
        "comparison": _comparison(ordered) if figures else None,
        **dict.fromkeys(FIGURES),
        **(_figures(settings, chosen) if figures else {}),
    }


def _named(settings: SweptSettings) -> list[str]:
    """The labels of groups with their letters, "A cnn"; the label alone if there is one group."""
    if len(settings.groups) == 1:
        return settings.labels
    return [f"{letter(k)} {label}" for k, label in enumerate(settings.labels)]


def _selected_in_folds(groups: Sequence[Group]) -> Selection | None:
    """The configurations that validation chooses in each fold; None if it chooses the same in all folds."""
    runs = [run for group in groups for run in group.runs]
    try:
        selected = selection.select_by_validation(runs, "val/f1_macro")
    except ValueError:  # e.g. one configuration; the command in the notes says why
        return None
    if len(selected.selections) > 1 or len({fold.label for fold in selected.selections[0].folds}) < 2:
        return None  # in all folds the same is selected, which is the first group of the page
    return selected.selections[0]


def _selection_line(selected: Selection) -> str:
    """The pooled test scores of the configurations that validation chooses in each fold."""
    score = selection.SELECTION_SCORES["val/f1_macro"]
    return f"{selection_text.describe_selection(selected, score)} {TWO_CHOICES}"


def _two_scores(first: Group, selected: Selection) -> str:
    """Say which of two accuracies to report: of one configuration for all folds, or of that chosen in each fold."""
    scores = selected.group.scores
    return (
        f"Each fold chooses its own configuration by validation. So chosen, {formatting.percent(scores['accuracy'])} of the clips are "
        f"recognized ({formatting.named_interval(scores)}): report this for training and choosing together. The "
        f"{formatting.percent(first.scores['accuracy'])} above are those of one configuration for all folds."
    )


def _floor_lines(groups: Sequence[Group]) -> list[str]:
    """Say if the first group is not shown to be better than a group that always predicts the most frequent genre."""
    first, lines = groups[0], []
    for k, group in enumerate(groups):
        if k == 0 or config_value(group.runs[0], "model") != "majority":
            continue
        named = ((letter(0), first), (letter(k), group))
        try:
            content = compare([ComparedGroup(key, each, collect_predictions(each.runs)) for key, each in named])
        except ValueError:  # e.g. seeds with different test clips; the comparison says why
            continue
        if p := comparison_text.not_better(content["pairs"][0]):
            lines.append(
                f"{letter(0)} ({first.label}) is not shown to be better than {letter(k)} ({group.label}): {p}."
            )
    return lines


def _headline(groups: Sequence[Group], chosen: Group | None) -> str:
    """The result in one sentence: of the group chosen by validation, or else of the one with the highest accuracy."""
    first = groups[0]
    scores, tested = first.scores, formatting.tested_genres(first.scores)
    recipe, _, name = first.label.partition(": ")
    who = f"The {name} (recipe {recipe})" if recipe == experiment_name(first.runs[0]) else f"The {first.label}"
    if len(groups) > 1:
        who += f", the best of {len(groups)} by {'validation macro F1' if chosen else 'test accuracy'},"
    clips = f"{formatting.count(scores['clips'], 'test clip')} of {first.runs[0].metrics['dataset']}"
    start = f"{who} recognizes {formatting.percent(scores['accuracy'])} of {clips}"
    if tested:  # a share "of the test clips" would be read as one of all genres
        start = f"Tested on {tested}. {who} is right for {round(scores['accuracy'] * scores['clips'])} of {clips}"
    macro_f1 = f"macro F1 {formatting.percent(scores['f1_macro'])}"
    macro_f1 += f" over {formatting.macro_genres(scores)}" if tested else ""
    return f"{start} ({formatting.named_interval(scores)}), {macro_f1}{'; synthetic music' if first.synthetic else ''}."


def _cards(first: Group, chosen: Group | None, settings: SweptSettings, selected: Selection | None) -> list[Card]:
    """The cards of the first group: those of a run's page, and how it came first. `selected`: chosen anew in each fold."""
    scores, certificate = first.scores, first.runs[0].metrics["certificate"]
    by = ""
    if len(settings.groups) > 1:
        by = "; chosen by validation" if chosen else f"; the highest of {len(settings.groups)}"
    if selected:
        by = f"; one choice for all folds. Chosen in each fold: {formatting.percent(selected.group.scores['accuracy'])}"
    shared = sweep_summary.shared_kinds(first)
    share, baseline = sweep_summary.floor(first)
    splits = list(dict.fromkeys(run.metrics["certificate"]["split"] for run in first.runs))
    data = f"{formatting.data(first.runs[0].metrics['dataset'], first.synthetic)}; {tested_on_text.describe_splits(splits)}"
    owners = "artists not all known" if scores["artists"] is None else formatting.count(scores["artists"], "artist")
    note = f"{owners}; {data}; {'leaks' if shared else 'grouped by ' + certificate['grouped_by']}"
    worst = cards.confusion(run_analysis.confusions(*pooled_confusion(first.runs)))
    accuracy = cards.accuracy(scores, share, shared, sweep_summary.validation_gap(first), by)
    return [
        accuracy._replace(doubtful=accuracy.doubtful or selected is not None),
        cards.macro_f1(scores),
        cards.floor(share, baseline, len(scores["genres"])),
        Card(
            "test data",
            formatting.count(scores["clips"], "clip"),
            note,
            bool(shared) or first.synthetic or scores["artists"] is None,
        ),
        *([worst] if worst else []),
    ]


def _comparison(groups: Sequence[Group]) -> dict[str, Any] | None:
    """Sentences and figure of the pairwise comparison of the first groups; None for one group."""
    shown = groups[: sweep_summary.MOST_COMPARED]
    if len(shown) < 2:
        return None
    try:
        content = compare([ComparedGroup(letter(k), g, collect_predictions(g.runs)) for k, g in enumerate(shown)])
    except ValueError as error:  # e.g. seeds with different test clips
        sentence = f"These groups cannot be compared: {error}"
        return {"sentences": [sentence], "others": [], "note": "", "figure": "", "undecided": False}
    more = len(groups) - len(shown)
    note = f"Compared: the {len(shown)} best by validation. " if more else ""
    drawn = content["pairs"]
    if len(drawn) > MOST_DRAWN_PAIRS:
        drawn, note = drawn[: len(shown) - 1], f"{note}Drawn: {letter(0)} minus the others. "
    sentences = [comparison_text.describe_pair(pair, content) for pair in content["pairs"]]
    undecided = content["pairs"][0]["verdict"] not in ("a", "b", "same")
    return {
        "undecided": undecided and all(each["repetitions"] == 1 for each in content["groups"]),
        "sentences": sentences[:SHOWN_PAIRS],
        "others": sentences[SHOWN_PAIRS:],
        "note": f"{note}{DIFFERENCES} p is adjusted by Holm. All tests: python -m src.compare SWEEP.",
        "figure": difference_figure(drawn),
    }


def difference_figure(pairs: Sequence[Any]) -> Markup:
    """Draw the accuracy differences of pairs."""
    names = [f"{pair['a']} - {pair['b']}" for pair in pairs]
    folds = [
        (100 * ends[0], 100 * ends[1]) if (ends := pair["folds"].get("interval")) is not None else None
        for pair in pairs
    ]
    points = [100 * pair["accuracy"]["difference"] for pair in pairs]
    intervals = [
        (100 * ends[0], 100 * ends[1]) if (ends := pair["accuracy"]["interval"]) is not None else None for pair in pairs
    ]
    different = [pair["verdict"] in ("a", "b") for pair in pairs]
    return Markup(sweep_plots.differences(names, points, intervals, different, folds))


def _figures(settings: SweptSettings, chosen: Group | None) -> dict[str, Any]:
    """Draw the figures of the groups of one test data."""
    groups = settings.groups
    keys = [letter(k) for k in range(len(groups))]
    named = _named(settings)
    intervals = [(group.scores["accuracy_interval"][0], group.scores["accuracy_interval"][1]) for group in groups]
    histories = [validation_curves(group) for group in groups]
    names = genres(groups)
    figures: dict[str, Any] = {
        "grids": _heat_maps(panels(settings), chosen),
        "matrices": [(label, _matrix(group)) for label, group in list(zip(named, groups, strict=True))[:MOST_MATRICES]],
    }
    if any(len(history["val_loss"]) > 1 for history in histories):  # of one epoch there is no curve
        trained = [k for k, history in enumerate(histories) if history["val_loss"]]  # the others are fitted in one step
        losses, scores = ([histories[k][key] for k in trained] for key in ("val_loss", "val_f1_macro"))
        figures["curves"] = Markup(
            sweep_plots.overlaid_curves(trained, [named[k] for k in trained], losses, scores, len(groups))
        )
    if len(groups) > 1:
        seconds, accuracy = [g.train_seconds for g in groups], [g.scores["accuracy"] for g in groups]
        figures["time"] = Markup(sweep_plots.time_and_score(keys, seconds, accuracy, intervals, bool(chosen)))
        recall = [
            [_nan_if_none(group.scores["genres"].get(genre, {}).get("recall")) for genre in names] for group in groups
        ]
        figures["recall"] = plots.both(plots.recall_map, recall, named, names)
    return figures


def _matrix(group: Group) -> Markup:
    """Draw the confusion matrix of a group, added over its runs."""
    names, counts_CC = pooled_confusion(group.runs)
    return Markup(plots.confusion(counts_CC, names, narrow=True))


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
