"""Format explanations: as the page explanation.html, as the content of explanation.json, and as sentences."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src import formatting
from src.explanation import Explanation, faithfulness
from src.formatting import count, signed
from src.reporting import explanation_plots, render
from src.reporting.drawing import both
from src.rundir import RunDir

MOST_CLIPS = 12  # that the page shows; explanation.json has all
ALIKE = 0.5  # Spearman's correlation from which two maps are called alike
KNOWN = 0.995  # cosine, shown as 1.00, from which a sound may be a training clip itself
METHODS = {"integrated_gradients": "integrated gradients", "occlusion": "occlusion", "gradcam": "Grad-CAM"}
OTHERS = {
    "random": "random masks of the same shape",
    "loudest": "the loudest values",
    "unusual": "the values farthest from the baseline",
}
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


def sentences(content: Mapping[str, Any]) -> list[str]:
    """Sentences on the comparison with random masks and with random weights."""
    lines = [content["no_map"]] if content["no_map"] else []
    for method in content["methods"]:
        name = METHODS[method["method"]].capitalize() if method["method"] != "gradcam" else "Grad-CAM"
        by_other: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in method["compared"]:
            by_other[row["other"]].append(row)
        lines += [_compare(name, other, rows) for other, rows in by_other.items()]
        lines += _sanity(name, method["correlations"])
    if heard := content["listening"]:
        lines += _hear(heard)
    rows = [row for method in content["methods"] for row in method["compared"]]
    if rows and rows[0]["verdict"] == "unknown":
        sounds = f"{count(rows[0]['clips'], 'sound')} {'is' if rows[0]['clips'] == 1 else 'are'}"
        lines.append(
            f"{sounds} too few for an interval, which needs {faithfulness.MIN_CLIPS}: --test --clips 20 explains 20 test clips."
        )
    return lines


def _hear(heard: Mapping[str, Any]) -> list[str]:
    """A sentence on whether the run hears what is missing; none with too few sounds."""
    if heard["interval"] is None:
        return []
    text = "falls" if heard["verdict"] == "better" else "does not fall"
    low, high = (f"{100 * end:.0f}" for end in heard["interval"])
    return [
        f"In the altered sounds, the probability {text} further if the most relevant parts get their average level than if as much "
        f"at random places does: {signed(100 * heard['gain'], 0)} points (95 % interval {low} to {high})."
    ]


def _compare(name: str, other: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence about a method and what it was compared with, for deletion and insertion."""
    gains = " and ".join(_gain(row) for row in rows)
    verdicts = {row["verdict"] for row in rows}
    if verdicts == {"unknown"}:
        return f"{name} against {OTHERS[other]}: a gain of {gains}."
    basis = f"95 % intervals over {rows[0]['over']}, {count(rows[0]['clips'], 'clip')}"
    if verdicts == {"better"}:
        return f"{name} finds what the model uses better than {OTHERS[other]}: a gain of {gains}; {basis}."
    if "better" in verdicts:
        better = next(row["curve"] for row in rows if row["verdict"] == "better")
        return f"{name} is better than {OTHERS[other]} by {better} only: a gain of {gains}; {basis}."
    worse = "worse than" if verdicts == {"worse"} else "no better than"
    return f"{name} is {worse} {OTHERS[other]}: a gain of {gains}; {basis}. Do not rely on it for this model."


def _gain(row: Mapping[str, Any]) -> str:
    """ "27 points by deletion (21 to 33)"."""
    text = f"{round(100 * row['gain'])} points by {row['curve']}"
    return (
        text
        if row["interval"] is None
        else f"{text} ({round(100 * row['interval'][0])} to {round(100 * row['interval'][1])})"
    )


def _sanity(name: str, correlations: Mapping[str, float]) -> list[str]:
    if "random_weights" not in correlations:
        return []
    with_random, rest = correlations["random_weights"], correlations["random_weights_given_input"]
    alike = (
        "gives much the same maps, so they hardly show what training changed"
        if with_random >= ALIKE
        else "gives other maps, as it should"
    )
    return [
        f"{name}: a model with random weights {alike}. The rank correlation is {with_random:.2f}, and {rest:.2f} without what both maps "
        "share with the distance of the input from the baseline."
    ]


def html(content: Mapping[str, Any], explanations: Sequence[Explanation], notes: Sequence[str]) -> str:
    """Render the page as one file; sounds are beside it."""
    data = formatting.data(content["dataset"], content["synthetic"])
    single = len(explanations) == 1
    return render.html(
        "explanation.html",
        {
            "title": f"Why {content['run']} says {explanations[0].predicted}"
            if single
            else f"Why {content['run']} predicts its genres",
            "content": content,
            "data": data,
            "explained": _explained(explanations),
            "sentences": sentences(content),
            "methods": [_method_view(method) for method in content["methods"]],
            "views": [_view(each) for each in explanations[:MOST_CLIPS]],
            "all_clips": len(explanations),
            "genres": _genre_figure(content, explanations),
            "notes": list(notes),
            "missing": _missing(explanations),
            "others": OTHERS,
        },
    )


def _explained(explanations: Sequence[Explanation]) -> str:
    """What is explained: "20 test clips of 12 artists", or of files "1 sound"."""
    if not all(each.genre for each in explanations):
        return count(len(explanations), "sound")
    artists = [each.artist for each in explanations]
    clips = formatting.size({"clips": len(artists), "artists": len(set(artists)) if all(artists) else None})
    return clips.replace(" clip", " test clip", 1)


def _missing(explanations: Sequence[Explanation]) -> dict[str, str]:
    """Why no sound has groups of rows, or nearest training clips, if the reason is the same for several: said once."""
    result = {}
    for key, part in (("row_groups", "groups"), ("neighbours", "clips")):
        parts = [getattr(each, key) for each in explanations]
        reasons = {" ".join(each.get("sentences", [])) for each in parts}
        if len(parts) > 1 and len(reasons) == 1 and not any(each.get(part) for each in parts):
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
        "figure": both(explanation_plots.curves, method["curves"], names),
    }


def _view(explanation: Explanation) -> dict[str, Any]:
    """One sound: its explanation, figure, and the relevance of its strongest rows."""
    figure = None
    if explanation.maps:
        draw = explanation_plots.rows_figure if explanation.row_hz is None else explanation_plots.picture
        figure = both(draw, explanation)
    top = sorted(explanation.probabilities.items(), key=lambda item: -item[1])[:3]
    nearest = max((each["cosine"] for each in explanation.neighbours.get("clips", [])), default=0.0)
    return {"explanation": explanation, "figure": figure, "top": top, "known": nearest >= KNOWN}


def _genre_figure(content: Mapping[str, Any], explanations: Sequence[Explanation]) -> Any:
    """The mean relevance of the bands for each predicted genre; None for one sound or without a frequency axis."""
    if content["row_hz"] is None or len(explanations) == 1:
        return None
    of_genre: dict[str, list[list[float]]] = defaultdict(list)
    for each in explanations:
        of_genre[each.predicted].append(each.maps[0].row_relevance)
    rows = [(f"{genre}, {count(len(all_), 'clip')}", np.mean(all_, axis=0)) for genre, all_ in sorted(of_genre.items())]
    return both(explanation_plots.by_genre, rows, content["row_hz"])
