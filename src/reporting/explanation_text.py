"""Sentences on explanations: whether the maps show what the model uses, and what the explained sounds have in common."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src import formatting
from src.explanation import Explanation
from src.explanation.clip_interval import LEAST_CLIPS
from src.explanation.per_genre import band_names, band_sums
from src.explanation.sentences import in_words
from src.formatting import count, signed

ALIKE = 0.5  # Spearman's correlation from which two maps are called alike
UNUSUAL_SECOND = 2.0  # times the mean of all seconds: a second that stands out
METHODS = {"integrated_gradients": "integrated gradients", "occlusion": "occlusion", "gradcam": "Grad-CAM"}
OTHERS = {
    "random": "random masks of the same shape",
    "loudest": "the loudest values",
    "unusual": "the values farthest from the baseline",
}


def summary(content: Mapping[str, Any]) -> list[str]:
    """The sentences of the first screen: which maps can be trusted, and whether the run hears what they show."""
    lines = [content["no_map"]] if content["no_map"] else []
    trusted, others = [], []
    for method in content["methods"]:
        by_other = _by_other(method)
        verdicts = {other: {row["verdict"] for row in rows} for other, rows in by_other.items()}
        if all(found == {"better"} for found in verdicts.values()):
            trusted.append(METHODS[method["method"]])
            others = [OTHERS[other] for other in by_other]
        lines += [
            _compare(_capital(method), other, by_other[other])
            for other, found in verdicts.items()
            if found not in ({"better"}, {"unknown"})
        ]
        if method["correlations"].get("random_weights", 0) >= ALIKE:
            lines.append(random_weights(method))
    if trusted:
        clips = count(content["methods"][0]["compared"][0]["clips"], "clip")
        lines.insert(
            0,
            f"The maps by {in_words(trusted)} show what the model uses: over {clips}, better than {in_words(others)}.",
        )
    return lines + _hear(content["listening"]) + _too_few(content)


def sentences(content: Mapping[str, Any]) -> list[str]:
    """All comparisons of the maps with their numbers, for the terminal."""
    lines = [content["no_map"]] if content["no_map"] else []
    for method in content["methods"]:
        lines += [_compare(_capital(method), other, rows) for other, rows in _by_other(method).items()]
        if "random_weights" in method["correlations"]:
            lines.append(random_weights(method))
    return lines + _hear(content["listening"]) + _too_few(content)


def random_weights(method: Mapping[str, Any]) -> str:
    """Compare the maps of a model with random weights with those of the trained one, in words."""
    found = method["correlations"]
    alike = (
        "much the same maps, so they hardly show what training changed"
        if found["random_weights"] >= ALIKE
        else "other maps"
    )
    return (
        f"{_capital(method)}: a model with random weights gives {alike}. Their rank correlation is {found['random_weights']:z.2f}, where 1 is "
        f"the same map, and {found['random_weights_given_input']:z.2f} without what both share with the distance of the input from the baseline."
    )


def _capital(method: Mapping[str, Any]) -> str:
    name = METHODS[method["method"]]
    return f"{name[0].upper()}{name[1:]}"


def _by_other(method: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of a comparison by what the map is compared with: for each, deletion and insertion."""
    by_other: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in method["compared"]:
        by_other[row["other"]].append(row)
    return by_other


def _too_few(content: Mapping[str, Any]) -> list[str]:
    rows = [row for method in content["methods"] for row in method["compared"]]
    if not rows or rows[0]["verdict"] != "unknown":
        return []
    sounds = f"{count(rows[0]['clips'], 'sound')} {'is' if rows[0]['clips'] == 1 else 'are'}"
    return [
        f"{sounds} too few to say whether the maps show what the model uses, which needs {LEAST_CLIPS}: `--test --clips 20` "
        "explains 20 test clips."
    ]


def _hear(heard: Mapping[str, Any]) -> list[str]:
    """A sentence on whether the run hears what is missing; none with too few sounds."""
    if not heard or heard["interval"] is None:
        return []
    low, high = (f"{100 * end:.0f}" for end in heard["interval"])
    share, gain = formatting.percent(heard["share"]), round(100 * heard["gain"])
    verb = "hears it too: with" if heard["verdict"] == "better" else "does not hear it: with"
    return [
        f"The run {verb} the most relevant {share} of the sound flattened, the probability falls {gain} points further than with "
        f"as much at random places (95 % interval {low} to {high})."
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


def right(explanations: Sequence[Explanation]) -> str:
    """Count the clips that are predicted correctly, in a sentence; "" if their genres are unknown."""
    known = [each for each in explanations if each.genre]
    correct = sum(each.predicted == each.genre for each in known)
    return (
        f"{correct} of {count(len(known), 'clip')} {'is' if correct == 1 else 'are'} predicted correctly."
        if known
        else ""
    )


def one_artist(explanations: Sequence[Explanation]) -> str:
    """A warning that all clips of a genre are by one artist, so that the genre and the artist cannot be told apart; "" if none."""
    artists: dict[str, list[str | None]] = defaultdict(list)
    for each in explanations:
        artists[each.genre or ""].append(each.artist)
    genres = [
        genre
        for genre, names in artists.items()
        if genre and len(names) > 1 and None not in names and len(set(names)) == 1
    ]
    if not genres:
        return ""
    return (
        f"All clips of {in_words(genres)} that are explained here are by one artist{' each' if len(genres) > 1 else ''}: what speaks for "
        "the genre may be the artist."
    )


def strongest(explanation: Explanation) -> str:
    """Name the frequency band with the largest sum of the first map, and the second if it stands out.

    "" without a frequency axis.
    """
    relevance_FN = explanation.maps[0].relevance_FN if explanation.maps else None
    if relevance_FN is None or explanation.row_hz is None:
        return ""
    hz_F = np.asarray(explanation.row_hz)
    by_band = band_sums(relevance_FN.sum(axis=1), hz_F)
    second_N = np.linspace(0, explanation.seconds, relevance_FN.shape[1], endpoint=False).astype(int)
    by_second = np.bincount(second_N, weights=relevance_FN.sum(axis=0))
    if by_band.max() <= 0:
        return f"All frequency bands speak against {explanation.predicted}."
    text = (
        f"What speaks most for {explanation.predicted}, summed over octaves: {band_names(hz_F)[int(by_band.argmax())]} "
        f"({signed(float(by_band.max()), 1)} nats)"
    )
    if by_second.max() < UNUSUAL_SECOND * np.abs(by_second).mean():
        return f"{text}."
    first = int(explanation.start_seconds + by_second.argmax())
    return f"{text}; summed over seconds: {first} to {first + 1} s ({signed(float(by_second.max()), 1)})."
