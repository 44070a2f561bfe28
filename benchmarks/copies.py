"""How well near copies are told from other music: `python -m benchmarks.copies DIR [--synthetic N --cache FOLDER]`.

DIR holds music and a manifest.csv with the columns path, artist and track, as `python -m benchmarks.music DIR` makes it.
Of each clip one altered copy is made per alteration; the catalogue is then all clips and all copies of one alteration.
`--synthetic N` adds clips of ten seconds from the synthetic corpus (rendered into FOLDER, once): artists share instruments,
tempi and progressions there, but no two clips share a recording, so that each pair found is false. `--seed` is the
corpus's: the limit was chosen on seed 1 and is judged on seed 0.
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

from benchmarks.alterations import ALTERATIONS, Altered
from benchmarks.clock import median
from src.audio import fingerprint, reader
from src.audio.fingerprint import SAMPLE_RATE, Match, near_copies
from src.dataset import Synth
from src.metrics.intervals import wilson
from src.threads import in_order

Codes = NDArray[np.uint32]
LIMITS = (0.22, 0.24, 0.26, 0.28, 0.30, 0.32, 0.34, 0.36, 0.38, 0.40)
SIZES = (100, 1000, 10000)
ALTERED = 250  # of the synthetic clips
TURNS = 3


IN_SYNTHETIC = ("mp3, 64 kbit/s", "3 to 10 s cut off", "noise, 20 dB below", "cut, noise 20 dB below, mp3 32 kbit/s")


def heard(path: Path, alteration: str | None = None, seed: int = 0) -> tuple[Codes, Altered]:
    """The codes of a file's sound, altered or not, and what was done, without the wave."""
    rate = soundfile.info(path).samplerate
    altered = Altered(reader.read(path, rate))
    if alteration:
        random = np.random.default_rng([seed, list(ALTERATIONS).index(alteration)])
        altered = ALTERATIONS[alteration](altered.wave, rate, random)
    code_N = fingerprint.codes(reader.resample(altered.wave, rate, SAMPLE_RATE))
    return code_N, altered._replace(wave=np.empty(0, np.float32))


def searched(catalogue: Sequence[Codes], limit: float) -> list[Match]:
    """The matches, were the limit another one."""
    chosen = fingerprint.ERROR_LIMIT
    try:
        fingerprint.ERROR_LIMIT = limit
        return near_copies(catalogue)
    finally:
        fingerprint.ERROR_LIMIT = chosen


def recall(paths: Sequence[Path], catalogue: list[Codes], alterations: Iterable[str]) -> dict[str, list[Codes]]:
    """Print how many copies of the paths, the first clips of the catalogue, are found in it -> their codes."""
    title = f"copies of {len(paths)} of {len(catalogue)} clips"
    print(f"| {title} | found | recall | 95 % | error: median | 95 % | largest | shift off by |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    made = {}
    for alteration in alterations:
        pairs = list(in_order(lambda k: heard(paths[k], alteration, k), range(len(paths)), 2))  # noqa: B023
        made[alteration] = [code_N for code_N, _ in pairs]
        matches = near_copies([*catalogue, *made[alteration]])
        right = [match for match in matches if match.b == match.a + len(catalogue)]
        name = alteration if alteration != "ogg" else f"ogg, {np.mean([each.kilobits for _, each in pairs]):.0f} kbit/s"
        low, high = wilson(len(right), len(paths))
        errors = [match.error for match in right]
        spread = [f"{each:.3f}" for each in np.quantile(errors, (0.5, 0.95, 1))] if right else ["", "", ""]
        late = [abs(match.shift_seconds - pairs[match.a][1].start_seconds) for match in right]
        print(
            f"| {name} | {len(right)} | {len(right) / len(paths):.3f} | {low:.3f} to {high:.3f} | "
            f"{' | '.join(spread)} | {f'{1000 * max(late):.0f} ms' if late else ''} |",
            flush=True,
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--synthetic", type=int, default=0, metavar="N", help="a multiple of 40")
    parser.add_argument("--cache", metavar="FOLDER", default="outputs/cache", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with open(options.folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or options.synthetic % 40:
        sys.exit(
            "expected a manifest with clips, and --synthetic a multiple of 40: four tracks of each artist of ten genres."
        )
    paths = [options.folder / row["path"] for row in rows]
    catalogue = [heard(path)[0] for path in paths]
    made = recall(paths, catalogue, ALTERATIONS)
    others(rows, catalogue)
    if options.synthetic:
        corpus = Synth(options.cache, options.seed, artists=options.synthetic // 40, tracks=4).corpus()
        shuffled = np.random.default_rng(0).permutation(len(corpus.clips))
        files = [corpus.clips[k].path for k in shuffled]
        synthetic = [code_N for code_N, _ in in_order(heard, files, 2)]
        margins(catalogue, made, synthetic)
        recall(files[:ALTERED], synthetic, IN_SYNTHETIC)
        growth(synthetic)
    speeds(paths)


def others(rows: Sequence[dict[str, str]], catalogue: Sequence[Codes]) -> None:
    """Print what is found among the originals."""
    pairs = len(rows) * (len(rows) - 1) // 2
    print(f"\n| of {pairs:,} pairs of originals | shift | overlap | error | track |\n|---|---:|---:|---:|---|")
    for match in near_copies(catalogue):
        a, b = rows[match.a], rows[match.b]
        same = "the same" if (a["artist"], a["track"]) == (b["artist"], b["track"]) else "ANOTHER"
        numbers = f"{match.shift_seconds:.2f} s | {match.overlap_seconds:.1f} s | {match.error:.3f}"
        print(f"| {Path(a['path']).stem}, {Path(b['path']).stem} | {numbers} | {same} |")


def margins(catalogue: Sequence[Codes], made: dict[str, list[Codes]], synthetic: Sequence[Codes]) -> None:
    """Print recall and false pairs, were the limit another one."""
    shown = ("mp3, 64 kbit/s", "3 to 10 s cut off", "noise, 20 dB below", "noise, 10 dB below")
    pairs = len(synthetic) * (len(synthetic) - 1) / 2
    print(f"\n| limit | {' | '.join(shown)} | false of {pairs:,.0f} synthetic pairs | per million |")
    print(f"|---:|{'---:|' * (len(shown) + 2)}")
    for limit in LIMITS:
        cells = []
        for alteration in shown:
            matches = searched([*catalogue, *made[alteration]], limit)
            cells.append(f"{sum(m.b == m.a + len(catalogue) for m in matches) / len(catalogue):.3f}")
        false = len(searched(synthetic, limit))
        print(f"| {limit:.2f} | {' | '.join(cells)} | {false} | {1e6 * false / pairs:.2f} |", flush=True)
    print()


def growth(synthetic: Sequence[Codes]) -> None:
    """Print what the search costs as the catalogue grows."""
    print("\n| clips of 10 s | search | memory |\n|---:|---:|---:|")
    sizes = [size for size in SIZES if size <= len(synthetic)]
    took = []
    for size in sizes:
        took.append(median(lambda: near_copies(synthetic[:size]), TURNS))  # noqa: B023
        tracemalloc.start()
        near_copies(synthetic[:size])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"| {size:,} | {took[-1]:.2f} s | {peak / 1e6:.0f} MB |")
    print(f"\nSeconds grow as clips to the power {np.polyfit(np.log(sizes), np.log(took), 1)[0]:.2f}.")


def speeds(paths: Sequence[Path]) -> None:
    """Print what a clip costs on one core."""
    rates = [soundfile.info(path).samplerate for path in paths]
    waves = [reader.read(path, rate) for path, rate in zip(paths, rates, strict=True)]
    low = [reader.resample(wave_T, rate, SAMPLE_RATE) for wave_T, rate in zip(waves, rates, strict=True)]
    seconds = sum(len(wave_T) / SAMPLE_RATE for wave_T in low)
    parts = {
        "decoding": lambda: [reader.read(path, rate) for path, rate in zip(paths, rates, strict=True)],
        "resampling": lambda: [reader.resample(w, rate, SAMPLE_RATE) for w, rate in zip(waves, rates, strict=True)],
        "codes": lambda: [fingerprint.codes(wave_T) for wave_T in low],
    }
    print("\n| of 30 s of music, on one core | time |\n|---|---:|")
    for name, work in parts.items():
        print(f"| {name} | {1000 * median(work, TURNS) * 30 / seconds:.1f} ms |")


if __name__ == "__main__":
    main()
