"""Audio files in a folder and its subfolders."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from src.audio.byte_ranges import Source
from src.audio.content import Decoder, content_of, not_sound, regular_file_problem
from src.audio.ffmpeg import has_ffmpeg
from src.clip import AMBIGUOUS_SUFFIXES, AUDIO_SUFFIXES, FFMPEG_SUFFIXES, UNREAD_SUFFIXES, Excluded

NEEDS_FFMPEG = "needs FFmpeg: run `make extra-m4a` once"
ALL_SUFFIXES = (*AUDIO_SUFFIXES, *AMBIGUOUS_SUFFIXES, *FFMPEG_SUFFIXES, *UNREAD_SUFFIXES)


def audio_files(root: Path) -> tuple[list[str], list[Excluded]]:
    """List the audio files below `root`, and the files and folders that were left out, with the reasons.

    The files are in order, as paths relative to `root` with "/". Hidden files and folders are ignored. Links to folders
    are followed; a folder that is reached twice is listed once, under its own name if it is below `root`.
    """
    names: list[str] = []
    left_out: list[Excluded] = []
    seen: dict[tuple[int, int], str] = {}  # device and inode of a folder -> its name
    waiting = deque([""])  # links to folders, and the root: folders that are no links are all listed before them
    while waiting:
        prefix = waiting.popleft()
        if problem := _visit(root, prefix, seen):
            left_out.append(Excluded(prefix, problem))
            continue
        folders = [prefix]
        links = []
        while folders:
            folder = folders.pop()
            try:
                entries = sorted(_entries(root, folder), key=lambda entry: entry.name)
            except OSError as error:
                left_out.append(Excluded(folder or ".", f"a folder that cannot be read: {error.strerror}"))
                continue
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir():
                    if entry.is_symlink():
                        links.append(name)
                    elif problem := _visit(root, name, seen):
                        left_out.append(Excluded(name, problem))
                    else:
                        folders.append(name)
                elif (reason := _reason_to_leave_out(entry)) is None:
                    names.append(name)
                elif reason:
                    left_out.append(Excluded(name, reason))
        waiting += sorted(links, key=_path_parts)
    return sorted(names, key=_path_parts), sorted(left_out, key=lambda exclusion: _path_parts(exclusion.clip))


def _entries(root: Path, folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(root / folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def _visit(root: Path, folder: str, seen: dict[tuple[int, int], str]) -> str | None:
    """Remember a folder; if it was reached before, describe where."""
    try:
        state = os.stat(root / folder)
    except OSError as error:
        return f"a folder that cannot be read: {error.strerror}"
    first = seen.setdefault((state.st_dev, state.st_ino), folder)
    if first == folder:
        return None
    if not first or f"{folder}/".startswith(f"{first}/"):
        return "a link to a folder that contains it (a loop)"
    return f"the same folder as {first}"


def _reason_to_leave_out(entry: os.DirEntry[str]) -> str | None:
    """None if an entry is listed; a reason if it is left out; empty if it is not taken for sound at all."""
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix not in ALL_SUFFIXES:
        return ""
    path = Path(entry.path)
    if not entry.is_file():
        return regular_file_problem(path) or "a link to a file that does not exist"
    if suffix in AUDIO_SUFFIXES:
        return None
    if suffix in FFMPEG_SUFFIXES:
        return None if has_ffmpeg() else NEEDS_FFMPEG
    if suffix in UNREAD_SUFFIXES:
        return UNREAD_SUFFIXES[suffix]
    try:
        with Source(path) as source:
            content = content_of(source)
    except OSError as error:
        return f"a file that cannot be read: {error.strerror}"
    if content is None:
        return f"named {suffix}, but does not begin like a sound file"
    if content.decoder is Decoder.NONE:
        return not_sound(content)
    return None if content.decoder is not Decoder.FFMPEG or has_ffmpeg() else NEEDS_FFMPEG


def _path_parts(name: str) -> list[str]:
    return name.split("/")  # sorts like paths: the files of one folder stay together
