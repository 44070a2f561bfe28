"""FMA, a dump of the Free Music Archive for music analysis (Defferrard, Benzi, Vandergheynst and Bresson, ISMIR 2017)."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from src import plain_files
from src.clip import Clip, Corpus, Excluded
from src.dataset import tracks
from src.dataset.dataset import DataSet
from src.dataset.published import FACTS, missing_tracks, unused_files
from src.dataset.tracks import SUBSETS, Track

NO_SOUND, SHORT, REPORTED = "no sound", "short", "reported unreadable"  # the faults in facts/fma_faults.csv
NO_GENRE = "no top genre in tracks.csv: its genres have several roots, or it has no genre"


class Fma(DataSet):
    """The tracks of FMA's `subset` that have one top genre, with their artists, albums and official sets.

    `root` is the folder in which fma_small.zip, fma_medium.zip or fma_large.zip was unpacked, or the unpacked folder
    itself; a larger archive can also be used for a smaller subset. `metadata` is tracks.csv or its folder; None
    searches `root`, its parent folder, and fma_metadata in both. No artist is in two official sets.

    facts/fma_faults.csv lists the known faults of single tracks, each with its source: tracks without sound are left
    out, short ones are not.
    """

    def __init__(
        self,
        root: str,
        subset: str,
        metadata: str | None = None,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
        genre_map: Mapping[object, object] | str | None = None,
        genre_separator: str | None = None,
        genre_pick: str = "first",
        tree: str | None = None,
    ) -> None:
        super().__init__(genres, exclude, split_file, genre_map, genre_separator, genre_pick, tree)
        if subset not in SUBSETS:
            raise ValueError(f"dataset.subset is {subset!r}: expected {', '.join(SUBSETS)}.")
        self.root, self.subset = Path(root), subset
        self.metadata = Path(metadata) if metadata else None

    def listed(self) -> Corpus:
        """List the clips. Raises ValueError if tracks.csv cannot be used, or if none of its tracks has a file."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is not a folder: {self._expected()}")
        subset_tracks, folder, faults = tracks.read(self._table(), self.subset), self._folder(), _faults()
        files = _files(folder)
        clips: list[Clip] = []
        silent, missing, unlabelled = [], [], []
        for track in subset_tracks:
            fault = faults.get(track.number)
            if fault and fault["fault"] == NO_SOUND:
                silent.append(Excluded(track.name, f"no sound in the archive's file ({fault['source']})"))
            elif not track.genre:
                unlabelled.append(Excluded(track.name, NO_GENRE))
            elif track.name not in files:
                missing.append(Excluded(track.name, "no such file"))
            else:
                clips.append(_clip(track, folder))
        if not clips:
            raise ValueError(
                f"{folder} contains none of the {len(subset_tracks):,} tracks of FMA {self.subset}: dataset.root is "
                f"{self.root}, {self._expected()}"
            )
        unused = len(files - {track.name for track in subset_tracks})
        gap_notes = self._gap_notes(len(subset_tracks), len(unlabelled), missing, unused, folder)
        notes = [*gap_notes, *_fault_notes(clips, faults)]
        return Corpus(f"fma-{self.subset}", clips, [*silent, *missing, *unlabelled], notes=notes)

    def _folder(self) -> Path:
        """The folder that contains 000, 001 and so on: an archive's folder below `root`, or else `root` itself."""
        candidates = [self.root / f"fma_{subset}" for subset in SUBSETS[SUBSETS.index(self.subset) :]]
        return next((folder for folder in candidates if folder.is_dir()), self.root)

    def _table(self) -> Path:
        """The path of tracks.csv. Raises ValueError, with the paths that were tried, if none of them is a file."""
        if self.metadata:
            candidates = [self.metadata, self.metadata / "tracks.csv"]
        else:
            bases = (self.root, self.root.resolve().parent)
            candidates = [base / path for base in bases for path in ("tracks.csv", "fma_metadata/tracks.csv")]
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise ValueError(
            f"FMA's tracks.csv was not found: expected {' or '.join(map(str, candidates))}. Unpack fma_metadata.zip "
            "and name its folder: dataset.metadata=DIR"
        )

    def _expected(self) -> str:
        """Describe the expected content of `root`, for the end of an error message."""
        archive = f"fma_{self.subset}"
        return (
            f"expected the folder in which {archive}.zip was unpacked, with files such as {archive}/000/000002.mp3, "
            f"or the folder {archive} itself."
        )

    def _gap_notes(
        self, total: int, unlabelled: int, missing: Sequence[Excluded], unused: int, folder: Path
    ) -> Iterator[str]:
        """Describe the tracks of the subset that cannot be used, and the files that are not in the subset."""
        name = f"FMA {self.subset}"
        if unlabelled:
            yield f"{name} has no top genre for {unlabelled:,} of its {total:,} tracks; they are left out."
        yield from missing_tracks(missing, total, folder, name)
        yield from unused_files(unused, folder, name)


def _clip(track: Track, folder: Path) -> Clip:
    return Clip(
        name=track.name,
        path=folder / track.name,
        genre=track.genre,
        artist=track.artist,
        track=track.title,
        subset=track.split,
        album=track.album,
    )


def _files(folder: Path) -> set[str]:
    """The mp3 files in an archive's folder, named like tracks (000/000002.mp3)."""
    subfolders = [name for name in os.listdir(folder) if re.fullmatch(r"\d{3}", name) and (folder / name).is_dir()]
    return {
        f"{subfolder}/{name}"
        for subfolder in subfolders
        for name in os.listdir(folder / subfolder)
        if name.endswith(".mp3") and not name.startswith(".")
    }


def _faults() -> dict[int, dict[str, str]]:
    """The known faults of single tracks (fault, seconds of sound, source), by track number."""
    rows = plain_files.rows(FACTS, "fma_faults.csv", ("track_id", "fault", "seconds", "source"))
    return {int(row["track_id"]): row for _, row in rows}


def _fault_notes(clips: Sequence[Clip], faults: dict[int, dict[str, str]]) -> Iterator[str]:
    """Describe the known faults of the clips that are used."""
    faulty = [(clip, faults[int(clip.path.stem)]) for clip in clips if int(clip.path.stem) in faults]
    short = [f"{clip.name} ({fault['seconds']} s)" for clip, fault in faulty if fault["fault"] == SHORT]
    if short:
        yield f"The mdeff/fma wiki lists clips shorter than 30 s that are used here: {', '.join(short)}."
    reported = sum(fault["fault"] == REPORTED for _, fault in faulty)
    if reported:
        yield (
            f"mdeff/fma issue 49 reports {reported} of the clips as unreadable, without a second check: they are "
            "decoded all the same, and those that fail are listed in excluded.csv."
        )
