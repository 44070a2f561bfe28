"""`python -m src.weights`: downloads from a server on this machine that fails in all ways that servers fail."""

import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from src import weights
from src.pretrained import download, files
from src.pretrained.files import EFFICIENTAT
from tests.conftest import ROOT

NAME, OTHER = "mn04_as_mAP_432.pt", "mn10_as_mAP_471.pt"


class Server(ThreadingHTTPServer):
    """A server of `content`, which can break the connection, ignore Range, or answer with an error."""

    content = b""
    break_after: int | None = None  # bytes of an answer after which the connection breaks
    breaks = 0  # number of connections that break
    has_ranges = True
    stalls = False  # nothing more is sent, and the connection stays open
    status = 200
    starts: list[int]  # first byte of each answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/release/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, content = self.server, self.server.content
        if server.status != 200:
            self.send_error(server.status)
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and server.has_ranges else 0
        server.starts.append(start)
        if start >= len(content) and start:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content)
        if server.break_after is not None and server.breaks:
            server.breaks -= 1
            end = min(end, start + server.break_after)
        self.wfile.write(content[start:end])
        while server.stalls:
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server(efficientat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of random weights whose digest counts as known, and an empty cache folder."""
    monkeypatch.setenv("MUSIC_GENRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setitem(files.KNOWN, NAME, files.digest(efficientat))
    with Server(("127.0.0.1", 0), Handler) as started:
        started.content, started.starts = efficientat.read_bytes(), []
        thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield started
        started.stalls = False
        started.shutdown()
        thread.join()


@pytest.fixture
def fetch(server: Server, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """fetch("mn10_as") runs the program -> exit status, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = weights.main([EFFICIENTAT, *arguments, "--url", server.url])
        output = capsys.readouterr()
        return status, output.out, output.err

    return run


Fetch = Callable[..., tuple[int, str, str]]


def stored() -> dict[str, int]:
    """Sizes of the files in the cache folder, without locks."""
    folder = files.folder(EFFICIENTAT)
    return {path.name: path.stat().st_size for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_a_file_is_downloaded_checked_found_and_not_downloaded_again(server: Server, fetch: Fetch) -> None:
    assert files.find(EFFICIENTAT) is None
    status, out, err = fetch()
    path = files.folder(EFFICIENTAT) / NAME
    assert (status, stored()) == (0, {NAME: len(server.content)})
    assert out == f"{path}: downloaded\nSHA-256 {files.KNOWN[NAME]} (as published)\nTo use it: feature=efficientat\n"
    assert NAME in err  # the progress bar
    assert files.require(EFFICIENTAT) == path
    status, out, _ = fetch("mn04_as")
    assert status == 0
    assert "already there" in out
    assert server.starts == [0]


def test_a_broken_connection_is_continued_at_once(server: Server, fetch: Fetch) -> None:
    server.break_after, server.breaks = 100_000, 2
    assert fetch()[0] == 0
    assert server.starts == [0, 100_000, 200_000]
    assert stored() == {NAME: len(server.content)}


def test_the_next_call_continues(server: Server, fetch: Fetch) -> None:
    server.break_after, server.breaks = 100_000, 1
    folder = files.folder(EFFICIENTAT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "TRIES", 0)  # gives up
        status, _, err = fetch()
    assert (status, stored()) == (1, {f"{NAME}.part": 100_000}), err
    assert "after 0.1 MB (the connection ended early). Give the same command again: it continues" in err
    assert files.find(EFFICIENTAT) is None
    assert fetch()[0] == 0
    assert server.starts == [0, 100_000]
    assert (folder / NAME).read_bytes() == server.content


def test_a_server_without_ranges_sends_the_whole_file_again(server: Server, fetch: Fetch) -> None:
    server.break_after, server.breaks, server.has_ranges = 100_000, 1, False
    assert fetch()[0] == 0
    assert server.starts == [0, 0]
    assert stored() == {NAME: len(server.content)}


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_an_unfinished_file_that_is_complete_or_too_long(extra: bytes, server: Server, fetch: Fetch) -> None:
    folder = files.folder(EFFICIENTAT)
    folder.mkdir(parents=True)
    (folder / f"{NAME}.part").write_bytes(server.content + extra)
    assert fetch()[0] == 0
    assert (folder / NAME).read_bytes() == server.content


def test_a_server_that_sends_nothing_is_given_up(server: Server, fetch: Fetch) -> None:
    server.break_after, server.breaks = 0, 100
    status, _, err = fetch()
    assert status == 1
    assert "could not be downloaded" in err
    assert NAME not in stored()


def test_another_file_is_refused_and_deleted(server: Server, fetch: Fetch) -> None:
    server.content = server.content[:-1] + b"!"
    status, _, err = fetch()
    assert (status, stored()) == (1, {})
    assert re.search(r"has the SHA-256 [0-9a-f]{16}\.\.\., expected [0-9a-f]{16}\.\.\.\. It was deleted\.", err)


def test_an_unfinished_file_of_another_version_is_not_mixed_in(server: Server, fetch: Fetch) -> None:
    folder = files.folder(EFFICIENTAT)
    folder.mkdir(parents=True)
    (folder / f"{NAME}.part").write_bytes(b"x" * 1000)
    assert fetch()[0] == 1
    assert stored() == {}
    assert fetch()[0] == 0


def test_the_digest_of_another_network_is_recorded_and_expected_later(server: Server, fetch: Fetch) -> None:
    status, out, _ = fetch("mn10_as")
    folder = files.folder(EFFICIENTAT)
    sha256 = files.digest(folder / OTHER)
    assert status == 0
    assert f"SHA-256 {sha256} (not verified: it is recorded, and expected of later downloads)" in out
    assert (folder / f"{OTHER}.sha256").read_text() == f"{sha256}  {OTHER}\n"
    assert files.find(EFFICIENTAT) == folder / OTHER
    (folder / OTHER).unlink()
    server.content += b"!"
    status, _, err = fetch("mn10_as")
    assert status == 1
    assert f"expected {sha256[:16]}" in err
    server.content = server.content[:-1]
    assert fetch("mn10_as")[0] == 0
    assert fetch()[0] == 0
    assert files.find(EFFICIENTAT) == folder / NAME  # the default comes first
    assert f"To use it: feature=efficientat feature.weights={folder / OTHER}\n" in fetch("mn10_as")[1]


def test_a_page_in_place_of_unknown_weights_is_refused(server: Server, fetch: Fetch) -> None:
    server.content = b"<!DOCTYPE html>Please log in"
    status, _, err = fetch("mn10_as")
    assert (status, stored()) == (1, {})
    assert "is of no use, and was deleted" in err


def test_a_downloaded_file_that_changed_is_not_used(server: Server, fetch: Fetch) -> None:
    fetch()
    file = files.folder(EFFICIENTAT) / NAME
    file.write_bytes(server.content[:-1])
    with pytest.raises(ValueError, match=r"(?s)has changed since it was published\. Delete it\..*src\.weights"):
        files.require(EFFICIENTAT)
    status, _, err = fetch()
    assert status == 1
    assert f"Delete {file} and give the same command again" in err


@pytest.mark.parametrize(("code", "reason"), [(404, "Not Found"), (403, "Forbidden"), (503, "Service Unavailable")])
def test_an_error_of_the_server(code: int, reason: str, server: Server, fetch: Fetch) -> None:
    server.status = code
    status, out, err = fetch()
    assert (status, out, stored()) == (1, "", {})
    url = f"{server.url}{NAME}"
    assert err == (
        f"weights: {url}: the server answers {code} ({reason}). You can also download {url} yourself and name the file with "
        "feature.weights=FILE.\n"
    )


def test_no_server(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with Server(("127.0.0.1", 0), Handler) as closed:
        url = closed.url
    assert weights.main([EFFICIENTAT, "--url", url]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"weights: {url}{NAME} could not be downloaded (")
    assert "Check the internet connection. You can also download" in err
    assert err.count("\n") == 1


def test_a_full_disk(server: Server, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download, "_copy", full)
    status, _, err = fetch()
    assert status == 1
    assert f"{NAME}: No space left on device, the disk is full" in " ".join(err.split())
    assert NAME not in stored()


def test_ctrl_c(server: Server, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    server.break_after, server.breaks = 150_000, 1
    received = download._receive_once

    def interrupted(*arguments: object) -> bool:
        received(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_receive_once", interrupted)
    status, _, err = fetch()
    assert (status, stored()) == (130, {f"{NAME}.part": 150_000})
    assert "Interrupted. Give the same command again: it continues where it stopped." in err


@pytest.mark.slow
def test_ctrl_c_in_a_program_of_its_own(server: Server, fetch: Fetch) -> None:
    server.break_after, server.breaks, server.stalls = 150_000, 1, True
    command = [sys.executable, "-m", "src.weights", EFFICIENTAT, "--url", server.url]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as program:
        part = files.folder(EFFICIENTAT) / f"{NAME}.part"
        deadline = time.monotonic() + 60
        while not (server.starts and part.exists()) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=30)
    assert program.returncode == 130, err
    assert "Traceback" not in err
    before = part.stat().st_size
    assert 0 < before <= 150_000
    server.stalls = False
    assert fetch()[0] == 0
    assert server.starts == [0, before]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mn11_as"], "There is no 'mn11_as': expected one of mn01_as, mn02_as, mn04_as"),
        (["--url", "file:///etc/"], "expected the folder of the files, as in https://HOST/FOLDER/"),
        (["--url", "nonsense"], "The address of the mirror is nonsense: expected the folder"),
        (["--url", "http://name:secret@127.0.0.1/"], "The address of the mirror is http://...@127.0.0.1/: expected"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert weights.main([EFFICIENTAT, *arguments]) == 1
    assert message in capsys.readouterr().err


def test_the_address_of_the_release_is_the_default_and_a_variable_changes_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSIC_GENRE_WEIGHTS_URL", server.url)
    assert weights.main([EFFICIENTAT]) == 0
    assert server.starts == [0]
    assert download.RELEASE[EFFICIENTAT] == "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/"


def test_a_folder_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MUSIC_GENRE_CACHE", str(tmp_path / "file"))
    assert weights.main([EFFICIENTAT]) == 1
    assert "MUSIC_GENRE_CACHE chooses another folder" in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        weights.main(["--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert "python -m src.weights efficientat mn10_as" in out
    for name in download.PUBLISHED[EFFICIENTAT]:
        assert name.partition("_mAP")[0] in out
