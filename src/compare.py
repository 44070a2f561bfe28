"""Compare runs, or check a reported table: `python -m src.compare A B [C ...]`, `python -m src.compare --check table.csv`."""

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src import console, plain_files

if TYPE_CHECKING:
    from src.reporting.comparison_text import Table
    from src.rundir import RunDir

WIDTH = 160  # width of tables, in characters, if the output is not a terminal
FORMATS = ("table", "markdown", "json")
HELP = """\
runs: each argument is a run, or a folder of runs that differ in seed and fold and form one group: its folds are pooled, its
seeds averaged for each clip. A single folder is a sweep: all its configs are compared pairwise, the best validation score
first. Groups that were tested on different data (other clips, genres or data sets) are not compared with each other: each test
data has its own tables.

For each pair, the output has:
  differences in accuracy and macro F1, with 95 % intervals from a bootstrap over whole artists (no interval below 10 artists)
  p values: over artists, from the same bootstrap; McNemar's exact test over clips, if each group has one run per clip; Nadeau
    and Bengio's corrected t test over folds, from 3 folds on. With several pairs, each p value is adjusted by Holm.
  a verdict: a group is better if the interval of the accuracy difference excludes 0 and all p values are below 0.05
  recall of each genre, and the clips on which the two groups disagree
--format json (schema 1) has all pairs and all clips; with several test data, a list of such objects under comparisons.

--check reads a reported table (CSV with a header) and names the rows that cannot be true, however they were averaged. Columns:
  model or name                    name of the row
  accuracy precision recall f1     over all genres; any of them. Every kind of averaging is tried, unless the heading
                                   names it: f1_macro, recall_weighted, precision_micro
  recall_rock precision_rock f1_rock support_rock ...    of one genre; support is its number of test clips
  rock, or accuracy_rock ...       of one genre, read as recall and as one-vs-rest accuracy
Other columns are ignored and listed. These genre names are known; for others, give all genres of the table with --genres:
{genres}
A column with a figure above 1 is in percent. An empty cell, - or n/a is a missing figure; 0.92 ± 0.01 is read as 0.92.

exit status: 0; 1 on bad input, on runs that cannot be compared, or if --check finds an impossible row

examples:
  python -m src.compare outputs/a outputs/b                  two runs, e.g. two seeds of one config
  python -m src.compare outputs/cnn_folds outputs/rnn_folds  two folders of ten folds each
  python -m src.compare outputs/sweep --format json          all configs of a sweep
  python -m src.compare outputs/sweep --page compared.html   the same as a page with figures
  python -m src.compare --check table2.csv                   a published table
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison, or the check of a table; return 0, or 1 on bad input or an impossible row."""
    console.accept_any_name()
    options = _options(arguments)
    try:
        return _check(options) if options.check else _compare(options)
    except BrokenPipeError:
        console.ignore_closed_pipe()
        return 0
    except (ValueError, OSError) as error:
        console.error("compare", plain_files.no_room(error) or error)
        console.discard_unwritable_output()
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    from src.table_check import GENRES

    parser = console.Parser(
        prog="python -m src.compare",
        description="Compare runs on the same test clips, or check a reported table for figures that cannot be true.",
        epilog=HELP.replace(
            "{genres}", textwrap.fill(" ".join(GENRES), 118, initial_indent="  ", subsequent_indent="  ")
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="RUN|SWEEP", help="a run, or a folder of runs")
    parser.add_argument("--check", type=Path, metavar="TABLE", help="a reported table as CSV, instead of runs")
    parser.add_argument("--genres", metavar="G", help="with --check: all genres of its columns, rock,pop,...")
    parser.add_argument(
        "--more-genres", action="store_true", help="with --check: there were genres that the table does not show"
    )
    parser.add_argument("--trust", **console.TRUST)
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write a page with the comparison of runs")
    options = parser.parse_args(arguments)
    if bool(options.paths) == bool(options.check):
        parser.error("expected either runs to compare, or --check TABLE.")
    if options.paths and (options.genres or options.more_genres):
        parser.error("--genres and --more-genres need --check TABLE. Leave them out to compare runs.")
    if options.page and options.check:
        parser.error("--page is the page of a comparison of runs. Leave it out to check a table.")
    return options


def _compare(options: argparse.Namespace) -> int:
    """Compare runs, print the result in the chosen format, and return exit status 0."""
    # Imported here, so that --help does not wait for torch.
    from src.evaluation.compared_groups import compared_groups
    from src.evaluation.comparison import compare
    from src.reporting import comparison_page, comparison_text, render, tested_on_text

    parts = compared_groups([_runs(path, tuple(options.trust)) for path in options.paths])
    contents = [compare(part) for part in parts if len(part) > 1]
    differences = tested_on_text.describe_differences([[each.group for each in part] for part in parts])
    differences += [f"Nothing to compare with {part[0].group.label}." for part in parts if len(part) == 1]
    if options.page:
        console.note(f"The page is {render.save(options.page, comparison_page.html(contents, differences))}")
    if options.format == "json":
        for content in contents:
            for pair in content["pairs"]:
                pair["sentence"] = comparison_text.describe_pair(pair, content)
            content["notes"] = comparison_text.note_lines(content)
        several = {"schema": contents[0]["schema"], "comparisons": contents, "notes": differences}
        _print_json(several if len(parts) > 1 else contents[0])
        return 0
    markdown = options.format == "markdown"
    for difference in differences:
        console.line(f"- {render.escape_markdown(difference)}" if markdown else difference)
    for content in contents:
        _print_comparison(content, markdown)
    return 0


def _print_comparison(content: dict[str, Any], markdown: bool) -> None:
    """Print the comparison of the groups that were tested on the same data."""
    from src.reporting import comparison_text, render

    sentences = [comparison_text.describe_pair(pair, content) for pair in content["pairs"]]
    groups, pairs, *others = comparison_text.comparison_tables(content)
    _print_tables([groups], markdown)
    for sentence in sentences:
        console.line(f"- **{render.escape_markdown(sentence)}**" if markdown else sentence)
    print()
    _print_tables([pairs, *others], markdown)
    for note in comparison_text.note_lines(content):
        console.line(f"- {render.escape_markdown(note) if markdown else note}")


def _runs(path: Path, trust: tuple[str, ...]) -> "list[RunDir]":
    """Read the runs at a path; those that cannot be read are skipped, with a message. Raises ValueError if none can."""
    from src import rundir
    from src.reporting import sweep_page

    runs, skipped = sweep_page.readable_runs(rundir.runs_at(path, trust), pages=False)
    for skipped_path, reason in skipped:
        console.error("compare", f"skipped {skipped_path}: {reason}")
    return runs


def _check(options: argparse.Namespace) -> int:
    """Check a reported table, print each row, and return the exit status: 1 if a row is impossible."""
    from src import table_check

    genres = options.genres.split(",") if options.genres else None
    rows, ignored_columns = table_check.read(options.check, genres)
    checked_rows = [table_check.check(row, all_genres=not options.more_genres) for row in rows]
    if options.format == "json":
        header = {"schema": 1, "all_genres": not options.more_genres, "not_read": ignored_columns}
        _print_json(
            {**header, "rows": [table_check.plain(checked) for checked in checked_rows], "assumed": table_check.ASSUMED}
        )
    else:
        for checked in checked_rows:
            for depth, line in table_check.lines(checked):
                console.line("  " * depth + ("- " if options.format == "markdown" else "") + line)
        print(f"\n{table_check.ASSUMED}{'' if options.more_genres else '; the table shows all genres'}.")
        if ignored_columns:
            console.line(f"Not read: {', '.join(ignored_columns)}.")
    return 1 if any(checked.impossible for checked in checked_rows) else 0


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, indent=1, allow_nan=False))


def _print_tables(tables: "Sequence[Table]", markdown: bool) -> None:
    """Print tables on standard output, for the terminal or as Markdown."""
    from rich.markup import escape
    from rich.table import Table as RichTable

    from src.reporting.render import escape_markdown

    stdout = console.SafeConsole(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH)
    for table in tables:
        if markdown:
            rules = ["---" if k < table.texts else "---:" for k in range(len(table.headings))]
            lines = [list(map(escape_markdown, row)) for row in (table.headings, rules, *table.rows)]
            print(
                f"{escape_markdown(table.title)}\n",
                *(f"| {' | '.join(line)} |" for line in lines),
                sep="\n",
                end="\n\n",
            )
            continue
        stdout.print(table.title, markup=False, highlight=False, soft_wrap=True)
        rich_table = RichTable()
        for k, heading in enumerate(table.headings):
            rich_table.add_column(escape(heading), justify="left" if k < table.texts else "right", overflow="fold")
        for row in table.rows:
            rich_table.add_row(*map(escape, row))
        stdout.print(rich_table)


if __name__ == "__main__":
    sys.exit(main())
