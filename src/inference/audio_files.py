"""Which files there are to listen to: those that are named, those in folders, those whose paths are written line by line."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from src import console
from src.clip import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES

SUFFIXES = (*AUDIO_SUFFIXES, *UNREADABLE_SUFFIXES)


def listed(asked: Iterable[str], lines: TextIO) -> list[str]:
    """The files that are asked for, each once, in order: paths as they are given, joined below a folder that is given.

    A folder stands for the audio in it, "-" for the paths in `lines`, one a line. A named file is listed whatever it is called.
    """
    return list(dict.fromkeys(_each(asked, lines)))


def _each(asked: Iterable[str], lines: TextIO) -> Iterator[str]:
    for word in asked:
        if word == "-":
            yield from _each(
                (path for line in lines.buffer if (path := os.fsdecode(line.rstrip(b"\r\n"))) not in ("", "-")), lines
            )
        elif os.path.isdir(word):
            inside = _inside(word)
            if not inside:
                console.note(f"{word}: no audio in this folder")
            yield from inside
        else:
            yield word


def _inside(folder: str) -> list[str]:
    """The audio in a folder and those below it, in order; nothing that is hidden."""
    found = []
    for where, folders, names in os.walk(folder, onerror=_say):
        folders[:] = [name for name in folders if not name.startswith(".")]
        sounds = (name for name in names if name.lower().endswith(SUFFIXES) and not name.startswith("."))
        found += [os.path.join(where, name) for name in sounds]
    return sorted(found, key=Path)


def _say(error: OSError) -> None:
    console.note(f"{error.filename}: {error.strerror}")
