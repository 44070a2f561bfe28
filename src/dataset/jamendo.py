"""MTG-Jamendo, its genre task: full tracks from Jamendo (Bogdanov, Won, Tovstogan, Porter and Serra, ICML 2019)."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from src.clip import Clip, Corpus, Excluded, written
from src.dataset import jamendo_tables
from src.dataset.dataset import DataSet
from src.dataset.genres import GenreRules
from src.dataset.jamendo_tables import Track
from src.dataset.published import missing_tracks, unused_files, unused_folders

SPLITS = range(5)
SEVERAL_GENRES = ("exclude", "selected", "rarest")
TABLE_FOLDERS = ("split-{}", "splits/split-{}", "data/splits/split-{}", "mtg-jamendo-dataset/data/splits/split-{}")
AUDIO_FOLDERS = ("", "audio", "audio-low", "raw_30s", "raw_30s/audio", "raw_30s/audio-low")
LOW_SUFFIX = ".low.mp3"  # the end of the names in the small, mono release: 14/214.low.mp3
NAME = "MTG-Jamendo's genre task"
EXPECTED = (
    "expected the folder in which the archives were unpacked, with files such as 14/214.mp3 or, in low quality, "
    "14/214.low.mp3. conf/dataset/jamendo.yaml says where to get them."
)
COPIES = (
    "MTG/mtg-jamendo-dataset issue 52 reports 990 tracks of the whole data set in 465 groups of identical files, and names two "
    "of them: an audit finds the others, and the split is refused if it divides one."
)


class Jamendo(DataSet):
    """The tracks of MTG-Jamendo's genre task, with ids of artists and albums, and the sets of one of its five splits.

    `root` is the folder that has the folders 00 to 99 of the unpacked archives, in full (14/214.mp3) or low quality
    (14/214.low.mp3), or its parent folder. `metadata` is a clone of the repository MTG/mtg-jamendo-dataset, or its folder
    data/splits; None searches `root` and its parent folder. `split_number` is 0 to 4.

    A track has one to many genres, in alphabetical order, so the first one is not the main one. `several_genres` decides on
    tracks with several: "exclude" leaves them out; "selected" does so too, but ignores genres that `genres` does not
    select; "rarest" takes, of the selected genres, the one that the fewest tracks have. `genre_map` is applied first:
    genres with the same new name are one, and a genre whose new name is None is ignored in tracks that have another.
    """

    def __init__(
        self,
        root: str,
        split_number: int,
        several_genres: str,
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
        if split_number not in SPLITS:
            raise ValueError(f"dataset.split_number is {split_number!r}: expected 0 to {SPLITS[-1]}.")
        if several_genres not in SEVERAL_GENRES:
            raise ValueError(f"dataset.several_genres is {several_genres!r}: expected {', '.join(SEVERAL_GENRES)}.")
        if several_genres == "selected" and genres is None:
            raise ValueError(
                "dataset.several_genres=selected needs dataset.genres, e.g. 'dataset.genres=[rock,jazz,metal]': tracks with "
                "one of them are used."
            )
        self.root, self.split_number, self.several_genres = Path(root), split_number, several_genres
        self.metadata = Path(metadata) if metadata else None

    def listed(self) -> Corpus:
        """List the clips. Raises ValueError if the tables cannot be used, or if none of their tracks has a file."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is not a folder: {EXPECTED}")
        tracks = jamendo_tables.read(self._table_folder())
        (folder, files), *others = self._audio()
        full = {file for file in files if not file.endswith(LOW_SUFFIX)}
        is_low = len(full) < len(files) / 2
        files_of = {track.path: track.path.replace(".mp3", LOW_SUFFIX) if is_low else track.path for track in tracks}
        choice = _GenreChoice(tracks, self.genre_rules, self.genres, self.several_genres)
        self.fixed_genres = list(choice.tracks_of)
        clips: list[Clip] = []
        missing, several = [], []
        for track in tracks:
            file, genre = files_of[track.path], choice.genre(track)
            if genre is None:
                several.append(Excluded(track.path, f"several genres: left out by {self._setting()}"))
            elif file not in files:
                missing.append(Excluded(track.path, "no such file"))
            else:
                clips.append(_clip(track, folder / file, genre))
        if not clips:
            raise ValueError(
                f"{folder} contains none of the {len(tracks):,} tracks of {NAME} that have one genre: dataset.root is "
                f"{self.root}, {EXPECTED}"
            )
        unused = (files - full if is_low else full) - set(files_of.values())
        notes = [
            *unused_folders(self.root, "MTG-Jamendo", folder, [other for other, _ in others]),
            *self._several_notes(len(several), len(tracks)),
            *missing_tracks(missing, len(tracks) - len(several), folder, f"{NAME} with one genre"),
            *unused_files(len(unused), folder, NAME),
            *_quality_notes(len(full), len(files) - len(full), folder),
            COPIES,
        ]
        return Corpus("jamendo-low" if is_low else "jamendo", clips, [*missing, *several], notes=notes)

    def _setting(self) -> str:
        return f"dataset.several_genres={self.several_genres}"

    def _table_folder(self) -> Path:
        """The folder of the tables. Raises ValueError, with the paths that were tried, if there is none."""
        bases = [self.metadata] if self.metadata else [self.root, self.root.resolve().parent]
        candidates = [base / folder.format(self.split_number) for base in bases for folder in TABLE_FOLDERS]
        if self.metadata and self.metadata.name == f"split-{self.split_number}":
            candidates.insert(0, self.metadata)
        for candidate in candidates:
            if any((candidate / jamendo_tables.file_name(name)).is_file() for name in jamendo_tables.SETS):
                return candidate
        raise ValueError(
            f"The tables of {NAME} were not found: expected {jamendo_tables.file_name('train')} in "
            f"{' or '.join(map(str, candidates))}. Clone the repository MTG/mtg-jamendo-dataset and name its folder: "
            "dataset.metadata=DIR"
        )

    def _audio(self) -> list[tuple[Path, set[str]]]:
        """The folders with folders 00 to 99, each with the mp3 files in these. Raises ValueError if there are none."""
        folders = [self.root / subfolder for subfolder in AUDIO_FOLDERS]
        found = [(folder, files) for folder in folders if (files := _files(folder))]
        if not found:
            raise ValueError(f"dataset.root is {self.root}, which contains no track of {NAME}: {EXPECTED}")
        return found

    def _several_notes(self, several: int, total: int) -> Iterator[str]:
        if several:
            which = "of the selected genres" if self.several_genres == "selected" else "genres"
            yield f"{several:,} of the {total:,} tracks of {NAME} have several {which} and are left out ({self._setting()})."
        elif self.several_genres == "rarest":
            yield f"Tracks with several genres count under the one that the fewest tracks have ({self._setting()})."


class _GenreChoice:
    """Choose the one genre of each track, as `several_genres` says."""

    def __init__(self, tracks: Sequence[Track], rules: GenreRules, genres: Sequence[str] | None, several: str) -> None:
        self.tracks_of = Counter(genre for track in tracks for genre in track.genres)
        self._new = rules.new_names(self.tracks_of)
        self._several = several
        self._counts = Counter(
            name for track in tracks for name in {self._new[genre] for genre in track.genres} if name is not None
        )
        names = [genres] if isinstance(genres, str) else genres
        # "exclude" also counts the genres that are not selected.
        self._counted = (
            set(self._counts)
            if names is None or several == "exclude"
            else {written(name, self._counts) for name in names}
        )

    def genre(self, track: Track) -> str | None:
        """The genre of a track, as its table writes it; None if it has several.

        A track without a genre that counts keeps any of its genres: the selection then leaves it out.
        """
        old_name = {new: genre for genre in track.genres if (new := self._new[genre]) in self._counted and new}
        if self._several == "rarest" and old_name:
            return old_name[min(old_name, key=lambda name: (self._counts[name], name))]
        if len(old_name) > 1:
            return None
        return next(iter(old_name.values()), track.genres[0])


def _clip(track: Track, path: Path, genre: str) -> Clip:
    return Clip(track.path, path, genre, track.artist, track.track, subset=track.split, album=track.album)


def _files(folder: Path) -> set[str]:
    """The mp3 files in the folders 00 to 99 of a folder, as 14/214.mp3; empty if there is no such folder."""
    if not folder.is_dir():
        return set()
    subfolders = [name for name in os.listdir(folder) if re.fullmatch(r"\d\d", name) and (folder / name).is_dir()]
    return {
        f"{subfolder}/{name}"
        for subfolder in subfolders
        for name in os.listdir(folder / subfolder)
        if name.endswith(".mp3") and not name.startswith(".")
    }


def _quality_notes(full: int, low: int, folder: Path) -> Iterator[str]:
    if full and low:
        read, unread = ("low", full) if full < low else ("full", low)
        yield (
            f"{folder} has {full:,} files in full and {low:,} in low quality: those in {read} quality are read, the other "
            f"{unread:,} are not."
        )
