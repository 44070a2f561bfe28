"""Write the measured tables of docs/ from run directories.

    python -m benchmarks.tables                              write the tables again from docs/tables/*.json
    python -m benchmarks.tables study=outputs/study          read these runs first, and store their figures there
    python -m benchmarks.tables models-synth=outputs/study/synth/models
    python -m benchmarks.tables --check                      only compare the pages with the stored figures

A table is between the lines `<!-- table NAME -->` and `<!-- end of table -->` of a page. The JSON files have the figures
and where they come from: runs, or transcribed from an older page whose runs no longer exist.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.study import plan, report
from benchmarks.study.answers import describe
from benchmarks.study.results import Results, load, save
from src import console, formatting

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = ("paper.md", "results.md", "study.md")
STUDY, GROUPS = "study", "results"  # the files in docs/tables
BLOCK = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(\n<!-- end of table -->)", re.DOTALL)
NAMES = {"synth": "synthetic", "music": "recordings", "gtzan": "GTZAN", "fma": "FMA"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class GroupTable:
    """A table with a row for each group of runs that differ only in seed and fold.

    `columns` are keys of COLUMNS, or "recalls" for the recall of each genre. `training` is the heading of the time.
    """

    runs: str
    heading: str
    columns: Sequence[str]
    training: str = "training time"


SCORES = ("accuracy", "interval", "precision", "recall", "f1")
GROUP_TABLES = {
    "nine": GroupTable("nine", "model", (*SCORES, "seconds")),
    "models-synth": GroupTable(
        "models-synth", "model, synthetic", ("accuracy", "interval", "f1", "seconds", "parameters")
    ),
    "models-music": GroupTable(
        "models-music", "model, recordings", ("accuracy", "interval", "f1", "seconds"), "training per fold"
    ),
    "folds-synth": GroupTable("folds-synth", "synthetic, ten folds", (*SCORES, "seconds"), "training per fold"),
    "folds-music": GroupTable("folds-music", "recordings, three folds", (*SCORES, "seconds"), "training per fold"),
    "recall-folds-synth": GroupTable("folds-synth", "synthetic", ("recalls",)),
    "recall-folds-music": GroupTable("folds-music", "recordings", ("recalls",)),
    "precision": GroupTable("precision", "precision", SCORES),
}
COLUMNS: dict[str, tuple[str, Callable[[Row], str]]] = {
    "accuracy": ("accuracy", lambda row: formatting.cell(row["accuracy"]) + _deviation(row)),
    "interval": ("interval", lambda row: formatting.cell_interval(row["interval"])),
    "precision": ("macro precision", lambda row: formatting.cell(row["precision"])),
    "recall": ("macro recall", lambda row: formatting.cell(row["recall"])),
    "f1": ("macro F1", lambda row: formatting.cell(row["f1"])),
    "seconds": ("training time", lambda row: formatting.duration(row["seconds"])),
    "parameters": ("parameters", lambda row: f"{row['parameters']:,}"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program -> exit status: 0; 1 on bad input, or with --check if a page is out of date."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tables", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = sorted({STUDY, *(table.runs for table in GROUP_TABLES.values())})
    parser.add_argument(
        "runs", nargs="*", metavar="NAME=FOLDER", help=f"runs to read first; a name is one of {', '.join(names)}"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    parser.add_argument("--docs", type=Path, default=DOCS, metavar="DIR", help="folder of the pages and of tables/")
    options = parser.parse_args(arguments)
    try:
        for text in options.runs:
            name, _, folder = text.partition("=")
            if name not in names or not folder:
                raise ValueError(f"{text!r} names no runs: expected NAME=FOLDER with a name among {', '.join(names)}.")
            update(options.docs, name, Path(folder))
        changed = [page for page in PAGES if write(options.docs / page, tables(options.docs), options.check)]
    except (ValueError, OSError) as error:
        console.note(f"tables: {error}")
        return 1
    for page in changed:
        console.note(
            f"tables: {page} {'is out of date: run python -m benchmarks.tables' if options.check else 'written'}"
        )
    return int(options.check and bool(changed))


def update(docs: Path, name: str, folder: Path) -> None:
    """Store the figures of the runs in a folder under their name. Raises ValueError if it has no finished run."""
    path = docs / "tables" / f"{STUDY if name == STUDY else GROUPS}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    if name == STUDY:
        found = [results for data in plan.DATA if (results := Results.read(folder, data)).arms]
        if not found:
            raise ValueError(f"{folder} holds no finished run of the study: expected {folder}/synth or {folder}/music.")
        for results in found:
            content["runs"][results.data] = results.plain()
            for line in (*results.missing(), *results.notes):
                console.note(f"tables: {line}")
    else:
        content[name] = groups(folder)
    save(path, content, depth=4 if name == STUDY else 3)


def groups(folder: Path) -> dict[str, Any]:
    """Read a sweep -> where its runs come from, and the scores of each group. Raises ValueError if there is no run."""
    from src import rundir  # imported here, because these load torch
    from src.evaluation.groups import group_by_config

    runs = rundir.runs_at(folder)
    found = group_by_config(runs)
    most = max(len(group.scores["genres"]) for group in found)
    rows = {}
    for group in found:
        scores, size = group.scores, len(group.scores["genres"])
        seeds = {run.config["seed"] for run in group.runs}
        rows[group.label + ("" if size == most else f", *{size} genres*")] = {
            "accuracy": scores["accuracy"],
            "interval": list(scores["accuracy_interval"]),
            # With folds, the spread of single runs is also that of the folds.
            "deviation": group.spread["accuracy"][1] if group.spread and len(group.runs) == len(seeds) else None,
            "precision": scores["precision_macro"],
            "recall": scores["recall_macro"],
            "f1": scores["f1_macro"],
            "recalls": {genre: row["recall"] for genre, row in scores["genres"].items()},
            "clips": scores["clips"],
            "artists": scores["artists"],
            "seconds": round(group.train_seconds, 1),
            "parameters": group.parameters,
        }
    return {"source": describe(runs), "rows": rows}


def tables(docs: Path) -> dict[str, str]:
    """Format all tables from the stored figures: name -> Markdown."""
    found = {}
    all_results = load(docs / "tables" / f"{STUDY}.json")
    found["verdicts"] = "\n".join(f"- {report.tally(results, NAMES[results.data])}" for results in all_results)
    found["claims"] = report.claims_side_by_side(all_results, NAMES)
    for results in all_results:
        found[f"source-{results.data}"] = "\n".join(_sources(results))
        found[f"table-2-{results.data}"] = report.table_2(results)
        found[f"study-{results.data}"] = report.ablations(results)
    stored = json.loads((docs / "tables" / f"{GROUPS}.json").read_text(encoding="utf-8"))
    return found | {name: _group_table(table, stored[table.runs]["rows"]) for name, table in GROUP_TABLES.items()}


def write(page: Path, found: Mapping[str, str], check: bool) -> bool:
    """Put the tables into a page -> whether it changed. With `check`, nothing is written.

    Raises ValueError if the page asks for a table that there is not, or has a table without its last line.
    """
    text = page.read_text(encoding="utf-8")
    unknown = [name for _, name, _ in BLOCK.findall(text) if name not in found]
    if unknown:
        raise ValueError(f"{page} asks for the table {unknown[0]}: expected one of {', '.join(found)}.")
    if text.count("<!-- table ") != len(BLOCK.findall(text)):
        raise ValueError(f"{page} has a table without the line <!-- end of table -->. Add it.")
    new = BLOCK.sub(lambda block: f"{block[1]}\n{found[block[2]]}\n{block[3]}", text)
    if new != text and not check:
        page.write_text(new, encoding="utf-8")
    return new != text


def _sources(results: Results) -> list[str]:
    """Say where the figures of a data set come from, with the sweeps: a line for its runs, and one for older figures."""
    lines = []
    for part in (results, results.older):
        sweeps = [sweep.name for sweep in plan.PLAN if results.data in sweep.data and sweep.baselines]
        shown = [name for name in sweeps if part is _shown(results, name)]
        if part is None or not shown:
            continue
        source = part.source
        origin = (
            f"{source['runs']} runs, the last of {source['finished']}, with torch {', '.join(source['torch'])}"
            if source["kind"] == "runs"
            else f"transcribed from an older version of this page (commit {source['commit']}). {source['note']}"
        )
        lines.append(f"- {', '.join(shown)}: {origin}")
    return lines


def _shown(results: Results, name: str) -> Results | None:
    """The results that the table of a sweep is made from; None if neither has all its arms."""
    compared = next(sweep.compared for sweep in plan.PLAN if sweep.name == name)
    chosen = results.of(compared)
    return chosen if {*compared} <= chosen.arms.keys() else None


def _group_table(table: GroupTable, rows: Mapping[str, Row]) -> str:
    genres = list(next(iter(rows.values()))["recalls"] or ()) if table.columns == ("recalls",) else []
    if genres:
        heading = [table.heading, *genres]
        body = [[label, *(formatting.cell(row["recalls"][genre]) for genre in genres)] for label, row in rows.items()]
    else:
        titles = {**{key: title for key, (title, _) in COLUMNS.items()}, "seconds": table.training}
        heading = [table.heading, *(titles[key] for key in table.columns)]
        body = [[label, *(COLUMNS[key][1](row) for key in table.columns)] for label, row in rows.items()]
    return report.table(heading, body)


def _deviation(row: Row) -> str:
    deviation = row.get("deviation")
    return "" if deviation is None or math.isnan(deviation) else f" ± {formatting.cell(deviation)}"


if __name__ == "__main__":
    sys.exit(main())
