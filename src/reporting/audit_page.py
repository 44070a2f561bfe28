"""An audit as sentences, tables, a figure and players: audit.html, from the content of audit.json."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import starmap
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from src import formatting
from src.formatting import count
from src.reporting import render
from src.reporting.plots import BLUE, INK, STYLE, svg
from src.split.certificate import leaks

FAULTS = {
    "unreadable": "cannot be read",
    "silent": "without sound",
    "constant": "with a constant in place of sound",
    "truncated": "cut short or damaged",
    "short": "far too short",
    "clipped": "clipped",
    "sample rate": "at another sample rate than the rest",
    "bandwidth": "with far less bandwidth than the rest",
}
WRAPPED_COLUMNS = ("clip", "and", "as", "what")  # columns that may be broken into lines
Row = tuple[str, ...]
Place = tuple[str, float]  # a clip, and a second of its file
Table = tuple[str, Row, list[Row]]  # title, headings, rows
MOST_ROWS = 200  # rows of a table; audit.json has all


def findings(content: Mapping[str, Any]) -> list[str]:
    """What was found, a sentence each; none where the data set is clean."""
    kinds = defaultdict(list)
    for fault in content["files"]:
        kinds[fault["fault"]].append(fault["clip"])
    said = [f"{count(len(names), 'clip')} {FAULTS[kind]}." for kind, names in kinds.items()]
    if content["copies"]:
        extra = sum(len(names) - 1 for names in content["copies"])
        said.append(f"{count(extra, 'clip')} too many: the same sound, sample by sample, as another.")
    if content["near_copies"]:
        known = sum(pair["same"] == "track" for pair in content["near_copies"])
        of_track = f" ({known} of one track, by what is known of them)" if known else ""
        pairs = count(len(content["near_copies"]), "pair of clips")
        said.append(f"{pairs} with the same recording in both, changed{of_track}.")
    shared = leaks(content["split"]) if content["split"] else []
    if shared:
        said.append(f"The split ({content['split']['split']}) leaks: on more than one side: {', '.join(shared)}.")
    alone = content["shortcut"]
    if alone and alone["found"]:
        said.append(f"{_alone(alone)} A network may learn them in place of music.")
    said += [f"A shortcut: {sentence}" for sentence in alone["apart"]] if alone else []
    if content["labels"] and content["labels"]["issues"]:
        said.append(f"{count(content['labels']['issues'], 'label')} that may be wrong, by {_folds(content['labels'])}.")
    return said


def remarks(content: Mapping[str, Any]) -> list[str]:
    """What is no finding, but should be known to read them."""
    said = [f"{content['dataset']} is synthetic music."] if content["synthetic"] else []
    said += content["notes"]
    if content["split_trouble"]:
        said.append(f"The split could not be looked at: {content['split_trouble']}")
    said += content["split"]["warnings"] if content["split"] else []
    alone = content["shortcut"]
    if alone and not alone["found"]:
        said.append(f"{_alone(alone)} That is no more than chance explains.")
    return said


def _alone(alone: Mapping[str, Any]) -> str:
    return (
        f"Level and bandwidth alone tell the genre of {formatting.share(alone['accuracy'], alone['accuracy_interval'])} of "
        f"{count(alone['clips'], 'clip')}, those of unheard groups; always answering {alone['commonest'] or 'nothing'} gets "
        f"{formatting.percent(alone['commonest_share'])}."
    )


def _folds(labels: Mapping[str, Any]) -> str:
    other = "artist" if labels["grouped_by"] == "track" else "track"
    return f"folds grouped by {labels['grouped_by']} (labels_by={other} sees other errors)"


def player_places(content: Mapping[str, Any]) -> list[Place]:
    """Where to listen, each place once, the gravest first; near copies from where both should sound the same."""
    start = _starts(content)
    named = [names[0] for names in content["copies"]]
    named += [doubt["clip"] for doubt in content["labels"]["ranked"]] if content["labels"] else []
    named += [fault["clip"] for fault in content["files"] if fault["clip"] in start]
    places = [place for pair in content["near_copies"] for place in _places(pair, start)]
    return list(dict.fromkeys([*places, *((clip, start.get(clip, 0.0)) for clip in named)]))


def _starts(content: Mapping[str, Any]) -> dict[str, float]:
    """The second of its file at which what was heard of each clip begins."""
    return dict(zip(content["clips"], content["measures"]["start_seconds"], strict=True))


def _places(pair: Mapping[str, Any], start: Mapping[str, float]) -> tuple[Place, Place]:
    shift = pair["shift_seconds"]
    return (pair["a"], start[pair["a"]] + max(0.0, shift)), (pair["b"], start[pair["b"]] + max(0.0, -shift))


def html(content: Mapping[str, Any], players: Mapping[Place, str], command: str) -> str:
    """The page, complete in itself; `players` are a clip's sound as data: URLs."""
    start = _starts(content)
    pairs = [
        (pair, *(players.get(place) for place in _places(pair, start))) for pair in content["near_copies"][:MOST_ROWS]
    ]
    return render.html(
        "audit.html",
        {
            "title": f"Audit of {formatting.data(content['dataset'], content['synthetic'])}",
            "content": content,
            "said": findings(content),
            "remarks": remarks(content),
            "most": MOST_ROWS,
            "named": [(genre or "unknown", row) for genre, row in content["genres"].items()],
            "pairs": pairs,
            "players": {clip: player for (clip, second), player in players.items() if second == start.get(clip, 0.0)},
            "command": command,
            "figure": Markup(measures_figure(content)) if content["clips"] else "",  # our own SVG
            "folds": _folds(content["labels"]) if content["labels"] else "",
        },
    )


def tables(content: Mapping[str, Any]) -> list[Table]:
    """What the terminal shows; tables without rows are left out."""
    doubts = content["labels"]["ranked"] if content["labels"] else []
    same = ("clip", "and", "same", "overlap, s", "shift, s", "error")
    balance = ("genre", "clips", "minutes", "tracks", "artists", "rate, Hz", "dB", "kHz")
    made: list[Table] = [
        ("Files", ("clip", "fault", "what"), [(row["clip"], row["fault"], row["detail"]) for row in content["files"]]),
        ("The same sound", ("clip", "as"), [(names[0], ", ".join(names[1:])) for names in content["copies"]]),
        ("The same recording", same, [_pair(pair) for pair in content["near_copies"]]),
        (
            "Labels, the most doubtful first",
            ("clip", "label", "sounds like", "score", "issue"),
            list(map(_doubt, doubts)),
        ),
        (
            "Balance; dB and kHz are medians of level and bandwidth",
            balance,
            list(starmap(_genre, content["genres"].items())),
        ),
    ]
    return [table for table in made if table[2]]


def _pair(pair: Mapping[str, Any]) -> Row:
    numbers = (f"{pair['overlap_seconds']:.1f}", f"{pair['shift_seconds']:+.1f}", f"{pair['error']:.3f}")
    return (pair["a"], pair["b"], pair["same"] or "", *numbers)


def _doubt(doubt: Mapping[str, Any]) -> Row:
    return (doubt["clip"], doubt["genre"], doubt["suggested"], f"{doubt['score']:.2f}", "yes" if doubt["issue"] else "")


def _genre(genre: str, row: Mapping[str, Any]) -> Row:
    rates = ", ".join(row["sample_rates"])
    level, bandwidth = f"{row['level_db'][1]:.0f}", f"{row['bandwidth_hz'][1] / 1000:.1f}"
    counted = (str(row["clips"]), f"{row['minutes']:.1f}", str(row["tracks"]), str(row["artists"]))
    return (genre or "unknown", *counted, rates, level, bandwidth)


def measures_figure(content: Mapping[str, Any]) -> str:
    """Level (left) and bandwidth (right) of every clip, a row a genre, each with its median."""
    genres = list(content["genres"])
    genre_K = np.array(content["genre"])
    random = np.random.default_rng(0)  # moves the points apart, up and down
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 0.9 + 0.42 * len(genres)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, key, unit, label in (
            (left, "level_db", 1, "level (dB re full scale)"),
            (right, "bandwidth_hz", 1000, "bandwidth (kHz)"),
        ):
            value_K = np.array(content["measures"][key]) / unit
            for row, genre in enumerate(genres):
                mine = value_K[genre_K == genre]
                height = row + random.uniform(-0.28, 0.28, len(mine))
                axes.plot(mine, height, "o", color=BLUE, alpha=0.35, markersize=3.5, markeredgewidth=0)
                axes.vlines(np.median(mine), row - 0.36, row + 0.36, color=INK, linewidth=1.6)
            axes.set_xlabel(label)
            axes.grid(axis="x")
            axes.tick_params(length=0)
            axes.spines[["left", "bottom"]].set_visible(False)
        left.set_yticks(range(len(genres)), [genre or "unknown" for genre in genres])
        left.set_ylim(len(genres) - 0.5, -0.5)
        return svg(figure, "Level and bandwidth of every clip, by genre, with medians")
