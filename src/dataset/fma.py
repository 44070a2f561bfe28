"""FMA, a dump of the Free Music Archive for music analysis (Defferrard, Benzi, Vandergheynst and Bresson, ISMIR 2017)."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from src import plain_files
from src.clip import Clip, Corpus, Excluded
from src.dataset import tracks
from src.dataset.dataset import DataSet
from src.dataset.tracks import SUBSETS, Track

FACTS = Path(__file__).parent / "facts"
NO_SOUND, SHORT, REPORTED = "no sound", "short", "reported unreadable"  # the faults in facts/fma_faults.csv
NAMED = 3  # of many tracks, so many are named
NO_GENRE = "no top genre in tracks.csv: its genres have several roots, or it has none"


class Fma(DataSet):
    """The tracks of FMA's `subset` that have one top genre, with their artists, albums and official sides.

    `root` is where fma_small.zip, fma_medium.zip or fma_large.zip was unpacked, or the folder that came out of it; a
    larger archive serves for a smaller subset too. `metadata` is tracks.csv or its folder; None looks in `root`, in its
    fma_metadata, and beside `root`. No artist is on two official sides. Known faults of single tracks stand, each with
    its source, in facts/fma_faults.csv: what has no sound is left out, what is short is kept.
    """

    def __init__(
        self,
        root: str,
        subset: str,
        metadata: str | None = None,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
    ) -> None:
        super().__init__(genres, exclude, split_file)
        if subset not in SUBSETS:
            raise ValueError(f"dataset.subset is {subset!r}: expected {', '.join(SUBSETS)}.")
        self.root, self.subset = Path(root), subset
        self.metadata = Path(metadata) if metadata else None

    def listed(self) -> Corpus:
        """The clips. Raises ValueError where tracks.csv cannot be used, or none of its tracks has a file."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is no folder: {self._expected()}")
        listed, folder, faults = tracks.read(self._table(), self.subset), self._folder(), _faults()
        there = _files(folder)
        clips: list[Clip] = []
        silent, missing, unlabelled = [], [], []
        for track in listed:
            fault = faults.get(track.number)
            if fault and fault["fault"] == NO_SOUND:
                silent.append(Excluded(track.name, f"no sound in the archive's file ({fault['source']})"))
            elif not track.genre:
                unlabelled.append(Excluded(track.name, NO_GENRE))
            elif track.name not in there:
                missing.append(Excluded(track.name, "no such file"))
            else:
                clips.append(_clip(track, folder))
        if not clips:
            raise ValueError(
                f"{folder} holds none of the {len(listed):,} tracks of FMA {self.subset}: dataset.root is {self.root}, "
                f"{self._expected()}"
            )
        unused = len(there - {track.name for track in listed})
        notes = [*self._gaps(len(listed), len(unlabelled), missing, unused, folder), *_doubts(clips, faults)]
        return Corpus(f"fma-{self.subset}", clips, [*silent, *missing, *unlabelled], notes=notes)

    def _folder(self) -> Path:
        """What holds the folders 000, 001 and so on: an archive's folder below `root`, or else `root` itself."""
        below = [self.root / f"fma_{subset}" for subset in SUBSETS[SUBSETS.index(self.subset) :]]
        return next((folder for folder in below if folder.is_dir()), self.root)

    def _table(self) -> Path:
        """Where tracks.csv is. Raises ValueError, with the places where it was looked for, where it is in none."""
        if self.metadata:
            places = [self.metadata, self.metadata / "tracks.csv"]
        else:
            bases = (self.root, self.root.resolve().parent)
            places = [base / path for base in bases for path in ("tracks.csv", "fma_metadata/tracks.csv")]
        for place in places:
            if place.is_file():
                return place
        raise ValueError(
            f"FMA's tracks.csv is not there: neither {', nor '.join(map(str, places))}. Unpack fma_metadata.zip and "
            "name its folder: dataset.metadata=DIR"
        )

    def _expected(self) -> str:
        archive = f"fma_{self.subset}"
        return (
            f"expected the folder in which {archive}.zip was unpacked, with {archive}/000/000002.mp3 or the like in it, or "
            f"that {archive} itself."
        )

    def _gaps(
        self, total: int, unlabelled: int, missing: Sequence[Excluded], unused: int, folder: Path
    ) -> Iterator[str]:
        """What of the subset is not there, and what is there and not of the subset."""
        name = f"FMA {self.subset}"
        if unlabelled:
            yield f"{name} has no top genre for {unlabelled:,} of its {total:,} tracks; they are left out."
        if missing:
            yield (
                f"{folder} has no file for {len(missing):,} of the {total:,} tracks of {name}, e.g. "
                f"{', '.join(left.clip for left in missing[:NAMED])}: unpack the archive again, or go on without them."
            )
        if unused:
            yield f"{name} has no row for {unused:,} of the mp3 files in {folder}; they are not used."


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
    """The mp3 files in an archive's folder, named as tracks are."""
    shelves = [name for name in os.listdir(folder) if re.fullmatch(r"\d{3}", name) and (folder / name).is_dir()]
    return {
        f"{shelf}/{name}"
        for shelf in shelves
        for name in os.listdir(folder / shelf)
        if name.endswith(".mp3") and not name.startswith(".")
    }


def _faults() -> dict[int, dict[str, str]]:
    """What is known to be wrong with single tracks: fault, seconds of sound and source, by a track's number."""
    rows = plain_files.rows(FACTS, "fma_faults.csv", ("track_id", "fault", "seconds", "source"))
    return {int(row["track_id"]): row for _, row in rows}


def _doubts(clips: Sequence[Clip], faults: dict[int, dict[str, str]]) -> Iterator[str]:
    """What the user should know of clips that are kept."""
    known = [(clip, faults[int(clip.path.stem)]) for clip in clips if int(clip.path.stem) in faults]
    short = [f"{clip.name} ({fault['seconds']} s)" for clip, fault in known if fault["fault"] == SHORT]
    if short:
        yield f"The mdeff/fma wiki calls clips shorter than 30 s that are kept here: {', '.join(short)}."
    reported = sum(fault["fault"] == REPORTED for _, fault in known)
    if reported:
        yield (
            f"mdeff/fma issue 49 calls {reported} of the clips unreadable, without a second check: they are tried, and "
            "those that prove so are listed in excluded.csv."
        )
