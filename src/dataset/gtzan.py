"""GTZAN: 30-second clips of ten genres (Tzanetakis and Cook 2002), with artists, titles, sets and known faults."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from src import plain_files
from src.clip import Clip, Corpus, Excluded
from src.dataset.dataset import DataSet
from src.dataset.published import FACTS, missing_clips, unused_folders, visible

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
SUFFIXES = (".au", ".wav")  # of the original release, and of the copies that are most common today
SUBFOLDERS = ("", "genres", "genres_original", "Data/genres_original")  # where the releases have the genre folders
MAX_FAULTY_NAMED = 30  # a note only counts the clips with a fault if there are more than this
EXPECTED = (
    "expected the folder that contains GTZAN's blues/blues.00000.wav (or .au), or the parent folder of genres/ or "
    "genres_original/. conf/dataset/gtzan.yaml says where to get it."
)
# The kinds of fault, in the column `fault` of gtzan_faults.csv.
COPY = "exact copy"  # the same audio again; of each group one clip, chosen arbitrarily, counts as faultless
SAME_TRACK = "same track in the index"  # same artist and title: one recording, or another version or movement
LEFT_OUT = "left out of the fault-filtered lists"  # the lists give no reason for single clips
DISTORTED, UNREADABLE = "distorted", "unreadable"
# The text between the kind of fault and the column `other`.
CONNECTORS = {COPY: " of ", SAME_TRACK: " as ", LEFT_OUT: "", DISTORTED: ": ", UNREADABLE: " "}
MISLABELS = (
    "Mislabelled clips are not left out: Sturm (2012) counts 43 conspicuous and 63 contentious ones, but no table here "
    "names them."
)


@dataclass(frozen=True)
class Fault:
    """A known fault of a clip. `other` is the clip that it repeats, or else describes where or how it is faulty."""

    kind: str
    other: str
    source: str


class Gtzan(DataSet):
    """The clips of GTZAN in `root`, from any release; their names are the same for .au and .wav: blues.00000.

    Artists and titles are those of Sturm's index (An Analysis of the GTZAN Music Genre Dataset, MIRUM 2012); for
    classical music the artist is the composer. If several artists are credited, a split keeps the first one's clips
    together. The sets are those of the fault-filtered lists (Kereliuk, Sturm and Larsen, Deep Learning and Music
    Adversaries, IEEE Transactions on Multimedia 2015): 443 train, 197 val and 290 test.

    `faults` is "exclude" to leave out the 70 clips that those lists leave out, or "keep" to include them; they belong
    to no set.
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
        """List the clips of the chosen genres. Raises ValueError if `root` contains no GTZAN or no usable clip."""
        folder, *others = self._folders()
        files, other_files = _files(folder, self.chosen_genres)
        faults = _faults()
        clips: list[Clip] = []
        missing, faulty = [], []
        for name, row in _metadata(self.chosen_genres).items():
            descriptions = _describe(faults.get(name, []))
            if name not in files:
                missing.append(Excluded(name, "; ".join([f"missing from {folder}", *descriptions])))
            elif self.faults == "exclude" and not row["split"]:
                faulty.append(Excluded(name, "; ".join(descriptions)))
            else:
                clips.append(_clip(row, files[name]))
        if not clips:
            raise ValueError(
                f"{folder} has no usable clip of {', '.join(self.chosen_genres)}: {len(missing)} are missing, and "
                f"{len(faulty)} have known faults (dataset.faults=keep includes them)."
            )
        notes = [
            *unused_folders(self.root, "GTZAN", folder, others),
            *_gap_notes(missing, faulty, 100 * len(self.chosen_genres), folder),
            *_fault_notes(clips, faults),
            MISLABELS,
        ]
        return Corpus("gtzan", clips, [*faulty, *missing, *other_files], notes=notes)

    def _folders(self) -> list[Path]:
        """The folders in or below `root` that contain clips of GTZAN. Raises ValueError if there are none."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is not a folder: {EXPECTED}")
        candidates = [self.root / subfolder for subfolder in SUBFOLDERS]
        folders = [folder for folder in candidates if _files(folder, GENRES)[0]]
        if not folders:
            raise ValueError(f"dataset.root is {self.root}, which contains no clip of GTZAN: {EXPECTED}")
        return folders


def _metadata(genres: Sequence[str]) -> dict[str, dict[str, str]]:
    """Artist, track and set ("" where unknown) of each clip of some genres, by clip name."""
    rows = plain_files.rows(FACTS, "gtzan.csv", ("clip", "artist", "track", "split"))
    return {row["clip"]: row for _, row in rows if row["clip"].partition(".")[0] in genres}


def _faults() -> dict[str, list[Fault]]:
    """The known faults of single clips, by clip name. A repetition is listed at both clips."""
    faults: dict[str, list[Fault]] = {}
    for _, row in plain_files.rows(FACTS, "gtzan_faults.csv", ("clip", "fault", "other", "source")):
        faults.setdefault(row["clip"], []).append(Fault(row["fault"], row["other"], row["source"]))
    return faults


def _describe(faults: Sequence[Fault]) -> list[str]:
    """Describe a clip's faults, one text per kind: "exact copy of disco.00051 and disco.00070 (source)"."""
    descriptions = []
    for kind, connector in CONNECTORS.items():
        of_kind = [fault for fault in faults if fault.kind == kind]
        if of_kind:
            others = " and ".join(fault.other for fault in of_kind)
            sources = "; ".join(dict.fromkeys(fault.source for fault in of_kind))
            descriptions.append(f"{kind}{connector}{others} ({sources})")
    return descriptions


def _clip(row: dict[str, str], path: Path) -> Clip:
    # Of several artists, the first one, who has the most clips: a split can keep only one artist's clips together.
    artist = row["artist"].partition("; ")[0]
    return Clip(row["clip"], path, path.parent.name, artist or None, row["track"] or None, subset=row["split"] or None)


def _files(folder: Path, genres: Sequence[str]) -> tuple[dict[str, Path], list[Excluded]]:
    """The files of the clips of some genres, by clip name, and all other files in `folder` except hidden ones."""
    files: dict[str, Path] = {}
    other_files = [
        Excluded(path.name, f"not a genre of GTZAN, which are {', '.join(GENRES)}")
        for path in visible(folder)
        if path.name not in GENRES
    ]
    for genre in genres:
        names = {f"{genre}.{number:05}" for number in range(100)}
        for path in visible(folder / genre):
            name = f"{genre}/{path.name}"
            if path.stem not in names or path.suffix.lower() not in SUFFIXES or not path.is_file():
                reason = f"not a clip of GTZAN, whose names are {genre}.00000.wav (or .au) to {genre}.00099.wav"
                other_files.append(Excluded(name, reason))
            elif path.stem in files:
                other_files.append(Excluded(name, f"{path.stem} is read from {genre}/{files[path.stem].name}"))
            else:
                files[path.stem] = path
    return files, other_files


def _gap_notes(missing: Sequence[Excluded], faulty: Sequence[Excluded], total: int, folder: Path) -> Iterator[str]:
    """Describe the clips that are missing, and those that are left out for their faults."""
    yield from missing_clips(missing, total, folder)
    if faulty:
        yield (
            f"{len(faulty)} of {total:,} clips have known faults and are left out, as in the fault-filtered lists "
            "(Kereliuk, Sturm and Larsen 2015); dataset.faults=keep includes them."
        )


def _count_and_names(names: Sequence[str]) -> str:
    return str(len(names)) if len(names) > MAX_FAULTY_NAMED else f"{len(names)}: {', '.join(names)}"


def _fault_notes(clips: Sequence[Clip], faults: dict[str, list[Fault]]) -> Iterator[str]:
    """Describe the known faults of the clips that are used. A copy of a clip that is not used does not count."""
    names = {clip.name for clip in clips}
    faulty: dict[str, dict[str, None]] = {kind: {} for kind in CONNECTORS}  # clip names by kind, in order
    for clip in clips:
        for fault in faults.get(clip.name, []):
            if fault.kind not in (COPY, SAME_TRACK) or fault.other in names:
                faulty[fault.kind][clip.name] = None
    descriptions = [
        f"{kind} ({_count_and_names(list(clip_names))})" for kind, clip_names in faulty.items() if clip_names
    ]
    if descriptions:
        yield f"Clips with known faults are used: {', '.join(descriptions)}; see src/dataset/facts/gtzan_faults.csv."
    for clip in clips:
        for fault in faults.get(clip.name, []):
            if fault.kind == UNREADABLE and clip.path.suffix.lower() == ".wav":
                yield (
                    f"{clip.name} is unreadable {fault.other} ({fault.source}): "
                    "if it cannot be decoded here, it is left out."
                )
