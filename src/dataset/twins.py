"""Point out genres that are probably spelt in several ways, or that list several genres, and how to resolve them."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from src import formatting
from src.clip import comparable

LISTS = ("|", ";")  # a genre that contains one of these lists several
PERHAPS_LISTS = ("/", "\\", "+")  # only if one of the parts is a genre itself: "Singer/Songwriter" is one genre
MOST_LISTED = 5  # a note names at most this many genres or groups of genres
# Text that Hydra reads as text, without quotation marks, in a mapping on the command line.
PLAIN = re.compile(r"(?!(?:true|false|null|nan|inf)$)[a-z][\w./|%$@?*-]*(?: [\w./|%$@?*-]+)*", re.ASCII | re.IGNORECASE)


def twin_notes(counts: Mapping[str, int], selected: Sequence[str] | None = None) -> Iterator[str]:
    """Point out genres that differ only in case and separators, and genres that list several.

    `counts` are the clips of each genre. With `selected`, only twins of these genres are reported.
    """
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in sorted(counts, key=lambda name: (-counts[name], name)):  # the most frequent spelling comes first
        spellings[comparable(name)].append(name)
    groups = [
        names
        for names in spellings.values()
        if len(names) > 1 and (selected is None or not set(selected).isdisjoint(names))
    ]
    if groups:
        described = [" and ".join(_counted(name, counts) for name in names) for names in groups]
        new_names = {name: names[0] for names in groups for name in names[1:]}
        yield (
            f"Genres that differ only in case or separators: {_listed(described)}. If they are the same genre: "
            f"{resolving_line(new_names)}"
        )
    for sign in (*LISTS, *PERHAPS_LISTS):
        several = [name for name in counts if _lists_several(name, sign, spellings)]
        if several:
            clips = formatting.count(sum(counts[name] for name in several), "clip")
            described = [_counted(name, counts) for name in several]
            yield (
                f"The genre of {clips} seems to list several genres: {_listed(described)}. To use the first of them: "
                f"{_separator_line(sign)} (to leave out these clips, also dataset.genre_pick=drop)"
            )


def _lists_several(name: str, sign: str, spellings: Mapping[str, Sequence[str]]) -> bool:
    parts = [part.strip() for part in name.split(sign)]
    if len(parts) < 2 or not all(parts):
        return False
    return sign in LISTS or any(comparable(part) in spellings for part in parts)


def resolving_line(new_names: Mapping[str, str]) -> str:
    """The words on the command line that rename genres, or the lines of a file if Hydra could not read them there."""
    if all(map(PLAIN.fullmatch, [*new_names, *new_names.values()])):
        pairs = ",".join(f"{name}:{new}" for name, new in new_names.items())
        return shlex.quote(f"dataset.genre_map={{{pairs}}}")
    lines = ["from,to", *(f"{_cell(name)},{_cell(new)}" for name, new in new_names.items())]
    return f"dataset.genre_map=FILE.csv, a file with the lines {' / '.join(lines)}"


def _separator_line(sign: str) -> str:
    return f"\"dataset.genre_separator='{sign.replace(chr(92), chr(92) * 2)}'\""


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\n\r]|^\s|\s$', text) else text


def _counted(name: str, counts: Mapping[str, int]) -> str:
    return f"{name!r} ({formatting.count(counts[name], 'clip')})"


def _listed(texts: Sequence[str]) -> str:
    return formatting.first_names(texts, MOST_LISTED)
