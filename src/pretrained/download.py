"""Download published weights: resumed after an interruption, and checked before the file gets its name."""

import http.client
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import filelock

from src import plain_files
from src.pretrained import files

RELEASE = {files.EFFICIENTAT: "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/"}
# Networks of the release that read the 128 mel bands every 10 ms that `efficientat.logmel` computes.
PUBLISHED = {
    files.EFFICIENTAT: (
        *("mn01_as_mAP_298.pt", "mn02_as_mAP_378.pt", "mn04_as_mAP_432.pt", "mn05_as_mAP_443.pt", "mn10_as_mAP_471.pt"),
        *("mn20_as_mAP_478.pt", "mn30_as_mAP_482.pt", "mn40_as_mAP_484.pt", "mn40_as_ext_mAP_487.pt"),
    )
}
CHUNK = 1 << 18  # bytes read at a time, at most
TIMEOUT_SECONDS = 30.0  # without an answer
MAX_BYTES = 400_000_000  # the largest published file has 0.3 GB
TRIES = 3  # attempts in a row in which nothing was received, before giving up

Progress = Callable[[int, int | None], object]  # bytes received so far, and the size of the file if it is known


class Downloaded(NamedTuple):
    """A downloaded file; `new` is false if it was there, `verified` is true if its SHA-256 was known in advance."""

    path: Path
    sha256: str
    new: bool
    verified: bool


def published_name(network: str, name: str | None) -> str:
    """The file of a published network: mn10_as -> mn10_as_mAP_471.pt. Raises ValueError on an unknown name."""
    known = PUBLISHED[network]
    short = {file.partition("_mAP")[0]: file for file in known}
    found = files.DEFAULT[network] if name is None else short.get(name, name)
    if found not in known:
        raise ValueError(f"There is no {name!r}: expected one of {', '.join(short)}.")
    return found


def download(network: str, name: str, base_url: str, progress: Progress) -> Downloaded:
    """Download a published file into `files.folder`, unless it is there, and check it.

    The file has its name only once it is complete and correct; until then it is beside it, as NAME.part, from which the
    next call continues. If no digest of it is known, its content must be that of the network, and its digest is recorded
    for later downloads. Raises ValueError if the server or the connection fails, and NoRoom if the disk is
    full.
    """
    if not re.match(r"https?://[^@]+$", base_url):
        shown = re.sub(r"//.*@", "//...@", base_url)
        raise ValueError(
            f"The address of the mirror is {shown}: expected the folder of the files, as in https://HOST/FOLDER/, without user and "
            "password."
        )
    path, url = files.folder(network) / name, urllib.parse.urljoin(f"{base_url.rstrip('/')}/", name)
    expected, part = files.expected_digest(path), path.with_name(f"{name}.part")
    with plain_files.explaining_no_room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_name(f".{name}.lock")):  # another process may be downloading it: wait for that
            if path.is_file():
                return Downloaded(path, _checked(path, path, expected, url), False, name in files.KNOWN)
            _receive(url, part, progress)
            sha256 = _checked(part, path, expected, url)
            if expected is None:
                _check_content(part, url)
                plain_files.write_text(path.with_name(name + files.RECORD), f"{sha256}  {name}\n")
            os.replace(part, path)
    return Downloaded(path, sha256, True, name in files.KNOWN)


def _checked(file: Path, path: Path, expected: str | None, url: str) -> str:
    """The SHA-256 of a file. Raises ValueError, after deleting an unfinished one, if another one is expected."""
    sha256 = files.digest(file)
    if expected not in (None, sha256):
        advice = f"Delete {path} and give the same command again."
        if file != path:
            file.unlink()
            advice = "It was deleted. Give the same command again; if this does not help, the server has another file."
        raise ValueError(
            f"{file}, from {url}, has the SHA-256 {sha256[:16]}..., expected {str(expected)[:16]}.... {advice}"
        )
    return sha256


def _check_content(part: Path, url: str) -> None:
    """Raise ValueError, after deleting the file, if it does not contain the network's weights."""
    from src.pretrained.efficientat import EfficientAT

    try:
        EfficientAT(part)
    except ValueError as error:
        part.unlink()
        raise ValueError(f"The file from {url} is of no use, and was deleted: {error}") from error


def _receive(url: str, part: Path, progress: Progress) -> None:
    """Download into `part`, from its end on. A connection that breaks is opened again, as long as something arrives."""
    tries = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _receive_once(url, part, progress):
                return
            problem = "the connection ended early"
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # nothing after the end: the unfinished file is too long, or complete
                if error.headers.get("Content-Range", "") == f"bytes */{before}":
                    return
                part.unlink()
                continue
            raise ValueError(f"{url}: the server answers {error.code} ({error.reason}). {_by_hand(url)}") from error
        except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
            problem = plain_files.first_line(error)
        except urllib.error.URLError as error:
            problem = str(error.reason)
        after = part.stat().st_size if part.exists() else 0
        tries = 0 if after > before else tries + 1
        if tries == TRIES or not after:
            received = f" after {plain_files.format_bytes(after)}" if after else ""
            again = "Give the same command again: it continues where it stopped. " if after else ""
            raise ValueError(
                f"{url} could not be downloaded{received} ({problem}). {again}Check the internet connection. {_by_hand(url)}"
            )


def _receive_once(url: str, part: Path, progress: Progress) -> bool:
    """Receive the rest of a file; return False if the connection ended before its end."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "music-genre", **({"Range": f"bytes={start}-"} if start else {})}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS) as response:
        if not re.match(rf"bytes {start}-", response.headers.get("Content-Range", "")):
            start = 0  # the server sends the file from its beginning
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        if total is not None and total > MAX_BYTES:
            raise ValueError(f"{url} has {total:,} bytes, expected at most {MAX_BYTES:,}: it is another file.")
        with open(part, "r+b" if start else "wb") as file:
            file.seek(start)
            return _copy(response, file, url, total, progress)


def _copy(response: http.client.HTTPResponse, file: BinaryIO, url: str, total: int | None, progress: Progress) -> bool:
    """Copy what arrives; return False if it ended before `total` bytes. Raises ValueError if it is too much."""
    progress(file.tell(), total)
    while block := response.read1(CHUNK):
        file.write(block)
        progress(file.tell(), total)
        if file.tell() > (MAX_BYTES if total is None else total):
            limit = MAX_BYTES if total is None else total
            raise ValueError(f"{url} sent more than {limit:,} bytes: it is another file.")
    file.flush()
    os.fsync(file.fileno())
    return total is None or file.tell() == total


def _by_hand(url: str) -> str:
    return f"You can also download {url} yourself and name the file with feature.weights=FILE."
