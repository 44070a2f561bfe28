"""Leave out clips: `dataset.exclude`."""

import json
import re
from dataclasses import replace
from pathlib import Path

from src.clip import Corpus, Excluded
from src.plain_files import open_text


def without_excluded(corpus: Corpus, exclude: Path) -> Corpus:
    r"""Leave out the clips that a text file lists. A note is added about names that match no clip.

    A name may be a JSON string, e.g. "a\nb.wav", as `line` writes names with a line break. Raises ValueError if the file is
    missing, is not text, or lists every clip.
    """
    if not exclude.is_file():
        raise ValueError(
            f"dataset.exclude is {exclude}, which is not a file: expected a text file, one clip name per line."
        )
    try:
        with open_text(exclude) as file:
            lines = re.split("\r\n|\r|\n", file.read())
    except UnicodeError as error:
        raise ValueError(f"dataset.exclude: {exclude} is not UTF-8 text ({error}).") from error
    clip_names = {clip.name for clip in corpus.clips}
    # The name of a clip is a name even if it begins like a comment: "# 1 hits/a.mp3".
    name_lines = (line for line in lines if line in clip_names or not f"{line} ".startswith("# "))
    names = {line if line in clip_names else _name(line.strip()) for line in name_lines} - {""}
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


def line(name: str) -> str:
    """Format a clip's name as one line of the file: as it is, or as a JSON string if it has control characters."""
    return json.dumps(name) if re.search(r"[\0-\x1f\x7f\x85\u2028\u2029]", name) else name


def _name(text: str) -> str:
    try:
        name = json.loads(text) if text.startswith('"') else text
    except ValueError:
        return text
    return name if isinstance(name, str) else text
