"""A table of clips: one row a clip, in a CSV file with a header."""

import csv
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from src.clip import SIDES, Clip, Corpus
from src.dataset.dataset import DataSet

NEEDED = ("path", "genre")
USED = (*NEEDED, "artist", "track", "split", "start", "stop")


class Manifest(DataSet):
    """Clips from the CSV file `path`: columns path and genre are needed; artist, track, split, start and stop are used.

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
        try:
            with open(self.path, newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                columns = [column for column in reader.fieldnames or [] if column]
                self._check(columns)
                clips = [self._clip(row, reader.line_num) for row in reader]
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path} is not UTF-8 text ({error}). Save the table as UTF-8.") from error
        if not clips:
            raise ValueError(f"{self.path} has a header and no rows: expected one row a clip.")
        missing = [clip for clip in clips if not clip.path.exists()]
        if missing:
            raise ValueError(
                f"{self.path}: {len(missing)} of its {len(clips)} files are missing, e.g. {missing[0].path}. "
                f"Paths are relative to {self.path.parent}."
            )
        names = [clip.name for clip in clips]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{self.path} lists {twice} twice. Remove one, or give the rows other starts and stops.")
        others = [column for column in columns if column not in USED]
        notes = (
            [f"{self.path}: columns {', '.join(others)} are not used; known are {', '.join(USED)}."] if others else []
        )
        return Corpus(self._name(), clips, notes=notes)

    def _name(self) -> str:
        """The file's name, or its folder's where the file is just called manifest.csv."""
        return self.path.resolve().parent.name if self.path.stem == "manifest" else self.path.stem

    def _check(self, columns: Sequence[str]) -> None:
        for needed in NEEDED:
            if needed not in columns:
                near = get_close_matches(needed, columns, n=1, cutoff=0.5)
                raise ValueError(
                    f"{self.path} has no column {needed!r}; it has {', '.join(columns) or 'no header'}."
                    + (f" Did you mean {near[0]!r} to be {needed!r}?" if near else "")
                )

    def _clip(self, row: dict[str, str | None], line: int) -> Clip:
        where = f"{self.path}, line {line}"
        if None in row:
            raise ValueError(f"{where}: more cells than the header has columns. Quote a cell that holds a comma.")
        value = {column: (row.get(column) or "").strip() for column in USED}
        for needed in NEEDED:
            if not value[needed]:
                raise ValueError(f"{where}: {needed} is empty.")
        if value["split"] and value["split"] not in SIDES:
            raise ValueError(f"{where}: split is {value['split']!r}: expected {', '.join(SIDES)} or nothing.")
        start = _seconds(value["start"], f"{where}: start") or 0.0
        stop = _seconds(value["stop"], f"{where}: stop")
        if stop is not None and stop <= start:
            raise ValueError(f"{where}: stop is {stop:g} s, not after start, {start:g} s.")
        whole = not value["start"] and not value["stop"]
        return Clip(
            name=value["path"] if whole else f"{value['path']}#{start:g}-{'' if stop is None else f'{stop:g}'}",
            path=self.path.parent / value["path"],
            genre=value["genre"],
            artist=value["artist"] or None,
            track=value["track"] or None,
            start_seconds=start,
            stop_seconds=stop,
            side=value["split"] or None,
        )


def _seconds(text: str, what: str) -> float | None:
    try:
        seconds = float(text) if text else None
    except ValueError:
        raise ValueError(f"{what} is {text!r}: expected seconds, e.g. 12.5.") from None
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise ValueError(f"{what} is {text}: expected 0 s or more.")
    return seconds
