"""List audio files: those that are named, those in folders, those whose paths come line by line."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from src import console
from src.clip import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES

SUFFIXES = (*AUDIO_SUFFIXES, *UNREADABLE_SUFFIXES)


def list_audio(arguments: Iterable[str], lines: TextIO) -> list[str]:
    """List the files that the arguments name, each once, in order.

    A folder stands for the audio files in it and below it, "-" for the paths in `lines`, one a line. A file that is named
    itself is listed whatever its suffix.
    """
    return list(dict.fromkeys(_expand(arguments, lines)))


def _expand(arguments: Iterable[str], lines: TextIO) -> Iterator[str]:
    for argument in arguments:
        if argument == "-":
            yield from _expand(
                (path for line in lines.buffer if (path := os.fsdecode(line.rstrip(b"\r\n"))) not in ("", "-")), lines
            )
        elif os.path.isdir(argument):
            inside = _inside(argument)
            if not inside:
                console.note(f"{argument}: no audio in this folder")
            yield from inside
        else:
            yield argument


def _inside(folder: str) -> list[str]:
    """List the audio files in a folder and below it, sorted; hidden ones are left out."""
    found = []
    for where, folders, names in os.walk(folder, onerror=_report):
        folders[:] = [name for name in folders if not name.startswith(".")]
        audio = (name for name in names if name.lower().endswith(SUFFIXES) and not name.startswith("."))
        found += [os.path.join(where, name) for name in audio]
    return sorted(found, key=Path)


def _report(error: OSError) -> None:
    console.note(f"{error.filename}: {error.strerror}")
