"""Made files in the layout of MTG-Jamendo: tables of a split, and an audio folder. No sound or table of it is used."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.conftest import tone

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"


def row(number: int, artist: int, *genres: str) -> str:
    """A row as the published tables have it."""
    path = f"{number % 100:02}/{number}.mp3"
    tags = "\t".join(f"genre---{genre}" for genre in genres)
    return f"track_{number:07}\tartist_{artist:06}\talbum_{artist:06}\t{path}\t124.6\t{tags}"


def tables(folder: Path, train: Iterable[str], validation: Iterable[str], test: Iterable[str]) -> Path:
    """Write the three tables of a split, with the line ends of the published ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("validation", validation), ("test", test)):
        text = "\n".join([HEADER, *rows]) + "\n"
        (folder / f"autotagging_genre-{name}.tsv").write_text(text, encoding="utf-8")
    return folder


def audio(folder: Path, numbers: Sequence[int], suffix: str = ".mp3", hz: float | None = None) -> Path:
    """Make the files of some tracks: empty ones, or tones of 1 s, each another one."""
    for number in numbers:
        path = folder / f"{number % 100:02}" / f"{number}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if hz is None:
            path.touch()
        else:
            tone(path, hz + number / 100, 1.0, 44100, channels=1 if suffix == ".low.mp3" else 2)
    return folder
