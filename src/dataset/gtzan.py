"""GTZAN, half minutes of ten genres (Tzanetakis and Cook 2002), with what is known of each clip and of its faults."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from src import plain_files
from src.clip import Clip, Corpus, Excluded
from src.dataset.dataset import DataSet

FACTS = Path(__file__).parent / "facts"  # gtzan.md there says where they are from
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
SUFFIXES = (".au", ".wav")  # of the original release and of the widespread one
INSIDE = ("", "genres", "genres_original", "Data/genres_original")  # where releases keep the genres' folders
NAMED, MANY = 5, 30  # of many clips, so many are named; of up to so many kept with a fault, all
EXPECTED = (
    "expected the folder with GTZAN's blues/blues.00000.wav (or .au) in it, or the one around its genres/ or "
    "genres_original/. conf/dataset/gtzan.yaml says where to get it."
)
# The kinds of fault, with the word that leads to the column `other`.
COPY = "exact copy"  # the same sound twice; of each group one clip is sound, and which one is a choice
SAME = "same track in the index"  # same artist and title: one recording, or another version or movement of one work
OUT = "left out of the fault-filtered lists"  # which give no reason clip by clip
DISTORTED, UNREADABLE = "distorted", "unreadable"
LEADS = {COPY: " of ", SAME: " as ", OUT: "", DISTORTED: ": ", UNREADABLE: " "}
MISLABELS = (
    "Mislabelled clips stay in: Sturm (2012) counts 43 conspicuous and 63 contentious ones, which no table here names."
)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a clip, or with `other`: the clip that it repeats, or else where or how it is wrong."""

    kind: str
    other: str
    source: str


class Gtzan(DataSet):
    """The clips of GTZAN that are in `root`, whichever release it is; blues.00000 is called so as .au and as .wav.

    Artists and titles are those of Sturm's index (An Analysis of the GTZAN Music Genre Dataset, MIRUM 2012), a composer
    where the music is classical; where several artists are credited, a split keeps the first one's clips together. Sides
    are those of the fault-filtered lists (Kereliuk, Sturm and Larsen, Deep Learning and Music Adversaries, IEEE
    Transactions on Multimedia 2015): 443 train, 197 val and 290 test.

    `faults` is "exclude": without the 70 clips that those lists leave out; or "keep": with them, though they have no side.
    """

    def __init__(
        self,
        root: str,
        faults: str,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
    ) -> None:
        super().__init__(genres, exclude, split_file)
        if faults not in ("exclude", "keep"):
            raise ValueError(f"dataset.faults is {faults!r}: expected exclude or keep.")
        asked = GENRES if genres is None else [genres] if isinstance(genres, str) else [str(genre) for genre in genres]
        unknown = [genre for genre in asked if genre not in GENRES]
        if unknown or not asked:
            raise ValueError(f"dataset.genres is {genres}: expected null (all) or some of {', '.join(GENRES)}.")
        self.root, self.faults = Path(root), faults
        self.asked = [genre for genre in GENRES if genre in asked]

    def listed(self) -> Corpus:
        """The clips of the genres that are asked for. Raises ValueError where `root` is no GTZAN, or none is usable."""
        folder, *unused = self._folders()
        files, others = _files(folder, self.asked)
        faults = _faults()
        clips: list[Clip] = []
        missing, faulty = [], []
        for name, row in _facts(self.asked).items():
            known = _words(faults.get(name, []))
            if name not in files:
                missing.append(Excluded(name, "; ".join([f"missing from {folder}", *known])))
            elif self.faults == "exclude" and not row["split"]:
                faulty.append(Excluded(name, "; ".join(known)))
            else:
                clips.append(_clip(row, files[name]))
        if not clips:
            raise ValueError(
                f"{folder} has no usable clip of {', '.join(self.asked)}: {len(missing)} are missing, and {len(faulty)} "
                "have known faults (dataset.faults=keep takes those)."
            )
        notes = [
            *(f"{self.root} holds GTZAN more than once: {folder} is read, {other} is not." for other in unused),
            *_gaps(missing, faulty, 100 * len(self.asked), folder),
            *_kept(clips, faults),
            MISLABELS,
        ]
        return Corpus("gtzan", clips, [*faulty, *missing, *others], notes=notes)

    def _folders(self) -> list[Path]:
        """The folders in or below `root` that hold clips of GTZAN. Raises ValueError where there is none."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is no folder: {EXPECTED}")
        found = [self.root / inside for inside in INSIDE if _files(self.root / inside, GENRES)[0]]
        if not found:
            raise ValueError(f"dataset.root is {self.root}, in which there is no clip of GTZAN: {EXPECTED}")
        return found


def _facts(genres: Sequence[str]) -> dict[str, dict[str, str]]:
    """Artist, track and side ("" where unknown) of each clip of some genres, by its name."""
    rows = plain_files.rows(FACTS, "gtzan.csv", ("clip", "artist", "track", "split"))
    return {row["clip"]: row for _, row in rows if row["clip"].partition(".")[0] in genres}


def _faults() -> dict[str, list[Fault]]:
    """The known faults of single clips, by the clip's name. Repetitions stand at both clips."""
    found: dict[str, list[Fault]] = {}
    for _, row in plain_files.rows(FACTS, "gtzan_faults.csv", ("clip", "fault", "other", "source")):
        found.setdefault(row["clip"], []).append(Fault(row["fault"], row["other"], row["source"]))
    return found


def _words(faults: Sequence[Fault]) -> list[str]:
    """A clip's faults for the user: "exact copy of disco.00051 and disco.00070 (source)"."""
    words = []
    for kind, lead in LEADS.items():
        mine = [fault for fault in faults if fault.kind == kind]
        if mine:
            others = " and ".join(fault.other for fault in mine)
            words.append(f"{kind}{lead}{others} ({'; '.join(dict.fromkeys(fault.source for fault in mine))})")
    return words


def _clip(row: dict[str, str], path: Path) -> Clip:
    artist = row["artist"].partition("; ")[0]  # of several, a split can keep one together: the one with the most clips
    return Clip(row["clip"], path, path.parent.name, artist or None, row["track"] or None, subset=row["split"] or None)


def _files(folder: Path, genres: Sequence[str]) -> tuple[dict[str, Path], list[Excluded]]:
    """The clips' files in some genres' folders, by the clip's name, and what else is in `folder`; nothing hidden."""
    files: dict[str, Path] = {}
    others = [
        Excluded(path.name, f"no genre of GTZAN, which are {', '.join(GENRES)}")
        for path in _visible(folder)
        if path.name not in GENRES
    ]
    for genre in genres:
        names = {f"{genre}.{number:05}" for number in range(100)}
        for path in _visible(folder / genre):
            here = f"{genre}/{path.name}"
            if path.stem not in names or path.suffix.lower() not in SUFFIXES or not path.is_file():
                others.append(Excluded(here, f"no clip of GTZAN, which are called {genre}.00000.wav (or .au) to 00099"))
            elif path.stem in files:
                others.append(Excluded(here, f"{path.stem} is read from {genre}/{files[path.stem].name}"))
            else:
                files[path.stem] = path
    return files, others


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, in order; .au comes before .wav. Nothing where there is no such folder."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def _gaps(missing: Sequence[Excluded], faulty: Sequence[Excluded], total: int, folder: Path) -> Iterator[str]:
    """What of the clips is not there, and what was left out."""
    if missing:
        more = f", and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        names = ", ".join(left.clip for left in missing[:NAMED])
        yield f"{len(missing)} of {total:,} clips are missing from {folder}: {names}{more}."
    if faulty:
        yield (
            f"{len(faulty)} of {total:,} clips have known faults and are left out, as in the fault-filtered lists "
            "(Kereliuk, Sturm and Larsen 2015); dataset.faults=keep takes them."
        )


def _listed(names: Sequence[str]) -> str:
    return str(len(names)) if len(names) > MANY else f"{len(names)}: {', '.join(names)}"


def _kept(clips: Sequence[Clip], faults: dict[str, list[Fault]]) -> Iterator[str]:
    """The known faults of clips that are kept; to repeat a clip that is not kept is none."""
    names = {clip.name for clip in clips}
    concerned: dict[str, dict[str, None]] = {kind: {} for kind in LEADS}
    for clip in clips:
        for fault in faults.get(clip.name, []):
            if fault.kind not in (COPY, SAME) or fault.other in names:
                concerned[fault.kind][clip.name] = None
    told = [f"{kind} ({_listed(list(mine))})" for kind, mine in concerned.items() if mine]
    if told:
        yield f"Clips with known faults are kept: {', '.join(told)}; src/dataset/facts/gtzan_faults.csv names them."
    for clip in clips:
        for fault in faults.get(clip.name, []):
            if fault.kind == UNREADABLE and clip.path.suffix.lower() == ".wav":
                yield f"{clip.name} is unreadable {fault.other} ({fault.source}): where it is, it is left out when decoded."
