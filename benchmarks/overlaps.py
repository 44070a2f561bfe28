"""Benchmark of the search for copies in `src.evaluate`: `python -m benchmarks.overlaps DIR [--part SECONDS]`.

DIR holds music and a manifest.csv with a column path, as `python -m benchmarks.music DIR` makes it. Of each file, one part is
in the training and another one is judged; both are SECONDS long and overlap in time for 10, 5 or 3 s. The judged part is
as it is, an mp3 of 64 kbit/s, or one with noise 20 dB below it. Pairs of parts of two different files are named.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.alterations import ALTERATIONS
from src.audio import fingerprint, reader
from src.audio.fingerprint import SAMPLE_RATE
from src.data.crops import FULL_SCALE
from src.judging.shared import SHORTEST_SECONDS
from src.metrics.intervals import wilson
from src.threads import map_in_order

RATE = 22050  # Hz, of decoded training clips
OVERLAPS = (10.0, 5.0, 3.0)  # seconds
ALTERED = ("as it is", "mp3, 64 kbit/s", "noise, 20 dB below")


def codes(wave_T: NDArray[np.float32]) -> NDArray[np.uint32]:
    """The fingerprint of sound that was cached as 16-bit samples, as train and evaluate have it."""
    stored_T = np.round(np.clip(wave_T, -1, 1) * FULL_SCALE).astype(np.float32) / np.float32(FULL_SCALE)
    return fingerprint.codes(reader.resample(stored_T, RATE, SAMPLE_RATE))


def judged(wave_T: NDArray[np.float32], altered: str, k: int) -> NDArray[np.uint32]:
    """The fingerprint of a part, altered as `altered` says; `k` seeds the noise."""
    if altered == ALTERED[0]:
        return codes(wave_T)
    copy = ALTERATIONS[altered](wave_T, RATE, np.random.default_rng([k, ALTERED.index(altered)]))
    return codes(copy.wave)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overlaps", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--part", type=float, default=12.0, metavar="SECONDS", help="default: %(default)s")
    parser.add_argument(
        "--shortest", type=float, default=SHORTEST_SECONDS, metavar="SECONDS", help="of frames (default: %(default)s)"
    )
    options = parser.parse_args()
    with open(options.folder / "manifest.csv", newline="", encoding="utf-8") as file:
        paths = [options.folder / row["path"] for row in csv.DictReader(file)]
    part = round(options.part * RATE)
    waves = [reader.read(path, RATE)[: 2 * part] for path in paths]
    names = [path.stem for path, wave_T in zip(paths, waves, strict=True) if len(wave_T) == 2 * part]
    waves = [wave_T for wave_T in waves if len(wave_T) == 2 * part]
    others: set[tuple[int, int]] = set()
    training = list(map_in_order(lambda wave_T: codes(wave_T[:part]), waves, 2))
    print(
        f"| overlap of {len(waves)} pairs of {options.part:g} s | judged part | found | recall | 95 % | other pairs |"
    )
    print("|---:|---|---:|---:|---:|---:|")
    for seconds in OVERLAPS:
        first = part - round(seconds * RATE)
        for altered in ALTERED:
            items = [(wave_T[first : first + part], altered, k) for k, wave_T in enumerate(waves)]
            copies = list(map_in_order(lambda item: judged(*item), items, 2))
            matches = fingerprint.near_copies([*training, *copies], len(training), options.shortest)
            found = sum(match.b == match.a + len(training) for match in matches)
            low, high = wilson(found, len(waves))
            numbers = f"{found} | {100 * found / len(waves):.1f} % | {100 * low:.1f} to {100 * high:.1f} %"
            print(f"| {seconds:g} s | {altered} | {numbers} | {len(matches) - found} |", flush=True)
            others |= {(match.a, match.b - len(training)) for match in matches if match.b != match.a + len(training)}
    print("Other pairs:", "; ".join(f"{names[a]} ~ {names[b]}" for a, b in sorted(others)) or "none")


if __name__ == "__main__":
    main()
