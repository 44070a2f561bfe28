"""Cards on top of pages: one number each. Those of runs and of groups of runs are orange for the same reasons."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from src import formatting
from src.evaluation.run_analysis import Baseline, Confusion, most_frequent
from src.metrics import intervals

FEW_CLIPS = 10  # test clips of a genre: with fewer, its recall is known to 30 points at best
GAP_POINTS = 10  # between the macro F1 of validation and test clips: a larger one is doubtful
MOST_EQUAL = 3  # equally frequent confusions that a card names


class Card(NamedTuple):
    """One number; `doubtful`: the note says what is missing or doubtful about it."""

    label: str
    value: str
    note: str
    doubtful: bool = False


def accuracy(scores: Mapping[str, Any], floor: float, shared: Sequence[str], gap: str, note: str = "") -> Card:
    """The accuracy with its interval. `shared`: what training and test share; `gap`: the sentence of `validation_gap`."""
    tested = formatting.tested_genres(scores)
    text = f"{formatting.named_interval(scores)}{note}"
    if shared:
        text += f". Training and test share {' and '.join(shared)}: too high for new music"
    elif not above(scores, floor):
        text += ". It includes the floor"
    elif gap:
        text += ". Far from the validation score"
    label = "accuracy on clips of these genres" if tested else "accuracy over all test clips"
    doubtful = bool(shared or tested or gap) or not above(scores, floor)
    return Card(label, formatting.percent(scores["accuracy"]), text, doubtful)


def macro_f1(scores: Mapping[str, Any]) -> Card:
    """The macro F1; doubtful if genres have no test clips, or if most of them have few."""
    tested, few = formatting.tested_genres(scores), few_clips(scores)
    note = (
        f"mean over {formatting.macro_genres(scores) if tested else formatting.count(len(scores['genres']), 'genre')}"
    )
    many = 2 * len(few) > len(scores["genres"])
    note += f"; {len(few)} of them with fewer than {FEW_CLIPS} test clips" if many else ""
    return Card("macro F1", formatting.percent(scores["f1_macro"]), note, bool(tested) or many)


def floor(share: float, baseline: Baseline | None, genres: int) -> Card:
    """The accuracy of always predicting the most frequent genre in training."""
    always = name_baseline(baseline) if baseline else "the most frequent genre in training"
    note = f"always {always}; {formatting.percent(1 / genres)} by guessing"
    return Card("floor", formatting.percent(share), note)


def name_baseline(baseline: Baseline) -> str:
    """ "blues, the most frequent genre in training", "blues, as frequent in training as 9 other genres"."""
    if baseline.equal == 1:
        return f"{baseline.genre}, the most frequent genre in training"
    return f"{baseline.genre}, as frequent in training as {formatting.count(baseline.equal - 1, 'other genre')}"


def confusion(pairs: Sequence[Confusion]) -> Card | None:
    """The most frequent of sorted confusions; several if they have as many clips. None if there is none."""
    if not pairs:
        return None
    equal, label = most_frequent(pairs), "most frequent confusion"
    first = equal[0]
    if len(equal) == 1:
        return Card(label, _arrow(first), f"{first.clips:,} of {formatting.count(first.support, f'{first.true} clip')}")
    names = formatting.first_names([_arrow(pair) for pair in equal], MOST_EQUAL)
    note = f"equally frequent, {formatting.count(first.clips, 'clip')} each: {names}"
    return Card(label, f"{len(equal)} pairs", note)


def _arrow(pair: Confusion) -> str:
    return f"{pair.true} → {pair.predicted}"


def above(scores: Mapping[str, Any], floor: float) -> bool:
    """True if the interval of accuracy is above the floor."""
    return formatting.accuracy_interval(scores)[0] > floor


def interval_doubt(scores: Mapping[str, Any]) -> list[str]:
    """The sentence about an interval over clips that are not independent; none by artist, or if each clip has its own artist."""
    if scores["accuracy_interval_by_artist"] or scores["artists"] == scores["clips"]:
        return []
    clips = formatting.count(scores["clips"], "clip")
    return [
        f"The interval of accuracy is Wilson's over {clips}, as if they were independent; clips of one artist are not, so the "
        "true interval is wider."
    ]


def few_clips(scores: Mapping[str, Any]) -> list[str]:
    """The genres with fewer than FEW_CLIPS test clips, but at least one."""
    return [genre for genre, row in scores["genres"].items() if 0 < row["support"] < FEW_CLIPS]


def few_clips_doubt(scores: Mapping[str, Any], of: str = "") -> list[str]:
    """The sentence about genres with few test clips, if there are any. `of` names the data: " of gtzan"."""
    few = few_clips(scores)
    if not few:
        return []
    counted = f"{formatting.count(len(few), 'genre')} ({formatting.first_names(few, 5)})"
    return [f"Fewer than {FEW_CLIPS} test clips{of} in {counted}: their recall is hardly known."]


def validation_gap(val_f1: float | None, val: Sequence[Mapping[str, Any]], test: Mapping[str, Any]) -> str:
    """A sentence if validation and test macro F1 are more than GAP_POINTS apart, otherwise "".

    `val_f1` is the mean validation macro F1; `val` has the validation scores of each fold, `test` the test scores over all
    of them. If chance explains the gap is computed from the accuracies, as if clips were independent.
    """
    if val_f1 is None or any(formatting.untested(scores) for scores in (*val, test)):
        return ""  # macro averages over other genres
    points = 100 * (val_f1 - test["f1_macro"])
    if abs(points) <= GAP_POINTS:
        return ""
    val_clips = sum(scores["clips"] for scores in val)
    val_correct = round(sum(scores["accuracy"] * scores["clips"] for scores in val))
    test_correct = round(test["accuracy"] * test["clips"])
    low, high = intervals.difference_of_proportions((val_correct, val_clips), (test_correct, test["clips"]))
    text = (
        f"The validation macro F1 ({formatting.percent(val_f1)}) is {abs(points):.0f} points {'above' if points > 0 else 'below'} "
        f"that of the test clips ({formatting.percent(test['f1_macro'])})"
    )
    if low <= 0 <= high:
        counts = f"{formatting.count(val_clips, 'validation clip')} and {formatting.count(test['clips'], 'test clip')}"
        return f"{text}: with {counts}, this may be chance, so neither score is certain."
    if points > 0:
        return f"{text}, more than chance explains: the model may not do as well on other music either."
    return f"{text}, more than chance explains: the test clips are easier, or like training clips. Look for copies in the data."
