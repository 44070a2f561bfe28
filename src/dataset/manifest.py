"""Clips listed in a table: a header, then one row per clip."""

import os
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

from src import formatting
from src.clip import ALL_SUBSETS, Clip, Corpus, Opinion
from src.dataset import opinion_columns, opinions
from src.dataset.dataset import DataSet
from src.dataset.tables import DELIMITERS, Table
from src.plain_files import STRAY_QUOTE, SURROGATE

REQUIRED = ("path", "genre")
COLUMNS = (*REQUIRED, "artist", "album", "track", "split", "start", "stop", opinion_columns.ANNOTATOR)
TARGETS = ("shares", "majority")
MAX_MISSING = 1000  # if this many files are missing, the table is in the wrong folder: checking stops


class Manifest(DataSet):
    """The clips of the table `path` (see `Table`).

    The columns path and genre are required; artist, album, track, split, start and stop are optional. Paths are
    relative to the table, or begin with ~ for the home folder. `split` is train, val, test or calibration; `start` and
    `stop` are seconds from the beginning of the file.

    Several people may label a clip: each in a row of its own, with the name in the column annotator; or each in a column,
    genre_1, genre_2 ..., instead of genre; or only their shares are known, jazz=0.6|blues=0.4 in the column genre. `targets`
    says what is then trained on, the "shares" or the "majority".
    """

    def __init__(
        self,
        path: str,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
        genre_map: Mapping[object, object] | str | None = None,
        genre_separator: str | None = None,
        genre_pick: str = "first",
        tree: str | None = None,
        targets: str = "shares",
    ) -> None:
        super().__init__(genres, exclude, split_file, genre_map, genre_separator, genre_pick, tree)
        if targets not in TARGETS:
            raise ValueError(f"dataset.targets is {targets!r}: expected {' or '.join(TARGETS)}.")
        self.path, self.targets = Path(path), targets

    def listed(self) -> Corpus:
        """List the clips. Raises ValueError, with the line, if the table cannot be used."""
        if not self.path.is_file():
            raise ValueError(
                f"dataset.path is {self.path}, which is not a file: expected a CSV file with columns path and genre."
            )
        table = self._table()
        row_reader = _RowReader(self.path.parent, table.header, table.delimiter)
        clips = []
        for record in table.rows(accepts=row_reader.has_quoted_file):
            try:
                if record.quotes:
                    row_reader.check_line_breaks(record.cells)
                clips.append(row_reader.clip(record.cells, record.line))
            except ValueError as error:
                raise ValueError(f"{self.path}, line {record.line}: {error}") from None
            if len(row_reader.missing) == MAX_MISSING:
                break
        if not clips:
            raise ValueError(f"{self.path} has a header but no rows: expected one row per clip.")
        if row_reader.missing:
            n_files, n_missing = len(row_reader.files), len(row_reader.missing)
            checked = f"first {n_files}" if n_missing == MAX_MISSING else f"{n_files}"
            raise ValueError(
                f"{self.path}: {n_missing} of its {checked} files are missing, e.g. {row_reader.missing[0]}. "
                f"Paths are relative to {self.path.parent}."
                + (" The path is not UTF-8 text: is the table?" if SURROGATE.search(str(row_reader.missing[0])) else "")
            )
        if row_reader.by_annotator:
            clips = opinion_columns.merged(clips, self.path)
        if len({clip.name for clip in clips}) < len(clips):
            [(duplicate, _)] = Counter(clip.name for clip in clips).most_common(1)
            raise ValueError(f"{self.path} lists {duplicate} twice. Remove one row, or change its start or stop.")
        corpus = Corpus(self._name(), clips, notes=self._notes(table.header, row_reader), targets=self.targets)
        if any(clip.opinions for clip in clips):
            # In a table with shares, a cell with one genre is the share 1.
            several = [clip if clip.opinions else replace(clip, opinions=(Opinion(clip.genre),)) for clip in clips]
            corpus = replace(corpus, clips=several)
            opinions.check_genres(self.genre_rules.apply(corpus), self.path)
        return corpus

    def _table(self) -> Table:
        """Open the table. Raises ValueError if a column is missing, or if it has two forms of opinions, or half of one."""
        known = (*COLUMNS, *opinion_columns.OPINION_COLUMNS)
        header = Table(self.path, ("path",), known).header
        opinion_columns.check_form(header, self.path)
        return Table(self.path, ("path", opinion_columns.FIRST) if opinion_columns.FIRST in header else REQUIRED, known)

    def _notes(self, columns: Sequence[str], row_reader: "_RowReader") -> list[str]:
        notes = []
        known = (*COLUMNS, *opinion_columns.columns_of(columns))
        unused = [column for column in columns if column and column not in known]
        if unused:
            notes.append(
                f"{self.path}: columns {', '.join(unused)} are not used; known columns are {', '.join(COLUMNS)}, and genre_1, "
                "genre_2 ... instead of genre."
            )
        if row_reader.without_genre:
            rows = formatting.count(len(row_reader.without_genre), "row")
            lines = formatting.first_names([str(line) for line in row_reader.without_genre], 5)
            notes.append(f"{self.path}: {rows} without a genre, as annotators left it out: line {lines}.")
        if row_reader.respelt:
            cell, file = row_reader.respelt[0]
            notes.append(
                f"{self.path}: {formatting.count(len(row_reader.respelt), 'path')} written in another form than on this disk, e.g. "
                f"{cell!r}, read as {file!r}."
            )
        return notes

    def _name(self) -> str:
        """Name of the table without its suffix, or of its folder if the table is called manifest.csv."""
        return self.path.resolve().parent.name if self.path.stem == "manifest" else self.path.stem


class _RowReader:
    """Convert the rows of a table to clips. Equal texts and paths are stored once, so that a million clips fit in memory."""

    def __init__(self, folder: Path, columns: Sequence[str], delimiter: str) -> None:
        self.folder, self.width, self.delimiter = folder, len(columns), delimiter
        position = {column: k for k, column in enumerate(columns)}
        self._cells = itemgetter(*(position.get(column, self.width) for column in COLUMNS))
        self._path_column = position["path"]
        self.by_annotator = opinion_columns.ANNOTATOR in position
        self._opinion_columns = opinion_columns.columns_of(columns)
        self.without_genre: list[int] = []  # lines of annotators who gave no genre
        self._texts: dict[str, str] = {}
        self.files: dict[str, tuple[str, Path]] = {}  # name and path of the file, by the text in the column `path`
        self.missing: list[Path] = []  # the paths that do not exist
        self.respelt: list[tuple[str, str]] = []  # cells that name a file in another form, and the name of the file

    def clip(self, row: list[str], line: int) -> Clip:
        """Convert a row to a clip; of a table with a column annotator, to a clip with one opinion, whose genre may be empty.

        Raises ValueError if the row cannot be used.
        """
        if len(row) > self.width and any(map(str.strip, row[self.width :])):
            raise ValueError(
                f"more cells than the header has columns. Quote a cell that contains a {DELIMITERS[self.delimiter]}."
            )
        del row[self.width :]
        row += [""] * (self.width + 1 - len(row))  # the last, empty cell is read for all columns that the table lacks
        path_cell, *cells = self._cells(row)
        genre, artist, album, track, split, start_text, stop_text, annotator = map(str.strip, cells)
        if not path_cell.strip():
            raise ValueError("path is empty.")
        given = self._opinions(row, genre, annotator, line)
        if not genre and not given:
            raise ValueError("genre is empty.")
        if split and split not in ALL_SUBSETS:
            raise ValueError(f"split is {split!r}: expected {', '.join(ALL_SUBSETS)} or an empty cell.")
        start = self._seconds(start_text, "start") or 0.0
        stop = self._seconds(stop_text, "stop")
        if stop is not None and stop <= start:
            raise ValueError(f"stop is {stop:g} s: expected more than start, {start:g} s.")
        file, path = self._file(path_cell)
        name = _part_name(file, start, stop) if start_text or stop_text else file
        return Clip(
            name=name,
            path=path,
            genre=opinions.majority(given, name) if given else self._shared(genre, "genre"),
            artist=self._shared(artist, "artist") or None,
            track=self._shared(track, "track") or None,
            start_seconds=start,
            stop_seconds=stop,
            subset=split or None,
            album=self._shared(album, "album") or None,
            opinions=given,
        )

    def _opinions(self, row: list[str], genre: str, annotator: str, line: int) -> tuple[Opinion, ...]:
        """The opinions in a row; none if it has one genre and no annotator. Raises ValueError if they cannot be used."""
        if self._opinion_columns:
            return opinion_columns.from_columns(row, self._opinion_columns, line, self._shared)
        has_shares = opinion_columns.has_shares(genre)
        if not self.by_annotator:
            if not has_shares:
                return ()
            return opinion_columns.from_shares(genre, line, self._shared, self.delimiter != ",")
        if not annotator:
            raise ValueError("annotator is empty: expected who gave the genre. Without annotators, remove the column.")
        if has_shares:
            raise ValueError(
                f"genre is {genre!r}, of annotator {annotator}: shares and annotators are two forms of opinions. Use one."
            )
        if not genre:
            self.without_genre.append(line)
        return (Opinion(self._shared(genre, "genre"), 1.0, self._shared(annotator, "annotator"), line),)

    def has_quoted_file(self, row: list[str]) -> bool:
        """True if the only cell of a row with quotation marks is the path of a file that exists: 7" mix.wav."""
        cell = row[self._path_column] if len(row) > self._path_column else ""
        return sum('"' in text for text in row) == 1 and '"' in cell and self._found(cell) is not None

    def check_line_breaks(self, row: list[str]) -> None:
        """Refuse a cell that contains other rows of the table: it begins and ends with a stray quotation mark each."""
        for cell in row:
            if "\n" not in cell and "\r" not in cell:
                continue
            for line in cell.splitlines()[1:]:
                inner = line.split(self.delimiter)
                if len(inner) > max(1, self._path_column) and self._found(inner[self._path_column]) is not None:
                    raise ValueError(f"a cell goes on over the following rows: is there {STRAY_QUOTE}")

    def _file(self, cell: str) -> tuple[str, Path]:
        """The name of the file in a cell, and its path. A file that is not found is added to `missing`."""
        if cell not in self.files:
            written = cell.strip()
            found = self._found(cell)
            if found is None:
                self.missing.append(self.folder / written)
            elif found[0] != written:
                self.respelt.append((written, found[0]))
            self.files[cell] = found or (written, self.folder / written)
        return self.files[cell]

    def _found(self, cell: str) -> tuple[str, Path] | None:
        """Name and path of the file in a cell: as written, with slashes for backslashes, or in another Unicode form."""
        stripped = cell.strip()
        slashes = stripped.replace("\\", "/")
        forms = [stripped, cell, slashes]
        if not stripped.isascii():
            forms += [unicodedata.normalize("NFC", slashes), unicodedata.normalize("NFD", slashes)]
        for file in dict.fromkeys(forms):
            # Not path.exists(), which would store each path a second time, as text.
            if "\0" in file or not file:
                continue
            if os.path.exists(os.path.join(self.folder, file)):
                return file, self.folder / file
            if file[0] == "~" and os.path.exists(home := os.path.expanduser(file)):
                return file, Path(home)
        return None

    def _shared(self, text: str, column: str) -> str:
        shared = self._texts.get(text)
        if shared is None:
            if not text.isascii() and SURROGATE.search(text):
                raise ValueError(f"{column} is not UTF-8 text ({text!r}). Save the table as UTF-8.")
            shared = self._texts[text] = text
        return shared

    def _seconds(self, text: str, column: str) -> float | None:
        """Convert a cell to seconds; None if it is empty. Where commas do not separate cells, one may begin the decimals."""
        if not text:
            return None
        try:
            seconds = float(text if self.delimiter == "," else text.replace(",", "."))
        except ValueError:
            raise ValueError(f"{column} is {text!r}: expected seconds, e.g. 12.5.") from None
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"{column} is {text}: expected 0 s or more.")
        return seconds


def _part_name(file: str, start: float, stop: float | None) -> str:
    # Ten digits distinguish parts to the millisecond, even in recordings that last weeks.
    return f"{file}#{start:.10g}-{'' if stop is None else f'{stop:.10g}'}"
