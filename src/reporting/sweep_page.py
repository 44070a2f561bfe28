"""Many runs as one page or as Markdown tables: groups of runs, their scores, and each run."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from src import formatting, rundir
from src.evaluation import leak_gap, pooling, run_analysis
from src.evaluation.groups import group_by_config
from src.evaluation.selection import Selections
from src.reporting import leak_gap_text, plots, render, run_page, selection_text
from src.rundir import RunDir, nested
from src.split.certificate import leaks

Skipped = tuple[Path, str]  # a run that is not counted, and why


def readable_runs(found: Sequence[RunDir], pages: bool) -> tuple[list[RunDir], list[Skipped]]:
    """The runs that can be counted, and the others with the reason. `pages` writes the report.html of a run that has
    none, since the summary links to it. Raises ValueError where no run can be counted."""
    runs, skipped = [], []
    for run in found:
        try:
            # Read now, so that a broken file leaves out its run and not all of them.
            _ = run.metrics, run.config, run.predictions, run.split
            if pages and not (run.path / rundir.REPORT).exists():
                run_page.write(run.path)
            runs.append(run)
        except ValueError as error:
            skipped.append((run.path, str(error)))
    if not runs:
        reasons = " ".join(reason for _, reason in skipped)
        raise ValueError(f"none of {formatting.count(len(found), 'run')} can be reported. {reasons}")
    return runs, skipped


def html(runs: Sequence[RunDir], skipped: Sequence[Skipped], start: Path, selected: Selections | None = None) -> str:
    """The page of finished runs, on top what was `selected` among them; its links to each run's own report.html are
    relative to the folder `start`.

    Raises ValueError on runs that do not fit together.
    """
    groups = selected.groups if selected else group_by_config(runs)
    return render.html("runs.html", {**_context(groups, skipped, start, selected), **_figures(groups)})


def markdown(runs: Sequence[RunDir], skipped: Sequence[Skipped], selected: Selections | None = None) -> str:
    """The page's tables as Markdown; paths are relative to the working directory."""
    groups = selected.groups if selected else group_by_config(runs)
    return render.markdown("runs.md", _context(groups, skipped, Path.cwd(), selected))


def _context(
    groups: Sequence[pooling.Group], skipped: Sequence[Skipped], start: Path, selected: Selections | None
) -> dict[str, Any]:
    runs = [run for each in groups for run in each.runs]
    genres = _genres(groups)
    pairs = leak_gap.split_pairs(groups)
    return {
        "title": f"{formatting.count(len(runs), 'run')} in {formatting.count(len(groups), 'group')}",
        "selected": _selected(selected) if selected else None,
        "basis": _basis(runs),
        "gaps": [
            f"{pair.label}: {leak_gap_text.describe_leak_gap(pair)}"
            if len(pairs) > 1
            else leak_gap_text.describe_leak_gap(pair)
            for pair in pairs
        ],
        "comparable": _comparable(groups, rivals=len(groups) - len(pairs)),
        "groups": groups,
        "genres": genres,
        "support": _support(groups, genres),
        "measures": [_measure(groups, genres, key) for key in ("recall", "precision", "f1")],
        "runs": [(each.label, [_row(run, start) for run in each.runs]) for each in groups],
        "skipped": [(_relative(path, start), reason) for path, reason in skipped],
    }


def _basis(runs: Sequence[RunDir]) -> list[str]:
    """The data sets and splits of the runs, each once: "gtzan; split fold 0 of 10, seed 0; grouped by artist"."""
    found: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        metrics = run.metrics
        key = (
            formatting.data(metrics["dataset"], metrics["synthetic"]),
            f"grouped by {metrics['certificate']['grouped_by']}",
        )
        made = found.setdefault(key, [])
        if metrics["certificate"]["split"] not in made:
            made.append(metrics["certificate"]["split"])
    return [f"{data}; {describe_splits(made)}; {grouped}" for (data, grouped), made in found.items()]


def describe_splits(made: Sequence[str]) -> str:
    """How the splits of runs were made: "holdout, seed 0"; "folds 0 to 2 of 3, seed 0"; else the first and the last."""
    if len(made) == 1:
        return f"split {made[0]}"
    folds = [re.fullmatch(r"fold (\d+) (of .+)", each) for each in made]
    numbers, kinds = [int(fold[1]) for fold in folds if fold], {fold[2] if fold else None for fold in folds}
    if None not in kinds and len(kinds) == 1 and max(numbers) - min(numbers) == len(made) - 1:
        return f"folds {min(numbers)} to {max(numbers)} {kinds.pop()}"
    return f"{len(made)} splits, {made[0]} to {made[-1]}"


def _comparable(groups: Sequence[pooling.Group], rivals: int) -> list[str]:
    """What a reader must know before comparing the groups, of which `rivals` are not the same on another split."""
    notes = []
    if any(leaks(run.metrics["certificate"]) for each in groups for run in each.runs):
        notes.append("Some runs share artists, tracks or audio between training and test: see each run's own page.")
    warnings = {text for each in groups for run in each.runs for text in run.metrics["certificate"]["warnings"]}
    notes += sorted(warnings)
    if len(groups) == 1:
        return notes
    if len({each.clips for each in groups}) == 1:
        notes.append(f"All groups were tested on the same {formatting.count(len(groups[0].clips), 'clip')}.")
    else:
        notes.append("The groups were tested on different clips, so their scores differ for that reason too.")
    if rivals == 1:
        return notes
    notes.append(
        "Intervals that overlap do not show which group is better, nor that they are equal: "
        "that takes the paired difference on the clips that both have, which python -m src.compare SWEEP tells."
    )
    notes.append(
        f"The best of {rivals} test scores is too high by luck: choose a group by its validation score, "
        "then read its test score, as python -m src.report SWEEP --select val/f1_macro does fold by fold."
    )
    return notes


def _selected(selected: Selections) -> dict[str, Any]:
    """What was selected, as one table more of genres in the same form as the groups'."""
    groups = [each.group for each in selected.selections]
    genres = _genres(groups)
    recall = {**_measure(groups, genres, "recall"), "genres": genres, "support": _support(groups, genres)}
    return {**selection_text.template_context(selected), "recall": recall}


def _genres(groups: Sequence[pooling.Group]) -> list[str]:
    return list(dict.fromkeys(genre for each in groups for genre in each.scores["genres"]))


def _support(groups: Sequence[pooling.Group], genres: Sequence[str]) -> list[str]:
    """The test clips of each genre, where groups differ from fewest to most: "16", "16 to 18"."""
    texts = []
    for genre in genres:
        clips = [round(each.scores["genres"][genre]["support"]) for each in groups if genre in each.scores["genres"]]
        texts.append(str(min(clips)) if min(clips) == max(clips) else f"{min(clips)} to {max(clips)}")
    return texts


def _measure(groups: Sequence[pooling.Group], genres: Sequence[str], key: str) -> dict[str, Any]:
    """One table: a score of each genre in each group, recall with its interval."""
    rows = []
    for each in groups:
        scores = each.scores["genres"]
        cells = []
        for genre in genres:
            row = scores.get(genre)
            cells.append(
                (row[key] if row else None, run_analysis.recall_interval(row) if row and key == "recall" else None)
            )
        rows.append((each.label, each.scores["clips"], cells, each.scores[f"{key}_macro"]))
    return {"name": {"recall": "Recall", "precision": "Precision", "f1": "F1"}[key], "rows": rows}


def _row(run: RunDir, start: Path) -> dict[str, Any]:
    return {
        "name": _relative(run.path, start),
        "href": quote(_relative(run.path / rundir.REPORT, start)),
        "seed": nested.get(run.config, "seed"),
        "fold": nested.get(run.config, "split.fold"),
        "metrics": run.metrics,
    }


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()


def _figures(groups: Sequence[pooling.Group]) -> dict[str, Markup]:
    genres = _genres(groups)
    labels = [each.label for each in groups]
    recall = [
        [run_page.nan_if_none(each.scores["genres"].get(genre, {}).get("recall")) for genre in genres]
        for each in groups
    ]
    intervals = [(each.scores["accuracy_interval"][0], each.scores["accuracy_interval"][1]) for each in groups]
    figures = {
        "accuracy_figure": plots.accuracies(labels, [each.scores["accuracy"] for each in groups], intervals),
        "recall_figure": plots.recall_map(recall, labels, genres),
    }
    return {name: Markup(figure) for name, figure in figures.items()}  # our own SVG; plot escapes what it is given
