"""Format a checked row as lines of text and as a dictionary for JSON."""

from collections.abc import Iterator
from typing import Any

from src.table_check.check import NO_GENRES, Checked

ASSUMED = (
    "Assumed: figures are rounded, not truncated; all come from the same test clips with one genre each, counted together "
    "or averaged over folds with the same mixture of genres"
)

NAMES = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1"}


def lines(checked: Checked) -> Iterator[tuple[int, str]]:
    """Yield (depth of indentation, line): the verdict on the row, (0, "CNN: possible"), then each reading."""
    row = checked.row
    verdict = "impossible, however its figures were averaged" if checked.impossible else "possible"
    yield 0, f"{row.name}: {verdict}"
    yield from ((1, contradiction) for contradiction in checked.always)
    overall = ", ".join(f"{average} {NAMES[measure]} {f.text}".strip() for (measure, average), f in row.overall.items())
    if overall:
        yield 1, f"{overall} read as"
        yield from (
            (2, f"{reading}: {_verdict(contradictions)}") for reading, contradictions in checked.averages.items()
        )
    for measure, figures in row.genres.items():
        kind = "" if measure == "genre" else f"{NAMES[measure]} "
        yield (
            1,
            f"{kind}{', '.join(f'{genre} {f.text}' for genre, f in figures.items())}{' read as' if measure == 'genre' else ''}",
        )
    for reading, contradictions in checked.genres.items():
        if reading != NO_GENRES:
            yield 2, f"{reading}: {_verdict(contradictions)}"
    combined: dict[
        tuple[str, str], str
    ] = {}  # both macro readings may give the same contradiction, which is shown once
    for (average, genre), contradictions in checked.together.items():
        if contradictions:
            combined.setdefault((genre, _verdict(contradictions)), average.partition(",")[0])
    yield from ((2, f"{genre} with {average}: {verdict}") for (genre, verdict), average in combined.items())


def _verdict(contradictions: list[str]) -> str:
    """ "possible", or "impossible: ..." with the contradictions."""
    return f"impossible: {'; '.join(contradictions)}" if contradictions else "possible"


def plain(checked: Checked) -> dict[str, Any]:
    """Convert a checked row to a dictionary for JSON."""
    return {
        "name": checked.row.name,
        "impossible": checked.impossible,
        "averages": [
            {"read_as": reading, "contradictions": contradictions}
            for reading, contradictions in checked.averages.items()
        ],
        "genres": [
            {"read_as": reading, "contradictions": contradictions}
            for reading, contradictions in checked.genres.items()
            if reading
        ],
        "together": [
            {"averages": average, "genres": genre, "contradictions": contradictions}
            for (average, genre), contradictions in checked.together.items()
            if genre
        ],
        "always": checked.always,
        "possible": [{"averages": average, "genres": genre or None} for average, genre in checked.possible],
    }
