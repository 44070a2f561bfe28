"""Messages of the MP3 decoder on standard error, collected for the file that it decodes.

mpg123, inside libsndfile, reports damage with fprintf(stderr, ...) and cannot be told not to. Redirecting file descriptor 2
would also catch progress bars and other threads' output. So the C variable `stderr` is pointed at a stream whose write
function is ours: it runs in the thread that decodes, and so knows the file. Python's own standard error and everything that
is printed while no file is decoded are not affected. This needs glibc; elsewhere the decoder's messages stay as they are.
"""

import atexit
import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

MOST_BYTES = 10_000  # kept of one file: a damaged file can cause a hundred thousand lines
UNBUFFERED = 2  # _IONBF of glibc's stdio.h
# Lines that say nothing about the file which is not said elsewhere: its length is checked in mpeg_scan.py.
UNIMPORTANT = (b"Xing stream size off", b"Trying to resync", b"Hit end of (available) data", b"Skipped ", b"Try ")

_Write = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_thread = threading.local()


class _Functions(ctypes.Structure):
    """cookie_io_functions_t of glibc's stdio.h."""

    _fields_ = (("read", ctypes.c_void_p), ("write", _Write), ("seek", ctypes.c_void_p), ("close", ctypes.c_void_p))


class Messages:
    """The messages of one file's decoder."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._lines = 0

    def add(self, text: bytes) -> None:
        """Add a message or a part of one. Only its first MOST_BYTES are kept."""
        self._lines += text.count(b"\n")
        self._text += text[: max(0, MOST_BYTES - len(self._text))]

    def notes(self) -> list[str]:
        """Summarize the messages in one sentence; none if nothing that matters was reported."""
        lines = [line.strip() for line in bytes(self._text).splitlines()]
        lines = [line for line in lines if line and not any(word in line for word in UNIMPORTANT)]
        if not lines:
            return []
        first = _without_source(lines[0].decode(errors="replace")).rstrip(".")
        more = f" and {self._lines - 1} more lines" if self._lines > 1 else ""
        return [f"damaged: the decoder reports {first!r}{more}"]


@contextmanager
def collect(messages: Messages) -> Iterator[None]:
    """Collect what the decoder prints in this thread."""
    _redirect()
    before = getattr(_thread, "messages", None)
    _thread.messages = messages
    try:
        yield
    finally:
        _thread.messages = before


def _without_source(line: str) -> str:
    """Remove mpg123's place in its own source, as in "[src/libmpg123/parse.c:skip_junk():1260] error: ..."."""
    for prefix in ("error: ", "Note: ", "Warning: ", "warning: "):
        line = line.rpartition(prefix)[2] if prefix in line else line
    return line


def _write(_cookie: int | None, buffer: int, count: int) -> int:
    text = ctypes.string_at(buffer, count)
    messages = getattr(_thread, "messages", None)
    if messages is None:
        os.write(2, text)
    else:
        messages.add(text)
    return count


@cache
def _redirect() -> None:
    """Point the C variable `stderr` at `_write` until the process ends. Runs once; does nothing without glibc."""
    if os.name != "posix":
        return
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return
    stderr = ctypes.c_void_p.in_dll(libc, "stderr")
    original = stderr.value
    libc.fopencookie.restype = ctypes.c_void_p
    libc.fopencookie.argtypes = [ctypes.c_void_p, ctypes.c_char_p, _Functions]
    write = _Write(_write)
    stream = libc.fopencookie(None, b"w", _Functions(None, write, None, None))
    if not stream:
        return
    libc.setvbuf(ctypes.c_void_p(stream), None, UNBUFFERED, 0)
    stderr.value = stream

    def restore(kept: object = write) -> None:  # `kept`: the function must outlive the stream
        stderr.value = original

    atexit.register(restore)
