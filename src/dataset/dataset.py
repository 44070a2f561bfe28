"""What every data set does: it lists its clips, and takes of them what is asked for."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from src import rundir
from src.clip import SUBSETS, Clip, Corpus, Excluded


class DataSet(ABC):
    """Something that lists clips. `genres` selects some of its genres; null takes all.

    `exclude` is a text file, as `python -m src.audit` writes it: a clip's name a line, left out; lines that begin with
    "# " are remarks, unless they are the name of a clip. `split_file` is the split.csv of any run: its clips are taken,
    with its sides, which `split=official` then uses.
    """

    def __init__(self, genres: Sequence[str] | None, exclude: str | None, split_file: str | None) -> None:
        self.genres = genres
        self.exclude = Path(exclude) if exclude else None
        self.split_file = Path(split_file) if split_file else None

    @abstractmethod
    def listed(self) -> Corpus:
        """All clips, none decoded. Raises ValueError, saying what to do, where there are none to list."""

    def corpus(self) -> Corpus:
        """The clips that are asked for, none decoded. Raises ValueError, saying what to do, where that cannot be."""
        corpus = self.listed().select(self.genres)
        if self.split_file:  # before the exclusion, or what is excluded would be missing from the split
            corpus = _with_split(corpus, self.split_file)
        if self.exclude:
            corpus = _without(corpus, self.exclude)
        return corpus


def _without(corpus: Corpus, exclude: Path) -> Corpus:
    """The corpus without the clips whose names stand in a file."""
    if not exclude.is_file():
        raise ValueError(f"dataset.exclude is {exclude}, which is no file: expected a clip's name a line.")
    try:
        lines = exclude.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"dataset.exclude: {exclude} is not UTF-8 text ({error}).") from error
    own = {clip.name for clip in corpus.clips}
    # What is a clip's name is one, even if it begins like a remark: "# 1 hits/a.mp3".
    named = (line for line in lines if line in own or not f"{line} ".startswith("# "))
    names = {line if line in own else line.strip() for line in named} - {""}
    if own <= names:
        raise ValueError(f"dataset.exclude: {exclude} names every clip of {corpus.name}; none is left.")
    clips = [clip for clip in corpus.clips if clip.name not in names]
    left_out = [Excluded(clip.name, f"named in {exclude.name}") for clip in corpus.clips if clip.name in names]
    notes = list(corpus.notes)
    strange = names - own
    if strange:
        notes.append(f"{exclude}: {len(strange)} of its {len(names)} names are no clip here, e.g. {min(strange)}.")
    return replace(corpus, clips=clips, excluded=[*corpus.excluded, *left_out], notes=notes)


def _with_split(corpus: Corpus, split_file: Path) -> Corpus:
    """Take the clips that a run's split.csv lists, each with its set."""
    subset: dict[str, str] = {}
    for line, row in rundir.split_rows(split_file, ("clip",)):
        if row["set"] not in SUBSETS:
            raise ValueError(f"{split_file}, line {line}: set is {row['set']!r}: expected {', '.join(SUBSETS)}.")
        if subset.setdefault(row["clip"], row["set"]) != row["set"]:
            raise ValueError(f"{split_file}, line {line}: {row['clip']} is in two sets. Remove one of its rows.")
    if not subset:
        raise ValueError(f"dataset.split_file: {split_file} lists no clip: expected a run's split.csv, a clip a row.")
    missing = subset.keys() - {clip.name for clip in corpus.clips}
    if missing:
        raise ValueError(
            f"dataset.split_file: {len(missing)} of the {len(subset)} clips in {split_file} are not in {corpus.name}, e.g. "
            f"{min(missing)}. Choose the data set and the genres that the split was made of."
        )
    clips: list[Clip] = []
    left_out: list[Excluded] = []
    for clip in corpus.clips:
        if clip.name in subset:
            clips.append(replace(clip, subset=subset[clip.name]))
        else:
            left_out.append(Excluded(clip.name, f"not in {split_file.name}"))
    return replace(corpus, clips=clips, excluded=[*corpus.excluded, *left_out])
