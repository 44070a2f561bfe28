"""Speed and memory: `python -m benchmarks.speed [PART...] [--all] [--output FILE]`.

Each part runs in a process of its own. Every figure is the median of several turns, in which this project and a named
alternative alternate, and the ratio of both. Prints a table for each part, and the machine; --output writes all as JSON.
Use idle cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.speed import tables
from benchmarks.speed.figures import Figure, machine

PARTS = {
    "features": "spectrograms: auto against nnAudio, torchaudio and librosa",
    "data": "decoding, opening the cache, batches: against a plain Dataset and tensors in memory",
    "train": "an epoch of cnn, rnn, hybrid and best: against a bare loop and a plain Lightning script",
    "kernels": "a training step by memory order and precision",
    "sweep": "five folds against one",
    "predict": "seconds of music per second of computing",
    "neighbour": "predictions, embeddings and training beside another busy process, against alone",
    "start": "--help, and the time to the first optimizer step",
    "memory": "peak memory of one job and of many in one process",
}
LONG_PARTS = {  # only with --all, or by name
    "growth": "1,000 to 100,000 clips: time per clip and memory (9 GB of disk, freed at the end)",
    "autrainer": "an epoch of the same network in autrainer, in its own environment (5 GB in .venv-autrainer, kept)",
}
ALL_PARTS = {**PARTS, **LONG_PARTS}
BUSY = 0.3  # of a core: load of other programs above which the figures are not reliable


def main() -> int:
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\nParts:\n{_lines(PARTS)}\nOnly with --all, or by name:\n{_lines(LONG_PARTS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="default: all parts but the last two")
    parser.add_argument("--all", action="store_true", help="all parts")
    parser.add_argument("--output", type=Path, help="write the figures and the machine to this JSON file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="only print the tables of this JSON file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in ALL_PARTS]:
        return _error(f"there is no part {', '.join(unknown)}: expected {', '.join(ALL_PARTS)}")
    if options.markdown:
        return _print_tables(options.markdown)
    if options.child:
        return _measure(options.child, options.output)
    content = run(options.parts or list(ALL_PARTS if options.all else PARTS))
    print(tables.document(content, ALL_PARTS))
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if content["failed"]:
        return _error(f"these parts failed, see above: {', '.join(content['failed'])}")
    return 0


def run(parts: list[str]) -> dict[str, Any]:
    """Measure the parts one after another -> their figures and seconds, the failed parts, and the machine."""
    figures: list[Figure] = []
    seconds, failed, load = {}, [], os.getloadavg()[0]
    if load > BUSY:
        print(f"benchmarks.speed: other programs keep {load:.1f} cores busy: the figures may be wrong", file=sys.stderr)
    for part in parts:
        print(f"benchmarks.speed: {part} ...", file=sys.stderr)
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.speed", "--child", part, "--output", folder]
            child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if child.returncode:
            failed.append(part)
            continue
        seconds[part] = round(time.monotonic() - start, 1)
        figures += [Figure(**values) for values in json.loads(child.stdout.splitlines()[-1])]
    return {
        "machine": {**machine(), "load": round(load, 1)},
        "seconds": seconds,
        "failed": failed,
        "figures": [figure.record() for figure in figures],
    }


def _measure(part: str, folder: Path) -> int:
    """Measure one part in this process and print its figures as JSON, on the last line."""
    try:
        figures = import_module(f"benchmarks.speed.{part}").figures(folder)
    except (RuntimeError, OSError) as error:
        return _error(f"{part}: {error}")
    print(json.dumps([vars(figure) for figure in figures]))
    return 0


def _print_tables(path: Path) -> int:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        print(tables.document(content, ALL_PARTS))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return _error(f"{path} cannot be read ({error!r}): expected a file that --output has written")
    return 0


def _lines(parts: dict[str, str]) -> str:
    return "\n".join(f"  {name:10}{text}" for name, text in parts.items())


def _error(message: str) -> int:
    print(f"benchmarks.speed: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
