"""Random access to the bytes of a file, and files that consist of byte ranges of another file."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from types import TracebackType

SMALL_BYTES, WINDOW_BYTES = 1 << 13, 1 << 18  # read at once: for a look at one place, and to go through a file
TAIL_BYTES = 128  # of zeros at the end of a range file that states more bytes than it has: read as "no ID3v1 tag"


class Source:
    """The bytes of a file, read in windows, so that a long file takes little memory. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  # closed with this object
        self.size = self._file.seek(0, io.SEEK_END)
        self._data, self._base = b"", 0

    def __enter__(self) -> "Source":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def at(self, position: int, count: int) -> bytes:
        """Read `count` bytes from a position; fewer at the end of the file."""
        start = position - self._base
        if start < 0 or start + count > len(self._data):
            self._data, self._base = self._read(position, max(count, SMALL_BYTES)), position
            start = 0
        return self._data[start : start + count]

    def window(self, position: int) -> bytes:
        """Read the WINDOW_BYTES that begin at a position, fewer at the end of the file."""
        self._data, self._base = self._read(position, WINDOW_BYTES), position
        return self._data

    def _read(self, position: int, count: int) -> bytes:
        self._file.seek(max(0, position))
        return self._file.read(count) or b""


class RangeFile(io.RawIOBase):
    """A read-only file: byte ranges [start, stop) of another file, one after another.

    `size` may be more than the ranges have. A decoder that estimates the length from the number of bytes then does not
    stop too early; what is missing reads as the end of the file.
    """

    def __init__(self, path: Path, ranges: Sequence[tuple[int, int]], size: int = 0) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  # closed with this object
        self._ranges = ranges
        self._ends = list(accumulate(stop - start for start, stop in ranges))
        self.size = max(size, self._ends[-1])
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        """Read into a buffer up to the end of the current range; return the number of bytes."""
        k = bisect_right(self._ends, self._position)
        if k == len(self._ranges):
            count = min(len(buffer), self.size - self._position) if self.size - self._position <= TAIL_BYTES else 0
            count = max(0, count)
            buffer[:count] = bytes(count)
        else:
            begin = self._ends[k - 1] if k else 0
            self._file.seek(self._ranges[k][0] + self._position - begin)
            data = self._file.read(min(len(buffer), self._ends[k] - self._position)) or b""
            count = len(data)
            buffer[:count] = data
        self._position += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def open_ranges(path: Path, ranges: Sequence[tuple[int, int]], size: int = 0) -> io.BufferedReader:
    """Open byte ranges of a file as one buffered file (see RangeFile)."""
    return io.BufferedReader(RangeFile(path, ranges, size), 1 << 16)
