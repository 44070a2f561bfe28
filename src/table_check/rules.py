"""Rules that the scores of one model on one set of test clips must obey. Each rule yields its contradictions as sentences.

Most rules follow from two facts. h(p, r) = 2pr / (p + r) is the harmonic mean, which is the F1 of a genre with precision p
and recall r.

1. h is concave and h(ap, ar) = a h(p, r). So for weights w that sum to 1 (over genres, by support, over folds), by Jensen,
   sum w h(p, r) <= h(sum w p, sum w r): an averaged F1 never exceeds the harmonic mean of precision and recall that were
   averaged in the same way (Opitz and Burst 2019). And h(p, r) >= max(0, p + r - 1), which is convex, so an averaged F1
   never falls below averaged precision + averaged recall - 1.
2. Every wrong clip is a one-vs-rest error of two genres: the true and the predicted one. So the errors
   1 - one-vs-rest accuracy sum to 2 (1 - accuracy) over all genres and to no more over some of them, and the error of a
   single genre never exceeds 1 - accuracy.
"""

from collections.abc import Iterator, Mapping

from src.table_check.table import Figure, Row, mean

CLOSE = 1e-9  # tolerance for floating-point errors
Overall = Mapping[str, Figure]  # measure -> figure
Genres = Mapping[str, Figure]  # genre -> figure


def micro(figures: Overall) -> Iterator[str]:
    """Check micro averages: with one genre per clip, precision, recall, F1 and accuracy are equal."""
    if figures and max(f.low for f in figures.values()) > min(f.high for f in figures.values()) + CLOSE:
        texts = ", ".join(f.text for f in figures.values())
        yield f"with one genre per clip all are one number, but here they are {texts}"


def macro(figures: Overall) -> Iterator[str]:
    """Check macro averages, if F1 is the mean of the genres' F1: it has the bounds of fact 1."""
    if {"precision", "recall", "f1"} <= figures.keys():
        yield from _f1_bounds(figures["precision"], figures["recall"], figures["f1"])


def macro_of_means(figures: Overall) -> Iterator[str]:
    """Check macro averages, if F1 is the harmonic mean of averaged precision and averaged recall."""
    if {"precision", "recall", "f1"} <= figures.keys():
        p, r, f1 = figures["precision"], figures["recall"], figures["f1"]
        if apart(f1, expected := harmonic(p, r)):
            yield f"F1 would be {_with_range(expected)}, the harmonic mean of precision {p.text} and recall {r.text}, not {f1.text}"


def weighted(figures: Overall) -> Iterator[str]:
    """Check averages weighted by the number of clips: recall then equals accuracy, and F1 has the bounds of fact 1."""
    if {"recall", "accuracy"} <= figures.keys() and apart(figures["recall"], figures["accuracy"]):
        yield f"recall would equal the accuracy, {figures['accuracy'].text}, not {figures['recall'].text}"
    yield from macro(figures)


def one_genre(row: Row) -> Iterator[str]:
    """Check precision, recall and F1 of each genre: each may be a mean over folds, so F1 has the bounds of fact 1."""
    for genre, f1 in row.genres.get("f1", {}).items():
        p, r = (row.genres.get(measure, {}).get(genre) for measure in ("precision", "recall"))
        if p and r:
            yield from (f"{genre}: {contradiction}" for contradiction in _f1_bounds(p, r, f1))


def _f1_bounds(p: Figure, r: Figure, f1: Figure) -> Iterator[str]:
    """Check p + r - 1 <= F1 <= h(p, r), fact 1."""
    upper, lower = harmonic(p, r), p.low + r.low - 1
    if f1.low > upper.high + CLOSE:
        yield f"F1 {f1.text} is above {_with_range(upper)}, the harmonic mean of precision {p.text} and recall {r.text}, its upper bound"
    if f1.high < lower - CLOSE:
        yield f"F1 {f1.text} is below {lower:.3f}, precision {p.text} + recall {r.text} - 1, its lower bound"


def harmonic(p: Figure, r: Figure) -> Figure:
    """Harmonic mean of two figures; 0 if both are 0. It rises with both, so `low` is computed from the two lowest values."""
    value, low, high = (2 * a * b / (a + b) if a + b else 0.0 for a, b in zip(p[1:], r[1:], strict=True))
    return Figure(f"{value:.3f}", value, low, high)


def recalls(row: Row, recall: Genres, accuracy: Figure | None) -> Iterator[str]:
    """Check accuracy against recall and precision of the genres.

    Accuracy is the mean of recall weighted by clips, and the mean of precision weighted by predictions. So it lies between
    the lowest and the highest recall, and between the lowest and the highest precision.
    """
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
    if weighable(row, recall) and apart(accuracy, expected := mean(recall, row.support)):
        yield f"accuracy would be {_with_range(expected)}, the mean of recall weighted by support, not {accuracy.text}"


def one_vs_rest(row: Row, figures: Genres, accuracy: Figure | None) -> Iterator[str]:
    """Check accuracy against the one-vs-rest accuracies of the genres, by fact 2."""
    if accuracy is None:
        return
    for genre, figure in figures.items():
        if figure.high < accuracy.low - CLOSE:
            yield f"{genre} {figure.text} is below accuracy {accuracy.text}, although the errors of one genre are a part of all errors"
    twice_error = _errors([accuracy, accuracy])
    errors = _errors(list(figures.values()))
    if errors.low > twice_error.high + CLOSE:
        yield f"the genres' errors sum to {_with_range(errors)}, but 2 (1 - accuracy) is only {_with_range(twice_error)}"
    if complete(row, figures) and errors.high < twice_error.low - CLOSE:
        yield f"the genres' errors sum to only {_with_range(errors)}, but 2 (1 - accuracy) is {_with_range(twice_error)}"


def _errors(figures: list[Figure]) -> Figure:
    """Sum of the errors, 1 - figure."""
    value, high, low = (len(figures) - sum(values) for values in zip(*(figure[1:] for figure in figures), strict=True))
    return Figure(f"{value:.3f}", value, low, high)


def averages(row: Row, figures: Overall, recall: Genres, by_support: bool, f1_is_mean: bool) -> Iterator[str]:
    """Check overall figures against the means of the genres' figures, plain or weighted; F1 only if `f1_is_mean`."""
    usable = weighable if by_support else complete
    f1 = row.genres.get("f1", {}) if f1_is_mean else {}
    for measure, genre_figures in (("recall", recall), ("precision", row.genres.get("precision", {})), ("f1", f1)):
        if measure in figures and usable(row, genre_figures):
            expected = mean(genre_figures, row.support if by_support else None)
            if apart(expected, figures[measure]):
                yield f"{measure} would be {_with_range(expected)}, the mean over genres, not {figures[measure].text}"


def complete(row: Row, figures: Genres) -> bool:
    """True if every genre of the experiment has a figure."""
    return bool(figures) and figures.keys() == row.columns


def weighable(row: Row, figures: Genres) -> bool:
    """True if every genre has a figure and a number of clips (support), so that the figures can be weighted."""
    return complete(row, figures) and figures.keys() == row.support.keys() and sum(row.support.values()) > 0


def apart(first: Figure, second: Figure) -> bool:
    """True if the figures cannot be equal: no share rounds to both."""
    return first.low > second.high + CLOSE or second.low > first.high + CLOSE


def _with_range(figure: Figure) -> str:
    """ "0.850 (0.845 to 0.855 before rounding)"."""
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f} before rounding)"
