"""What an audit and a split cost as a catalogue grows: `python -m benchmarks.catalogue FOLDER`.

Catalogues of 100, 1,000 and 10,000 clips of ten seconds are taken from the synthetic corpus (rendered into FOLDER, which
takes some minutes and 2.5 GB, once), each audited by the program itself in a process of its own, with nothing in the cache.
Then a manifest of a million rows, cut out of the same files, is listed and split. Times are wall-clock; memory is the
process's largest resident set.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import numpy as np

from src.clip import Clip
from src.dataset import Synth

SIZES = (100, 1_000, 10_000)
ROWS = 1_000_000
ARTISTS = 100_000  # of the million rows
SPLITS = ("holdout", "kfold", "random")
COST = """
import resource, sys, time
start = time.monotonic()
from src.instantiate import choose
from src.config import compose
imported = time.monotonic()
clips = choose(compose("dataset=manifest", f"dataset.path={sys.argv[1]}").dataset).corpus().clips
listed = time.monotonic()
sides = choose(compose(f"split={sys.argv[2]}").split).assign(clips)
split = time.monotonic()
print(imported - start, listed - imported, split - listed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
PEAK = """
import resource, runpy, sys
sys.argv = ["src/audit.py", *sys.argv[1:]]
try:
    runpy.run_module("src.audit", run_name="__main__", alter_sys=True)
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)
"""


def manifest(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """Write a manifest with artists and stretches."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "genre", "artist", "track", "start", "stop"), *rows])
    return path


def audited(clips: Sequence[Clip], folder: Path) -> tuple[float, float]:
    """The seconds and MB that an audit of the clips takes."""
    rows = [(clip.path, clip.genre, clip.artist, clip.track, "", "") for clip in clips]
    words = (f"dataset.path={manifest(folder / 'clips.csv', rows)}", f"data.cache={folder / 'cache'}")
    started = monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "dataset=manifest", *words, f"hydra.run.dir={folder / 'out'}"],
        capture_output=True,
        text=True,
    )
    seconds = monotonic() - started
    if done.returncode == 2:
        raise RuntimeError(done.stderr)
    return seconds, float(done.stderr.rsplit("peak ", 1)[1])


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log seconds over log size."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def million(clips: Sequence[Clip], path: Path) -> Path:
    """A manifest of ROWS stretches of the clips, by ARTISTS artists of ten genres."""
    genres = sorted({clip.genre for clip in clips})
    rows = []
    for k in range(ROWS):
        artist = k % ARTISTS
        start = 0.001 * (k // len(clips))
        rows.append(
            (
                clips[k % len(clips)].path,
                genres[artist % len(genres)],
                f"artist {artist}",
                f"song {k}",
                start,
                start + 5,
            )
        )
    return manifest(path, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the synthetic clips are, or will be")
    corpus = Synth(str(parser.parse_args().folder), artists=250, tracks=4).corpus()
    clips = np.random.default_rng(0).permutation(np.array(corpus.clips, dtype=object)).tolist()
    seconds = []
    print("| clips | audit | peak memory |\n|---:|---:|---:|")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            took, peak = audited(clips[:size], Path(folder))
        seconds.append(took)
        print(f"| {size:,} | {took:.1f} s | {peak:,.0f} MB |", flush=True)
    slopes = (exponent(SIZES, seconds), exponent(SIZES[1:], seconds[1:]))
    print(
        f"\nSeconds grow as the number of clips to the power {slopes[0]:.2f}, from 1,000 to 10,000 {slopes[1]:.2f}.\n"
    )
    print(f"| {ROWS:,} rows | listing | splitting | peak memory |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        table = million(clips, Path(folder) / "million.csv")
        for split in SPLITS:
            done = subprocess.run(
                [sys.executable, "-c", COST, table, split], capture_output=True, text=True, check=True
            )
            _, listing, splitting, peak = map(float, done.stdout.split())
            print(f"| split={split} | {listing:.1f} s | {splitting:.1f} s | {peak:,.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
