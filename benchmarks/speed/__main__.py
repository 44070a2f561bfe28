"""Speed and memory: `python -m benchmarks.speed [PART...] [--all] [--output FILE]`.

Each part runs in a process of its own. Every figure is the median of several turns, in which ours and a named alternative
alternate, and the ratio of both. Prints a table and the machine; --output writes both as JSON. Use idle cores.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.speed.figures import Figure, machine, table

PARTS = {
    "features": "spectrograms: auto against nnAudio, torchaudio and librosa",
    "data": "decoding, opening the cache, batches: against a plain Dataset and tensors in memory",
    "train": "an epoch of cnn, rnn, hybrid and best: against a bare loop and a plain Lightning script",
    "kernels": "a training step by memory order and precision",
    "sweep": "five folds against one",
    "predict": "seconds of music per second of computing",
    "start": "--help, and the time to the first optimizer step",
    "memory": "peak memory of one job and of many in one process",
}


def main() -> int:
    parts = "\n".join(f"  {name:10}{text}" for name, text in PARTS.items())
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\nParts:\n{parts}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="default: all parts")
    parser.add_argument("--output", type=Path, help="write the figures and the machine to this JSON file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        print(f"benchmarks.speed: there is no part {', '.join(unknown)}: expected {', '.join(PARTS)}", file=sys.stderr)
        return 1
    if options.child:
        figures = import_module(f"benchmarks.speed.{options.child}").figures(options.output)
        print(json.dumps([vars(figure) for figure in figures]))
        return 0
    figures, failed = [], []
    with tempfile.TemporaryDirectory() as folder:
        for part in options.parts or PARTS:
            print(f"benchmarks.speed: {part} ...", file=sys.stderr)
            command = [sys.executable, "-m", "benchmarks.speed", "--child", part, "--output", folder]
            child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if child.returncode:
                failed.append(part)
                continue
            figures += [Figure(**values) for values in json.loads(child.stdout.splitlines()[-1])]
    print(table(figures))
    print("\n" + ", ".join(f"{key} {value}" for key, value in machine().items()))
    if options.output:
        content = {"machine": machine(), "figures": [figure.record() for figure in figures]}
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if failed:
        print(f"benchmarks.speed: these parts failed, see above: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
