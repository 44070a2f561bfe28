"""The audio in a folder and those below it."""

import os
from importlib.util import find_spec
from pathlib import Path

from src.clip import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES, Excluded


def sounds(root: Path) -> tuple[list[str], list[Excluded]]:
    """The audio files below `root`, in order, as paths relative to it with "/"; and what of it is not listed, and why.

    Nothing hidden. What libsndfile cannot decode is listed where PyAV can. Of links to folders only those in the root
    itself are followed, so that none leads around in a circle.
    """
    names: list[str] = []
    left_out: list[Excluded] = []
    decoded = AUDIO_SUFFIXES + UNREADABLE_SUFFIXES * (find_spec("av") is not None)

    def cannot(error: OSError) -> None:
        left_out.append(Excluded(_below(root, error.filename) or ".", f"a folder that is not read: {error.strerror}"))

    for where, folders, files in os.walk(root, onerror=cannot, followlinks=True):
        below = _below(root, where)
        folders[:] = [name for name in folders if not (name.startswith(".") or (below and _is_link(where, name)))]
        for file in files:
            name = f"{below}/{file}" if below else file
            if file.startswith(".") or not os.path.isfile(os.path.join(where, file)):
                continue
            if file.lower().endswith(decoded):
                names.append(name)
            elif file.lower().endswith(UNREADABLE_SUFFIXES):
                left_out.append(Excluded(name, "a format that FFmpeg reads: `make extra-m4a` installs it, once"))
    return sorted(names, key=_parts), sorted(left_out, key=lambda left: _parts(left.clip))


def _below(root: Path, folder: str) -> str:
    """A folder's path relative to the root; nothing for the root itself."""
    path = Path(folder).relative_to(root).as_posix()
    return "" if path == "." else path


def _is_link(where: str, name: str) -> bool:
    return os.path.islink(os.path.join(where, name))


def _parts(name: str) -> list[str]:
    return name.split("/")  # as paths are ordered: what is in one folder stays together
