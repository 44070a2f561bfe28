"""Audio files in a folder and its subfolders."""

import os
from importlib.util import find_spec
from pathlib import Path

from src.clip import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES, Excluded


def audio_files(root: Path) -> tuple[list[str], list[Excluded]]:
    """List the audio files below `root`, and the files and folders that were left out, with the reasons.

    The files are in order, as paths relative to `root` with "/". Hidden files and folders are ignored. A format that
    libsndfile cannot decode is listed if PyAV is installed, and left out otherwise. Links to folders are followed only
    in `root` itself, so that links cannot form an endless loop.
    """
    names: list[str] = []
    left_out: list[Excluded] = []
    readable_suffixes = AUDIO_SUFFIXES + UNREADABLE_SUFFIXES * (find_spec("av") is not None)

    def exclude_folder(error: OSError) -> None:
        reason = f"a folder that cannot be read: {error.strerror}"
        left_out.append(Excluded(_relative(root, error.filename) or ".", reason))

    for folder, subfolders, files in os.walk(root, onerror=exclude_folder, followlinks=True):
        prefix = _relative(root, folder)
        subfolders[:] = [
            name for name in subfolders if not (name.startswith(".") or (prefix and _is_link(folder, name)))
        ]
        for file in files:
            name = f"{prefix}/{file}" if prefix else file
            if file.startswith(".") or not os.path.isfile(os.path.join(folder, file)):
                continue
            if file.lower().endswith(readable_suffixes):
                names.append(name)
            elif file.lower().endswith(UNREADABLE_SUFFIXES):
                left_out.append(Excluded(name, "needs FFmpeg: run `make extra-m4a` once"))
    return sorted(names, key=_path_parts), sorted(left_out, key=lambda exclusion: _path_parts(exclusion.clip))


def _relative(root: Path, folder: str) -> str:
    """The path of a folder relative to the root; empty for the root itself."""
    path = Path(folder).relative_to(root).as_posix()
    return "" if path == "." else path


def _is_link(folder: str, name: str) -> bool:
    return os.path.islink(os.path.join(folder, name))


def _path_parts(name: str) -> list[str]:
    return name.split("/")  # sorts like paths: the files of one folder stay together
