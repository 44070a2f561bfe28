"""Names of artists, albums and tracks: placeholders are no names, and each artist and album has one spelling."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import attrgetter

from src import formatting
from src.clip import Corpus, comparable, composed

# Texts that programs and record labels write instead of a name; compared in lower case and without punctuation.
PLACEHOLDER_LIST = """
    various, various artists, various artist, va, v a, verschiedene, verschiedene interpreten, verschiedene künstler,
    diverse, diverse interpreten, diverse künstler, diverse artister, divers, artistes divers, artistes variés,
    multi interprètes, varios, varios artistas, vários, vários artistas, vari, artisti vari, aa vv, blandade artister,
    unknown, unknown artist, unknown artists, unknown performer, unknown album, unknown title, unknown track, unknown genre,
    unbekannt, unbekannter interpret, unbekannter künstler, unbekanntes album, inconnu, artiste inconnu, album inconnu,
    titre inconnu, desconocido, artista desconocido, álbum desconocido, sconosciuto, artista sconosciuto, desconhecido,
    artista desconhecido, neznámý interpret, неизвестен, неизвестный исполнитель, неизвестный альбом, 不明, 未知, 未知艺术家,
    untitled, ohne titel, sans titre, sin título, no title, no artist, no album, no name,
    none, null, nil, nan, na, n a, undefined, not available, not known
"""
PLACEHOLDERS = frozenset(name.strip() for name in PLACEHOLDER_LIST.split(","))
DATED = re.compile(r"unknown (artist|album|title)\b.*")  # Windows Media Player: "Unknown Album (3/4/2010 8:12:01 PM)"
MARKS = re.compile(r"[\s\-_.?*/\\#~…\u2010-\u2015\u2212\u30fb]*")  # "-", "??", "..."; other signs may be a name: "!!!"
PUNCTUATION = re.compile(r"[\W_]+")
WORD = re.compile(r"[^\W_]+")
FIRST_WORDS = frozenset(words.split()[0] for words in PLACEHOLDERS)
FIELDS = ("artist", "album", "track")


def known(text: str | None) -> str | None:
    """The name that a text contains, in Unicode's composed form (NFC); None if it is empty or a placeholder."""
    name = composed(text or "")
    first = WORD.match(name)
    if (
        first and first[0].lower() not in FIRST_WORDS
    ):  # most names: the full comparison would take seconds for a million
        return name
    words = PUNCTUATION.sub(" ", name.lower()).strip()
    return None if words in PLACEHOLDERS or DATED.fullmatch(words) or MARKS.fullmatch(name) else name


def one_spelling(frequency: Mapping[str, int], key: Callable[[str], str] = comparable) -> dict[str, str]:
    """Map each name to the most frequent of the names with the same key; of equally frequent ones, to the capitalized one."""
    spelling: dict[str, str] = {}
    keys = {name: key(name) for name in frequency}
    for name in sorted(frequency):
        if frequency[name] > frequency.get(spelling.get(keys[name], ""), 0):
            spelling[keys[name]] = name
    return {name: spelling[keys[name]] for name in frequency}


def with_known_names(corpus: Corpus) -> Corpus:
    """Remove placeholders from the artists, albums and tracks of a corpus, and give each artist and album one spelling.

    Artists, and albums, that differ only in case, separators or Unicode form are one (see `comparable`), since a split must
    not divide the clips of one artist. Notes count what was changed.
    """
    new_names: dict[str, dict[str | None, str | None]] = {}  # by field: each name that changes, and the name instead
    notes = []
    for field in FIELDS:
        frequency: Counter[str] = Counter(map(attrgetter(field), corpus.clips))
        del frequency[None]
        names = {name: known(name) for name in frequency}
        # Spellings of titles stay apart: there are many, and a split uses them only if artist and album are unknown.
        spelling = {} if field == "track" else one_spelling(_known_frequency(names, frequency))
        new_names[field] = {
            text: new for text, name in names.items() if (new := name and spelling.get(name, name)) != text
        }
        notes += _notes(field, frequency, new_names[field])
    if not any(new_names.values()):
        return corpus
    clips = []
    for clip in corpus.clips:
        artist, album, track = (
            new_names[field].get(name, name)
            for field, name in zip(FIELDS, (clip.artist, clip.album, clip.track), strict=True)
        )
        same = (artist, album, track) == (clip.artist, clip.album, clip.track)
        clips.append(clip if same else replace(clip, artist=artist, album=album, track=track))
    return replace(corpus, clips=clips, notes=[*corpus.notes, *notes])


def _known_frequency(names: Mapping[str, str | None], frequency: Mapping[str, int]) -> Counter[str]:
    """Count each name, over all texts that stand for it."""
    known_frequency: Counter[str] = Counter()
    for text, name in names.items():
        if name:
            known_frequency[name] += frequency[text]
    return known_frequency


def _notes(field: str, frequency: Mapping[str, int], new: Mapping[str | None, str | None]) -> list[str]:
    """Count the clips with a placeholder, and the names that had several spellings, each with an example."""
    notes = []
    placeholders = [text for text, name in new.items() if text and not name]
    if placeholders:
        clips = formatting.count(sum(frequency[text] for text in placeholders), "clip")
        notes.append(f"The {field} of {clips} is a placeholder, e.g. {placeholders[0]!r}: it counts as unknown.")
    # A name that only changes to the composed form, and is not also written in it, is no other spelling.
    respelt = [
        (text, name) for text, name in new.items() if text and name and (name in frequency or name != composed(text))
    ]
    if respelt:
        text, name = respelt[0]
        clips = formatting.count(sum(frequency[text] for text, _ in respelt), "clip")
        notes.append(
            f"The {field} of {clips} is another spelling of a more frequent name, e.g. {text!r} of {name!r}: these count "
            f"as one {field}."
        )
    return notes
