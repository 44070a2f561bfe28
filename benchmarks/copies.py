"""Benchmark of the near-copy search: `python -m benchmarks.copies DIR [--synthetic N --cache FOLDER]`.

DIR holds music and a manifest.csv with the columns path, artist and track, as `python -m benchmarks.music DIR` makes it.
Each alteration makes one copy of each clip; the catalogue is then all clips and all copies of this alteration.
`--synthetic N` adds N clips of ten seconds from the synthetic corpus (rendered into FOLDER once). Its artists share
instruments, tempi and progressions, but no two clips share a recording, so every pair that is found is false. `--seed` is
the seed of the synthetic corpus: the error limit was chosen on seed 1 and is tested on seed 0.
"""

import argparse
import csv
import sys
import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.alterations import ALTERATIONS, Copy
from benchmarks.clock import median
from src.audio import fingerprint, reader
from src.audio.fingerprint import SAMPLE_RATE, Match, near_copies
from src.dataset import Synth
from src.metrics.intervals import wilson
from src.threads import map_in_order

Codes = NDArray[np.uint32]
LIMITS = (0.22, 0.24, 0.26, 0.28, 0.30, 0.32, 0.34, 0.36, 0.38, 0.40)
SIZES = (100, 1000, 10000)
ALTERED_CLIPS = 250  # number of synthetic clips that are altered
TURNS = 3
SYNTHETIC_ALTERATIONS = (
    "mp3, 64 kbit/s",
    "3 to 10 s cut off",
    "noise, 20 dB below",
    "cut, noise 20 dB below, mp3 32 kbit/s",
)


def fingerprint_file(path: Path, alteration: str | None = None, seed: int = 0) -> tuple[Codes, Copy]:
    """Decode a file, alter it if asked, and compute its codes (N,). The Copy is returned with an empty wave."""
    rate = soundfile.info(path).samplerate
    copy = Copy(reader.read(path, rate))
    if alteration:
        random = np.random.default_rng([seed, list(ALTERATIONS).index(alteration)])
        copy = ALTERATIONS[alteration](copy.wave, rate, random)
    code_N = fingerprint.codes(reader.resample(copy.wave, rate, SAMPLE_RATE))
    return code_N, copy._replace(wave=np.empty(0, np.float32))


def matches_at_limit(catalogue: Sequence[Codes], limit: float) -> list[Match]:
    """Search for near copies with another error limit than fingerprint.ERROR_LIMIT."""
    default_limit = fingerprint.ERROR_LIMIT
    try:
        fingerprint.ERROR_LIMIT = limit
        return near_copies(catalogue)
    finally:
        fingerprint.ERROR_LIMIT = default_limit


def print_recall(paths: Sequence[Path], catalogue: list[Codes], alterations: Iterable[str]) -> dict[str, list[Codes]]:
    """Print the recall of altered copies of `paths`, and return the codes of the copies by alteration.

    `paths` are the first clips of the catalogue, in the same order.
    """
    title = f"copies of {len(paths)} of {len(catalogue)} clips"
    print(f"| {title} | found | recall | 95 % | error: median | 95 % | largest | shift off by |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    copy_codes = {}
    for alteration in alterations:
        copies = list(map_in_order(lambda k: fingerprint_file(paths[k], alteration, k), range(len(paths)), 2))  # noqa: B023
        copy_codes[alteration] = [code_N for code_N, _ in copies]
        matches = near_copies([*catalogue, *copy_codes[alteration]])
        correct = [match for match in matches if match.b == match.a + len(catalogue)]
        name = alteration
        if alteration == "ogg":
            name = f"ogg, {np.mean([copy.kilobits for _, copy in copies]):.0f} kbit/s"
        low, high = wilson(len(correct), len(paths))
        errors = [match.error for match in correct]
        quantiles = [f"{error:.3f}" for error in np.quantile(errors, (0.5, 0.95, 1))] if correct else ["", "", ""]
        shift_errors = [abs(match.shift_seconds - copies[match.a][1].start_seconds) for match in correct]
        print(
            f"| {name} | {len(correct)} | {len(correct) / len(paths):.3f} | {low:.3f} to {high:.3f} | "
            f"{' | '.join(quantiles)} | {f'{1000 * max(shift_errors):.0f} ms' if shift_errors else ''} |",
            flush=True,
        )
    return copy_codes


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.copies", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--synthetic", type=int, default=0, metavar="N", help="a multiple of 40")
    parser.add_argument("--cache", metavar="FOLDER", default="outputs/cache", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with open(options.folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or options.synthetic % 40:
        sys.exit(
            f"{options.folder / 'manifest.csv'} lists {len(rows)} clips and --synthetic is {options.synthetic}: expected "
            "one clip or more, and a multiple of 40 (ten genres, four tracks of each artist)."
        )
    paths = [options.folder / row["path"] for row in rows]
    catalogue = [fingerprint_file(path)[0] for path in paths]
    copy_codes = print_recall(paths, catalogue, ALTERATIONS)
    print_original_matches(rows, catalogue)
    if options.synthetic:
        corpus = Synth(options.cache, options.seed, artists=options.synthetic // 40, tracks=4).corpus()
        shuffled = np.random.default_rng(0).permutation(len(corpus.clips))
        files = [corpus.clips[k].path for k in shuffled]
        synthetic = [code_N for code_N, _ in map_in_order(fingerprint_file, files, 2)]
        print_limits(catalogue, copy_codes, synthetic)
        print_recall(files[:ALTERED_CLIPS], synthetic, SYNTHETIC_ALTERATIONS)
        print_search_cost(synthetic)
    print_clip_cost(paths)


def print_original_matches(rows: Sequence[dict[str, str]], catalogue: Sequence[Codes]) -> None:
    """Print the matches among the originals."""
    pairs = len(rows) * (len(rows) - 1) // 2
    print(f"\n| of {pairs:,} pairs of originals | shift | overlap | error | track |\n|---|---:|---:|---:|---|")
    for match in near_copies(catalogue):
        a, b = rows[match.a], rows[match.b]
        same = "the same" if (a["artist"], a["track"]) == (b["artist"], b["track"]) else "ANOTHER"
        numbers = f"{match.shift_seconds:.2f} s | {match.overlap_seconds:.1f} s | {match.error:.3f}"
        print(f"| {Path(a['path']).stem}, {Path(b['path']).stem} | {numbers} | {same} |")


def print_limits(catalogue: Sequence[Codes], copy_codes: dict[str, list[Codes]], synthetic: Sequence[Codes]) -> None:
    """Print recall and false pairs at each error limit of LIMITS."""
    alterations = ("mp3, 64 kbit/s", "3 to 10 s cut off", "noise, 20 dB below", "noise, 10 dB below")
    pairs = len(synthetic) * (len(synthetic) - 1) / 2
    print(f"\n| limit | {' | '.join(alterations)} | false of {pairs:,.0f} synthetic pairs | per million |")
    print(f"|---:|{'---:|' * (len(alterations) + 2)}")
    for limit in LIMITS:
        cells = []
        for alteration in alterations:
            matches = matches_at_limit([*catalogue, *copy_codes[alteration]], limit)
            cells.append(f"{sum(m.b == m.a + len(catalogue) for m in matches) / len(catalogue):.3f}")
        false = len(matches_at_limit(synthetic, limit))
        print(f"| {limit:.2f} | {' | '.join(cells)} | {false} | {1e6 * false / pairs:.2f} |", flush=True)
    print()


def print_search_cost(synthetic: Sequence[Codes]) -> None:
    """Print the time and memory of the search by catalogue size."""
    print("\n| clips of 10 s | search | memory |\n|---:|---:|---:|")
    sizes = [size for size in SIZES if size <= len(synthetic)]
    seconds = []
    for size in sizes:
        seconds.append(median(lambda: near_copies(synthetic[:size]), TURNS))  # noqa: B023
        tracemalloc.start()
        near_copies(synthetic[:size])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"| {size:,} | {seconds[-1]:.2f} s | {peak / 1e6:.0f} MB |")
    exponent = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    print(f"\nSearch time grows as the number of clips to the power {exponent:.2f}.")


def print_clip_cost(paths: Sequence[Path]) -> None:
    """Print the time to decode, resample and fingerprint 30 s of music on one core."""
    rates = [soundfile.info(path).samplerate for path in paths]
    waves = [reader.read(path, rate) for path, rate in zip(paths, rates, strict=True)]
    resampled = [reader.resample(wave_T, rate, SAMPLE_RATE) for wave_T, rate in zip(waves, rates, strict=True)]
    seconds = sum(len(wave_T) / SAMPLE_RATE for wave_T in resampled)
    parts = {
        "decoding": lambda: [reader.read(path, rate) for path, rate in zip(paths, rates, strict=True)],
        "resampling": lambda: [reader.resample(w, rate, SAMPLE_RATE) for w, rate in zip(waves, rates, strict=True)],
        "codes": lambda: [fingerprint.codes(wave_T) for wave_T in resampled],
    }
    print("\n| of 30 s of music, on one core | time |\n|---|---:|")
    for name, work in parts.items():
        print(f"| {name} | {1000 * median(work, TURNS) * 30 / seconds:.1f} ms |")


if __name__ == "__main__":
    main()
