"""From 1,000 to 100,000 clips of one second: seconds per clip and anonymous memory of each step before the training.

The clips are wav files of noise, each different, written for this. Each size is measured in two fresh processes: one
decodes; the other lists the decoded clips, opens them, splits them and cuts the batches of one epoch.
"""

import csv
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
import soundfile

from benchmarks.speed.experiment import compose
from benchmarks.speed.figures import Figure, values_in_turn
from src.data.datamodule import GenreData
from src.training import setup

RATE = 22050  # of the files and of the feature, so nothing is resampled
TURNS = {1_000: 5, 10_000: 3, 100_000: 1}  # number of clips -> turns
EXTRAPOLATED = 1_000_000
TIME_LIMIT, MEMORY_LIMIT = 1.10, 1.20  # of the smallest size
OLD_FILES, NEW_FILES, NEW_TURNS, NEW_LIMIT = 10_000, 10, 3, 2.0
BYTES_PER_CLIP = 2 * 2 * RATE  # a file and its decoded samples
SAMPLING_SECONDS = 0.1
GENRES, ARTIST_CLIPS = ("blues", "classical", "hiphop", "jazz", "rock"), 4
STEPS = ("decode", "list", "open", "split", "epoch")

Measures = dict[str, tuple[float, float]]  # step -> (seconds, largest anonymous memory in bytes)


def figures(folder: Path) -> list[Figure]:
    """Raises RuntimeError if the disk is too small, or if a process fails."""
    count = max(*TURNS, OLD_FILES + NEW_FILES * (NEW_TURNS + 1))
    needed = BYTES_PER_CLIP * count / 1e9
    if (free := shutil.disk_usage(folder).free / 1e9) < 1.2 * needed:
        raise RuntimeError(
            f"{folder} has {free:.1f} GB free, and {needed:.1f} GB are needed: set TMPDIR to another disk"
        )
    paths = write_clips(folder / "clips", count)
    found: dict[int, Measures] = {}
    for size, turns in TURNS.items():
        table = write_table(folder / f"{size}.csv", paths[:size])
        runs = [_in_processes(table, Path(mkdtemp(dir=folder))) for _ in range(turns)]
        found[size] = {
            step: (statistics.median(run[step][0] for run in runs), statistics.median(run[step][1] for run in runs))
            for step in STEPS
        }
    return [*_compared(found), *_extrapolated(found), _new_files(folder, paths)]


def _compared(found: dict[int, Measures]) -> Iterator[Figure]:
    """Time per clip and memory of each size against the smallest one; the largest one has the targets."""
    smallest, *others = found
    for size in others:
        last = size == others[-1]
        for step in found[size]:
            (seconds, memory), (small_seconds, small_memory) = found[size][step], found[smallest][step]
            against = f"{smallest:,} clips"
            yield Figure(
                "growth",
                f"{step} {size:,} clips, per clip",
                1e3 * seconds / size,
                "ms",
                against,
                1e3 * small_seconds / smallest,
                at_most=TIME_LIMIT if last else None,
            )
            yield Figure(
                "growth",
                f"{step} {size:,} clips, anonymous memory",
                memory / 1e6,
                "MB",
                against,
                small_memory / 1e6,
                at_most=MEMORY_LIMIT if last else None,
            )


def _extrapolated(found: dict[int, Measures]) -> Iterator[Figure]:
    """Straight lines through the two largest sizes, continued."""
    size, larger = sorted(found)[-2:]
    for step in found[larger]:
        lines = []
        for value, larger_value in zip(found[size][step], found[larger][step], strict=True):
            slope = (larger_value - value) / (larger - size)
            lines.append(larger_value + slope * (EXTRAPOLATED - larger))
        seconds, memory = found[larger][step]
        what, against = f"{step} {EXTRAPOLATED:,} clips, extrapolated", f"{larger:,} clips"
        yield Figure("growth", what, lines[0], "s", against, seconds)
        yield Figure("growth", f"{what}: memory", lines[1] / 1e6, "MB", against, memory / 1e6)


def _new_files(folder: Path, paths: Sequence[Path]) -> Figure:
    """Add ten files to a decoded corpus, in each turn ten others, against the same ten alone and listing all files."""
    cache = folder / "grown"
    _ = _data(write_table(folder / "old.csv", paths[:OLD_FILES]), cache).waveforms
    counts = {name: itertools.count(OLD_FILES + NEW_FILES, NEW_FILES) for name in ("grown", "alone")}

    def grown() -> list[float]:
        data = _data(write_table(folder / "grown.csv", paths[: next(counts["grown"])]), cache)
        with _measured() as measure:
            _ = data.waveforms
        return [measure["seconds"]]

    def alone() -> list[float]:
        count = next(counts["alone"])
        listed = _data(write_table(folder / "listed.csv", paths[:count]), cache)
        new = write_table(folder / "new.csv", paths[count - NEW_FILES : count])
        with TemporaryDirectory(dir=folder) as empty, _measured() as measure:
            _ = listed.corpus, _data(new, Path(empty)).waveforms
        return [measure["seconds"]]

    seconds = values_in_turn({"grown": grown, "alone": alone}, NEW_TURNS, warmups=1)
    return Figure(
        "growth",
        f"{NEW_FILES} new files among {OLD_FILES:,}: list, decode, open",
        seconds["grown"],
        "s",
        "the new ones alone, and listing all",
        seconds["alone"],
        at_most=NEW_LIMIT,
    )


def write_clips(folder: Path, count: int) -> list[Path]:
    """Write `count` different clips of one second of noise as 16-bit wav -> their paths, a genre and an artist in each."""
    random = np.random.default_rng(0)
    paths = []
    for k in range(count):
        path = folder / GENRES[k % len(GENRES)] / f"artist {k // (len(GENRES) * ARTIST_CLIPS)}" / f"{k}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, random.integers(-3000, 3000, RATE, dtype=np.int16), RATE)
        paths.append(path)
    return paths


def write_table(table: Path, paths: Sequence[Path]) -> Path:
    """Write a manifest of the clips -> its path."""
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "genre", "artist"))
        for path in paths:
            genre, artist = path.parts[-3:-1]
            writer.writerow((path, genre, f"{genre} {artist}"))
    return table


def _data(table: Path, cache: Path) -> GenreData:
    settings = (f"dataset.path={table}", f"data.cache={cache}", "data.crop_seconds=1", "feature=mel")
    return setup.compose_data(compose("dataset=manifest", *settings))


def _in_processes(table: Path, cache: Path) -> Measures:
    """Measure all steps of a corpus with an empty cache, in two processes. The cache is deleted afterwards."""
    measures: Measures = {}
    for process in ("decode", "afterwards"):
        command = [sys.executable, "-m", "benchmarks.speed.growth", process, str(table), str(cache)]
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        if child.returncode:
            raise RuntimeError(f"{' '.join(command[1:])}: exit status {child.returncode}\n{child.stderr[-2000:]}")
        measures |= {step: (values[0], values[1]) for step, values in json.loads(child.stdout).items()}
    shutil.rmtree(cache)
    return measures


def measure_steps(process: str, table: Path, cache: Path) -> Measures:
    """Measure the steps of one process, `decode` or `afterwards`."""
    data = _data(table, cache)

    def split() -> None:
        _ = data.subsets, data.certificate, data.digest

    def epoch() -> None:
        for crop_B in data.train_dataloader():
            data.crop_batch(crop_B, 0)

    steps: dict[str, Callable[[], object]] = {"list": lambda: data.corpus, "open": lambda: data.waveforms}
    steps |= {"split": split, "epoch": epoch}
    if process == "decode":
        _ = data.corpus
        steps = {"decode": lambda: data.waveforms}
    found = {}
    for name, step in steps.items():
        with _measured() as measure:
            step()
        found[name] = (measure["seconds"], measure["bytes"])
    return found


@contextmanager
def _measured() -> Iterator[dict[str, float]]:
    """Measure a block: its `seconds`, and the largest anonymous memory of this process meanwhile in `bytes`."""
    found = {"seconds": 0.0, "bytes": 0.0}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLING_SECONDS):
            found["bytes"] = max(found["bytes"], anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    try:
        yield found
        found["seconds"] = time.perf_counter() - start
    finally:
        ended.set()
        watcher.join()
    found["bytes"] = max(found["bytes"], anonymous_bytes())


def anonymous_bytes() -> int:
    """Memory of this process that no file holds, such as Python's objects and tensors. 0 where Linux does not tell it."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


if __name__ == "__main__":
    print(json.dumps(measure_steps(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
