"""Base class of the data sets: list the clips, name genres and artists, then apply `genres`, `split_file` and `exclude`."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from src.clip import Corpus, written
from src.dataset import opinions
from src.dataset.exclude import without_excluded
from src.dataset.genre_tree import read_tree
from src.dataset.genres import GenreRules
from src.dataset.names import with_known_names
from src.dataset.split_file import apply_split_file
from src.dataset.twins import twin_notes


class DataSet(ABC):
    """Source of clips. `genres` selects some of its genres; None selects all.

    `exclude` is a text file with one clip name per line, such as `python -m src.audit` writes: these clips are left
    out. Lines that begin with "# " are comments, unless they are the name of a clip. `split_file` is the split.csv of
    any run: only its clips are used, each with its set (train, val, test or calibration), which `split=official` then uses.

    `genre_map`, `genre_separator` and `genre_pick` rename, drop and split genres before `genres` selects (`GenreRules`).

    `tree` is a table with the genre above each genre, for scores by `python -m src.relations`; it changes no clip.
    """

    fixed_genres: Sequence[str] = ()  # genres that exist even if no clip has them; `listed` may set them

    def __init__(
        self,
        genres: Sequence[str] | None,
        exclude: str | None,
        split_file: str | None,
        genre_map: Mapping[object, object] | str | None = None,
        genre_separator: str | None = None,
        genre_pick: str = "first",
        tree: str | None = None,
    ) -> None:
        self.genres = genres
        self.exclude = Path(exclude) if exclude else None
        self.split_file = Path(split_file) if split_file else None
        self.genre_rules = GenreRules(genre_map, genre_separator, genre_pick)
        self.tree = read_tree(Path(tree).expanduser(), "dataset.tree") if tree else None

    @abstractmethod
    def listed(self) -> Corpus:
        """List all clips without decoding them. Raises ValueError, which says what to do, if there are none."""

    def corpus(self, strict: bool = False) -> Corpus:
        """List the selected clips without decoding them. Raises ValueError, which says what to do, if a selection fails.

        With `strict`, a genre in `genre_map` that no clip has is an error too, not only a note.
        """
        listed = self.listed()
        corpus = with_known_names(self.genre_rules.apply(listed, self.fixed_genres, strict))
        counts = Counter(clip.genre for clip in corpus.clips if clip.genre)
        selected = [self.genres] if isinstance(self.genres, str) else self.genres
        notes = list(twin_notes(counts, selected and [written(genre, counts) for genre in selected]))
        corpus = (replace(corpus, notes=[*corpus.notes, *notes]) if notes else corpus).select(self.genres)
        if self.split_file:  # before `exclude`, or an excluded clip that the split lists would count as missing
            corpus = apply_split_file(corpus, self.split_file)
        if self.exclude:
            corpus = without_excluded(corpus, self.exclude)
        corpus = opinions.among_genres(corpus)
        about_opinions = opinions.notes(corpus)
        return replace(corpus, notes=[*corpus.notes, *about_opinions]) if about_opinions else corpus

    def chosen_of_fixed(self) -> list[str]:
        """Those of the data set's fixed genres that `genres` selects. Raises ValueError on a genre that it does not have."""
        new = self.genre_rules.new_names(self.fixed_genres)
        if self.genres is None:
            return list(new)
        selected = (
            [self.genres] if isinstance(self.genres, str) else [written(g, self.fixed_genres) for g in self.genres]
        )
        if not selected or not set(selected) <= set(new.values()):
            names = dict.fromkeys(name for name in new.values() if name)
            raise ValueError(f"dataset.genres is {self.genres}: expected null (all) or some of {', '.join(names)}.")
        return [genre for genre, name in new.items() if name in selected]
