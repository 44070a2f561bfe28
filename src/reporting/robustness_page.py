"""The page of a measurement with altered sound: robustness.html. Input: the content of robustness.json."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from src import formatting
from src.reporting import plots, render
from src.reporting import robustness_text as text
from src.reporting.cards import FEW_CLIPS
from src.reporting.drawing import BLUE, FAINT, INK, NARROW_INCHES, ORANGE, STYLE, svg

PANELS = 3  # side by side in a wide figure
WIDE_INCHES = 8.2
MOST_FINDINGS = 8
ASIDE = 0.18  # of a place on the axis of strengths: where accuracy and agreement are equal, both can be seen


def html(content: Mapping[str, Any]) -> str:
    """Render the page as one file."""
    names = Counter(row["name"] for row in content["alterations"])
    drawn = [row for row in content["alterations"] if names[row["name"]] > 1]  # one strength makes no curve
    changes = genre_rows(content)
    few = [text.is_few(row) for row in content["unaltered"]["genres"].values()]
    return render.html(
        "robustness.html",
        {
            "title": f"Robustness of {content['run']}",
            "content": content,
            "data": formatting.data(content["dataset"], content["synthetic"]),
            "size": text.size(content),
            "cards": text.cards(content),
            "unaltered": content["unaltered"],
            "verdicts": text.finding_lines(content, MOST_FINDINGS) if content["alterations"] else [],
            "notes": text.notes(content),
            "headings": text.HEADINGS,
            "rows": text.rows(content),
            "basis": text.change_basis(content),
            "figure": plots.both(figure, drawn, content["unaltered"]) if drawn else None,
            "genres": list(content["unaltered"]["genres"]),
            "genre_rows": changes,
            "any_clear": any(any(clear) for _, _, clear in changes),
            "few_clips": FEW_CLIPS,
            "any_few": any(few),
            "all_few": all(few),
            "unaltered_recall": [
                text.recall(row["recall"], row["clips"]) for row in content["unaltered"]["genres"].values()
            ],
            "reduced_headings": text.REDUCED_HEADINGS if content["retrained"] else text.REDUCED_HEADINGS[:3],
            "reduced_rows": text.reduced_rows(content) if content["reduced"] else [],
            "reduced_basis": text.reduced_basis(content),
            "reduced_genres": reduced_genre_rows(content),
        },
    )


def genre_rows(content: Mapping[str, Any]) -> list[tuple[str, list[str], list[bool]]]:
    """For each alteration that keeps the genre of a piece, its name and, for each genre, the change of recall.

    The last list is True for a significant change.
    """
    found = text.significant(content)
    result = []
    for row in content["alterations"]:
        if not row["keeps_genre"]:
            continue
        clear = [(row["name"], row["strength"], genre) in found for genre in row["genres"]]
        name = f"{row['name']}, {text.strength(row)}"
        result.append((name, [text.recall_change(each) for each in row["genres"].values()], clear))
    return result


def reduced_genre_rows(content: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """For each kind of reduced sound, and each model, the recall of each genre."""
    result = []
    for row in content["reduced"]:
        name, genres = row["name"].replace("_", " and "), row["genres"].values()
        result.append((f"{name}, the run's model", [text.recall(each["recall"], each["clips"]) for each in genres]))
        if row.get("retrained"):
            again = zip(row["retrained"]["recall"].values(), genres, strict=True)
            result.append((f"{name}, svm fitted to it", [text.recall(value, each["clips"]) for value, each in again]))
    return result


def figure(alterations: Sequence[Mapping[str, Any]], unaltered: Mapping[str, Any], narrow: bool = False) -> str:
    """Draw accuracy with its 95 % interval, and agreement, by strength: one panel for each alteration.

    The line is the accuracy without alteration.
    """
    names = list(dict.fromkeys(row["name"] for row in alterations))
    across = 1 if narrow else PANELS
    down = -(-len(names) // across)
    with matplotlib.rc_context(STYLE):
        width = NARROW_INCHES if narrow else WIDE_INCHES
        drawn = Figure(figsize=(width, 0.6 + 1.9 * down), layout="constrained")
        panels = np.atleast_1d(drawn.subplots(down, across, squeeze=False)).ravel()
        for axes, name in zip(panels, names, strict=False):
            _panel(axes, [row for row in alterations if row["name"] == name], unaltered["accuracy"])
        for axes in panels[len(names) :]:
            axes.set_axis_off()
        handles = panels[0].get_legend_handles_labels()
        drawn.legend(*handles, loc="outside upper left", ncols=1 if narrow else 3)
        return svg(drawn, "Accuracy and agreement with the unaltered prediction, by alteration and strength")


def _panel(axes: Any, rows: Sequence[Mapping[str, Any]], accuracy: float) -> None:
    """Draw one alteration: its strengths from left to right, as they are in the table."""
    places = np.arange(len(rows))
    axes.axhline(100 * accuracy, color=INK, linewidth=0.9, linestyle="--", label="accuracy without alteration (%)")
    agreement = [100 * row["agreement"] for row in rows]
    axes.plot(places + ASIDE, agreement, "s", color=ORANGE, markersize=4, fillstyle="none", label="agreement (%)")
    kept = [k for k, row in enumerate(rows) if row["keeps_genre"]]
    low_high = np.array([rows[k]["accuracy_interval"] for k in kept], dtype=np.float64).reshape(-1, 2)
    axes.vlines(places[kept], *(100 * low_high.T), color=BLUE, linewidth=4, alpha=0.4)
    axes.plot(
        places[kept], [100 * rows[k]["accuracy"] for k in kept], "o", color=BLUE, label="accuracy (%), 95 % interval"
    )
    axes.set_title(rows[0]["name"])
    axes.set_xlabel(rows[0]["unit"])
    axes.set_xticks(places, [f"{row['strength']:g}" for row in rows])
    axes.set_xlim(-0.5, len(rows) - 0.5)
    axes.set_ylim(-3, 103)
    axes.set_yticks([0, 50, 100])
    axes.grid(axis="y", color=FAINT)
    axes.tick_params(length=0)
    axes.spines[["left"]].set_visible(False)
