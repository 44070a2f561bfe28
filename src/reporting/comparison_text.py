"""Format a comparison of groups as sentences, tables and notes: differences with intervals first, then p values."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from src import formatting
from src.evaluation.comparison import nonsignificant_tests
from src.metrics import significance
from src.metrics.intervals import MIN_ARTISTS
from src.reporting.tested_on_text import describe_splits

MAX_PAIRS = 3  # at most this many pairs in the table of genres; the JSON has all
MAX_GENRES = 40  # at most this many genres in the table of genres; the JSON has all
MAX_CLIPS = 10  # at most this many clips for each group in the table of clips
CAVEATS = {  # by test: why a pair is not called different although its interval excludes 0
    "accuracy": "among so many pairs it may be chance (over {owners}s, adjusted by Holm, p {p})",
    "mcnemar": "counted over single clips it may be chance (McNemar's test, p {p})",
    "folds": "training on other clips may reverse it (corrected t test over {folds} folds, p {p})",
}
Content = Mapping[str, Any]  # the content of `compare --format json`, or a part of it


class Table(NamedTuple):
    """A table for a terminal or as Markdown; the first `texts` columns hold text, the others numbers."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


def describe_pair(pair: Content, content: Content) -> str:
    """Describe the result of a pair in a sentence: "A is better than B by 4.1 points of accuracy (95 % interval 1.0 to 7.3) ..."."""
    a, b = pair["a"], pair["b"]
    test_set, accuracy = formatting.size(content), pair["accuracy"]
    points = 100 * accuracy["difference"]
    if pair["verdict"] == "same":
        clips = formatting.count(content["clips"], "clip")
        return f"{a} and {b} are the same: both have the same prediction for each of the {clips} (difference 0, p = 1)."
    if pair["verdict"] == "too few artists":
        owners = formatting.count(content["resampled"]["of"], _owner_kind(content))
        return (
            f"{a}'s accuracy is {abs(points):.1f} points {'below' if points < 0 else 'above'} {b}'s on {test_set}; there is no "
            f"interval, as {owners} are too few to generalize from: {MIN_ARTISTS} or more are needed."
        )
    low, high = (100 * end for end in accuracy["interval"])
    if pair["verdict"] in ("a", "b"):
        better, worse = (a, b) if pair["verdict"] == "a" else (b, a)
        low, high = sorted((abs(low), abs(high)))
        return (
            f"{better} is better than {worse} by {abs(points):.1f} points of accuracy (95 % interval {low:.1f} to {high:.1f}) "
            f"on {test_set}; {_format_p_values(pair, content)}."
        )
    if low <= 0 <= high:
        return (
            f"{a} and {b} cannot be told apart on {test_set}: accuracy differs by {points:+.1f} points (95 % interval {low:+.1f} "
            f"to {high:+.1f}; {_format_p_values(pair, content)})."
        )
    return (
        f"{a}'s accuracy is {abs(points):.1f} points {'below' if points < 0 else 'above'} {b}'s on {test_set} (95 % interval of the "
        f"difference {low:+.1f} to {high:+.1f}), but they cannot be told apart: {' and '.join(_caveats(pair, content))}."
    )


def _caveats(pair: Content, content: Content) -> list[str]:
    """Why a pair is not called different although its interval excludes 0, with the p values that say so."""
    return [
        CAVEATS[key].format(owners=_owner_kind(content), folds=pair["folds"].get("folds"), p=_format_p(pair[key]))
        for key in nonsignificant_tests(pair)
    ]


def verdict(pair: Content, content: Content) -> str:
    """The verdict of a pair in a few words, with the reason if its interval excludes 0 and it is not called different."""
    interval = pair["accuracy"]["interval"]
    if pair["verdict"] == "cannot be told apart" and not interval[0] <= 0 <= interval[1]:
        return f"{pair['verdict']}: {' and '.join(_caveats(pair, content))}"
    named = {"a": "{a} is better", "b": "{b} is better", "same": "{a} and {b} are the same"}
    return named.get(pair["verdict"], str(pair["verdict"])).format(a=pair["a"], b=pair["b"])


def not_better(pair: Content) -> str:
    """Why a pair does not show that its first group is better: the test with the highest p; "" if it is better."""
    if pair["verdict"] == "a":
        return ""
    if pair["verdict"] == "too few artists":
        return f"with fewer than {MIN_ARTISTS} artists there is no test"
    highest = max((pair[key] for key in CAVEATS if pair[key]["p"] is not None), key=lambda part: float(part["p_holm"]))
    return f"p {_format_p(highest)}"


def _owner_kind(content: Content) -> str:
    """The kind of owner that the bootstrap draws: "artist", "track" or "clip"."""
    return str(content["resampled"]["by"].partition(",")[0])


def _test_names(content: Content) -> dict[str, str]:
    """Map the keys of a pair that have a p value to the names of their tests."""
    return {
        "accuracy": f"bootstrap over {_owner_kind(content)}s",
        "mcnemar": "McNemar's test",
        "folds": "t test over folds",
    }


def _format_p_values(pair: Content, content: Content) -> str:
    """Format all p values of a pair: "p = 0.03 (bootstrap over artists), p = 0.02 (McNemar's test)"."""
    texts = [
        f"p {_format_p(pair[key])} ({name})" for key, name in _test_names(content).items() if pair[key]["p"] is not None
    ]
    return ", ".join(texts)


def _format_p(part: Content) -> str:
    """Format the p value adjusted by Holm: "= 0.03", "< 0.001"."""
    p = part["p_holm"]
    return "< 0.001" if p < 0.001 else f"= {p:.2g}" if p < 0.1 else f"= {p:.2f}".rstrip("0").rstrip(".")


def comparison_tables(content: Content) -> list[Table]:
    """Build four tables: groups, pairs, genres in the first pairs, and clips on which the first pair differs.

    The last one is left out if there are no such clips.
    """
    shown = content["pairs"][:MAX_PAIRS]
    tables = [_group_table(content), _pair_table(content), _genre_table(content, shown)]
    return [*tables, _clip_table(shown[0])] if any(shown[0]["disagreements"].values()) else tables


def _group_table(content: Content) -> Table:
    rows = []
    for group in content["groups"]:
        scores = group["scores"]
        rows.append(
            [
                group["key"],
                group["label"],
                str(len(group["runs"])),
                f"{formatting.cell(scores['accuracy'])} ({formatting.cell_interval(scores['accuracy_interval'])})",
                *(formatting.cell(scores[key]) for key in ("precision_macro", "recall_macro", "f1_macro")),
                formatting.cell(group["val_f1_macro"]),
                formatting.duration(group["train_seconds"]),
            ]
        )
    headings = [
        "",
        "group",
        "runs",
        "accuracy (Wilson's 95 %)",
        "precision",
        "recall",
        "F1",
        "validation F1",
        "median training time",
    ]
    scores = {"genres": content["groups"][0]["genres"]}
    tested = formatting.tested_genres(scores)
    title = (
        f"{formatting.data(content['dataset'], content['synthetic'])}, {formatting.size(content)}{f' of {tested}' if tested else ''}; "
        f"{describe_splits(content['split'])}; in percent; precision, recall and F1 are macro averages over "
        f"{formatting.macro_genres(scores)}"
    )
    return Table(title, headings, rows, texts=2)


def _pair_table(content: Content) -> Table:
    test_names = _test_names(content)
    rows = [
        [
            f"{pair['a']} - {pair['b']}",
            " : ".join(str(len(pair["disagreements"][better])) for better in ("a", "b")),
            *(_format_difference(pair[key]) for key in ("accuracy", "f1_macro")),
            _format_difference(pair["folds"]) if "difference" in pair["folds"] else formatting.UNDEFINED,
            *(
                _format_p(pair[key]).removeprefix("= ") if pair[key]["p"] is not None else formatting.UNDEFINED
                for key in test_names
            ),
        ]
        for pair in content["pairs"]
    ]
    headings = [
        "",
        "clips better",
        "accuracy",
        "macro F1",
        "accuracy over folds",
        *(f"p, {name}" for name in test_names.values()),
    ]
    owner_kind = content["resampled"]["by"]
    title = (
        f"Differences in points, with 95 % intervals (paired bootstrap by {owner_kind}; corrected t test over folds)"
    )
    pair_count = len(content["pairs"])
    adjustment = f"; p adjusted by Holm for {pair_count} pairs" if pair_count > 1 else ""
    return Table(title + adjustment, headings, rows)


def _format_difference(part: Content) -> str:
    """Format a difference with its interval, in percentage points: "+4.1 (+1.0 to +7.3)"."""
    difference = f"{100 * part['difference']:+.1f}"
    if part["interval"] is None:
        return difference
    low, high = part["interval"]
    return f"{difference} ({100 * low:+.1f} to {100 * high:+.1f})"


def _genre_table(content: Content, shown: Sequence[Content]) -> Table:
    rows = []
    genres = shown[0]["genres"]
    most_different = sorted(genres, key=lambda genre: -max(abs(pair["genres"][genre]["difference"]) for pair in shown))
    named = set(most_different[:MAX_GENRES])
    for genre, first in genres.items():
        if genre not in named:
            continue
        recalls = {pair[key]: pair["genres"][genre][f"recall_{key}"] for pair in shown for key in ("a", "b")}
        artists = formatting.UNDEFINED if first["artists"] is None else str(first["artists"])
        differences = [_format_difference(pair["genres"][genre]) for pair in shown]
        rows.append([genre, str(first["clips"]), artists, *map(formatting.cell, recalls.values()), *differences])
    groups = dict.fromkeys(pair[key] for pair in shown for key in ("a", "b"))
    pairs = [f"{pair['a']} - {pair['b']}" for pair in shown]
    title = (
        f"Recall of each genre in percent, and its differences in points (no interval below {MIN_ARTISTS} artists of the genre; "
        "one interval in twenty misses the true difference by chance)"
    )
    if len(genres) > MAX_GENRES:
        title += f"; the {MAX_GENRES} genres with the largest differences of {len(genres)}, --format json has all"
    return Table(title, ["genre", "clips", "artists", *groups, *pairs], rows)


def _clip_table(pair: Content) -> Table:
    rows, counts = [], []
    seeds = any(
        len(clip["predicted"][key]) > 1 for clips in pair["disagreements"].values() for clip in clips for key in "ab"
    )
    for better, worse in (("a", "b"), ("b", "a")):
        clips = pair["disagreements"][better]
        that = f"{pair[better]} recognizes more often" if seeds else f"only {pair[better]} recognizes"
        counts.append(f"{formatting.count(len(clips), 'clip')} that {that}")
        rows += [
            [pair[better], clip["clip"], clip["genre"], _format_predictions(clip["predicted"][worse])]
            for clip in clips[:MAX_CLIPS]
        ]
    title = f"{', '.join(counts)} (up to {MAX_CLIPS} of each)"
    return Table(title, ["better", "clip", "genre", "predicted by the other"], rows, texts=4)


def _format_predictions(predictions: Sequence[str]) -> str:
    """Format the predictions for one clip: "rock"; with several seeds "rock 2, pop 1"."""
    counts = {genre: predictions.count(genre) for genre in dict.fromkeys(predictions)}
    return predictions[0] if len(predictions) == 1 else ", ".join(f"{genre} {count}" for genre, count in counts.items())


def note_lines(content: Content) -> list[str]:
    """List notes on the comparison: leaks, warnings, tests left out, seeds, multiple comparisons."""
    groups, pairs = content["groups"], content["pairs"]
    notes = []
    if any(group["leaks"] for group in groups):
        notes.append("Some runs share artists, tracks or audio between training and test: see `python -m src.report`.")
    notes += sorted({text for group in groups for text in group["warnings"]})
    if content["resampled"]["by"] != "artist":
        notes.append(
            f"Not all artists are known, so clips were resampled by {content['resampled']['by']}: intervals are too narrow."
        )
    reasons = dict.fromkeys(pair[key].get("left_out") for pair in pairs for key in ("mcnemar", "folds"))
    notes += [f"Test left out: {reason}." for reason in reasons if reason]
    if all(group["repetitions"] == 1 for group in groups):
        notes.append(
            "Each group was trained with one seed, and another seed may reverse a small difference. Train several seeds to "
            "find out."
        )
    else:
        notes.append("Intervals are over artists, for these seeds: the spread between seeds is not in them.")
    if len(groups) > 2:
        notes.append(
            f"The best of {len(groups)} test scores is too high by luck: select by the validation score, then read the test score."
        )
    if any(_repeated_by_holm(pairs, key) for key in CAVEATS):
        notes.append(
            "Two pairs may have the same adjusted p: by Holm's method, it is at least that of any pair whose own p is lower."
        )
    if len(pairs) > MAX_PAIRS:
        notes.append(f"The genres of {len(pairs) - MAX_PAIRS} more pairs, and all clips, are in --format json.")
    notes.append(
        f"A group is called better if the interval excludes 0 and all p values{' after Holm' if len(pairs) > 1 else ''} are "
        f"below {significance.LEVEL}. Finding no difference does not prove that there is none."
    )
    return notes


def _repeated_by_holm(pairs: Sequence[Content], key: str) -> bool:
    """True if two pairs have different p values of a test, but the same below 1 after Holm's adjustment."""
    values = {(pair[key]["p"], pair[key]["p_holm"]) for pair in pairs if pair[key]["p"] is not None}
    adjusted = [adjusted for _, adjusted in values if adjusted < 1]
    return len(set(adjusted)) < len(adjusted)
