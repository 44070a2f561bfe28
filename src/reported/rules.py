"""What figures of one model on one set of test clips must obey; each rule yields what it finds contradicted, in words.

Two facts carry most of it. Write h(p, r) = 2pr / (p + r), the harmonic mean, F1 of a genre of precision p and recall r.

1. h is concave and h(ap, ar) = a h(p, r), so for weights w that sum to 1 (over genres, by support, over folds), by Jensen,
   sum w h(p, r) <= h(sum w p, sum w r): an averaged F1 never exceeds the harmonic mean of precision and recall that were
   averaged in the same way (Opitz and Burst 2019). And h(p, r) >= max(0, p + r - 1), which is convex, so neither does it
   fall below averaged precision + averaged recall - 1.
2. Every wrong clip is an error of two genres one-vs-rest, its own and the predicted one. So over all genres the errors
   1 - accuracy one-vs-rest sum to 2 (1 - accuracy); over some of them to no more; and none alone exceeds 1 - accuracy.
"""

from collections.abc import Iterator, Mapping

from src.reported.table import Figure, Row, mean

CLOSE = 1e-9  # binary rounding
Overall = Mapping[str, Figure]  # measure -> figure
Genres = Mapping[str, Figure]  # genre -> figure


def micro(given: Overall) -> Iterator[str]:
    """Averages over all clips: with one genre a clip, precision, recall, F1 and accuracy are one number."""
    if given and max(f.low for f in given.values()) > min(f.high for f in given.values()) + CLOSE:
        yield f"with one genre a clip all are one number, and here they are {', '.join(f.text for f in given.values())}"


def macro(given: Overall) -> Iterator[str]:
    """Means over genres, of F1 too."""
    if {"precision", "recall", "f1"} <= given.keys():
        yield from _bounds(given["precision"], given["recall"], given["f1"])


def macro_of_means(given: Overall) -> Iterator[str]:
    """Means over genres, but F1 is made of the two others."""
    if {"precision", "recall", "f1"} <= given.keys():
        p, r, f1 = given["precision"], given["recall"], given["f1"]
        if apart(f1, made := harmonic(p, r)):
            yield f"F1 would be {_about(made)}, the harmonic mean of precision {p.text} and recall {r.text}, and not {f1.text}"


def weighted(given: Overall) -> Iterator[str]:
    """Means over genres weighted by their clips: recall is then the accuracy."""
    if {"recall", "accuracy"} <= given.keys() and apart(given["recall"], given["accuracy"]):
        yield f"recall would be the accuracy, {given['accuracy'].text}, and not {given['recall'].text}"
    yield from macro(given)


def one_genre(row: Row) -> Iterator[str]:
    """Precision, recall and F1 of one genre: the first fact again, as each may be a mean over folds."""
    for genre, f1 in row.genres.get("f1", {}).items():
        p, r = (row.genres.get(measure, {}).get(genre) for measure in ("precision", "recall"))
        if p and r:
            yield from (f"{genre}: {said}" for said in _bounds(p, r, f1))


def _bounds(p: Figure, r: Figure, f1: Figure) -> Iterator[str]:
    most, least = harmonic(p, r), p.low + r.low - 1
    if f1.low > most.high + CLOSE:
        yield f"F1 {f1.text} is above {_about(most)}, the harmonic mean of precision {p.text} and recall {r.text}, which none exceeds"
    if f1.high < least - CLOSE:
        yield f"F1 {f1.text} is below {least:.3f}, precision {p.text} + recall {r.text} - 1, which none falls short of"


def harmonic(p: Figure, r: Figure) -> Figure:
    """The harmonic mean of two figures; 0 where both are 0. It rises with both, so its ends are those of the two."""
    value, low, high = (2 * a * b / (a + b) if a + b else 0.0 for a, b in zip(p[1:], r[1:], strict=True))
    return Figure(f"{value:.3f}", value, low, high)


def recalls(row: Row, recall: Genres, accuracy: Figure | None) -> Iterator[str]:
    """Accuracy is the mean of recall weighted by clips, and of precision by predictions: between their extremes."""
    if accuracy is None:
        return
    for measure, figures in (("recall", recall), ("precision", row.genres.get("precision", {}))):
        if not complete(row, figures):
            continue
        lowest, highest = min(figures, key=lambda g: figures[g].low), max(figures, key=lambda g: figures[g].high)
        if accuracy.high < figures[lowest].low - CLOSE:
            yield f"accuracy {accuracy.text} is below the lowest {measure}, {figures[lowest].text} ({lowest})"
        if accuracy.low > figures[highest].high + CLOSE:
            yield f"accuracy {accuracy.text} is above the highest {measure}, {figures[highest].text} ({highest})"
    if weighable(row, recall) and apart(accuracy, made := mean(recall, row.support)):
        yield f"weighted by support they make an accuracy of {_about(made)}, and not {accuracy.text}"


def one_vs_rest(row: Row, figures: Genres, accuracy: Figure | None) -> Iterator[str]:
    """The second fact."""
    if accuracy is None:
        return
    for genre, figure in figures.items():
        if figure.high < accuracy.low - CLOSE:
            yield f"{genre} {figure.text} is below accuracy {accuracy.text}, though its errors are among all errors"
    twice = _errors([accuracy, accuracy])
    errors = _errors(list(figures.values()))
    if errors.low > twice.high + CLOSE:
        yield f"the genres' errors sum to {_about(errors)}, and 2 (1 - accuracy) is only {_about(twice)}"
    if complete(row, figures) and errors.high < twice.low - CLOSE:
        yield f"the genres' errors sum to {_about(errors)} only, and 2 (1 - accuracy) is {_about(twice)}"


def _errors(figures: list[Figure]) -> Figure:
    """The sum of 1 - figure."""
    value, high, low = (len(figures) - sum(ends) for ends in zip(*(figure[1:] for figure in figures), strict=True))
    return Figure(f"{value:.3f}", value, low, high)


def averages(row: Row, given: Overall, recall: Genres, by_support: bool, of_f1: bool) -> Iterator[str]:
    """Averages are those of the genres' figures; `of_f1`: F1 too is the mean of theirs."""
    usable = weighable if by_support else complete
    f1 = row.genres.get("f1", {}) if of_f1 else {}
    for measure, figures in (("recall", recall), ("precision", row.genres.get("precision", {})), ("f1", f1)):
        if measure in given and usable(row, figures):
            made = mean(figures, row.support if by_support else None)
            if apart(made, given[measure]):
                yield f"{measure} would be {_about(made)}, the mean over genres, and not {given[measure].text}"


def complete(row: Row, figures: Genres) -> bool:
    """Whether the figures are of all genres that there are."""
    return bool(figures) and figures.keys() == row.columns


def weighable(row: Row, figures: Genres) -> bool:
    """Whether they can be weighted by support: without it, any genre may have any weight."""
    return complete(row, figures) and figures.keys() == row.support.keys() and sum(row.support.values()) > 0


def apart(one: Figure, other: Figure) -> bool:
    """Whether no share rounds to both."""
    return one.low > other.high + CLOSE or other.low > one.high + CLOSE


def _about(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f} before rounding)"
