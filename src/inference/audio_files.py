"""List audio files: named files, files in folders, and files whose paths are read from standard input."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from src import console
from src.clip import AUDIO_SUFFIXES, FFMPEG_SUFFIXES, describe_left_out
from src.dataset import tree

SUFFIXES = (*AUDIO_SUFFIXES, *FFMPEG_SUFFIXES)


def list_audio(arguments: Iterable[str], lines: TextIO) -> list[str]:
    """List the files that the arguments name, each once, in order.

    A folder is replaced by the audio files in it and below it, "-" by the paths in `lines`, one per line. A named file is
    listed even if its suffix is unknown. Prints what is left out of a folder, one line for each reason.
    """
    return list(dict.fromkeys(_expand(arguments, lines)))


def _expand(arguments: Iterable[str], lines: TextIO) -> Iterator[str]:
    for argument in arguments:
        if argument == "-":
            yield from _expand(
                (path for line in lines.buffer if (path := os.fsdecode(line.rstrip(b"\r\n"))) not in ("", "-")), lines
            )
        elif os.path.isdir(argument):
            files, left_out = tree.audio_files(Path(argument))
            for line in describe_left_out(left_out):
                console.note(f"{argument}: left out: {line}")
            if not files:
                console.note(f"{argument}: no audio in this folder")
            yield from (os.path.join(argument, file) for file in files)
        else:
            yield argument
