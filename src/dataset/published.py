"""Shared by the published data sets: the folder of their facts, and notes on files that are missing or not used."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from src.clip import Excluded

FACTS = Path(__file__).parent / "facts"  # its .md files name the sources of the tables
MAX_CLIPS_NAMED = 5  # a note names at most this many missing clips of a small data set,
MAX_TRACKS_NAMED = 3  # and this many missing tracks of a large one


def visible(folder: Path) -> list[Path]:
    """The content of a folder without hidden files, sorted by name; empty if there is no such folder."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def unused_folders(root: Path, data_set: str, read: Path, others: Sequence[Path]) -> Iterator[str]:
    """A note for each further folder in `root` that contains the data set again."""
    yield from (f"{root} contains {data_set} more than once: {read} is read, {other} is not." for other in others)


def missing_clips(missing: Sequence[Excluded], total: int, folder: Path) -> Iterator[str]:
    """A note on the clips of a small data set that have no file, if there are any."""
    if missing:
        more = f", and {len(missing) - MAX_CLIPS_NAMED} more" if len(missing) > MAX_CLIPS_NAMED else ""
        names = ", ".join(exclusion.clip for exclusion in missing[:MAX_CLIPS_NAMED])
        yield f"{len(missing)} of {total:,} clips are missing from {folder}: {names}{more}."


def missing_tracks(missing: Sequence[Excluded], total: int, folder: Path, data_set: str) -> Iterator[str]:
    """A note on the tracks of a large data set that have no file, if there are any."""
    if missing:
        examples = ", ".join(exclusion.clip for exclusion in missing[:MAX_TRACKS_NAMED])
        yield (
            f"{folder} has no file for {len(missing):,} of the {total:,} tracks of {data_set}, e.g. {examples}. "
            "Unpack the archive again, or continue without them."
        )


def unused_files(count: int, folder: Path, data_set: str) -> Iterator[str]:
    """A note on the mp3 files in a folder that are not tracks of the data set, if there are any."""
    if count:
        yield f"{count:,} of the mp3 files in {folder} are not tracks of {data_set}; they are not used."
