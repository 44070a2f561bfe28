"""Base class of the data sets: list the clips, then apply `genres`, `split_file` and `exclude`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from src import rundir
from src.clip import SUBSETS, Clip, Corpus, Excluded


class DataSet(ABC):
    """A source of clips. `genres` selects some of its genres; None takes all.

    `exclude` is a text file with one clip name per line, such as `python -m src.audit` writes: these clips are left
    out. Lines that begin with "# " are comments, unless they are the name of a clip. `split_file` is the split.csv of
    any run: only its clips are taken, each with its set (train, val or test), which `split=official` then uses.
    """

    def __init__(self, genres: Sequence[str] | None, exclude: str | None, split_file: str | None) -> None:
        self.genres = genres
        self.exclude = Path(exclude) if exclude else None
        self.split_file = Path(split_file) if split_file else None

    @abstractmethod
    def listed(self) -> Corpus:
        """List all clips; decode none. Raises ValueError, which says what to do, if there are none."""

    def corpus(self) -> Corpus:
        """List the selected clips; decode none. Raises ValueError, which says what to do, if a selection fails."""
        corpus = self.listed().select(self.genres)
        if self.split_file:  # before the exclusion: an excluded clip that the split lists would count as missing
            corpus = _apply_split_file(corpus, self.split_file)
        if self.exclude:
            corpus = _without_excluded(corpus, self.exclude)
        return corpus


def _without_excluded(corpus: Corpus, exclude: Path) -> Corpus:
    """Leave out the clips that a text file lists."""
    if not exclude.is_file():
        raise ValueError(
            f"dataset.exclude is {exclude}, which is not a file: expected a text file, one clip name per line."
        )
    try:
        lines = exclude.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"dataset.exclude: {exclude} is not UTF-8 text ({error}).") from error
    own_names = {clip.name for clip in corpus.clips}
    # The name of a clip counts as a name, even if it begins like a comment: "# 1 hits/a.mp3".
    name_lines = (line for line in lines if line in own_names or not f"{line} ".startswith("# "))
    names = {line if line in own_names else line.strip() for line in name_lines} - {""}
    if own_names <= names:
        raise ValueError(f"dataset.exclude: {exclude} lists every clip of {corpus.name}; none is left.")
    clips = [clip for clip in corpus.clips if clip.name not in names]
    left_out = [Excluded(clip.name, f"listed in {exclude.name}") for clip in corpus.clips if clip.name in names]
    notes = list(corpus.notes)
    unknown = names - own_names
    if unknown:
        notes.append(
            f"{exclude}: {len(unknown)} of its {len(names)} names match no clip of this data set, e.g. {min(unknown)}."
        )
    return replace(corpus, clips=clips, excluded=[*corpus.excluded, *left_out], notes=notes)


def _apply_split_file(corpus: Corpus, split_file: Path) -> Corpus:
    """Select the clips that a run's split.csv lists, each with its set."""
    set_of_clip: dict[str, str] = {}
    for line, row in rundir.split_rows(split_file, ("clip",)):
        if row["set"] not in SUBSETS:
            raise ValueError(f"{split_file}, line {line}: set is {row['set']!r}: expected {', '.join(SUBSETS)}.")
        if set_of_clip.setdefault(row["clip"], row["set"]) != row["set"]:
            raise ValueError(f"{split_file}, line {line}: {row['clip']} is in two sets. Remove one of its rows.")
    if not set_of_clip:
        raise ValueError(
            f"dataset.split_file: {split_file} lists no clip: expected the split.csv of a run, one clip per row."
        )
    missing = set_of_clip.keys() - {clip.name for clip in corpus.clips}
    if missing:
        raise ValueError(
            f"dataset.split_file: {len(missing)} of the {len(set_of_clip)} clips in {split_file} are not in "
            f"{corpus.name}, e.g. {min(missing)}. Choose the data set and the genres from which the split was made."
        )
    clips: list[Clip] = []
    left_out: list[Excluded] = []
    for clip in corpus.clips:
        if clip.name in set_of_clip:
            clips.append(replace(clip, subset=set_of_clip[clip.name]))
        else:
            left_out.append(Excluded(clip.name, f"not in {split_file.name}"))
    return replace(corpus, clips=clips, excluded=[*corpus.excluded, *left_out])
