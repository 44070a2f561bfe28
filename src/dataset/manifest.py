"""A table of clips: one row a clip, in a CSV file with a header."""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from operator import itemgetter
from pathlib import Path

from src.clip import SUBSETS, Clip, Corpus
from src.dataset.dataset import DataSet

NEEDED = ("path", "genre")
USED = (*NEEDED, "artist", "album", "track", "split", "start", "stop")
ENOUGH = 1000  # files missing: the table is in the wrong place, and nobody waits for the rest of a million


class Manifest(DataSet):
    """Clips from the CSV file `path`: path and genre are needed; artist, album, track, split, start and stop are used.

    Paths are relative to the file. `split` holds train, val or test; `start` and `stop` are seconds into the file.
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
        """The clips. Raises ValueError, with the line, on a table that cannot be used."""
        if not self.path.is_file():
            raise ValueError(
                f"dataset.path is {self.path}, which is no file: expected a CSV with columns path and genre."
            )
        clips = []
        try:
            with open(self.path, newline="", encoding="utf-8-sig") as file:
                reader = csv.reader(file)
                columns = next(reader, [])
                self._check(columns)
                rows = _Rows(self.path.parent, columns)
                for row in filter(None, reader):
                    try:
                        clips.append(rows.clip(row))
                    except ValueError as error:
                        raise ValueError(f"{self.path}, line {reader.line_num}: {error}") from None
                    if len(rows.missing) == ENOUGH:
                        break
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path} is not UTF-8 text ({error}). Save the table as UTF-8.") from error
        except csv.Error as error:
            raise ValueError(f"{self.path}, line {reader.line_num}: {error}. Is a quote left open before?") from error
        if not clips:
            raise ValueError(f"{self.path} has a header and no rows: expected one row a clip.")
        if rows.missing:
            looked = f"first {len(rows.paths)}" if len(rows.missing) == ENOUGH else f"{len(rows.paths)}"
            raise ValueError(
                f"{self.path}: {len(rows.missing)} of its {looked} files are missing, e.g. {rows.missing[0]}. "
                f"Paths are relative to {self.path.parent}."
            )
        if len({clip.name for clip in clips}) < len(clips):
            [(twice, _)] = Counter(clip.name for clip in clips).most_common(1)
            raise ValueError(f"{self.path} lists {twice} twice. Remove one, or give the rows other starts and stops.")
        others = [column for column in columns if column and column not in USED]
        notes = (
            [f"{self.path}: columns {', '.join(others)} are not used; known are {', '.join(USED)}."] if others else []
        )
        return Corpus(self._name(), clips, notes=notes)

    def _name(self) -> str:
        """The file's name, or its folder's where the file is just called manifest.csv."""
        return self.path.resolve().parent.name if self.path.stem == "manifest" else self.path.stem

    def _check(self, columns: Sequence[str]) -> None:
        named = [column for column in columns if column]
        for needed in NEEDED:
            if needed not in named:
                near = get_close_matches(needed, named, n=1, cutoff=0.5)
                raise ValueError(
                    f"{self.path} has no column {needed!r}; it has {', '.join(named) or 'no header'}."
                    + (f" Did you mean {near[0]!r} to be {needed!r}?" if near else "")
                )


class _Rows:
    """Makes clips of a table's rows. A million of them fit in memory, since what rows have in common is kept once."""

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        self.folder, self.width = folder, len(columns)
        place = {column: k for k, column in enumerate(columns)}
        self._used = itemgetter(*(place.get(column, self.width) for column in USED))
        self._same: dict[str, str] = {}
        self.paths: dict[str, Path] = {}  # of each file that a row has named
        self.missing: list[Path] = []  # those of them that are not there

    def clip(self, row: list[str]) -> Clip:
        """The clip that a row describes. Raises ValueError on a row that cannot be used."""
        if len(row) > self.width:
            raise ValueError("more cells than the header has columns. Quote a cell that holds a comma.")
        row += [""] * (self.width + 1 - len(row))  # the last one stands for all columns that the table lacks
        file, genre, artist, album, track, subset, from_text, to_text = map(str.strip, self._used(row))
        if not file or not genre:
            raise ValueError(f"{'genre' if file else 'path'} is empty.")
        if subset and subset not in SUBSETS:
            raise ValueError(f"split is {subset!r}: expected {', '.join(SUBSETS)} or nothing.")
        start = _seconds(from_text, "start") or 0.0
        stop = _seconds(to_text, "stop")
        if stop is not None and stop <= start:
            raise ValueError(f"stop is {stop:g} s, not after start, {start:g} s.")
        return Clip(
            name=_stretch(file, start, stop) if from_text or to_text else file,
            path=self._path(file),
            genre=self._once(genre),
            artist=self._once(artist) or None,
            track=self._once(track) or None,
            start_seconds=start,
            stop_seconds=stop,
            subset=subset or None,
            album=self._once(album) or None,
        )

    def _path(self, file: str) -> Path:
        if file not in self.paths:
            self.paths[file] = self.folder / file
            # Not path.exists(), which would keep each path a second time, as text.
            if not os.path.exists(os.path.join(self.folder, file)):
                self.missing.append(self.paths[file])
        return self.paths[file]

    def _once(self, text: str) -> str:
        return self._same.setdefault(text, text)


def _stretch(file: str, start: float, stop: float | None) -> str:
    # Ten digits tell stretches apart to the millisecond, in recordings of weeks.
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
