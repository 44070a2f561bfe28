"""Recall of `predict` on folders named by genre: `python -m benchmarks.recall PREDICTIONS.jsonl`.

PREDICTIONS.jsonl is the output of `python -m src.predict`. For each genre, prints the recall over all its files with its
95 % Wilson interval, and the genres that were predicted. Unsure and unreadable files count as wrong. Genre names are
compared by their letters only.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from src.metrics import intervals
from src.model.genre_table import letters


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recall", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS.jsonl")
    counts: dict[str, Counter[str]] = defaultdict(Counter)  # true genre -> predicted genre -> files
    for line in parser.parse_args().predictions.read_text(encoding="utf-8").splitlines():
        prediction = json.loads(line)
        counts[Path(prediction["audio_file"]).parent.name][prediction.get("predicted_genre", "unreadable")] += 1
    print("| genre | files | recall % | 95 % interval | predicted as |\n|---|---:|---:|---:|---|")
    correct_of_all = 0
    for genre, predicted in sorted(counts.items()):
        correct = sum(files for name, files in predicted.items() if letters(name) == letters(genre))
        correct_of_all += correct
        print(row(genre, correct, predicted.total(), ", ".join(f"{name} {n}" for name, n in predicted.most_common())))
    print(row("all", correct_of_all, sum(predicted.total() for predicted in counts.values()), ""))


def row(genre: str, correct: int, files: int, predicted: str) -> str:
    """Format one row of the Markdown table."""
    low, high = intervals.wilson(correct, files)
    return f"| {genre} | {files} | {100 * correct / files:.1f} | {100 * low:.1f} to {100 * high:.1f} | {predicted} |"


if __name__ == "__main__":
    main()
