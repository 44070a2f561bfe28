"""Format explanations: as the page explanation.html, and as the content of explanation.json."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src import formatting
from src.explanation import Explanation, faithfulness
from src.explanation.sentences import SMALLEST
from src.formatting import count
from src.reporting import explanation_plots, explanation_text, render
from src.reporting.drawing import both
from src.reporting.explanation_text import METHODS, OTHERS
from src.rundir import RunDir

MOST_CLIPS = 12  # that the page shows; explanation.json has all
KNOWN = 0.995  # cosine, shown as 1.00, from which a sound may be a training clip itself
NOT_SHOWN = ("maps", "value_FN", "row_names", "row_hz")


def content(
    run: RunDir, explanations: Sequence[Explanation], failed: Mapping[str, str], notes: Sequence[str], command: str
) -> dict[str, Any]:
    """The content of explanation.json. A map is shortened to the relevance of each row."""
    first = explanations[0]
    return {
        "schema": 1,
        "run": run.path.resolve().name,
        "dataset": run.metrics["dataset"],
        "synthetic": run.metrics["synthetic"],
        "split": formatting.split(run.metrics["certificate"]),
        "command": command,
        "baseline": first.baseline,
        "no_map": first.no_map,
        "row_names": first.row_names,
        "row_hz": first.row_hz,
        "methods": _methods(explanations),
        "listening": _listening(explanations),
        "clips": [_plain(each) for each in explanations],
        "failed": dict(failed),
        "notes": list(notes),
    }


def _plain(explanation: Explanation) -> dict[str, Any]:
    plain = {key: value for key, value in vars(explanation).items() if key not in NOT_SHOWN}
    return plain | {
        "maps": [
            {key: value for key, value in vars(each).items() if key != "relevance_FN"} for each in explanation.maps
        ]
    }


def _methods(explanations: Sequence[Explanation]) -> list[dict[str, Any]]:
    """For each method its faithfulness over the sounds, mean curves, correlations and gap of completeness."""
    artists = [each.artist for each in explanations]
    result = []
    for k, first in enumerate(explanations[0].maps):
        maps = [each.maps[k] for each in explanations]
        results = [each.faithfulness for each in maps]
        mean: dict[str, Any] = {"shares": results[0]["shares"]}
        for name in ("map", "random", results[0]["reference"]):
            mean[name] = {c: np.mean([each[name][c] for each in results], axis=0).tolist() for c in faithfulness.CURVES}
        gaps = [each.completeness_gap_nats for each in maps if each.completeness_gap_nats is not None]
        correlations = {
            key: float(np.mean([each.correlations[key] for each in maps if key in each.correlations]))
            for key in first.correlations
        }
        result.append(
            {
                "method": first.method,
                "compared": faithfulness.summarize(results, artists),
                "curves": mean,
                "correlations": correlations,
                "completeness_gap_nats": float(np.median(gaps)) if gaps else None,
                "largest_gap_nats": max(gaps) if gaps else None,
            }
        )
    return result


def _listening(explanations: Sequence[Explanation]) -> dict[str, Any]:
    """Means of what the run predicts for the whole sounds and for their parts; empty without a frequency axis.

    `gain` is how much more the probability falls without the relevant parts than without as much at random places.
    """
    heard = [each for each in explanations if each.listening]
    if not heard:
        return {}
    keys = ("energy", "only", "without", "without_random")
    means = {key: float(np.mean([each.listening[key] for each in heard])) for key in keys}
    whole = float(np.mean([each.probabilities[each.predicted] for each in heard]))
    artists = [each.artist for each in heard]
    random, without = ([each.listening[key] for each in heard] for key in ("without_random", "without"))
    found = faithfulness.gain(random, without, artists)
    return {"share": heard[0].listening["share"], "whole": whole, **means, **found}


def html(content: Mapping[str, Any], explanations: Sequence[Explanation], notes: Sequence[str]) -> str:
    """Render the page as one file; sounds are beside it."""
    data = formatting.data(content["dataset"], content["synthetic"])
    first, single = explanations[0], len(explanations) == 1
    views = [_view(each) for each in explanations[:MOST_CLIPS]]
    return render.html(
        "explanation.html",
        {
            "title": f"Why {first.predicted}? {Path(first.clip).name}"
            if single
            else f"Why {content['run']} predicts its genres",
            "content": content,
            "data": data,
            "explained": _explained(explanations),
            "right": "" if single else explanation_text.right(explanations),
            "one_artist": explanation_text.one_artist(explanations),
            "sentences": explanation_text.summary(content),
            "methods": [_method_view(method) for method in content["methods"]],
            "views": views,
            "explanations": explanations,
            "all_clips": len(explanations),
            "genres": _genre_figure(content, explanations),
            "never": _never(explanations),
            "notes": list(notes),
            "missing": _missing(explanations),
            "others": OTHERS,
        },
    )


def _explained(explanations: Sequence[Explanation]) -> str:
    """The number of explained clips: "20 test clips of 12 artists", or of files "1 sound"."""
    if not all(each.genre for each in explanations):
        return count(len(explanations), "sound")
    artists = [each.artist for each in explanations]
    return formatting.size({"clips": len(artists), "artists": len(set(artists)) if all(artists) else None}, "test clip")


def _missing(explanations: Sequence[Explanation]) -> dict[str, str]:
    """Why no sound has groups of rows, or nearest training clips, if the reason is the same for all: said once."""
    result = {}
    for key, part in (("row_groups", "groups"), ("neighbours", "clips")):
        parts = [getattr(each, key) for each in explanations]
        reasons = {" ".join(each.get("sentences", [])) for each in parts}
        if len(reasons) == 1 and not any(each.get(part) for each in parts):
            result[key] = reasons.pop()
    return result


def _method_view(method: Mapping[str, Any]) -> dict[str, Any]:
    reference = method["compared"][-1]["other"]
    names = {
        "map": METHODS[method["method"]],
        "random": "random masks",
        reference: OTHERS[reference].removeprefix("the "),
    }
    return {
        **method,
        "name": METHODS[method["method"]],
        "random_weights": explanation_text.random_weights(method) if "random_weights" in method["correlations"] else "",
        "figure": both(explanation_plots.curves, method["curves"], names),
    }


def _view(explanation: Explanation) -> dict[str, Any]:
    """One sound: its explanation, its figure, and where most of the map lies.

    `nameless`: the rows are numbers of a network, without a meaning that could be named. `interacts`: a group of rows has other
    effects alone, or last, than its share.
    """
    figure = None
    if explanation.maps:
        draw = explanation_plots.rows_figure if explanation.row_hz is None else explanation_plots.picture
        figure = both(draw, explanation)
    top = sorted(explanation.probabilities.items(), key=lambda item: -item[1])[:3]
    nearest = max((each["cosine"] for each in explanation.neighbours.get("clips", [])), default=0.0)
    return {
        "explanation": explanation,
        "figure": figure,
        "top": top,
        "known": nearest >= KNOWN,
        "interacts": any(
            abs(row[key] - row["share_nats"]) >= SMALLEST
            for row in explanation.row_groups.get("groups", {}).values()
            for key in ("alone_nats", "without_nats")
        ),
        "strongest": explanation_text.strongest(explanation),
        "method": METHODS[explanation.maps[0].method] if explanation.maps else "",
        "nameless": explanation_plots.nameless(explanation),
    }


def _never(explanations: Sequence[Explanation]) -> str:
    """The genres of explained clips that none of them was predicted as: "Never predicted: blues."."""
    predicted = {each.predicted for each in explanations}
    missing = sorted({each.genre for each in explanations if each.genre} - predicted)
    return f" Never predicted: {', '.join(missing)}." if missing else ""


def _genre_figure(content: Mapping[str, Any], explanations: Sequence[Explanation]) -> Any:
    """The mean relevance of the bands for each predicted genre; None for one sound or without a frequency axis."""
    if content["row_hz"] is None or len(explanations) == 1:
        return None
    of_genre: dict[str, list[Explanation]] = defaultdict(list)
    for each in explanations:
        of_genre[each.predicted].append(each)
    rows = [
        (_of_genre(genre, clips), np.mean([each.maps[0].row_relevance for each in clips], axis=0))
        for genre, clips in sorted(of_genre.items())
    ]
    return both(explanation_plots.by_genre, rows, content["row_hz"])


def _of_genre(genre: str, clips: Sequence[Explanation]) -> str:
    """Describe the clips that were predicted as a genre: "pop, 2 clips, 0 right"; of unknown genres "pop, 2 clips"."""
    right = sum(each.genre == genre for each in clips)
    known = f", {right} right" if all(each.genre for each in clips) else ""
    return f"{genre}, {count(len(clips), 'clip')}{known}"
