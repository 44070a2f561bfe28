"""Format what a run recognizes each genre by: as a page, as JSON and as tables for the terminal."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from src import formatting
from src.explanation.clip_interval import LEAST_CLIPS, ClipInterval
from src.explanation.per_genre import GenreExplanation, GlobalExplanation
from src.explanation.permutation import Importance
from src.explanation.sentences import tag_label
from src.metrics.intervals import MIN_ARTISTS
from src.reporting import commands, render
from src.reporting.genre_sentences import MOST_NAMED, figure, sentences
from src.rundir import RunDir

MOST_COLUMNS = 4  # of a table on the terminal: of more groups or bands, it has the strongest only
MOST_TINT = 25  # % of colour in the cell with the largest mean


class Cell(NamedTuple):
    """A cell of a table: the mean, its interval, and the tint from -MOST_TINT (blue) to MOST_TINT (orange) in %."""

    mean: str
    interval: str = ""
    tint: int = 0


def content(run: RunDir, found: GlobalExplanation, command: str) -> dict[str, Any]:
    """The content of genres.json."""
    return {
        "schema": 1,
        "run": run.path.resolve().name,
        "dataset": run.metrics["dataset"],
        "synthetic": run.metrics["synthetic"],
        "command": command,
        "clips": found.clips,
        "test_clips": found.test_clips,
        "split": formatting.split(run.metrics["certificate"]),
        "skipped": found.skipped,
        "notes": found.notes,
        "interval_notes": _interval_notes(found, command),
        "permutation": {each.name: each.as_json() for each in found.permutation},
        "tags_are_read": found.tags_are_read,
        "genres": {
            each.genre: {**each.as_json(), "sentences": sentences(each, found.tags_are_read)} for each in found.genres
        },
    }


def html(content: Mapping[str, Any], found: GlobalExplanation) -> str:
    """Render the page as one file."""
    titles = {"groups": "Groups of rows", "parts": "Parts of the feature", "bands": "Frequency bands"}
    columns = {key: _names(found, key) for key in titles}
    tags = [(genre.genre, [(tag_label(each.name), figure(each.nats)) for each in genre.tags]) for genre in found.genres]
    return render.html(
        "genres.html",
        {
            "title": f"What {content['run']} recognizes each genre by",
            "content": content,
            "data": formatting.data(content["dataset"], content["synthetic"]),
            "genres": [(each.genre, content["genres"][each.genre]["sentences"]) for each in found.genres],
            "permutation": [_permutation_row(each) for each in found.permutation],
            "group_names": columns["groups"],
            "recall": _rows(found.genres, "groups", columns["groups"], "recall_drop") if found.permutation else [],
            "tables": [
                (title, columns[key], _rows(found.genres, key, columns[key]))
                for key, title in titles.items()
                if columns[key]
            ],
            "tags": [(genre, rows) for genre, rows in tags if rows],
            "any_interval": any(each.interval for each in _effects(found)),
            "faithfulness": _command(content["command"], "--test"),
        },
    )


def _effects(found: GlobalExplanation) -> list[ClipInterval]:
    """The effects of all genres, in nats or scores."""
    keys = ("groups", "parts", "bands", "tags")
    return [each.nats for genre in found.genres for key in keys for each in getattr(genre, key)]


def _interval_notes(found: GlobalExplanation, command: str) -> list[str]:
    """Sentences on genres without intervals, with the command for more clips, and on intervals that are too narrow."""
    effects, notes = _effects(found), []
    few = sum(each.interval is None for each in effects)
    if few:
        which = "No genre has an interval: each has" if few == len(effects) else "A genre has no interval if it has"
        text = f"{which} fewer than {LEAST_CLIPS} test clips here. Its numbers describe these clips only."
        if found.clips + len(found.skipped) < found.test_clips:
            text += f" All test clips: `{_command(command, '--global', '--clips', str(found.test_clips))}`"
        notes.append(text)
    if any(each.interval and each.by == "clips" for each in effects):
        notes.append(
            f"The intervals are over clips if a genre has clips of fewer than {MIN_ARTISTS} known artists. Clips of one artist are not "
            "independent, so these intervals are too narrow."
        )
    return notes


def _command(command: str, *options: str) -> str:
    """The command of a page with other options: without --global, --json, --clips and --output."""
    kept = commands.without(command, valued=("--clips", "--output"), flags=("--global", "--json"))
    return f"{kept} {shlex.join(options)}"


def _names(found: GlobalExplanation, key: str) -> list[str]:
    """The names of the groups, parts or bands of all genres; parts in alphabetical order."""
    names = list(dict.fromkeys(each.name for genre in found.genres for each in getattr(genre, key)))
    return sorted(names) if key == "parts" else names


def _rows(
    genres: Sequence[GenreExplanation], key: str, columns: Sequence[str], value: str = "nats"
) -> list[tuple[str, list[Cell]]]:
    """A row for each genre, with a cell for each group, part or band: nats, or the drop in recall in points."""
    by_genre = {
        genre.genre: {each.name: mean for each in getattr(genre, key) if (mean := getattr(each, value)) is not None}
        for genre in genres
    }
    largest = max((abs(mean.mean) for row in by_genre.values() for mean in row.values()), default=0.0)
    cell = _nats_cell if value == "nats" else _points_cell
    return [
        (genre, [cell(row[name], largest) if name in row else Cell("") for name in columns])
        for genre, row in by_genre.items()
    ]


def _nats_cell(nats: ClipInterval, largest: float) -> Cell:
    interval = "" if nats.interval is None else "{:z.2f} to {:z.2f}".format(*nats.interval)
    return Cell(formatting.signed(nats.mean), interval, _tint(nats.mean, largest))


def _points_cell(drop: ClipInterval, largest: float) -> Cell:
    interval = "" if drop.interval is None else "{} to {}".format(*(round(100 * end) for end in drop.interval))
    return Cell(formatting.signed(100 * drop.mean, 0), interval, _tint(drop.mean, largest))


def _tint(mean: float, largest: float) -> int:
    return round(MOST_TINT * mean / largest) if largest else 0


def _permutation_row(each: Importance) -> list[str]:
    drop = each.accuracy_drop
    interval = "" if drop.interval is None else "{:z.1f} to {:z.1f}".format(*(100 * end for end in drop.interval))
    values = (
        formatting.signed(100 * drop.mean, 1),
        interval,
        f"{100 * each.repeat_deviation:.1f}",
        formatting.signed(each.nll_rise.mean),
    )
    return [each.name, str(each.rows), *values]


def tables(found: GlobalExplanation) -> list[Table]:
    """Tables for the terminal: the importance of groups by permutation, then each genre with its groups or bands."""
    result = []
    intervals = ", with 95 % intervals" if any(each.interval for each in _effects(found)) else ""
    if found.permutation:
        rows = [_permutation_row(each)[:4] for each in found.permutation]
        title = "Drop in accuracy if a group of rows comes from another clip, in points"
        result.append(_table(title, ("group of rows", "rows", "drop", "95 % interval"), rows))
    for key, title in (("groups", "Shares of groups of rows"), ("bands", "Relevance of bands")):
        columns = _names(found, key)
        if not columns:
            continue
        title = f"{title}, in nats: means over the test clips of the genre{intervals}"
        if len(columns) <= MOST_COLUMNS:
            of_genre = dict(_rows(found.genres, key, columns))
            rows = [
                [genre.genre, *("\n".join(filter(None, cell[:2])) for cell in of_genre[genre.genre])]
                for genre in found.genres
            ]
            result.append(_table(title, ("genre", *columns), rows))
            continue
        rows = []
        for genre in found.genres:
            strongest = sorted(getattr(genre, key), key=lambda each: -each.nats.mean)[:MOST_NAMED]
            cells = [(each.name, _nats_cell(each.nats, 0.0)) for each in strongest]
            rows += [
                ["" if k else genre.genre, name, cell.mean, cell.interval or formatting.UNDEFINED]
                for k, (name, cell) in enumerate(cells)
            ]
        result.append(_table(title, ("genre", "strongest", "nats", "95 % interval"), rows))
    return result


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", pad_edge=False)
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="right" if k and heading != "strongest" else "left")
    for row in rows:
        table.add_row(*row)
    return table
