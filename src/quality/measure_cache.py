"""All clips of a corpus heard, each file once: what is known is kept in the cache, so a second audit starts where one ended."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic

import numpy as np

from src import code_digest
from src.audio import reader
from src.clip import Clip
from src.console import track
from src.plain_files import stamp
from src.quality import measures
from src.quality.measures import ClipMeasures
from src.threads import in_order

SAVE_SECONDS = 2.0  # of hearing, at most, are lost with an interruption
MeasuresOrReason = ClipMeasures | str  # measures, or the reason why there are none


def measure_clips(clips: Sequence[Clip], cache: Path, max_seconds: float | None) -> list[MeasuresOrReason]:
    """Each clip's measures, or in words why it cannot be heard. Safe to interrupt, and to run twice at once.

    A file is heard again when it has changed, or when how it is measured has. Raises OSError where the cache cannot be
    written.
    """
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(cache / "measures.sqlite", timeout=60)) as store:
            store.execute("create table if not exists measures (key text primary key, measures text, codes blob)")
            measured = code_digest.digest(code_digest.digests_with_imports("src.quality.measures"))
            keys = [_key(clip, max_seconds, measured) for clip in clips]
            known: dict[str, MeasuresOrReason] = dict(_known(store, keys))
            missing = [(key, clip) for key, clip in zip(keys, clips, strict=True) if key not in known]
            known.update(_heard(missing, max_seconds, store))
    except sqlite3.Error as error:
        raise OSError(f"{cache / 'measures.sqlite'}: {error}. Make room there, or choose data.cache=DIR.") from error
    return [known[key] for key in keys]


def _key(clip: Clip, max_seconds: float | None, measured: str) -> str:
    """What decides a clip's measures: the file as it is on disk, the stretch of it, and how it is measured."""
    parts = (measured, str(clip.path.absolute()), stamp(clip.path), clip.start_seconds, clip.stop_seconds, max_seconds)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _known(store: sqlite3.Connection, keys: Sequence[str]) -> Iterator[tuple[str, ClipMeasures]]:
    for first in range(0, len(keys), 500):  # SQLite takes some thousand variables at once
        part = keys[first : first + 500]
        marks = ", ".join("?" * len(part))
        for key, text, codes in store.execute(
            f"select key, measures, codes from measures where key in ({marks})", part
        ):
            yield key, ClipMeasures(**json.loads(text), codes=np.frombuffer(codes, np.uint32))


def _heard(
    missing: Sequence[tuple[str, Clip]], max_seconds: float | None, store: sqlite3.Connection
) -> Iterator[tuple[str, MeasuresOrReason]]:
    def answer(item: tuple[str, Clip]) -> tuple[str, MeasuresOrReason]:
        key, clip = item
        try:
            return key, measures.measure(clip, max_seconds)
        except reader.AudioError as error:
            return key, str(error)

    saved = monotonic()
    try:
        for key, found in track(in_order(answer, missing, os.cpu_count() or 1), "Listening", len(missing)):
            if not isinstance(found, str):  # a failure may be mended, by permissions perhaps, with the file unchanged
                row = (key, _text(found), found.codes.tobytes())
                store.execute("insert or replace into measures values (?, ?, ?)", row)
            if monotonic() - saved > SAVE_SECONDS:
                store.commit()
                saved = monotonic()
            yield key, found
    finally:
        store.commit()


def _text(heard: ClipMeasures) -> str:
    return json.dumps({key: value for key, value in heard._asdict().items() if key != "codes"})
