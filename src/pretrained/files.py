"""Files of published weights that are not installed with the project: where they are, and which one a run used."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from src import formatting, plain_files

EFFICIENTAT = "efficientat"
VARIABLE = {EFFICIENTAT: "MUSIC_GENRE_EFFICIENTAT"}  # environment variable with the path of each network's file
DEFAULT = {EFFICIENTAT: "mn04_as_mAP_432.pt"}  # taken if the folder of downloaded files has several
# SHA-256 of published files. Those of others are recorded beside them when they are downloaded.
KNOWN = {"mn04_as_mAP_432.pt": "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c"}
RECORD = ".sha256"  # suffix of the file with the digest of a downloaded file, in the format of sha256sum


def folder(network: str) -> Path:
    """The folder of a network's downloaded files: filled by `python -m src.weights`.

    It is in MUSIC_GENRE_CACHE, by default ~/.cache/music-genre.
    """
    users = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "music-genre"
    return Path(os.path.expanduser(os.environ.get("MUSIC_GENRE_CACHE") or users)) / network


def find(network: str, path: str | None = None, sha256: str | None = None) -> Path | None:
    """Find the weights of a network: `path`, else the file that the environment variable names, else a downloaded one.

    With `sha256`, the digest of the file that a run used: the first of all these files that has it. Returns None if there
    is none. Raises ValueError if `path` or the variable names a file that does not exist, unless `sha256` is given, and if
    a downloaded file has changed.
    """
    if sha256 is not None:
        return next((file for file in _existing(network, path) if digest(file) == sha256), None)
    for key, file in _named(network, path).items():
        if not file.is_file():
            problem = "is not a file" if file.exists() else "does not exist"
            raise ValueError(f"{key} is {file}, which {problem}. {advice(network)}")
        return file
    for file in _existing(network)[:1]:
        if expected_digest(file) not in (None, digest(file)):
            since = "published" if file.name in KNOWN else "first downloaded"
            raise ValueError(f"{file} has changed since it was {since}. Delete it. {advice(network)}")
        return file
    return None


def require(network: str, path: str | None = None, sha256: str | None = None) -> Path:
    """Find the weights of a network as `find` does. Raises ValueError, which says how to get them, if there are none."""
    found = find(network, path, sha256)
    if found is not None:
        return found
    if sha256 is None:
        raise ValueError(
            f"The weights of {network} are not installed with the project, and were not found. {advice(network)}"
        )
    others = formatting.first_names([str(file) for file in _existing(network, path)], 3)
    raise ValueError(
        f"This run used a file of {network}'s weights with the SHA-256 {str(sha256)[:16]}..., which was not found"
        f"{f': it is not {others}' if others else ''}. Name it in the environment variable {VARIABLE[network]}, or download it "
        f"again with: python -m src.weights {network}"
    )


def _named(network: str, path: str | None) -> dict[str, Path]:
    """The files that a setting and the environment variable name."""
    named = {"feature.weights": path, VARIABLE[network]: os.environ.get(VARIABLE[network])}
    return {key: Path(os.path.expanduser(str(name))) for key, name in named.items() if name}


def _existing(network: str, path: str | None = None) -> list[Path]:
    """The files that could be the weights, in the order of their priority."""
    downloaded = sorted(folder(network).glob("*.pt"), key=lambda file: (file.name != DEFAULT[network], file.name))
    return [file for file in (*_named(network, path).values(), *downloaded) if file.is_file()]


def find_any(network: str, path: str | None = None, sha256: str | None = None) -> Path | None:
    """Find the weights of a network as `find` does, but return None if the named file does not exist."""
    try:
        return find(network, path, sha256)
    except ValueError:
        return None


def advice(network: str) -> str:
    """Advice on weights that are missing or wrong, for the end of a message."""
    return (
        f"Download them with: python -m src.weights {network}; or name the file with feature.weights=FILE (predict: "
        f"--weights {network}:FILE) or in the environment variable {VARIABLE[network]}."
    )


def digest(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def expected_digest(file: Path) -> str | None:
    """The SHA-256 that a downloaded file must have: the known one, or the one recorded at its first download, or None."""
    if file.name in KNOWN:
        return KNOWN[file.name]
    with suppress(ValueError):
        return plain_files.text(file.with_name(file.name + RECORD), 1000).partition(" ")[0]
    return None
