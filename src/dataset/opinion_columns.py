"""Opinions in a table of clips: a column `annotator`, columns `genre_1`, `genre_2` ..., or shares in the column `genre`."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from src.clip import Clip, Opinion
from src.dataset import opinions

ANNOTATOR, FIRST = "annotator", "genre_1"
MOST_COLUMNS = 200  # columns genre_1 to genre_200; for more annotators, a column `annotator` is the better form
OPINION_COLUMNS = tuple(f"genre_{k}" for k in range(1, MOST_COLUMNS + 1))
SHARE_SIGN = re.compile(r"=\s*(?:[-+]?[.,]?\d|nan\b|[-+]?inf\b|\||$)", re.IGNORECASE)  # begins a share, or a broken one
COLON_SHARE = re.compile(r":\s*[-+]?\d*[.,]?\d+%?\s*\|")  # as in jazz:0.6|blues:0.4, which is refused
SUM_TOLERANCE = 0.011  # 0.33|0.33|0.33 sums to 0.99
SHARES_EXPECTED = "expected shares such as jazz=0.6|blues=0.4"


def check_form(header: Sequence[str], path: Path) -> None:
    """Raise ValueError if the header of a table has two forms of opinions, or columns of opinions without the first."""
    columns = ", ".join(column for column in header if column in OPINION_COLUMNS)
    if FIRST not in header:
        if columns and "genre" not in header:
            raise ValueError(
                f"{path}, line 1: {columns} without {FIRST}. Number the columns of the annotators from {FIRST}, or name the "
                "column of the genre: genre."
            )
        return
    other = next((column for column in ("genre", ANNOTATOR) if column in header), None)
    if other:
        raise ValueError(
            f"{path}, line 1: the columns {other} and {columns} are two forms of opinions: expected one of them. Remove or "
            f"rename {other}, or the others."
        )


def columns_of(header: Sequence[str]) -> dict[str, int]:
    """The positions of the columns genre_1, genre_2 ... if the table has the first of them."""
    return {column: k for k, column in enumerate(header) if column in OPINION_COLUMNS} if FIRST in header else {}


def from_columns(
    row: Sequence[str], columns: dict[str, int], line: int, shared: Callable[[str, str], str]
) -> tuple[Opinion, ...]:
    """The opinions in the columns genre_1, genre_2 ... of a row; an empty cell is none. Raises ValueError if all are empty."""
    found = []
    for column, k in columns.items():
        genre = row[k].strip() if k < len(row) else ""
        if has_shares(genre):
            raise ValueError(f"{column} is {genre!r}: expected one genre. Shares are for the column genre.")
        if genre:
            found.append(Opinion(shared(genre, column), 1.0, column, line))
    if not found:
        raise ValueError(
            f"{', '.join(columns)} are empty: expected at least one genre. Fill one in, or remove the row."
        )
    return tuple(found)


def has_shares(genre: str) -> bool:
    """True for a cell such as jazz=0.6|blues=0.4, broken ones included; False for a genre."""
    return bool(SHARE_SIGN.search(genre) or COLON_SHARE.search(genre))


def from_shares(genre: str, line: int, shared: Callable[[str, str], str], comma: bool) -> tuple[Opinion, ...]:
    """The opinions in a cell such as jazz=0.6|blues=0.4; with `comma`, a comma may begin the decimals.

    Genres with a share of 0 are left out. Raises ValueError on anything else than shares that sum to 1.
    """
    share: dict[str, float] = {}
    for part in genre.split("|"):
        name, sign, text = (piece.strip() for piece in part.rpartition("="))
        if not sign or not name:
            raise ValueError(f"genre is {genre!r}, and {part.strip()!r} is no share: {SHARES_EXPECTED}.")
        try:
            value = float(text.replace(",", ".") if comma else text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= 1:
            raise ValueError(
                f"genre is {genre!r}, where {name} has {text or 'nothing'!r}: expected a share from 0 to 1, such as 0.67."
            )
        if name in share:
            raise ValueError(f"genre is {genre!r}, which has two shares of {name}. Add them up.")
        share[name] = value
    total = sum(share.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(f"genre is {genre!r}, whose shares sum to {total:.3g}: expected 1.")
    return tuple(Opinion(shared(name, "genre"), value / total, "", line) for name, value in share.items() if value)


def merged(rows: Sequence[Clip], path: Path) -> list[Clip]:
    """Merge the rows of each clip, one for each annotator, into one clip; an opinion with an empty genre is none.

    Raises ValueError, with the line, if an annotator labels a clip twice, if nobody labels it, or if two rows of a clip
    differ in anything else.
    """
    groups: dict[str, list[Clip]] = {}
    for row in rows:
        groups.setdefault(row.name, []).append(row)
    clips = []
    for name, group in groups.items():
        first_line: dict[str, int] = {}
        for row in group:
            [opinion] = row.opinions
            _check_same(group[0], row, path)
            if first_line.setdefault(opinion.annotator, opinion.line) != opinion.line:
                raise ValueError(
                    f"{path}, line {opinion.line}: {opinion.annotator} labels {name} twice, first in line "
                    f"{first_line[opinion.annotator]}. Remove one row."
                )
        found = tuple(row.opinions[0] for row in group if row.opinions[0].genre)
        if not found:
            line = group[0].opinions[0].line
            raise ValueError(
                f"{path}, line {line}: genre is empty, and no other row gives {name} one: expected at least one. Fill it in, "
                "or remove the rows."
            )
        clips.append(replace(group[0], genre=opinions.majority(found, name), opinions=found))
    return clips


def _check_same(first: Clip, row: Clip, path: Path) -> None:
    for field in fields(Clip):
        if field.name not in ("genre", "opinions") and getattr(first, field.name) != getattr(row, field.name):
            column = "split" if field.name == "subset" else field.name
            raise ValueError(
                f"{path}, line {row.opinions[0].line}: {column} is {getattr(row, field.name) or ''!r}, but line "
                f"{first.opinions[0].line} has {getattr(first, field.name) or ''!r} for the same clip, {row.name}. Correct one."
            )
