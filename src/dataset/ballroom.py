"""Ballroom: 30-second clips of eight dances, from the tempo contest of ISMIR 2004 (Gouyon et al. 2006)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from src import plain_files
from src.clip import AUDIO_SUFFIXES, Clip, Corpus, Excluded
from src.dataset.dataset import DataSet
from src.dataset.published import FACTS, missing_clips, unused_folders, visible

GENRES = ("ChaChaCha", "Jive", "Quickstep", "Rumba", "Samba", "Tango", "VienneseWaltz", "Waltz")
# The folders of the archive. The contest counts the three kinds of rumba as one dance.
FOLDERS = (*(genre for genre in GENRES if genre != "Rumba"), "Rumba-American", "Rumba-International", "Rumba-Misc")
SUBFOLDERS = ("", "BallroomData", "audio", "B_1.0/audio")  # where the archive, and mirdata, have these folders
CLIP_NAME = re.compile(r"Albums-(?P<album>.+)-\d\d|(?P<media>Media-\d{4})\d\d")  # an album or a medium, then its track
# The kinds of fault in ballroom_faults.csv, each with the word before the clip that is repeated.
CONNECTORS = {"exact copy": "of", "same recording": "as"}
EXPECTED = (
    "expected the folder that contains Ballroom's ChaChaCha/Media-103401.wav, or the folder in which data1.tar.gz was "
    "unpacked. conf/dataset/ballroom.yaml says where to get it."
)


class Ballroom(DataSet):
    """The clips of Ballroom in `root`, in the layout of its archive or of mirdata. A clip is named after its file, without suffix.

    Artists and titles are not known. The album is read from the clip's name, so that a split keeps albums together:
    Latin_Jam2 of Albums-Latin_Jam2-05, Media-1034 of Media-103401 (facts/ballroom.md says why).

    `faults` is "exclude" to leave out the 13 clips that repeat another one (Sturm 2014), or "keep" to include them.
    """

    fixed_genres = GENRES

    def __init__(
        self,
        root: str,
        faults: str,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
        genre_map: Mapping[object, object] | str | None = None,
        genre_separator: str | None = None,
        genre_pick: str = "first",
        tree: str | None = None,
    ) -> None:
        super().__init__(genres, exclude, split_file, genre_map, genre_separator, genre_pick, tree)
        if faults not in ("exclude", "keep"):
            raise ValueError(f"dataset.faults is {faults!r}: expected exclude or keep.")
        self.root, self.faults = Path(root), faults
        self.chosen_genres = self.chosen_of_fixed()

    def listed(self) -> Corpus:
        """List the clips of the chosen dances. Raises ValueError if `root` contains no Ballroom or no usable clip."""
        genre_of, repeated = _genres(), _repeated()
        folder, *others = self._folders(genre_of)
        files, other_files = _files(folder, genre_of)
        clips: list[Clip] = []
        missing, left_out = [], []
        for name, genre in genre_of.items():
            if genre not in self.chosen_genres:
                continue
            if name not in files:
                missing.append(Excluded(name, f"missing from {folder}"))
            elif self.faults == "exclude" and name in repeated:
                left_out.append(Excluded(name, repeated[name]))
            else:
                clips.append(Clip(name, files[name], genre, album=_album(name)))
        if not clips:
            raise ValueError(
                f"{folder} has no usable clip of {', '.join(self.chosen_genres)}: {len(missing)} are missing, and "
                f"{len(left_out)} repeat another clip (dataset.faults=keep includes them)."
            )
        notes = [
            *unused_folders(self.root, "Ballroom", folder, others),
            *missing_clips(missing, sum(genre in self.chosen_genres for genre in genre_of.values()), folder),
            *_repetition_notes(clips, left_out, repeated),
        ]
        return Corpus("ballroom", clips, [*left_out, *missing, *other_files], notes=notes)

    def _folders(self, genre_of: Mapping[str, str]) -> list[Path]:
        """The folders in or below `root` that contain clips of Ballroom. Raises ValueError if there are none."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is not a folder: {EXPECTED}")
        candidates = [self.root / subfolder for subfolder in SUBFOLDERS]
        folders = [folder for folder in candidates if _files(folder, genre_of)[0]]
        if not folders:
            raise ValueError(f"dataset.root is {self.root}, which contains no clip of Ballroom: {EXPECTED}")
        return folders


def _genres() -> dict[str, str]:
    """The dance of each of the 698 clips, by clip name."""
    return {row["clip"]: row["genre"] for _, row in plain_files.rows(FACTS, "ballroom.csv", ("clip", "genre"))}


def _repeated() -> dict[str, str]:
    """The clips that repeat another one, each with a description: "exact copy of Albums-Fire-08 (Sturm 2014 ...)"."""
    rows = plain_files.rows(FACTS, "ballroom_faults.csv", ("clip", "fault", "other", "source"))
    return {
        row["clip"]: f"{row['fault']} {CONNECTORS[row['fault']]} {row['other']} ({row['source']})" for _, row in rows
    }


def _album(name: str) -> str:
    match = CLIP_NAME.fullmatch(name)
    assert match, f"{name} in ballroom.csv has another form"
    return match["album"] or match["media"]


def _files(folder: Path, genre_of: Mapping[str, str]) -> tuple[dict[str, Path], list[Excluded]]:
    """The files of the clips, by clip name, and all other folders and sound files in `folder` except hidden ones."""
    files: dict[str, Path] = {}
    other_files = [
        Excluded(path.name, f"not a folder of Ballroom, which are {', '.join(FOLDERS)}")
        for path in visible(folder)
        if path.name not in FOLDERS and (path.is_dir() or path.suffix.lower() in AUDIO_SUFFIXES)
    ]
    for dance in FOLDERS:
        for path in visible(folder / dance):
            name = f"{dance}/{path.name}"
            genre = genre_of.get(path.stem)
            if path.suffix.lower() != ".wav" or not path.is_file() or genre is None:
                reason = "not a clip of Ballroom, whose names are those in src/dataset/facts/ballroom.csv with .wav"
                other_files.append(Excluded(name, reason))
            elif dance.partition("-")[0] != genre:
                other_files.append(Excluded(name, f"in the folder of another dance: {path.stem} is a {genre}"))
            elif path.stem in files:
                other_files.append(Excluded(name, f"{path.stem} is read from {files[path.stem].relative_to(folder)}"))
            else:
                files[path.stem] = path
    return files, other_files


def _repetition_notes(
    clips: Sequence[Clip], left_out: Sequence[Excluded], repeated: Mapping[str, str]
) -> Iterator[str]:
    """Describe the clips that repeat another one."""
    if left_out:
        yield (
            f"{len(left_out)} clips repeat another one and are left out (Sturm 2014): "
            f"{', '.join(exclusion.clip for exclusion in left_out)}; dataset.faults=keep includes them."
        )
    used = [clip.name for clip in clips if clip.name in repeated]
    if used:
        yield f"Clips that repeat another one are used: {', '.join(used)}; see src/dataset/facts/ballroom_faults.csv."
