"""What came of checking a row, in words and as plain values."""

from collections.abc import Iterator
from typing import Any

from src.reported.readings import NO_GENRES, Checked

ASSUMED = (
    "Taken for granted: figures are rounded, not cut; all are of the same test clips with one genre each, counted together "
    "or averaged over folds of the same mixture of genres"
)

NAMES = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1"}


def lines(checked: Checked) -> Iterator[tuple[int, str]]:
    """The row's verdict and its readings, a line each, with how deep it is: (0, "CNN: impossible"), (1, "as ...")."""
    row = checked.row
    verdict = "impossible, however its figures were averaged" if checked.impossible else "possible"
    yield 0, f"{row.name}: {verdict}"
    yield from ((1, said) for said in checked.always)
    overall = ", ".join(f"{average} {NAMES[measure]} {f.text}".strip() for (measure, average), f in row.overall.items())
    if overall:
        yield 1, f"{overall} as"
        yield from ((2, f"{name}: {_said(found)}") for name, found in checked.averages.items())
    for measure, figures in row.genres.items():
        kind = "" if measure == "genre" else f"{NAMES[measure]} "
        yield (
            1,
            f"{kind}{', '.join(f'{genre} {f.text}' for genre, f in figures.items())}{' as' if measure == 'genre' else ''}",
        )
    for name, found in checked.genres.items():
        if name != NO_GENRES:
            yield 2, f"{name}: {_said(found)}"
    beside: dict[tuple[str, str], str] = {}  # the two macro readings contradict the genres' figures alike: told once
    for (average, genre), found in checked.together.items():
        if found:
            beside.setdefault((genre, _said(found)), average.partition(",")[0])
    yield from ((2, f"{genre} beside {average}: {said}") for (genre, said), average in beside.items())


def _said(contradictions: list[str]) -> str:
    return f"impossible: {'; '.join(contradictions)}" if contradictions else "possible"


def plain(checked: Checked) -> dict[str, Any]:
    """The row for JSON."""
    return {
        "name": checked.row.name,
        "impossible": checked.impossible,
        "averages": [{"read_as": name, "contradictions": found} for name, found in checked.averages.items()],
        "genres": [{"read_as": name, "contradictions": found} for name, found in checked.genres.items() if name],
        "together": [
            {"averages": average, "genres": genre, "contradictions": found}
            for (average, genre), found in checked.together.items()
            if genre
        ],
        "always": checked.always,
        "possible": [{"averages": average, "genres": genre or None} for average, genre in checked.possible],
    }
