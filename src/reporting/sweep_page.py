"""Render several runs as one page or as Markdown tables: groups of runs, their scores, and the single runs."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from src import formatting, rundir
from src.evaluation import leak_gap, pooling, run_analysis, transfer
from src.evaluation.groups import group_by_config
from src.evaluation.selection import Selections
from src.evaluation.tested_on import by_test_data
from src.reporting import leak_gap_text, plots, render, run_page, selection_text, tested_on_text, transfer_text
from src.rundir import RunDir, nested
from src.split.certificate import leaks

Skipped = tuple[Path, str]  # path of a run that is left out, and the reason
SCORE_NAMES = {"recall": "Recall", "precision": "Precision", "f1": "F1"}


def readable_runs(found: Sequence[RunDir], pages: bool) -> tuple[list[RunDir], list[Skipped]]:
    """Read the files of each run -> (runs, skipped). A run whose files are missing or broken is skipped, with the reason.

    With `pages`, this also writes the report.html of each run that has none, because the page of all runs links to it.
    Raises ValueError if no run can be read.
    """
    runs, skipped = [], []
    for run in found:
        try:
            # Read now: a broken file that is found later would stop the whole report.
            _ = run.metrics, run.config, run.environment, run.predictions, run.split
            if pages and not (run.path / rundir.REPORT).exists():
                run_page.write(run.path, run.trust)
            runs.append(run)
        except (ValueError, OSError) as error:
            skipped.append((run.path, str(error)))
    if not runs:
        reasons = " ".join(reason for _, reason in skipped)
        raise ValueError(f"none of {formatting.count(len(found), 'run')} can be reported. {reasons}")
    return runs, skipped


def html(runs: Sequence[RunDir], skipped: Sequence[Skipped], folder: Path, selections: Selections | None = None) -> str:
    """Render the page of several runs, with the `selections` among them at the top.

    Links to the report.html of each run are relative to `folder`. Raises ValueError if the files of a run do not fit together.
    """
    groups = selections.groups if selections else group_by_config(runs)
    context = _context(groups, skipped, folder, selections)
    sections = [{**section, **_figures(section["groups"])} for section in context["sections"]]
    return render.html("runs.html", {**context, "sections": sections})


def markdown(runs: Sequence[RunDir], skipped: Sequence[Skipped], selections: Selections | None = None) -> str:
    """Render the tables of the page as Markdown, with paths relative to the working directory."""
    groups = selections.groups if selections else group_by_config(runs)
    return render.markdown("runs.md", _context(groups, skipped, Path.cwd(), selections))


def _context(
    groups: Sequence[pooling.Group], skipped: Sequence[Skipped], folder: Path, selections: Selections | None
) -> dict[str, Any]:
    """Collect the values that the templates runs.html and runs.md show; paths are relative to `folder`."""
    runs = [run for group in groups for run in group.runs]
    parts = by_test_data(groups)
    pairs = leak_gap.split_pairs(groups)
    gaps = [leak_gap_text.describe_leak_gap(pair) for pair in pairs]
    return {
        "title": f"{formatting.count(len(runs), 'run')} in {formatting.count(len(groups), 'group')}",
        "selected": _selection_context(selections) if selections else None,
        "data_lines": _data_lines(runs),
        "leak_gap_lines": [
            f"{pair.label}: {gap}" if len(pairs) > 1 else gap for pair, gap in zip(pairs, gaps, strict=True)
        ],
        "difference_lines": tested_on_text.describe_differences(parts),
        "note_lines": _note_lines(groups, parts, experiment_count=len(groups) - len(pairs)),
        "transfer": [transfer_text.matrix(each) for each in transfer.matrices(runs)],
        "transfer_basis": transfer_text.BASIS,
        "sections": [_section(part, number, len(parts)) for number, part in enumerate(parts, start=1)],
        "runs": [(group.label, [_row(run, folder) for run in group.runs]) for group in groups],
        "skipped": [(_relative(path, folder), reason) for path, reason in skipped],
    }


def _section(groups: Sequence[pooling.Group], number: int, count: int) -> dict[str, Any]:
    """The values of the groups with the same test data; `number` counts from 1 to `count`."""
    genres = _genres(groups)
    best = groups[0]
    scores, tested = best.scores, formatting.tested_genres(best.scores)
    start = "Highest accuracy" if len(groups) > 1 else "Accuracy"
    share = f"{formatting.percent(scores['accuracy'])} of {formatting.count(scores['clips'], 'clip')}"
    interval = f"95 % interval {formatting.cell_interval(scores['accuracy_interval'])} %"
    headline = f"{start} over all test clips: {share} ({interval})"
    if tested:  # "accuracy over all test clips" would be read as one over all genres
        correct = f"{round(scores['accuracy'] * scores['clips'])} of {formatting.count(scores['clips'], 'clip')}"
        headline = f"Tested on {tested}. {start}: {correct} ({interval})"
    macro_f1 = f"macro F1 {formatting.percent(scores['f1_macro'])}"
    macro_f1 += f" over {formatting.macro_genres(scores)}" if tested else ""
    return {
        "heading": tested_on_text.heading(groups, number) if count > 1 else None,
        "headline": f"{headline}, {macro_f1}, by {best.label}{'; synthetic music' if best.synthetic else ''}.",
        "incomplete": bool(tested),
        "data_lines": _data_lines([run for group in groups for run in group.runs]),
        "groups": groups,
        "genres": genres,
        "support": _support(groups, genres),
        "genre_tables": [_genre_table(groups, genres, key) for key in SCORE_NAMES],
    }


def _data_lines(runs: Sequence[RunDir]) -> list[str]:
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


def _note_lines(
    groups: Sequence[pooling.Group], parts: Sequence[Sequence[pooling.Group]], experiment_count: int
) -> list[str]:
    """List notes on the groups: leaks, warnings, and how to compare and select.

    `parts` are the groups, divided by test data. `experiment_count` is the number of groups, where two groups that differ only in `split.grouped` count as one.
    """
    notes = []
    if any(leaks(run.metrics["certificate"]) for group in groups for run in group.runs):
        notes.append("Some runs share artists, tracks or audio between training and test: see the page of each run.")
    warnings = {text for group in groups for run in group.runs for text in run.metrics["certificate"]["warnings"]}
    notes += sorted(warnings)
    if len(groups) == 1:
        return notes
    if len(parts) == 1:
        notes.append(f"All groups were tested on the same {formatting.count(len(groups[0].clips), 'clip')}.")
    if experiment_count == 1 or len(parts) == len(groups):
        return notes
    notes.append(
        "Intervals that overlap do not show which group is better, nor that the groups are equal: that needs the paired "
        "difference on the same clips, as computed by python -m src.compare SWEEP."
    )
    notes.append(
        f"The best of {experiment_count} test scores is too high by luck: select a group by its validation score, then read its test "
        "score. python -m src.report SWEEP --select val/f1_macro does this fold by fold."
    )
    return notes


def _selection_context(selections: Selections) -> dict[str, Any]:
    """Collect the values that the templates selected.html and selected.md show, with a table of recall per genre."""
    context = selection_text.template_context(selections)
    parts = by_test_data([row["group"] for row in context["rows"]])
    tables = []
    for number, part in enumerate(parts, start=1):
        genres = _genres(part)
        tables.append(
            {
                "heading": tested_on_text.heading(part, number) if len(parts) > 1 else None,
                "rows": [row for row in context["rows"] if any(row["group"] is group for group in part)],
                "recall": {**_genre_table(part, genres, "recall"), "genres": genres, "support": _support(part, genres)},
            }
        )
    return {**context, "tables": tables, "difference_lines": tested_on_text.describe_differences(parts)}


def _genres(groups: Sequence[pooling.Group]) -> list[str]:
    """All genres of the groups, without duplicates, in their order."""
    return list(dict.fromkeys(genre for group in groups for genre in group.scores["genres"]))


def _support(groups: Sequence[pooling.Group], genres: Sequence[str]) -> list[str]:
    """The number of test clips of each genre, as a range if the groups differ: "16", "16 to 18"."""
    texts = []
    for genre in genres:
        clips = [round(group.scores["genres"][genre]["support"]) for group in groups if genre in group.scores["genres"]]
        texts.append(str(min(clips)) if min(clips) == max(clips) else f"{min(clips)} to {max(clips)}")
    return texts


def _genre_table(groups: Sequence[pooling.Group], genres: Sequence[str], key: str) -> dict[str, Any]:
    """The table of one score for runs.html: a row for each group, a cell (share, interval) for each genre.

    `key` is a key of SCORE_NAMES. Only recall has an interval; for other scores it is None.
    """
    rows = []
    for group in groups:
        scores = group.scores["genres"]
        cells = []
        for genre in genres:
            row = scores.get(genre)
            cells.append(
                (row[key] if row else None, run_analysis.recall_interval(row) if row and key == "recall" else None)
            )
        rows.append((group.label, group.scores["clips"], cells, group.scores[f"{key}_macro"]))
    return {"name": SCORE_NAMES[key], "rows": rows}


def _row(run: RunDir, folder: Path) -> dict[str, Any]:
    """The values of one run in the table of runs."""
    return {
        "name": _relative(run.path, folder),
        "href": quote(_relative(run.path / rundir.REPORT, folder)),
        "seed": nested.get(run.config, "seed"),
        "fold": nested.get(run.config, "split.fold"),
        "metrics": run.metrics,
    }


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _figures(groups: Sequence[pooling.Group]) -> dict[str, Markup]:
    """Draw the figures of runs.html."""
    genres = _genres(groups)
    labels = [group.label for group in groups]
    recall = [
        [run_page.nan_if_none(group.scores["genres"].get(genre, {}).get("recall")) for genre in genres]
        for group in groups
    ]
    intervals = [(group.scores["accuracy_interval"][0], group.scores["accuracy_interval"][1]) for group in groups]
    figures = {
        "accuracy_figure": plots.accuracies(labels, [group.scores["accuracy"] for group in groups], intervals),
        "recall_figure": plots.recall_map(recall, labels, genres),
    }
    # Marked as safe: the SVG is our own, and plots escapes the texts in it.
    return {name: Markup(figure) for name, figure in figures.items()}
