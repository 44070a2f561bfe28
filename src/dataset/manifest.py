"""Clips listed in a CSV table: a header, then one row per clip."""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from operator import itemgetter
from pathlib import Path

from src.clip import SUBSETS, Clip, Corpus
from src.dataset.dataset import DataSet

REQUIRED = ("path", "genre")
COLUMNS = (*REQUIRED, "artist", "album", "track", "split", "start", "stop")
MAX_MISSING = 1000  # if this many files are missing, the table is in the wrong folder: checking stops


class Manifest(DataSet):
    """The clips of the CSV file `path`.

    The columns path and genre are required; artist, album, track, split, start and stop are optional. Paths are
    relative to the table. `split` is train, val or test; `start` and `stop` are seconds from the beginning of the file.
    """

    def __init__(
        self,
        path: str,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
    ) -> None:
        super().__init__(genres, exclude, split_file)
        self.path = Path(path)

    def listed(self) -> Corpus:
        """List the clips. Raises ValueError, with the line, if the table cannot be used."""
        if not self.path.is_file():
            raise ValueError(
                f"dataset.path is {self.path}, which is not a file: expected a CSV file with columns path and genre."
            )
        clips = []
        try:
            with open(self.path, newline="", encoding="utf-8-sig") as file:
                reader = csv.reader(file)
                columns = next(reader, [])
                self._check_columns(columns)
                row_reader = _RowReader(self.path.parent, columns)
                for row in filter(None, reader):
                    try:
                        clips.append(row_reader.clip(row))
                    except ValueError as error:
                        raise ValueError(f"{self.path}, line {reader.line_num}: {error}") from None
                    if len(row_reader.missing) == MAX_MISSING:
                        break
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path} is not UTF-8 text ({error}). Save the table as UTF-8.") from error
        except csv.Error as error:
            raise ValueError(
                f"{self.path}, line {reader.line_num}: {error}. Is there an unclosed quote before it?"
            ) from error
        if not clips:
            raise ValueError(f"{self.path} has a header but no rows: expected one row per clip.")
        if row_reader.missing:
            n_files, n_missing = len(row_reader.paths), len(row_reader.missing)
            checked = f"first {n_files}" if n_missing == MAX_MISSING else f"{n_files}"
            raise ValueError(
                f"{self.path}: {n_missing} of its {checked} files are missing, e.g. {row_reader.missing[0]}. "
                f"Paths are relative to {self.path.parent}."
            )
        if len({clip.name for clip in clips}) < len(clips):
            [(duplicate, _)] = Counter(clip.name for clip in clips).most_common(1)
            raise ValueError(f"{self.path} lists {duplicate} twice. Remove one row, or change its start or stop.")
        unused = [column for column in columns if column and column not in COLUMNS]
        notes = (
            [f"{self.path}: columns {', '.join(unused)} are not used; known columns are {', '.join(COLUMNS)}."]
            if unused
            else []
        )
        return Corpus(self._name(), clips, notes=notes)

    def _name(self) -> str:
        """Name of the table without its suffix, or of its folder if the table is called manifest.csv."""
        return self.path.resolve().parent.name if self.path.stem == "manifest" else self.path.stem

    def _check_columns(self, columns: Sequence[str]) -> None:
        named = [column for column in columns if column]
        for required in REQUIRED:
            if required not in named:
                similar = get_close_matches(required, named, n=1, cutoff=0.5)
                raise ValueError(
                    f"{self.path} has no column {required!r}; it has {', '.join(named) or 'no header'}."
                    + (f" Did you mean {similar[0]!r} to be {required!r}?" if similar else "")
                )


class _RowReader:
    """Convert the rows of a table to clips. Equal texts and paths are stored once, so that a million clips fit in memory."""

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        self.folder, self.width = folder, len(columns)
        position = {column: k for k, column in enumerate(columns)}
        self._cells = itemgetter(*(position.get(column, self.width) for column in COLUMNS))
        self._texts: dict[str, str] = {}
        self.paths: dict[str, Path] = {}  # by the text in the column `path`
        self.missing: list[Path] = []  # the paths that do not exist

    def clip(self, row: list[str]) -> Clip:
        """Convert a row to a clip. Raises ValueError if the row cannot be used."""
        if len(row) > self.width:
            raise ValueError("more cells than the header has columns. Quote a cell that contains a comma.")
        row += [""] * (self.width + 1 - len(row))  # the last, empty cell is read for all columns that the table lacks
        file, genre, artist, album, track, split, start_text, stop_text = map(str.strip, self._cells(row))
        if not file or not genre:
            raise ValueError(f"{'genre' if file else 'path'} is empty.")
        if split and split not in SUBSETS:
            raise ValueError(f"split is {split!r}: expected {', '.join(SUBSETS)} or an empty cell.")
        start = _seconds(start_text, "start") or 0.0
        stop = _seconds(stop_text, "stop")
        if stop is not None and stop <= start:
            raise ValueError(f"stop is {stop:g} s: expected more than start, {start:g} s.")
        return Clip(
            name=_part_name(file, start, stop) if start_text or stop_text else file,
            path=self._path(file),
            genre=self._shared(genre),
            artist=self._shared(artist) or None,
            track=self._shared(track) or None,
            start_seconds=start,
            stop_seconds=stop,
            subset=split or None,
            album=self._shared(album) or None,
        )

    def _path(self, file: str) -> Path:
        if file not in self.paths:
            self.paths[file] = self.folder / file
            # Not path.exists(), which would store each path a second time, as text.
            if not os.path.exists(os.path.join(self.folder, file)):
                self.missing.append(self.paths[file])
        return self.paths[file]

    def _shared(self, text: str) -> str:
        return self._texts.setdefault(text, text)


def _part_name(file: str, start: float, stop: float | None) -> str:
    # Ten digits distinguish parts to the millisecond, even in recordings that last weeks.
    return f"{file}#{start:.10g}-{'' if stop is None else f'{stop:.10g}'}"


def _seconds(text: str, column: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(f"{column} is {text!r}: expected seconds, e.g. 12.5.") from None
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{column} is {text}: expected 0 s or more.")
    return seconds
