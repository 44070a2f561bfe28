"""Base class of the data sets: list the clips, then apply `genres`, `split_file` and `exclude`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from src.clip import Corpus
from src.dataset.exclude import without_excluded
from src.dataset.split_file import apply_split_file


class DataSet(ABC):
    """Source of clips. `genres` selects some of its genres; None selects all.

    `exclude` is a text file with one clip name per line, such as `python -m src.audit` writes: these clips are left
    out. Lines that begin with "# " are comments, unless they are the name of a clip. `split_file` is the split.csv of
    any run: only its clips are used, each with its set (train, val or test), which `split=official` then uses.
    """

    def __init__(self, genres: Sequence[str] | None, exclude: str | None, split_file: str | None) -> None:
        self.genres = genres
        self.exclude = Path(exclude) if exclude else None
        self.split_file = Path(split_file) if split_file else None

    @abstractmethod
    def listed(self) -> Corpus:
        """List all clips without decoding them. Raises ValueError, which says what to do, if there are none."""

    def corpus(self) -> Corpus:
        """List the selected clips without decoding them. Raises ValueError, which says what to do, if a selection fails."""
        corpus = self.listed().select(self.genres)
        if self.split_file:  # before `exclude`, or an excluded clip that the split lists would count as missing
            corpus = apply_split_file(corpus, self.split_file)
        if self.exclude:
            corpus = without_excluded(corpus, self.exclude)
        return corpus
