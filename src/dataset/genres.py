"""Rename, merge, drop and split genres: `dataset.genre_map`, `genre_separator` and `genre_pick`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import yaml

from src import formatting
from src.clip import Clip, Corpus, Excluded, composed, written
from src.dataset import opinions
from src.dataset.tables import Table

PICKS = ("first", "drop")
NEVER_SPLIT_AT = (",", "&")  # part of many names: "Folk, World, & Country", "Drum & Bass", "R&B"
MAP_COLUMNS = ("from", "to")
YAML_SUFFIXES = (".yaml", ".yml", ".json")  # JSON is YAML too
MAP_EXPECTED = (
    "a mapping, e.g. {hip-hop:Hip-Hop,noise:null}, or a CSV file with the columns from and to, or a YAML file"
)
MOST_LISTED = 5  # a note names at most this many genres
MOST_NAMED = 20  # and a refusal that lists all genres of the data


class GenreRules:
    """Rules by which genres are renamed. All names are in Unicode's composed form (NFC).

    `genre_map` maps genres to new names, or to None or "" to leave out their clips: a mapping, or a file of one.
    `separator` splits a genre such as "jazz|pop" that is not itself in the map: with `pick` "first" its first part counts,
    with "drop" its clips are left out. Raises ValueError on a setting or file that cannot be used.
    """

    def __init__(self, genre_map: Mapping[object, object] | str | None, separator: str | None, pick: str) -> None:
        if pick not in PICKS:
            raise ValueError(f"dataset.genre_pick is {pick!r}: expected {' or '.join(PICKS)}.")
        if pick != "first" and separator is None:
            raise ValueError(
                f"dataset.genre_pick={pick} needs dataset.genre_separator, e.g. \"dataset.genre_separator='|'\"."
            )
        if separator is not None and (not isinstance(separator, str) or not separator.strip()):
            raise ValueError(f"dataset.genre_separator is {separator!r}: expected the sign between genres, e.g. '|'.")
        if separator and any(sign in separator for sign in NEVER_SPLIT_AT):
            raise ValueError(
                f"dataset.genre_separator is {separator!r}: expected another sign, because {' and '.join(NEVER_SPLIT_AT)} are "
                "part of many names ('Folk, World, & Country', 'R&B'). Name the genres in dataset.genre_map instead."
            )
        if genre_map is not None and not isinstance(genre_map, Mapping | str):
            raise ValueError(f"dataset.genre_map is {genre_map!r}: expected {MAP_EXPECTED}.")
        self.separator, self.pick = separator, pick
        self._pairs = list(
            _file_pairs(Path(genre_map).expanduser()) if isinstance(genre_map, str) else _pairs(genre_map or {})
        )

    def new_names(self, names: Iterable[str]) -> dict[str, str | None]:
        """Map each genre, as written in the data, to its new name; None if its clips are left out."""
        listed = list(names)
        entries = self._entries(listed)
        return {name: self._new_name(composed(name), entries) for name in listed}

    @property
    def new_genres(self) -> list[str]:
        """The new names in the map, without None."""
        return list(dict.fromkeys(value for _, value in self._pairs if value))

    def apply(self, corpus: Corpus, other_genres: Sequence[str] = (), strict: bool = False) -> Corpus:
        """Rename the genres of a corpus. Clips left out are listed with the reason; notes count what was changed.

        `other_genres` are genres of the data set that the corpus does not list: the map may name them too. A note lists
        names in the map that no clip has; with `strict`, they raise ValueError. Raises ValueError if no clip is left.
        With several opinions on a clip, each is renamed, and the notes count opinions.
        """
        counts = Counter(genre for clip in corpus.clips for genre in _named_genres(clip))
        unit = "opinion" if any(clip.opinions for clip in corpus.clips) else "clip"
        new = self.new_names(counts)
        unknown = list(self._unknown(counts, other_genres))
        if strict and unknown:
            known = formatting.first_names(sorted({*counts, *other_genres}), MOST_NAMED)
            raise ValueError(f"{' '.join(unknown)} The genres of {corpus.name} are {known}.")
        notes = [*corpus.notes, *self._notes(counts, new, unit), *unknown]
        if all(name == new[name] for name in new):
            return replace(corpus, notes=notes) if len(notes) > len(corpus.notes) else corpus
        clips: list[Clip] = []
        dropped: list[Excluded] = []
        for clip in corpus.clips:
            if clip.opinions:
                changed = opinions.renamed(clip, new.__getitem__)
                genre = changed.genre if changed else None
            else:
                changed, genre = clip, new[clip.genre] if clip.genre else ""
            if changed is None or genre is None:
                dropped.append(Excluded(clip.name, f"genre {clip.genre}: left out by {self._setting(clip.genre)}"))
            else:
                clips.append(changed if genre == changed.genre else replace(changed, genre=genre))
        if not clips:
            raise ValueError(
                f"dataset.genre_map and dataset.genre_pick leave out every clip of {corpus.name}, whose genres are "
                f"{formatting.first_names(sorted(counts), MOST_LISTED)}. Keep at least two genres."
            )
        return replace(corpus, clips=clips, excluded=[*corpus.excluded, *dropped], notes=notes)

    def _entries(self, names: Iterable[str]) -> dict[str, str | None]:
        """The map, with its keys as the data write them."""
        candidates = [part for name in names for part in (composed(name), *self._parts(composed(name)))]
        return {written(key, candidates): value for key, value in self._pairs}

    def _new_name(self, name: str, entries: Mapping[str, str | None]) -> str | None:
        if name in entries:
            return entries[name]
        parts = self._parts(name)
        if len(parts) > 1 and self.pick == "drop":
            return None
        return entries.get(parts[0], parts[0])

    def _parts(self, name: str) -> list[str]:
        """The different genres that a name lists."""
        texts = name.split(self.separator) if self.separator else [name]
        return list(dict.fromkeys(text.strip() for text in texts if text.strip())) if len(texts) > 1 else [name]

    def _setting(self, name: str) -> str:
        """The setting that leaves out a genre."""
        several = len(self._parts(composed(name))) > 1 and composed(name) not in self._entries([name])
        return (
            "dataset.genre_pick, because it lists several" if several and self.pick == "drop" else "dataset.genre_map"
        )

    def _notes(self, counts: Mapping[str, int], new: Mapping[str, str | None], unit: str) -> Iterator[str]:
        entries = self._entries(counts)
        split = [name for name in counts if composed(name) not in entries and len(self._parts(composed(name))) > 1]
        mapped = [name for name in counts if name not in split and new[name] != composed(name)]
        renamed, dropped = ([name for name in mapped if (new[name] is None) == is_none] for is_none in (False, True))
        if renamed:
            pairs = [f"{name} to {new[name]}: {counts[name]:,}" for name in renamed]
            yield f"dataset.genre_map renames the genre of {_counted(renamed, counts, unit)} ({_listed(pairs)})."
        if dropped:
            pairs = [f"{name}: {counts[name]:,}" for name in dropped]
            yield f"dataset.genre_map leaves out {_counted(dropped, counts, unit)} ({_listed(pairs)})."
        if split:
            action = "are left out" if self.pick == "drop" else "count under the first of them"
            yield f"{_counted(split, counts, unit)} with several genres {action} (dataset.genre_pick={self.pick}), e.g. {split[0]}."
        elif self.separator and counts:
            yield f"dataset.genre_separator: no genre contains {self.separator!r}."
        for name in counts:
            if name != composed(name) and composed(name) in counts:
                number = _counted([name, composed(name)], counts, unit)
                yield f"{composed(name)} is written in two Unicode forms, which look the same: one genre of {number}."

    def _unknown(self, counts: Mapping[str, int], other_genres: Sequence[str]) -> Iterator[str]:
        """A sentence for each name in the map that is no genre of the data."""
        found = {text for name in counts for text in (composed(name), *self._parts(composed(name)))} | {*other_genres}
        for key in self._entries(counts):
            if key not in found:
                similar = get_close_matches(key, sorted(found), n=1, cutoff=0.5)
                hint = f" Did you mean {similar[0]!r}?" if similar else ""
                yield f"dataset.genre_map: no clip has the genre {key!r}.{hint}"


def _named_genres(clip: Clip) -> Iterable[str]:
    """The genre of a clip, if it is known, or those of the opinions on it, one by one."""
    if clip.opinions:
        return (opinion.genre for opinion in clip.opinions)
    return (clip.genre,) if clip.genre else ()


def _counted(names: Iterable[str], counts: Mapping[str, int], unit: str) -> str:
    return formatting.count(sum(counts[name] for name in names), unit)


def _listed(texts: Sequence[str]) -> str:
    return formatting.first_names(texts, MOST_LISTED)


def _pairs(genre_map: Mapping[object, object]) -> Iterator[tuple[object, str | None]]:
    """Check the entries of a mapping, and yield each with its new name; None to leave out the genre."""
    for key, value in genre_map.items():
        if isinstance(value, Mapping | list | tuple):
            raise ValueError(
                f"dataset.genre_map gives {key!r} the value {value!r}: expected one name, or null to leave it out."
            )
        text = "" if value is None else composed(str(value)).strip()
        yield key, text or None


def _file_pairs(path: Path) -> Iterator[tuple[object, str | None]]:
    """Read the entries of a CSV or YAML file. Raises ValueError if it cannot be used, or if a genre stands in it twice."""
    if not path.is_file():
        raise ValueError(f"dataset.genre_map is {path}, which is not a file: expected {MAP_EXPECTED}.")
    pairs = list(_yaml_pairs(path) if path.suffix.lower() in YAML_SUFFIXES else _csv_pairs(path))
    counts = Counter(composed(genre) for genre, _ in pairs)
    twice = [genre for genre, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"dataset.genre_map: {path} lists {twice[0]!r} twice. Remove one of its entries.")
    yield from _pairs(dict(pairs))


def _csv_pairs(path: Path) -> Iterator[tuple[str, str | None]]:
    table = Table(path, MAP_COLUMNS, MAP_COLUMNS)
    old, new = (table.header.index(column) for column in MAP_COLUMNS)
    for record in table.rows():
        cells = [*map(str.strip, record.cells), *[""] * len(table.header)]
        if any(cells[len(table.header) :]) or not cells[old]:
            raise ValueError(
                f"{path}, line {record.line}: expected a genre in the column from, and its new name in the column to."
            )
        yield cells[old], cells[new]


def _yaml_pairs(path: Path) -> Iterator[tuple[str, str | None]]:
    """Read a mapping as text: YAML would turn the genres 80, no and 1e5 into numbers and truth values."""
    problem = ValueError(
        f"dataset.genre_map: {path} is not a YAML mapping of genres to new names, e.g. hip-hop: Hip-Hop."
    )
    try:
        node = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise problem from error
    if not isinstance(node, yaml.MappingNode):
        raise problem
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            raise problem
        is_null = value.style is None and value.value.lower() in ("", "~", "null")
        yield key.value, None if is_null else value.value
