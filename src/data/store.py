"""A store: one array for each key, in files that only grow, with an index in SQLite. What is stored is not computed again.

    about.json     what the store is for; `python -m src.cache` reads it
    index.sqlite   for each key the piece, the place of its array in it, and details
    1.piece ...    arrays one after another
    1.lock ...     held by the process that appends to the piece
    keys-1.lock .. held by the process that computes the arrays of some keys

An array is valid once the index lists it; its bytes are written to the disk before that. So a process that is killed loses
what it computed in the last SAVE_SECONDS, and leaves nothing that could be taken for an array.
"""

import errno
import hashlib
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from io import FileIO
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import filelock
import torch
from torch import Tensor

from src.console import note, relative_path
from src.plain_files import NoRoom, no_room, write_json

ABOUT, INDEX = "about.json", "index.sqlite"
PIECE_BYTES = 2**30  # a piece that has reached this size gets no more arrays
SAVE_SECONDS = 2.0  # time between two saves: an interruption loses at most this much work
LOCKS = 16  # number of locks that sets of keys share
KEYS_PER_QUERY = 500  # SQLite limits the variables of one query
TABLE = """
create table if not exists entry
    (key text primary key, piece integer, start integer, items integer, detail text, twin text);
create index if not exists twin on entry (twin);
create index if not exists place on entry (piece, start, items);
"""

X = TypeVar("X")


class Entry(NamedTuple):
    """Place of an array: `items` values in the file of a piece, from value `start` on.

    `detail` is a text that the user of the store chooses.
    """

    key: str
    piece: int
    start: int
    items: int
    detail: str


class Store:
    """The arrays of one type in a folder, which is made if needed. `about` says what they are, for people and for pruning.

    Several processes may use a store at once. All methods raise OSError if the folder cannot be written.
    """

    def __init__(self, folder: Path, dtype: torch.dtype, about: Mapping[str, Any]) -> None:
        self.folder, self.dtype = folder, dtype
        self.index = folder / INDEX
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ABOUT).exists():
            write_json(folder / ABOUT, about, indent=2)

    def lock(self, keys: bytes) -> filelock.BaseFileLock:
        """A lock for computing the arrays of keys: a second process with the same keys waits, and few others do."""
        number = int(hashlib.sha256(keys).hexdigest(), 16) % LOCKS
        return filelock.FileLock(self._keys_lock(number))

    def _keys_lock(self, number: int) -> Path:
        return self.folder / f"keys-{number}.lock"

    @property
    def empty(self) -> bool:
        return self._with_index(lambda database: database.execute("select 1 from entry limit 1").fetchone()) is None

    def find(self, keys: Sequence[str]) -> Iterator[Entry]:
        """Yield the entries of those keys that the store has, in no order.

        Entries whose piece is missing or too short are deleted, with a note, as their arrays have to be made again.
        """
        sizes: dict[int, int] = {}  # of the pieces, in values
        query = "select key, piece, start, items, detail from entry where key in"
        for first in range(0, len(keys), KEYS_PER_QUERY):
            entries = [Entry(*row) for row in self._select(query, keys[first : first + KEYS_PER_QUERY])]
            for piece in {entry.piece for entry in entries if entry.items} - sizes.keys():
                sizes[piece] = self._check_piece(piece)
            yield from (
                entry for entry in entries if not entry.items or entry.start + entry.items <= sizes[entry.piece]
            )

    def find_twins(self, twins: Sequence[str]) -> Iterator[tuple[str, Entry]]:
        """Yield the entries with one of these second keys, as pairs of second key and entry."""
        by_key = dict(self._select("select key, twin from entry where twin in", twins))
        return ((by_key[entry.key], entry) for entry in self.find(list(by_key)))

    def _check_piece(self, piece: int) -> int:
        """The number of values in the file of a piece. Deletes the entries that lie beyond it, with a note.

        A memory map must never reach beyond its file: reading there would kill the process.
        """
        path = self._path(piece)
        size = path.stat().st_size // self.dtype.itemsize if path.is_file() else 0
        if size < (end := self._end(piece)):
            note(
                f"The cache {relative_path(self.folder)} is damaged ({path.name} has {size:,} of {end:,} values): what is "
                "missing is computed again."
            )
            self._change("delete from entry where piece = ? and items > 0 and start + items > ?", [(piece, size)])
        return size

    def rename(self, renamed: Iterable[tuple[Entry, str, str]]) -> None:
        """Give entries other keys and details, (entry, key, detail); their second keys stay."""
        rows = [(key, detail, entry.key) for entry, key, detail in renamed]
        self._change("update or replace entry set key = ?, detail = ? where key = ?", rows)

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, in no order."""
        query = "select key, piece, start, items, detail from entry"
        yield from (Entry(*row) for row in self._with_index(lambda database: database.execute(query).fetchall()))

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Lock out processes that look up or compute arrays. Yields False, without any lock, if one is doing so now."""
        with ExitStack() as locks:
            try:
                for number in range(LOCKS):
                    locks.enter_context(filelock.FileLock(self._keys_lock(number), timeout=0))
            except filelock.Timeout:
                yield False
                return
            yield True

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the arrays of these keys, and give their space back to the disk. Called within `alone`.

        Their pieces are written again without them, as new files: a process may have mapped the old ones.
        """
        keys_of: dict[int, list[str]] = {}
        for key, piece in self._select("select key, piece from entry where key in", keys):
            keys_of.setdefault(piece, []).append(key)
        for piece, unneeded in keys_of.items():
            with suppress(filelock.Timeout), filelock.FileLock(self._path(piece).with_suffix(".lock"), timeout=0):
                self._change("delete from entry where key = ?", [(key,) for key in unneeded])
                self._move_from(piece)
        self._with_index(lambda database: database.execute("vacuum"))

    def _move_from(self, piece: int) -> None:
        """Append the arrays of a piece to other pieces, and delete it."""
        query = "select key, start, items, detail, twin from entry where piece = ? order by start"
        rows = self._with_index(lambda database: database.execute(query, (piece,)).fetchall())
        if rows:
            with open(self._path(piece), "rb") as file, self.appending(replace=True) as appender:
                for key, start, items, detail, twin in rows:
                    file.seek(start * self.dtype.itemsize)
                    appender.append(key, file.read(items * self.dtype.itemsize), detail, twin)
        self._path(piece).unlink(missing_ok=True)

    @contextmanager
    def appending(self, replace: bool = False) -> Iterator["Appender"]:
        """Yield an Appender. It saves from time to time and at the end, also if the block is left by an error.

        If the store has a key already, its array stays, or the new one takes its place if `replace`.
        """
        appender = Appender(self, replace)
        try:
            yield appender
        except BaseException:
            with suppress(OSError):  # the first error is the one to report
                appender.close()
            raise
        appender.close()

    def map(self, piece: int, items: int) -> Tensor:
        """The first values of a piece, (items,), mapped into memory: they are read from the disk when they are used.

        The map is private, as torch knows no read-only memory. Nothing is ever written to it.
        """
        return torch.from_file(str(self._path(piece)), shared=False, size=items, dtype=self.dtype)

    def _select(self, query: str, values: Sequence[str]) -> list[tuple[Any, ...]]:
        """The rows of a query that ends in "in", for lists of at most KEYS_PER_QUERY values at once."""

        def rows(database: sqlite3.Connection) -> list[tuple[Any, ...]]:
            found = []
            for first in range(0, len(values), KEYS_PER_QUERY):
                part = values[first : first + KEYS_PER_QUERY]
                found += database.execute(f"{query} ({', '.join('?' * len(part))})", part).fetchall()
            return found

        return self._with_index(rows)

    def _change(self, command: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a command of SQL for each row, all in one transaction."""
        rows = list(rows)

        def change(database: sqlite3.Connection) -> None:
            with database:
                database.executemany(command, rows)

        self._with_index(change)

    def _end(self, piece: int) -> int:
        """The number of values of a piece that the index lists."""
        query = "select start + items from entry where piece = ? order by start desc, items desc limit 1"
        rows = self._with_index(lambda database: database.execute(query, (piece,)).fetchall())
        return int(rows[0][0]) if rows else 0

    def _with_index(self, work: Callable[[sqlite3.Connection], X]) -> X:
        """Do work with the index. An index that is no database is made anew, with a note: everything is computed again."""
        with explaining_sqlite(self.index):
            try:
                return self._connected(work)
            except sqlite3.DatabaseError as error:
                if type(error) is not sqlite3.DatabaseError:  # its subclasses mean other troubles, such as a full disk
                    raise
                note(f"The cache {relative_path(self.folder)} is damaged ({error}), so all of it is computed again.")
                for damaged in self.folder.glob(f"{INDEX}*"):  # also its journal
                    damaged.unlink()
                for piece in self.folder.glob("*.piece"):
                    piece.unlink()
                return self._connected(work)

    def _connected(self, work: Callable[[sqlite3.Connection], X]) -> X:
        with closing(sqlite3.connect(self.index, timeout=60)) as database:
            database.executescript(TABLE)
            return work(database)

    def _path(self, piece: int) -> Path:
        return self.folder / f"{piece}.piece"


class Appender:
    """Appends arrays to a piece that no other process writes to, and goes on in another one when the piece is large enough."""

    piece: int
    end: int  # of the piece, in values
    listed: int  # the same, without the arrays that are not in the index yet
    file: FileIO
    lock: filelock.BaseFileLock
    saved: float  # when the index was brought up to date

    def __init__(self, store: Store, replace: bool) -> None:
        self.store = store
        self.command = f"insert or {'replace' if replace else 'ignore'} into entry values (?, ?, ?, ?, ?, ?)"
        self.rows: list[tuple[str, int, int, int, str, str | None]] = []  # written, but not in the index yet
        self._open()

    def append(self, key: str, values: bytes, detail: str, twin: str | None = None) -> None:
        """Store an array, which may be empty."""
        if self.end * self.store.dtype.itemsize >= PIECE_BYTES:
            self.close()
            self._open()
        try:
            rest = memoryview(values)
            while rest:
                rest = rest[self.file.write(rest) or 0 :]
        except OSError:
            self.file.truncate(self.end * self.store.dtype.itemsize)  # this may leave the index the room that it needs
            raise
        items = len(values) // self.store.dtype.itemsize
        self.rows.append((key, self.piece, self.end, items, detail, twin))
        self.end += items
        if monotonic() - self.saved > SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Bring the arrays to the disk, then list them in the index."""
        if self.rows:
            os.fsync(self.file.fileno())
            self.store._change(self.command, self.rows)
        self.rows, self.saved, self.listed = [], monotonic(), self.end

    def close(self) -> None:
        """Save, remove what could not be listed, and let other processes append to the piece."""
        if self.file.closed:
            return
        try:
            self.save()
        finally:
            try:
                self.file.truncate(self.listed * self.store.dtype.itemsize)
            finally:
                self.file.close()
                self.lock.release()

    def _open(self) -> None:
        """Lock and open the first piece that has room and that no other process has locked."""
        for piece in itertools.count(1):
            path = self.store._path(piece)
            self.lock = filelock.FileLock(path.with_suffix(".lock"), timeout=0)
            if (path.stat().st_size if path.exists() else 0) < PIECE_BYTES:
                with suppress(filelock.Timeout):
                    self.lock.acquire()
                    break
        self.store._check_piece(piece)
        self.file = open(path, "ab", buffering=0)  # noqa: SIM115  closed by close()
        # Nothing is overwritten, not even what a killed process wrote without listing it: a process may have mapped the file.
        self.piece, self.end, self.saved = piece, -(-self.file.tell() // self.store.dtype.itemsize), monotonic()
        self.file.truncate(self.end * self.store.dtype.itemsize)  # to whole values
        self.listed = self.end


@contextmanager
def explaining_sqlite(path: Path) -> Iterator[None]:
    """Turn an error of SQLite into an OSError that says what to do, and into NoRoom if the disk is full."""
    try:
        yield
    except sqlite3.Error as error:
        if no_room(error):
            raise NoRoom(errno.ENOSPC, path) from error
        raise OSError(f"{path}: {error}. Make room there, or choose data.cache=DIR.") from error
