"""A synthetic genre under two names, which no model should tell apart: `python -m benchmarks.renamed_genre FOLDER`.

Renders rock and pop by many invented artists, one clip each, and writes two manifests, in which every second artist of
rock has the genre "rock again": many.csv with all artists, few.csv with the first 24 of each genre.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from src.clip import Clip
from src.dataset import Synth

ARTISTS, FEW = 366, 24  # of each genre; the composer has names for 366
RENAMED, OTHER = "rock", "pop"


def rows(clips: Iterable[Clip], most: int) -> list[tuple[str, str, str]]:
    """Path, genre and artist of the first `most` clips of each genre, with two names for rock in turn."""
    number: Counter[str] = Counter()
    found = []
    for clip in clips:
        if number[clip.genre] < most:
            again = clip.genre == RENAMED and number[clip.genre] % 2
            found.append((str(clip.path), f"{RENAMED} again" if again else clip.genre, str(clip.artist)))
        number[clip.genre] += 1
    return found


def main() -> None:
    """Render the clips and write the manifests."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.renamed_genre", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    clips = Synth(cache=str(folder), artists=ARTISTS, tracks=1, genres=[OTHER, RENAMED]).corpus().clips
    for name, most in (("many", ARTISTS), ("few", FEW)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("path", "genre", "artist"), *rows(clips, most)])
        print(folder / f"{name}.csv")


if __name__ == "__main__":
    main()
