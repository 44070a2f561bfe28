"""List audio files: named files, files in folders, and files whose paths are read from standard input."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from src import console
from src.clip import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES

SUFFIXES = (*AUDIO_SUFFIXES, *UNREADABLE_SUFFIXES)


def list_audio(arguments: Iterable[str], lines: TextIO) -> list[str]:
    """List the files that the arguments name, each once, in order.

    A folder is replaced by the audio files in it and below it, "-" by the paths in `lines`, one per line. A named file is
    listed even if its suffix is unknown. Prints a note about a folder that has no audio or cannot be read.
    """
    return list(dict.fromkeys(_expand(arguments, lines)))


def _expand(arguments: Iterable[str], lines: TextIO) -> Iterator[str]:
    for argument in arguments:
        if argument == "-":
            yield from _expand(
                (path for line in lines.buffer if (path := os.fsdecode(line.rstrip(b"\r\n"))) not in ("", "-")), lines
            )
        elif os.path.isdir(argument):
            files = _files_below(argument)
            if not files:
                console.note(f"{argument}: no audio in this folder")
            yield from files
        else:
            yield argument


def _files_below(folder: str) -> list[str]:
    """List the audio files in a folder and below it, sorted, without hidden files and folders."""
    files = []
    for parent, folders, names in os.walk(folder, onerror=_report):
        folders[:] = [name for name in folders if not name.startswith(".")]
        audio = (name for name in names if name.lower().endswith(SUFFIXES) and not name.startswith("."))
        files += [os.path.join(parent, name) for name in audio]
    return sorted(files, key=Path)


def _report(error: OSError) -> None:
    console.note(f"{error.filename}: {error.strerror}")
