"""Format numbers as text. A score is always shown with its data set, split, average, number of clips and interval.

Sentences and cards have whole percents, tables one decimal.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

UNDEFINED = "n/a"
MAX_GENRES = 10  # a text names at most this many genres


def count(number: int, singular: str) -> str:
    """Format a count with its noun: 1, "clip" -> "1 clip"; 1600, "clip" -> "1,600 clips"; "2 sets of copies"."""
    noun, of, rest = singular.partition(" of ")
    return f"{number:,} {noun}{'' if number == 1 else 's'}{of}{rest}"


def first_names(names: Sequence[str], most: int) -> str:
    """List the first `most` names and count the others: ["a", "b", "c"], 2 -> "a, b and 1 more"."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def subset(key: str) -> str:
    """The name of a set of a split: "val" -> "validation"; "train" and "test" stay."""
    return "validation" if key == "val" else key


def percent(share: float) -> str:
    """Format a share in [0, 1] in percent: 0.614 -> "61 %"; 0.996 -> "99.6 %", as only exactly 1 is "100 %".

    A half is rounded up, as a reader does with the decimal of a table: 0.105 -> "11 %".
    """
    whole = math.floor(100 * share + 0.5 + 1e-9)
    return f"{whole} %" if whole not in (0, 100) or whole == 100 * share else f"{100 * share:.1f} %"


def cell(share: float | None) -> str:
    """Format a share in [0, 1] for a table column in percent: 0.6136 -> "61.4"; None (undefined) -> "n/a"."""
    return UNDEFINED if share is None else f"{100 * share:.1f}"


def cell_interval(interval: Sequence[float]) -> str:
    """Format an interval for a table column in percent: (0.534, 0.681) -> "53.4 to 68.1"."""
    return f"{cell(interval[0])} to {cell(interval[1])}"


def signed(value: float, digits: int = 2) -> str:
    """Format a number that may be negative with its sign: 1.2 -> "+1.20", -0.001 -> "0.00": what rounds to 0 has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def interval(interval: Sequence[float]) -> str:
    """Format a 95 % interval for a sentence: (0.534, 0.681) -> "95 % interval 53 to 68 %"."""
    return f"95 % interval {percent(interval[0]).removesuffix(' %')} to {percent(interval[1])}"


def accuracy_interval(scores: Mapping[str, Any]) -> tuple[float, float]:
    """The 95 % interval of accuracy, in shares: the bootstrap over artists where there are enough, otherwise Wilson's over clips."""
    low, high = scores.get("accuracy_interval_by_artist") or scores["accuracy_interval"]
    return low, high


def named_interval(scores: Mapping[str, Any]) -> str:
    """Format the interval of accuracy: "95 % interval 53 to 68 %"; with enough artists "95 % interval by artist 50 to 71 %"."""
    text = interval(accuracy_interval(scores))
    return text.replace("interval", "interval by artist") if scores.get("accuracy_interval_by_artist") else text


def share(value: float, bounds: Sequence[float]) -> str:
    """Format a share with its 95 % interval: 0.614, (0.534, 0.681) -> "61 % (95 % interval 53 to 68 %)"."""
    return f"{percent(value)} ({interval(bounds)})"


def size(scores: Mapping[str, Any], clip: str = "clip") -> str:
    """Format the numbers of clips and artists: "160 clips of 40 artists"; `clip` is another name for one of them.

    `scores` are the test or validation scores of metrics.json, whose "artists" is None if any artist is unknown, or a
    set of the split certificate, whose "artists" is the number of known artists.
    """
    artists = scores["artists"]
    of_artists = f"of {count(artists, 'artist')}" if artists else "of unknown artists"
    return f"{count(scores['clips'], clip)} {of_artists if artists is not None else 'whose artists are not all known'}"


def untested(scores: Mapping[str, Any]) -> list[str]:
    """The genres that have no clip in a set: they were not tested. `scores` are the scores of a set in metrics.json."""
    return [genre for genre, row in scores["genres"].items() if not row["support"]]


def tested_genres(scores: Mapping[str, Any]) -> str:
    """Format which genres have clips in a set: "3 of 5 genres; not tested: jazz, pop"; "" if all have."""
    genres, absent = scores["genres"], untested(scores)
    if not absent:
        return ""
    return f"{len(genres) - len(absent)} of {len(genres)} genres; not tested: {first_names(absent, MAX_GENRES)}"


def macro_genres(scores: Mapping[str, Any]) -> str:
    """Format which genres a macro average is over: "genres"; if some have no clips "4 of 5 genres with clips or predictions"."""
    counted = sum(row["f1"] is not None for row in scores["genres"].values())
    return f"{counted} of {len(scores['genres'])} genres with clips or predictions" if untested(scores) else "genres"


def macro_label(scores: Mapping[str, Any]) -> str:
    """The label of the macro averages in a table: "macro average"; if some genres have no clips, over which genres."""
    return f"macro average over {macro_genres(scores)}" if untested(scores) else "macro average"


def split(certificate: Mapping[str, Any]) -> str:
    """Describe the split of a run by its certificate: "holdout, seed 0, grouped by artist"."""
    return f"{certificate['split']}, grouped by {certificate['grouped_by']}"


def data(dataset: str, synthetic: bool) -> str:
    """Format the name of a data set, with a warning if its music is synthetic: "gtzan", "synth (synthetic music)"."""
    return f"{dataset} (synthetic music)" if synthetic else dataset


def duration(seconds: float) -> str:
    """Format a duration: 5.24 -> "5.2 s"; 754 -> "12 min 34 s"; 7260 -> "2 h 1 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        return f"{round(seconds) // 60} min {round(seconds) % 60} s"
    return f"{round(seconds) // 3600} h {round(seconds) % 3600 // 60} min"
