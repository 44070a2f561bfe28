"""Time and memory of audits and splits by catalogue size: `python -m benchmarks.catalogue FOLDER`.

Catalogues of 100, 1,000 and 10,000 clips of ten seconds are taken from the synthetic corpus (rendered into FOLDER once,
in some minutes: 2.5 GB). Each catalogue is audited by `python -m src.audit` in a separate process with an empty cache.
Then a manifest with a million rows, which are parts of the same files, is listed and split. Times are wall-clock times;
memory is the largest resident set of the process.
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
ARTISTS = 100_000  # in the million rows
SPLITS = ("holdout", "kfold", "random")
SPLIT_PROGRAM = """
import resource, sys, time
start = time.monotonic()
from src.instantiate import instantiate_choice
from src.config import compose
imported = time.monotonic()
clips = instantiate_choice(compose("dataset=manifest", f"dataset.path={sys.argv[1]}").dataset).corpus().clips
listed = time.monotonic()
subsets = instantiate_choice(compose(f"split={sys.argv[2]}").split).assign(clips)
split = time.monotonic()
print(imported - start, listed - imported, split - listed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
AUDIT_PROGRAM = """
import resource, runpy, sys
sys.argv = ["src/audit.py", *sys.argv[1:]]
try:
    runpy.run_module("src.audit", run_name="__main__", alter_sys=True)
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)
"""


def write_manifest(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """Write a manifest with artists and with start and stop times, and return its path."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "genre", "artist", "track", "start", "stop"), *rows])
    return path


def measure_audit(clips: Sequence[Clip], folder: Path) -> tuple[float, float]:
    """Audit the clips, and return the run time in seconds and the peak memory in MB."""
    rows = [(clip.path, clip.genre, clip.artist, clip.track, "", "") for clip in clips]
    overrides = (f"dataset.path={write_manifest(folder / 'clips.csv', rows)}", f"data.cache={folder / 'cache'}")
    start = monotonic()
    process = subprocess.run(
        [sys.executable, "-c", AUDIT_PROGRAM, "dataset=manifest", *overrides, f"hydra.run.dir={folder / 'out'}"],
        capture_output=True,
        text=True,
    )
    seconds = monotonic() - start
    if process.returncode == 2:
        raise RuntimeError(process.stderr)
    return seconds, float(process.stderr.rsplit("peak ", 1)[1])


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Compute the slope of log(seconds) over log(size)."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def write_large_manifest(clips: Sequence[Clip], path: Path) -> Path:
    """Write a manifest with ROWS parts of the clips, by ARTISTS artists of ten genres."""
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
    return write_manifest(path, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of the synthetic clips (made if missing)")
    corpus = Synth(str(parser.parse_args().folder), artists=250, tracks=4).corpus()
    clips = np.random.default_rng(0).permutation(np.array(corpus.clips, dtype=object)).tolist()
    seconds = []
    print("| clips | audit | peak memory |\n|---:|---:|---:|")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            audit_seconds, peak = measure_audit(clips[:size], Path(folder))
        seconds.append(audit_seconds)
        print(f"| {size:,} | {audit_seconds:.1f} s | {peak:,.0f} MB |", flush=True)
    exponent_of_all, exponent_of_large = exponent(SIZES, seconds), exponent(SIZES[1:], seconds[1:])
    print(
        f"\nThe audit time grows as the number of clips to the power {exponent_of_all:.2f} (from 1,000 to 10,000 clips: "
        f"{exponent_of_large:.2f}).\n"
    )
    print(f"| {ROWS:,} rows | listing | splitting | peak memory |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        manifest = write_large_manifest(clips, Path(folder) / "million.csv")
        for split in SPLITS:
            process = subprocess.run(
                [sys.executable, "-c", SPLIT_PROGRAM, manifest, split], capture_output=True, text=True, check=True
            )
            _, listing, splitting, peak = map(float, process.stdout.split())
            print(f"| split={split} | {listing:.1f} s | {splitting:.1f} s | {peak:,.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
