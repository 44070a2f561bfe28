"""A comparison in words and tables: effect and interval first, p second, and what they come to."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from src import formatting
from src.evaluation.comparison import nonsignificant_tests
from src.metrics import significance
from src.metrics.intervals import MIN_ARTISTS
from src.reporting.sweep_page import describe_splits

MAX_PAIRS = 3  # told genre by genre; the others are in the JSON
MAX_CLIPS = 10  # of a side
CAVEATS = {
    "accuracy": "among so many pairs it may be chance",
    "mcnemar": "counted clip by clip it may be chance",
    "folds": "training on other clips may turn it",
}
Content = Mapping[str, Any]


class Table(NamedTuple):
    """A table for a terminal or as Markdown; the first `texts` columns hold words, the others numbers."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


def describe_pair(pair: Content, content: Content) -> str:
    """What a pair's numbers come to: "A is better than B by 4.1 points of accuracy (95 % interval 1.0 to 7.3) ..."."""
    a, b = pair["a"], pair["b"]
    on, accuracy = formatting.size(content), pair["accuracy"]
    points = 100 * accuracy["difference"]
    if pair["verdict"] == "same":
        return f"{a} and {b} are the same: each of the {formatting.count(content['clips'], 'clip')} got the same answer from both (difference 0, p = 1)."
    if pair["verdict"] == "too few artists":
        few = formatting.count(content["resampled"]["of"], content["resampled"]["by"].partition(",")[0])
        return (
            f"{a}'s accuracy is {abs(points):.1f} points {'below' if points < 0 else 'above'} {b}'s on {on}: the effect only, as "
            f"{few} are too few to say whether others would show it. From {MIN_ARTISTS} on there is an interval."
        )
    low, high = (100 * end for end in accuracy["interval"])
    if pair["verdict"] in ("a", "b"):
        better, worse = (a, b) if pair["verdict"] == "a" else (b, a)
        low, high = sorted((abs(low), abs(high)))
        return (
            f"{better} is better than {worse} by {abs(points):.1f} points of accuracy (95 % interval {low:.1f} to {high:.1f}) "
            f"on {on}; {_ps(pair, content)}."
        )
    text = (
        f"{a} and {b} cannot be told apart on {on}: accuracy differs by {points:+.1f} points (95 % interval {low:+.1f} to "
        f"{high:+.1f}; {_ps(pair, content)})"
    )
    doubted = nonsignificant_tests(pair)
    if low <= 0 <= high or not doubted:
        return f"{text}."
    return f"{text}. The interval leaves out 0, but {' and '.join(CAVEATS[key] for key in doubted)}."


def _tests(content: Content) -> dict[str, str]:
    """The parts of a pair that have a p value, and what it is called."""
    drawn = content["resampled"]["by"].partition(",")[0]
    return {"accuracy": f"over {drawn}s", "mcnemar": "McNemar's", "folds": "over folds"}


def _ps(pair: Content, content: Content) -> str:
    """All p values of a pair: "p over artists = 0.03, McNemar's = 0.02"."""
    known = [f"{name} {_p(pair[key])}" for key, name in _tests(content).items() if pair[key]["p"] is not None]
    return f"p {', '.join(known)}"


def _p(part: Content) -> str:
    """ "= 0.03", "< 0.001"; where it was adjusted for several pairs, the adjusted one."""
    p = part["p_holm"]
    return "< 0.001" if p < 0.001 else f"= {p:.2g}" if p < 0.1 else f"= {p:.2f}".rstrip("0").rstrip(".")


def comparison_tables(content: Content) -> list[Table]:
    """The groups; the pairs; the genres in the first few pairs; the clips on which the first pair disagrees."""
    shown = content["pairs"][:MAX_PAIRS]
    made = [_groups(content), _pairs(content), _genres(content, shown)]
    return [*made, _clips(shown[0])] if any(shown[0]["disagreements"].values()) else made


def _groups(content: Content) -> Table:
    rows = []
    for each in content["groups"]:
        scores = each["scores"]
        rows.append(
            [
                each["key"],
                each["label"],
                str(len(each["runs"])),
                f"{formatting.cell(scores['accuracy'])} ({formatting.cell_interval(scores['accuracy_interval'])})",
                *(formatting.cell(scores[key]) for key in ("precision_macro", "recall_macro", "f1_macro")),
                formatting.cell(each["val_f1_macro"]),
                formatting.duration(each["train_seconds"]),
            ]
        )
    headings = [
        "",
        "what",
        "runs",
        "accuracy (Wilson's 95 %)",
        "precision",
        "recall",
        "F1",
        "validation F1",
        "training",
    ]
    title = (
        f"{formatting.data(content['dataset'], content['synthetic'])}, {formatting.size(content)}; {describe_splits(content['split'])}; in percent, precision, "
        "recall and F1 as macro averages over genres"
    )
    return Table(title, headings, rows, texts=2)


def _pairs(content: Content) -> Table:
    tests = _tests(content)
    rows = [
        [
            f"{pair['a']} - {pair['b']}",
            " : ".join(str(len(pair["disagreements"][side])) for side in ("a", "b")),
            *(_effect(pair[key]) for key in ("accuracy", "f1_macro")),
            _effect(pair["folds"]) if "difference" in pair["folds"] else formatting.UNDEFINED,
            *(
                _p(pair[key]).removeprefix("= ") if pair[key]["p"] is not None else formatting.UNDEFINED
                for key in tests
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
        *(f"p {name}" for name in tests.values()),
    ]
    by = content["resampled"]["by"]
    title = f"Differences in points, with 95 % intervals (paired bootstrap by {by}; corrected t over folds)"
    count = len(content["pairs"])
    return Table(title + (f"; p adjusted by Holm for {count} pairs" if count > 1 else ""), headings, rows)


def _effect(part: Content) -> str:
    """ "+4.1 (+1.0 to +7.3)", in points."""
    point = f"{100 * part['difference']:+.1f}"
    if part["interval"] is None:
        return point
    low, high = part["interval"]
    return f"{point} ({100 * low:+.1f} to {100 * high:+.1f})"


def _genres(content: Content, shown: Sequence[Content]) -> Table:
    rows = []
    for genre, first in shown[0]["genres"].items():
        sides = {pair[side]: pair["genres"][genre][f"recall_{side}"] for pair in shown for side in ("a", "b")}
        artists = formatting.UNDEFINED if first["artists"] is None else str(first["artists"])
        effects = [_effect(pair["genres"][genre]) for pair in shown]
        rows.append([genre, str(first["clips"]), artists, *map(formatting.cell, sides.values()), *effects])
    keys = dict.fromkeys(pair[side] for pair in shown for side in ("a", "b"))
    names = [f"{pair['a']} - {pair['b']}" for pair in shown]
    title = (
        f"Recall of each genre, in percent, and its differences in points (one interval for each genre, none below {MIN_ARTISTS} "
        "artists; one in twenty misses by chance)"
    )
    return Table(title, ["genre", "clips", "artists", *keys, *names], rows)


def _clips(pair: Content) -> Table:
    rows, heads = [], []
    for side, other in (("a", "b"), ("b", "a")):
        found = pair["disagreements"][side]
        heads.append(f"{formatting.count(len(found), 'clip')} {pair[side]} recognizes better")
        rows += [
            [pair[side], each["clip"], each["genre"], _said(each["predicted"][other])] for each in found[:MAX_CLIPS]
        ]
    return Table(
        f"{', '.join(heads)} (up to {MAX_CLIPS} of each)", ["better", "clip", "genre", "the other said"], rows, 4
    )


def _said(answers: Sequence[str]) -> str:
    """ "rock", or of several seeds "rock 2, pop 1"."""
    counts = {answer: answers.count(answer) for answer in dict.fromkeys(answers)}
    return answers[0] if len(answers) == 1 else ", ".join(f"{answer} {count}" for answer, count in counts.items())


def note_lines(content: Content) -> list[str]:
    """What a reader must know to trust the numbers, a sentence each."""
    groups, pairs = content["groups"], content["pairs"]
    said = []
    if any(each["leaks"] for each in groups):
        said.append("Some runs share artists, tracks or audio between training and test: see `python -m src.report`.")
    said += sorted({text for each in groups for text in each["warnings"]})
    if content["resampled"]["by"] != "artist":
        said.append(
            f"Not all artists are known, so clips were resampled by {content['resampled']['by']}: intervals are too narrow."
        )
    left_out = dict.fromkeys(pair[key].get("left_out") for pair in pairs for key in ("mcnemar", "folds"))
    said += [f"Left out: {reason}." for reason in left_out if reason]
    if all(each["repetitions"] == 1 for each in groups):
        said.append(
            "Each side was trained with one seed: another may turn a small difference. Train several seeds to know."
        )
    else:
        said.append(
            "Intervals are over artists, with the seeds as they are; what other seeds would add is not in them."
        )
    if len(groups) > 2:
        said.append(
            f"The best of {len(groups)} test scores is too high by luck: choose by the validation score, then read the test score."
        )
    if len(pairs) > MAX_PAIRS:
        said.append(f"The genres of {len(pairs) - MAX_PAIRS} more pairs are in --format json, and all clips.")
    said.append(
        f"Called better: the interval leaves out 0 and no p value{' after Holm' if len(pairs) > 1 else ''} is "
        f"{significance.LEVEL} or more. No difference found is no proof that there is none."
    )
    return said
