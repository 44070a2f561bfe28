"""Format what the genres of a run live on: as a page, as JSON, as a table for the terminal and as sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from src import formatting
from src.explanation.clip_interval import ClipInterval
from src.explanation.per_genre import Effect, GenreExplanation, GlobalExplanation
from src.explanation.permutation import Importance
from src.explanation.sentences import tag_label
from src.reporting import render
from src.rundir import RunDir

MOST_NAMED = 3  # parts, bands or tags that a sentence names
LEAST_NAMED = 0.05  # nats, or score of a tag: sentences leave out what changes the odds by less than 5 %


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
        "skipped": found.skipped,
        "notes": found.notes,
        "permutation": {each.name: each.as_json() for each in found.permutation},
        "tags_are_read": found.tags_are_read,
        "genres": {
            each.genre: {**each.as_json(), "sentences": sentences(each, found.tags_are_read)} for each in found.genres
        },
    }


def sentences(genre: GenreExplanation, tags_are_read: bool) -> list[str]:
    """What one genre lives on, in words."""
    artists = "unknown artists" if genre.artists is None else formatting.count(genre.artists, "artist")
    lines = [
        f"{genre.genre}: {formatting.count(genre.clips, 'test clip')} of {artists}, recall {formatting.percent(genre.recall)}."
    ]
    speaking = [each for each in sorted(genre.groups, key=lambda each: -each.nats.mean) if _excludes_0(each.nats, 1)]
    against = [each for each in genre.groups if _excludes_0(each.nats, -1)]
    if genre.groups:
        lines.append(
            f"It lives on {_list([_nats(each) for each in speaking])}."
            if speaking
            else "No group of rows speaks for it with an interval above 0."
        )
    if against:
        lines.append(
            f"Against it {'speaks' if len(against) == 1 else 'speak'} {_list([_nats(each) for each in against])}."
        )
    for key, text in (
        ("parts", "The part of the feature that it loses most by"),
        ("bands", "Most relevance is in the band"),
    ):
        best = [each for each in getattr(genre, key) if _excludes_0(each.nats, 1)]
        best = sorted(best, key=lambda each: -each.nats.mean)[:MOST_NAMED]
        if best:
            plural = (
                text
                if len(best) == 1
                else text.replace("The part", "The parts").replace("is in the band", "is in the bands")
            )
            joint = "is" if len(best) == 1 else "are"
            lines.append(f"{plural}{'' if key == 'bands' else f' {joint}'} {_list([_nats(each) for each in best])}.")
    if genre.tags:
        unit = " nats" if tags_are_read else ""
        named = [each for each in genre.tags if _excludes_0(each.nats, 1)][:MOST_NAMED]
        if named:
            text = "The tags that decide for it are" if tags_are_read else "The tags that go with it are"
            lines.append(f"{text} {_list([f'{tag_label(each.name)} ({_figure(each.nats)}{unit})' for each in named])}.")
    return lines


def html(content: Mapping[str, Any], found: GlobalExplanation) -> str:
    """Render the page as one file."""
    names = list(dict.fromkeys(each.name for genre in found.genres for each in genre.groups))
    bands = list(dict.fromkeys(each.name for genre in found.genres for each in genre.bands))
    parts = sorted({each.name for genre in found.genres for each in genre.parts})
    artists = {genre.artists for genre in found.genres}
    by = {each.nats.by for genre in found.genres for each in (*genre.groups, *genre.parts, *genre.bands, *genre.tags)}
    return render.html(
        "genres.html",
        {
            "title": f"What the genres of {content['run']} live on",
            "content": content,
            "data": formatting.data(content["dataset"], content["synthetic"]),
            "genres": [(genre, content["genres"][genre.genre]["sentences"]) for genre in found.genres],
            "permutation": [_permutation_row(each) for each in found.permutation],
            "group_names": names,
            "band_names": bands,
            "tables": [
                (title, columns, [_row(genre, key, columns) for genre in found.genres])
                for title, key, columns in (
                    ("Groups of rows", "groups", names),
                    ("Parts of the feature", "parts", parts),
                    ("Frequency bands", "bands", bands),
                )
                if columns
            ],
            "tags": [
                (genre.genre, [(tag_label(each.name), _figure(each.nats)) for each in genre.tags])
                for genre in found.genres
                if genre.tags
            ],
            "recall": [_recall_row(genre, names) for genre in found.genres] if found.permutation and names else [],
            "over_clips": by == {"clips"} and None not in artists,
        },
    )


def tables(found: GlobalExplanation) -> list[Table]:
    """Tables for the terminal: the importance of groups by permutation, then each genre with its groups or bands."""
    result = []
    if found.permutation:
        table = Table(title="Drop in accuracy if a group of rows comes from another clip", title_justify="left")
        for k, heading in enumerate(("group of rows", "rows", "points", "95 % interval")):
            table.add_column(heading, justify="left" if k == 0 else "right")
        for each in found.permutation:
            table.add_row(*_permutation_row(each)[:4])
        result.append(table)
    for key, title in (("groups", "Shares of groups of rows, in nats"), ("bands", "Relevance of bands, in nats")):
        columns = list(dict.fromkeys(each.name for genre in found.genres for each in getattr(genre, key)))
        if not columns:
            continue
        table = Table(
            title=f"{title}, mean over the test clips of the genre with its 95 % interval", title_justify="left"
        )
        table.add_column("genre")
        table.add_column("clips", justify="right")
        for column in columns:
            table.add_column(column, justify="right")
        for genre in found.genres:
            table.add_row(genre.genre, str(genre.clips), *_row(genre, key, columns)[1:])
        result.append(table)
    return result


def _row(genre: GenreExplanation, key: str, columns: Sequence[str]) -> list[str]:
    of_name = {each.name: _figure(each.nats, "\n") for each in getattr(genre, key)}
    return [genre.genre, *(of_name.get(column, "") for column in columns)]


def _recall_row(genre: GenreExplanation, names: Sequence[str]) -> list[str]:
    of_name = {each.name: _points(each.recall_drop) for each in genre.groups if each.recall_drop is not None}
    return [genre.genre, *(of_name.get(name, "") for name in names)]


def _permutation_row(each: Importance) -> list[str]:
    drop, rise = each.accuracy_drop, each.nll_rise
    interval = "" if drop.low is None or drop.high is None else f"{100 * drop.low:.1f} to {100 * drop.high:.1f}"
    return [
        each.name,
        str(each.rows),
        f"{100 * drop.mean:+.1f}",
        interval,
        f"{100 * each.repeat_deviation:.1f}",
        f"{rise.mean:+.2f}",
    ]


def _points(drop: ClipInterval) -> str:
    interval = "" if drop.low is None or drop.high is None else f"\n{100 * drop.low:.0f} to {100 * drop.high:.0f}"
    return f"{100 * drop.mean:+.0f}{interval}"


def _figure(nats: ClipInterval, between: str = ", ") -> str:
    if nats.low is None or nats.high is None:
        return f"{nats.mean:+.2f}"
    return f"{nats.mean:+.2f}{between}{nats.low:.2f} to {nats.high:.2f}"


def _nats(each: Effect) -> str:
    """ "timbre (+1.20 nats, 95 % interval 0.90 to 1.50)"."""
    if each.nats.low is None or each.nats.high is None:
        return f"{each.name} ({each.nats.mean:+.2f} nats)"
    return f"{each.name} ({each.nats.mean:+.2f} nats, 95 % interval {each.nats.low:.2f} to {each.nats.high:.2f})"


def _excludes_0(nats: ClipInterval, sign: int) -> bool:
    """True if the whole interval is on one side of 0, and the mean is large enough to be named."""
    if abs(nats.mean) < LEAST_NAMED:
        return False
    low, high = (nats.mean, nats.mean) if nats.low is None or nats.high is None else (nats.low, nats.high)
    return low > 0 if sign > 0 else high < 0


def _list(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
