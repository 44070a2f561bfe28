"""Opinions of several people on the genre of a clip: their majority and shares, renaming, checks and notes."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from src import formatting
from src.clip import Clip, Corpus, Opinion
from src.dataset.twins import resolving_line

EQUAL = 1e-9  # shares that differ by less are equal: 0.1 + 0.2 is not exactly 0.3
MOST_LISTED = 5  # a note names at most this many clips


def shares(opinions: Sequence[Opinion]) -> dict[str, float]:
    """The share of each genre among the opinions on a clip, in alphabetical order; they sum to 1."""
    weight: Counter[str] = Counter()
    for opinion in opinions:
        weight[opinion.genre] += opinion.weight  # type: ignore[assignment]
    total = sum(weight.values())
    return {genre: weight[genre] / total for genre in sorted(weight)}


def draw(clip_name: str) -> int:
    """A number from 0 to 2^32 - 1 that only depends on the name of a clip. It decides between equally frequent genres."""
    return int.from_bytes(hashlib.sha256(clip_name.encode(errors="surrogateescape")).digest()[:4], "big")


def leaders(opinions: Sequence[Opinion]) -> list[str]:
    """The genres with the largest share, in alphabetical order: several if they are tied."""
    share = shares(opinions)
    most = max(share.values())
    return [genre for genre, value in share.items() if value >= most - EQUAL]


def majority(opinions: Sequence[Opinion], clip_name: str) -> str:
    """The genre with the largest share. Of tied genres, the name of the clip draws one, so that no genre is favoured."""
    tied = leaders(opinions)
    return tied[draw(clip_name) % len(tied)]


def renamed(clip: Clip, new_name: Callable[[str], str | None]) -> Clip | None:
    """Rename the genres of a clip's opinions; None if the genre of the majority is left out, that is, has no new name.

    The majority is counted after renaming, since two genres may get one name. Other genres without a new name lose their
    opinions.
    """
    marked = [opinion._replace(genre=new_name(opinion.genre) or f"\0{opinion.genre}") for opinion in clip.opinions]
    genre = majority(marked, clip.name)
    if genre.startswith("\0"):
        return None
    return replace(clip, genre=genre, opinions=tuple(each for each in marked if not each.genre.startswith("\0")))


def check_genres(corpus: Corpus, table: Path) -> None:
    """Raise ValueError, with the line, if an opinion names a genre that is the majority genre of no clip: a misspelling?"""
    genres = {clip.genre for clip in corpus.clips}
    for clip in corpus.clips:
        for opinion in clip.opinions:
            if opinion.genre not in genres:
                similar = get_close_matches(opinion.genre, sorted(genres), n=1, cutoff=0.5)
                hint = f" Did you mean {similar[0]!r}?" if similar else ""
                example = resolving_line({opinion.genre: similar[0] if similar else "null"})
                raise ValueError(
                    f"{table}, line {opinion.line}: genre {opinion.genre!r} is an opinion on {clip.name}, but the majority "
                    f"genre of no clip: expected one of {formatting.first_names(sorted(genres), 20)}.{hint} Rename it, or "
                    f"leave it out with null: {example}"
                )


def among_genres(corpus: Corpus) -> Corpus:
    """Drop the opinions for genres that no clip of the corpus has, such as those that are not selected; a note counts them."""
    if not any(clip.opinions for clip in corpus.clips):
        return corpus
    genres = set(corpus.genres)
    clips = [_only(clip, genres) for clip in corpus.clips]
    dropped = Counter(
        opinion.genre for clip in corpus.clips for opinion in clip.opinions if opinion.genre not in genres
    )
    if not dropped:
        return corpus
    named = [f"{genre}: {count:,}" for genre, count in sorted(dropped.items())]
    note = (
        f"{formatting.count(sum(dropped.values()), 'opinion')} for genres that no used clip has by majority "
        f"{'does' if sum(dropped.values()) == 1 else 'do'} not count ({formatting.first_names(named, MOST_LISTED)})."
    )
    return replace(corpus, clips=clips, notes=[*corpus.notes, note])


def _only(clip: Clip, genres: set[str]) -> Clip:
    if all(opinion.genre in genres for opinion in clip.opinions):
        return clip
    return replace(clip, opinions=tuple(opinion for opinion in clip.opinions if opinion.genre in genres))


def with_names(clip: Clip, names: Mapping[str, str | None]) -> tuple[Clip, int]:
    """Give a clip and the opinions on it the names of a run's genres -> the clip, and the number of opinions without one."""
    kept = tuple(
        opinion._replace(genre=name) for opinion in clip.opinions if (name := names.get(opinion.genre)) is not None
    )
    genre = names.get(clip.genre) or clip.genre
    return replace(clip, genre=genre, opinions=kept), len(clip.opinions) - len(kept)


def notes(corpus: Corpus) -> list[str]:
    """Count the annotators and their labels, and name clips whose majority is a tie; nothing without opinions."""
    clips = [clip for clip in corpus.clips if clip.opinions]
    if not clips:
        return []
    annotators = {opinion.annotator for clip in clips for opinion in clip.opinions} - {""}
    if annotators:
        numbers = [len(clip.opinions) for clip in clips]
        span = f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"
        who = f"{formatting.count(sum(numbers), 'label')} by {formatting.count(len(annotators), 'annotator')}, {span} a clip"
    else:
        who = "shares of opinions"
    used = "trains on the shares" if corpus.targets == "shares" else "trains on the majority genre"
    sentences = [
        f"{formatting.count(len(clips), 'clip')} with {who}: the genre of a clip is that of the majority, and a network "
        f"{used} (dataset.targets={corpus.targets})."
    ]
    tied = [(clip, names) for clip in clips if len(names := leaders(clip.opinions)) > 1]
    if tied:
        examples = [f"{clip.name} ({' = '.join(names)}: {clip.genre})" for clip, names in tied]
        sentences.append(
            f"{formatting.count(len(tied), 'clip')} with a tie: the name of the clip draws one of the equally frequent "
            f"genres ({formatting.first_names(examples, MOST_LISTED)})."
        )
    return sentences
