"""Format the content of audit.json: as the page audit.html, and as sentences and tables for the terminal."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import starmap
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from src import formatting
from src.formatting import count
from src.reporting import opinions_text, render
from src.reporting.cards import Card
from src.reporting.drawing import (
    BLUE,
    INK,
    LONGEST_LABEL,
    LONGEST_NARROW_LABEL,
    NARROW_INCHES,
    STYLE,
    both,
    shortened,
    svg,
)
from src.split.certificate import leaks

FAULTS = {
    "unreadable": "cannot be read",
    "silent": "without sound",
    "constant": "with a constant value instead of sound",
    "truncated": "cut short or damaged",
    "short": "far too short",
    "rescaled": "on another scale than [-1, 1], and divided to fit",
    "offset": "with a constant offset, which was removed",
    "channels": "with channels that cancel each other, so that one of them is used",
    "file": "with a note on the file",
    "clipped": "clipped",
    "sample rate": "with another sample rate than most",
    "bandwidth": "with far less bandwidth than most",
}
WRAPPED_COLUMNS = ("clip", "near copy", "copies", "detail")  # columns whose text may be broken into lines
Row = tuple[str, ...]
Place = tuple[str, float]  # clip name, and position in its file in seconds
Table = tuple[str, Row, list[Row]]  # title, headings, rows
MANY_GENRES = 40  # the figure shows at most this many genres; with more, their table is folded
MOST_ROWS = 200  # the page shows at most this many rows of a table; audit.json has all


def findings(content: Mapping[str, Any]) -> list[str]:
    """Format each kind of finding as a sentence, the most serious first; empty if the data set is clean.

    First what makes scores too high: leaks, copies, shortcuts; then wrong labels and faults of single clips.
    """
    sentences = []
    shared = leaks(content["split"]) if content["split"] else []
    if shared:
        sentences.append(f"The split ({content['split']['split']}) leaks: its sets share {', '.join(shared)}.")
    copies = _describe_copies(content)
    sentences += [] if copies_kept_together(content) else copies
    shortcut = content["shortcut"]
    if shortcut and shortcut["found"]:
        sentences.append(f"{_describe_shortcut(shortcut)} A network may learn them instead of music.")
    sentences += [f"A shortcut: {sentence}" for sentence in shortcut["apart"]] if shortcut else []
    sentences += [f"A shortcut: {_describe_mark(mark)}" for mark in shortcut["marks"]] if shortcut else []
    if content["opinions"] and (chance := opinions_text.by_chance(content["opinions"])):
        sentences.append(chance)
    if content["labels"] and content["labels"]["issues"]:
        sentences.append(
            f"{count(content['labels']['issues'], 'label')} that may be wrong, found with {_describe_folds(content['labels'])}."
        )
    sentences += copies if copies_kept_together(content) else []
    clips_by_fault = defaultdict(list)
    for fault in content["files"]:
        clips_by_fault[fault["fault"]].append(fault["clip"])
    return sentences + [f"{count(len(clips), 'clip')} {FAULTS[fault]}." for fault, clips in clips_by_fault.items()]


def copies_kept_together(content: Mapping[str, Any]) -> bool:
    """True if the split is known, and no copies are in two of its sets: then they raise no score."""
    shared = content["split"]["shared"] if content["split"] else {}
    return shared.get("audio") == [] and shared.get("near_copies") == []


def _describe_copies(content: Mapping[str, Any]) -> list[str]:
    """Describe exact and near copies, and say if the split keeps them together."""
    sentences, where = [], "; none between sets" if copies_kept_together(content) else ""
    if content["copies"]:
        extra = sum(len(clips) - 1 for clips in content["copies"])
        sentences.append(f"{count(extra, 'redundant clip')}, with the same samples as another clip{where}.")
    if content["near_copies"]:
        same_track = sum(pair["same"] == "track" for pair in content["near_copies"])
        of_which = f", {same_track} of them known to be of one track" if same_track else ""
        pairs = count(len(content["near_copies"]), "pair of near copies")
        sentences.append(f"{pairs}: the same recording with other samples{of_which}{where}.")
    return sentences


def clips_to_check(content: Mapping[str, Any]) -> set[str]:
    """The clips that a finding names: copies, clips with faults, labels that may be wrong."""
    pairs = [[pair["a"], pair["b"]] for pair in content["near_copies"]]
    labels = [label["clip"] for label in content["labels"]["ranked"] if label["issue"]] if content["labels"] else []
    faults = [fault["clip"] for fault in content["files"]]
    return {clip for clips in (*content["copies"], *pairs, labels, faults) for clip in clips}


def _cards(content: Mapping[str, Any], found: int) -> list[Card]:
    """The numbers of kinds of findings, of clips that they name, and of what was measured."""
    measured, artists = len(content["clips"]), sum(row["artists"] for row in content["genres"].values())
    genres = count(len(content["genres"]), "genre")
    known = count(artists, "known artist")
    split = f"; split {formatting.split(content['split'])}" if content["split"] else ""
    labels = content["labels"]
    checked = f"{labels['issues']} may be wrong" if labels else "labels=true looks for wrong ones"
    return [
        Card("findings", str(found), "kinds, the most serious first" if found else "nothing was found", found > 0),
        Card("clips to check", str(len(clips_to_check(content))), f"of {measured:,}: copies, faults, labels"),
        Card("data", count(measured, "clip"), f"{genres}, {known}{split}", bool(content["synthetic"])),
        Card("labels", "checked" if labels else "not checked", checked, not labels),
    ]


def remarks(content: Mapping[str, Any]) -> list[str]:
    """List sentences that help to interpret the findings: notes of the data set, warnings of the split, a weak shortcut."""
    sentences = [f"{content['dataset']} is synthetic music."] if content["synthetic"] else []
    sentences += content["notes"]
    if content["split_trouble"]:
        sentences.append(f"The split could not be checked: {content['split_trouble']}")
    sentences += content["split"]["warnings"] if content["split"] else []
    shortcut = content["shortcut"]
    if shortcut and not shortcut["found"]:
        sentences.append(f"{_describe_shortcut(shortcut)} Chance can explain this.")
    if content["spectrum"]:
        sentences.append(_describe_spectrum(content["spectrum"]))
    return sentences


def _describe_mark(mark: Mapping[str, Any]) -> str:
    """Describe a steady peak or a steep limit that many clips of one genre have."""
    what = (
        f"have a steady tone at {mark['hz']:,.0f} Hz"
        if mark["kind"] == "peak"
        else f"have a spectrum that ends near {mark['hz']:,.0f} Hz"
    )
    return (
        f"{mark['clips']} of {count(mark['genre_clips'], 'clip')} of {mark['genre']} {what}, and {mark['other_clips']} of "
        f"the {mark['others']} others."
    )


def _describe_spectrum(spectrum: Mapping[str, Any]) -> str:
    """Describe how well the long-term spectrum predicts the genre: information, not a finding."""
    accuracy = formatting.share(spectrum["accuracy"], spectrum["accuracy_interval"])
    meaning = (
        "Genres differ in it, so this is no fault; but a model that is no better may have learnt no more than this."
        if spectrum["found"]
        else "Chance can explain this."
    )
    return f"For comparison, the long-term spectrum alone predicts the genre of {accuracy}. {meaning}"


def people_lines(content: Mapping[str, Any]) -> list[str]:
    """Describe the agreement of several annotators, one sentence each; none without opinions."""
    return opinions_text.people_lines(content["opinions"]) if content["opinions"] else []


def _describe_shortcut(shortcut: Mapping[str, Any]) -> str:
    """Describe how well level and bandwidth predict the genre, compared with the most frequent genre."""
    accuracy = formatting.share(shortcut["accuracy"], shortcut["accuracy_interval"])
    return (
        f"Level and bandwidth alone predict the genre of {accuracy} of {count(shortcut['clips'], 'clip')}, by models "
        f"fitted on clips of other groups; always predicting {shortcut['commonest'] or 'nothing'} is right for "
        f"{formatting.percent(shortcut['commonest_share'])}."
    )


def _describe_folds(labels: Mapping[str, Any]) -> str:
    """Describe the folds of the label check: "folds grouped by track (labels_by=artist finds other errors)"."""
    other = "artist" if labels["grouped_by"] == "track" else "track"
    return f"folds grouped by {labels['grouped_by']} (labels_by={other} finds other errors)"


def player_places(content: Mapping[str, Any]) -> list[Place]:
    """List the places to listen to, without duplicates, the most severe findings first.

    Near copies come first, each at the position where its overlap with the other clip starts; other clips are played
    from the start of the measured part.
    """
    start_by_clip = _starts(content)
    clips = [names[0] for names in content["copies"]]
    clips += [label["clip"] for label in content["labels"]["ranked"]] if content["labels"] else []
    clips += [fault["clip"] for fault in content["files"] if fault["clip"] in start_by_clip]
    places = [place for pair in content["near_copies"] for place in _pair_places(pair, start_by_clip)]
    return list(dict.fromkeys([*places, *((clip, start_by_clip.get(clip, 0.0)) for clip in clips)]))


def _starts(content: Mapping[str, Any]) -> dict[str, float]:
    """Map each clip to the start of its measured part, in seconds from the start of its file."""
    return dict(zip(content["clips"], content["measures"]["start_seconds"], strict=True))


def _pair_places(pair: Mapping[str, Any], start_by_clip: Mapping[str, float]) -> tuple[Place, Place]:
    """The positions in both files where the overlap of two near copies starts."""
    shift = pair["shift_seconds"]
    return (
        (pair["a"], start_by_clip[pair["a"]] + max(0.0, shift)),
        (pair["b"], start_by_clip[pair["b"]] + max(0.0, -shift)),
    )


def html(content: Mapping[str, Any], players: Mapping[Place, str], command: str) -> str:
    """Render the page as one file. `players` maps places to their sound as data: URLs; `command` is the command line."""
    start_by_clip = _starts(content)
    near_copies = content["near_copies"][:MOST_ROWS]
    return render.html(
        "audit.html",
        {
            "title": f"Audit of {formatting.data(content['dataset'], content['synthetic'])}",
            "content": content,
            "findings": (found := findings(content)),
            "cards": _cards(content, len(found)),
            "remarks": remarks(content),
            "most_rows": MOST_ROWS,
            "many_genres": MANY_GENRES,
            "genres": [(genre or "unknown", row) for genre, row in content["genres"].items()],
            "pairs": [
                (pair, *(players.get(place) for place in _pair_places(pair, start_by_clip))) for pair in near_copies
            ],
            "has_pair_players": any(
                place in players for pair in near_copies for place in _pair_places(pair, start_by_clip)
            ),
            "players": {
                clip: player for (clip, second), player in players.items() if second == start_by_clip.get(clip, 0.0)
            },
            "command": command,
            "figure": both(measures_figure, content) if content["clips"] else None,
            "copies_kept_together": copies_kept_together(content),
            "people_lines": people_lines(content),
            "people": opinions_text.people_rows(content["opinions"]) if content["opinions"] else [],
            "people_headings": opinions_text.PEOPLE_HEADINGS,
            "folds": _describe_folds(content["labels"]) if content["labels"] else "",
        },
    )


def tables(content: Mapping[str, Any]) -> list[Table]:
    """Build the tables for the terminal, with all rows; tables without rows are left out."""
    labels = content["labels"]["ranked"] if content["labels"] else []
    near_copy_headings = ("clip", "near copy", "same", "overlap, s", "shift, s", "error")
    genre_headings = ("genre", "clips", "minutes", "tracks", "artists", "rate, Hz", "dB", "kHz")
    all_tables: list[Table] = [
        (
            "Faults",
            ("clip", "fault", "detail"),
            [(row["clip"], row["fault"], row["detail"]) for row in content["files"]],
        ),
        ("Exact copies", ("clip", "copies"), [(names[0], ", ".join(names[1:])) for names in content["copies"]]),
        ("Near copies", near_copy_headings, [_near_copy_row(pair) for pair in content["near_copies"]]),
        (
            "Labels, the most suspicious first",
            ("clip", "label", "sounds like", "score", "issue"),
            list(map(_label_row, labels)),
        ),
        (
            "Annotators against the majority of the others",
            opinions_text.PEOPLE_HEADINGS,
            opinions_text.people_rows(content["opinions"]) if content["opinions"] else [],
        ),
        (
            "Balance; dB and kHz are medians of level and bandwidth",
            genre_headings,
            list(starmap(_genre_row, content["genres"].items())),
        ),
    ]
    return [table for table in all_tables if table[2]]


def _near_copy_row(pair: Mapping[str, Any]) -> Row:
    numbers = (f"{pair['overlap_seconds']:.1f}", f"{pair['shift_seconds']:+.1f}", f"{pair['error']:.3f}")
    return (pair["a"], pair["b"], pair["same"] or "", *numbers)


def _label_row(label: Mapping[str, Any]) -> Row:
    return (label["clip"], label["genre"], label["suggested"], f"{label['score']:.2f}", "yes" if label["issue"] else "")


def _genre_row(genre: str, row: Mapping[str, Any]) -> Row:
    rates = ", ".join(row["sample_rates"])
    level, bandwidth = f"{row['level_db'][1]:.0f}", f"{row['bandwidth_hz'][1] / 1000:.1f}"
    counts = (str(row["clips"]), f"{row['minutes']:.1f}", str(row["tracks"]), str(row["artists"]))
    return (genre or "unknown", *counts, rates, level, bandwidth)


def _unusual_genres(content: Mapping[str, Any]) -> list[str]:
    """The MANY_GENRES genres whose median level or bandwidth is farthest from that of all clips, in alphabetical order."""
    genres = content["genres"]
    if len(genres) <= MANY_GENRES:
        return list(genres)
    distance = dict.fromkeys(genres, 0.0)
    for key in ("level_db", "bandwidth_hz"):
        low, middle, high = np.percentile(content["measures"][key], (25, 50, 75))
        for genre, row in genres.items():
            distance[genre] = max(distance[genre], abs(row[key][1] - middle) / max(high - low, 1e-9))
    chosen = set(sorted(genres, key=lambda genre: -distance[genre])[:MANY_GENRES])
    return [genre for genre in genres if genre in chosen]


def measures_figure(content: Mapping[str, Any], narrow: bool = False) -> str:
    """Draw the level (left) and bandwidth (right) of every clip, one row for each genre, with medians; returns SVG.

    If `narrow`, bandwidth is below. Of many genres, only the MANY_GENRES are drawn whose medians are the most unusual.
    """
    genre_K = np.array(content["genre"])
    genres = _unusual_genres(content)
    random = np.random.default_rng(0)  # spreads the points of a row vertically
    with matplotlib.rc_context(STYLE):
        inches = 0.9 + 0.42 * len(genres)
        figure = Figure(figsize=(NARROW_INCHES, 2 * inches) if narrow else (8.2, inches), layout="constrained")
        left, right = figure.subplots(2, 1, sharey=True) if narrow else figure.subplots(1, 2, sharey=True)
        for axes, key, unit, label in (
            (left, "level_db", 1, "level (dB re full scale)"),
            (right, "bandwidth_hz", 1000, "bandwidth (kHz)"),
        ):
            value_K = np.array(content["measures"][key]) / unit
            for row, genre in enumerate(genres):
                values = value_K[genre_K == genre]
                height = row + random.uniform(-0.28, 0.28, len(values))
                axes.plot(values, height, "o", color=BLUE, alpha=0.35, markersize=3.5, markeredgewidth=0)
                axes.vlines(np.median(values), row - 0.36, row + 0.36, color=INK, linewidth=1.6)
            axes.set_xlabel(label)
            axes.grid(axis="x")
            axes.tick_params(length=0)
            axes.spines[["left", "bottom"]].set_visible(False)
        names = [shortened(genre or "unknown", LONGEST_NARROW_LABEL if narrow else LONGEST_LABEL) for genre in genres]
        left.set_yticks(range(len(genres)), names)
        left.set_ylim(len(genres) - 0.5, -0.5)
        return svg(figure, "Level and bandwidth of every clip, by genre, with medians")
