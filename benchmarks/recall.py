"""How many answers of `predict` are right: `python -m benchmarks.recall ANSWERS.jsonl`, where folders are named by genre.

Prints each genre's recall over all of its files (unsure and unreadable ones count as wrong) with its 95 % Wilson
interval, and what it was taken for. Genres' names are compared by their letters.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from src.metrics import intervals
from src.model.tags import letters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", type=Path, metavar="ANSWERS.jsonl")
    taken: dict[str, Counter[str]] = defaultdict(Counter)
    for line in parser.parse_args().answers.read_text(encoding="utf-8").splitlines():
        answer = json.loads(line)
        taken[Path(answer["audio_file"]).parent.name][answer.get("predicted_genre", "unreadable")] += 1
    print("| genre | files | recall % | 95 % interval | taken for |\n|---|---:|---:|---:|---|")
    for genre, answers in sorted(taken.items()):
        right = sum(count for answer, count in answers.items() if letters(answer) == letters(genre))
        print(row(genre, right, answers.total(), ", ".join(f"{a} {c}" for a, c in answers.most_common())))
    right = sum(c for genre, answers in taken.items() for a, c in answers.items() if letters(a) == letters(genre))
    print(row("all", right, sum(answers.total() for answers in taken.values()), ""))


def row(genre: str, right: int, files: int, answers: str) -> str:
    low, high = intervals.wilson(right, files)
    return f"| {genre} | {files} | {100 * right / files:.1f} | {100 * low:.1f} to {100 * high:.1f} | {answers} |"


if __name__ == "__main__":
    main()
