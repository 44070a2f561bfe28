"""Measure the clips of a corpus and cache the measures, so that an interrupted audit can be resumed."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic

import numpy as np

from src.audio import reader
from src.audio.corrections import Note
from src.clip import Clip
from src.console import note, relative_path, track
from src.data.store import explaining_sqlite
from src.plain_files import stamp
from src.quality import measures
from src.quality.measures import ClipMeasures
from src.rundir import code_digest
from src.threads import map_in_order

SAVE_SECONDS = 2.0  # time between commits: an interruption loses at most this much work
MeasuresOrReason = ClipMeasures | str  # the measures of a clip, or the reason why it has none


def measure_clips(clips: Sequence[Clip], cache: Path, max_seconds: float | None) -> list[MeasuresOrReason]:
    """Measure each clip -> its measures, or a message for the user that says why it cannot be decoded.

    Writes the measures to measures.sqlite in the folder `cache` and shows a progress bar. A clip is measured only if the
    cache has no measures of it, or if its file or the measuring code has changed. `max_seconds` as in `measure`. Safe to
    interrupt, and to run in two processes at the same time. A damaged cache is made again. Raises OSError if the cache
    cannot be written.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "measures.sqlite"
    with explaining_sqlite(path):
        try:
            return _measure_with(path, clips, max_seconds)
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # its subclasses mean other troubles, such as a full disk
                raise
            note(f"The cache {relative_path(path)} is damaged ({error}), so the clips are measured again.")
            for damaged in cache.glob(f"{path.name}*"):  # also its journal
                damaged.unlink()
            return _measure_with(path, clips, max_seconds)


def _measure_with(path: Path, clips: Sequence[Clip], max_seconds: float | None) -> list[MeasuresOrReason]:
    """Take the measures from the database, and add those that it lacks. Raises sqlite3.Error if it cannot be used."""
    with closing(sqlite3.connect(path, timeout=60)) as database:
        database.execute("create table if not exists measures (key text primary key, measures text, codes blob)")
        code = code_digest.digest(code_digest.digests_with_imports("src.quality.measures"))
        keys = [_key(clip, max_seconds, code) for clip in clips]
        results: dict[str, MeasuresOrReason] = dict(_cached(database, keys))
        missing = [(key, clip) for key, clip in zip(keys, clips, strict=True) if key not in results]
        results.update(_measure_missing(missing, max_seconds, database))
    return [results[key] for key in keys]


def _key(clip: Clip, max_seconds: float | None, code: str) -> str:
    """Hash everything that determines a clip's measures: file and its state, part of the file, and measuring code."""
    parts = (code, str(clip.path.absolute()), stamp(clip.path), clip.start_seconds, clip.stop_seconds, max_seconds)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _cached(database: sqlite3.Connection, keys: Sequence[str]) -> Iterator[tuple[str, ClipMeasures]]:
    """Yield (key, measures) for the keys that the cache has."""
    for first in range(0, len(keys), 500):  # SQLite limits the number of variables in one query
        part = keys[first : first + 500]
        marks = ", ".join("?" * len(part))
        query = f"select key, measures, codes from measures where key in ({marks})"
        for key, text, codes in database.execute(query, part):
            row = json.loads(text)
            row["notes"] = tuple(Note(*note) for note in row["notes"])
            row |= {key: tuple(row[key]) for key in ("third_octaves_db", "steady_hz")}
            yield key, ClipMeasures(**row, codes=np.frombuffer(codes, np.uint32))


def _measure_missing(
    missing: Sequence[tuple[str, Clip]], max_seconds: float | None, database: sqlite3.Connection
) -> Iterator[tuple[str, MeasuresOrReason]]:
    """Measure clips in threads, yield the results in order, and cache those that are not failures."""

    def measure(item: tuple[str, Clip]) -> tuple[str, MeasuresOrReason]:
        key, clip = item
        try:
            return key, measures.measure(clip, max_seconds)
        except reader.AudioError as error:
            return key, str(error)

    last_commit = monotonic()
    try:
        for key, result in track(map_in_order(measure, missing), "Measuring", len(missing)):
            # A failure is not cached: its cause may go away while the file stays the same, e.g. missing permissions.
            if not isinstance(result, str):
                row = (key, _to_json(result), result.codes.tobytes())
                database.execute("insert or replace into measures values (?, ?, ?)", row)
            if monotonic() - last_commit > SAVE_SECONDS:
                database.commit()
                last_commit = monotonic()
            yield key, result
    finally:
        database.commit()


def _to_json(row: ClipMeasures) -> str:
    """All measures as JSON, except the codes of the fingerprint, which are stored as bytes."""
    return json.dumps({key: value for key, value in row._asdict().items() if key != "codes"})
