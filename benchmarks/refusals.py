"""Count unsure predictions by folder: `python -m benchmarks.refusals PREDICTIONS.jsonl`.

PREDICTIONS.jsonl is the output of `python -m src.predict` on folders of sounds, one kind in each. For each folder, prints the
share of files that are not_music, with its 95 % Wilson interval, and the number of files with low_confidence.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from src.metrics import intervals


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.refusals", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS.jsonl")
    reasons: dict[str, Counter[str]] = defaultdict(Counter)  # folder -> reason -> files
    for line in parser.parse_args().predictions.read_text(encoding="utf-8").splitlines():
        prediction = json.loads(line)
        reason = "unreadable" if "error" in prediction else prediction.get("reason", "")
        reasons[Path(prediction["audio_file"]).parent.name][reason] += 1
    print("| sound | files | not_music % | low_confidence |\n|---|---:|---:|---:|")
    for folder, counts in sorted(reasons.items()):
        low, high = (100 * end for end in intervals.wilson(counts["not_music"], counts.total()))
        share = f"{100 * counts['not_music'] / counts.total():.0f} ({low:.0f} to {high:.0f})"
        print(f"| {folder} | {counts.total()} | {share} | {counts['low_confidence']} |")


if __name__ == "__main__":
    main()
