"""Leave out clips: `dataset.exclude`."""

from dataclasses import replace
from pathlib import Path

from src.clip import Corpus, Excluded


def without_excluded(corpus: Corpus, exclude: Path) -> Corpus:
    """Leave out the clips that a text file lists. A note is added about names that match no clip.

    Raises ValueError if the file is missing, is not UTF-8 text, or lists every clip.
    """
    if not exclude.is_file():
        raise ValueError(
            f"dataset.exclude is {exclude}, which is not a file: expected a text file, one clip name per line."
        )
    try:
        lines = exclude.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"dataset.exclude: {exclude} is not UTF-8 text ({error}).") from error
    clip_names = {clip.name for clip in corpus.clips}
    # The name of a clip is a name even if it begins like a comment: "# 1 hits/a.mp3".
    name_lines = (line for line in lines if line in clip_names or not f"{line} ".startswith("# "))
    names = {line if line in clip_names else line.strip() for line in name_lines} - {""}
    if clip_names <= names:
        raise ValueError(
            f"dataset.exclude: {exclude} lists every clip of {corpus.name}, so none is left. Remove some of its lines."
        )
    clips = [clip for clip in corpus.clips if clip.name not in names]
    left_out = [Excluded(clip.name, f"listed in {exclude.name}") for clip in corpus.clips if clip.name in names]
    notes = list(corpus.notes)
    unknown = names - clip_names
    if unknown:
        notes.append(
            f"{exclude}: names that match no clip of this data set: {len(unknown)} of {len(names)}, e.g. {min(unknown)}."
        )
    return replace(corpus, clips=clips, excluded=[*corpus.excluded, *left_out], notes=notes)
