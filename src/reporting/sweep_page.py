"""Render several runs as one page or as Markdown tables: groups of runs, their scores, and the single runs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from src import formatting, rundir
from src.evaluation import leak_gap, pooling, shared_folds, transfer
from src.evaluation.groups import group_by_config
from src.evaluation.selection import Selections
from src.evaluation.swept import chosen_by_validation
from src.evaluation.tested_on import by_test_data
from src.reporting import (
    jobs_text,
    leak_gap_text,
    paper_table,
    render,
    run_page,
    selection_text,
    sweep_section,
    sweep_summary,
    tested_on_text,
    transfer_text,
)
from src.reporting.jobs_text import Unfinished
from src.rundir import RunDir, nested

Skipped = tuple[Path, str]  # path of a run that is left out, and the reason


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


def write(folder: Path, unfinished: Sequence[Unfinished]) -> Path:
    """Write report.html of a sweep of one's own, also if no job has finished, and return its path."""
    found = rundir.find_runs(folder, trust=None)
    runs, skipped = (
        readable_runs(found, pages=True) if any((run.path / rundir.METRICS).exists() for run in found) else ([], [])
    )
    return render.save(folder / rundir.REPORT, html(runs, skipped, folder, unfinished=unfinished))


def html(
    runs: Sequence[RunDir],
    skipped: Sequence[Skipped],
    folder: Path,
    selections: Selections | None = None,
    unfinished: Sequence[Unfinished] = (),
    paper: bool = False,
) -> str:
    """Render the page of several runs, with the `selections` among them at the top.

    `unfinished` are the jobs without result. `paper`: show the paper's tables beside the runs even if these are not exactly
    its three models. Links to the report.html of each run are relative to `folder`. Raises ValueError if the files of a run
    do not fit together.
    """
    groups = selections.groups if selections else group_by_config(runs)
    context = _context(groups, skipped, folder, selections, unfinished, paper, figures=True)
    return render.html("runs.html", {**context, "title": folder.resolve().name})


def markdown(
    runs: Sequence[RunDir],
    skipped: Sequence[Skipped],
    selections: Selections | None = None,
    unfinished: Sequence[Unfinished] = (),
    paper: bool = False,
) -> str:
    """Render the tables of the page as Markdown, with paths relative to the working directory."""
    groups = selections.groups if selections else group_by_config(runs)
    context = _context(groups, skipped, Path.cwd(), selections, unfinished, paper, figures=False)
    return render.markdown("runs.md", {**context, "title": context["counted"]})


def _context(
    groups: Sequence[pooling.Group],
    skipped: Sequence[Skipped],
    folder: Path,
    selections: Selections | None,
    unfinished: Sequence[Unfinished],
    paper: bool,
    figures: bool,
) -> dict[str, Any]:
    """Collect the values that the templates runs.html and runs.md show; paths are relative to `folder`."""
    runs = [run for group in groups for run in group.runs]
    shared = shared_folds.parts(groups)
    parts = [part.groups for part in shared]
    pairs = leak_gap.split_pairs(groups)
    gaps = [leak_gap_text.describe_leak_gap(pair) for pair in pairs]
    sections = [sweep_section.section(part, number, len(parts), figures) for number, part in enumerate(shared, start=1)]
    if paper:
        paper_table.check_models(groups)
    first = [section["groups"][0] for section in sections]
    return {
        "counted": f"{formatting.count(len(runs), 'run')} in {formatting.count(len(groups), 'group')}",
        "selected": _selection_context(selections) if selections else None,
        "data_lines": tested_on_text.data_lines(runs),
        "leak_gap_lines": [
            f"{pair.label}: {gap}" if len(pairs) > 1 else gap for pair, gap in zip(pairs, gaps, strict=True)
        ],
        "difference_lines": tested_on_text.describe_differences(parts),
        "leak_lines": sweep_summary.leak_lines(groups),
        "doubts": sweep_summary.doubts(groups, sections, first),
        "steps": sweep_summary.next_steps(groups, sections, first, unfinished, selected=selections is not None),
        "note_lines": _note_lines(groups, parts, len(groups) - len(pairs), figures, selections is not None),
        "transfer": [transfer_text.matrix(each) for each in transfer.matrices(runs)],
        "transfer_basis": transfer_text.BASIS,
        "sections": [{**each, "paper": _paper(part, paper)} for each, part in zip(sections, parts, strict=True)],
        "runs": [(group.label, [_row(run, folder) for run in group.runs]) for group in groups],
        "unfinished": unfinished,
        "unfinished_counts": jobs_text.summary(unfinished),
        "job_groups": jobs_text.groups(unfinished),
        "skipped": [
            (_relative(path, folder), reason)
            for path, reason in skipped
            if path.name not in {job["folder"] for job in unfinished}
        ],
    }


def _paper(groups: Sequence[pooling.Group], wanted: bool) -> dict[str, Any] | None:
    """The paper's tables beside these groups: if they are wanted, or if the models are exactly the paper's."""
    models = paper_table.models_of(groups)
    shown = models == set(paper_table.MODELS) or (wanted and models & set(paper_table.MODELS))
    return paper_table.tables(groups) if shown else None


def _note_lines(
    groups: Sequence[pooling.Group],
    parts: Sequence[Sequence[pooling.Group]],
    experiment_count: int,
    compared: bool,
    selected: bool,
) -> list[str]:
    """List notes on the groups: how to compare and select, unless the page does it.

    `parts` are the groups, divided by test data. `experiment_count` is the number of groups, where two groups that differ only in `split.grouped` count as one.
    `compared`: the page has a comparison; `selected`: it has a selection in each fold.
    """
    notes: list[str] = []
    if len(groups) == 1:
        return notes
    if len(parts) == 1 and len(parts[0]) == len(groups):
        notes.append(f"All groups were tested on the same {formatting.count(len(parts[0][0].clips), 'clip')}.")
    if experiment_count == 1 or len(parts) == len(groups):
        return notes
    where = "under Comparison" if compared else "as computed by python -m src.compare SWEEP"
    notes.append(
        "Intervals that overlap do not show which group is better, nor that the groups are equal: that needs the paired "
        f"difference on the same clips, {where}."
    )
    chosen = [chosen_by_validation(part) for part in parts if len(part) > 1]
    note = f"The best of {experiment_count} test scores is too high by luck"
    if all(chosen):
        note += ": the group that validation chooses comes first."
    elif not any(group.runs[0].is_evaluation for group in groups):
        note += ": select a group by its validation score, then read its test score."
    note = note.removesuffix(".") + "."
    if not selected and all(chosen):
        note += " python -m src.report SWEEP --select val/f1_macro chooses fold by fold."
    notes.append(note)
    return notes


def _selection_context(selections: Selections) -> dict[str, Any]:
    """Collect the values that the templates selected.html and selected.md show, with a table of recall per genre."""
    context = selection_text.template_context(selections)
    parts = by_test_data([row["group"] for row in context["rows"]])
    tables = []
    for number, part in enumerate(parts, start=1):
        genres = sweep_section.genres(part)
        tables.append(
            {
                "heading": tested_on_text.heading(part, number) if len(parts) > 1 else None,
                "rows": [row for row in context["rows"] if any(row["group"] is group for group in part)],
                "recall": {
                    **sweep_section.genre_table(part, genres, "recall"),
                    "genres": genres,
                    "support": sweep_section.support(part, genres),
                },
            }
        )
    return {**context, "tables": tables, "difference_lines": tested_on_text.describe_differences(parts)}


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
