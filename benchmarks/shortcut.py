"""Scores of a classifier on level and bandwidth, or on the long-term spectrum: `python -m benchmarks.shortcut MANIFEST`.

Logistic regression on level, peak and bandwidth, their squares and products, or on third-octave levels, as in the audit. It is
tested on other artists than it was fitted on and, if the manifest has a column `package`, on clips from other packages.
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from src.audio.reader import AudioError
from src.clip import Clip
from src.console import track
from src.quality.measures import ClipMeasures, measure
from src.quality.shortcuts import shortcut, spectrum

GROUPS = ("artist", "package")  # columns whose values are not divided between training and test
SECONDS = 30  # of the middle of a clip, as training uses


def read_clips(manifest: Path) -> tuple[list[Clip], dict[str, list[str]]]:
    """Read the clips, and the values of each column of GROUPS that the manifest has.

    Raises OSError if it cannot be read, ValueError if it has no clips or lacks a column.
    """
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if missing := {"path", "genre", "artist"} - set(rows[0] if rows else ()):
        raise ValueError(
            f"{manifest} has no clips, or not all columns: expected a row for each clip with path, genre and artist "
            f"(missing: {', '.join(sorted(missing))})."
        )
    clips = [Clip(row["path"], manifest.parent / row["path"], row["genre"]) for row in rows]
    return clips, {column: [row[column] for row in rows] for column in GROUPS if column in rows[0]}


def measure_all(clips: Sequence[Clip]) -> list[ClipMeasures]:
    """Decode and measure the clips. Raises ValueError with the first file that cannot be decoded."""
    measures = []
    for clip in track(clips, "Measuring", len(clips)):
        try:
            measures.append(measure(clip, SECONDS))
        except AudioError as error:
            raise ValueError(f"{clip.path} cannot be used: {error}. Remove its row from the manifest.") from error
    return measures


def score_table(clips: Sequence[Clip], measures: Sequence[ClipMeasures], groups: dict[str, list[str]]) -> Table:
    """Make the table of scores, with a row for each kind of group and of measures."""
    table = Table(title=f"Predicted from these measures alone, in percent; {len(clips)} clips")
    for heading in (
        "measures",
        "groups",
        "folds",
        "commonest genre",
        "accuracy",
        "95 % interval",
        "macro recall",
        "recall",
    ):
        table.add_column(heading)
    for column, names in groups.items():
        grouped = [replace(clip, artist=name) for clip, name in zip(clips, names, strict=True)]
        for name, check in (("level, bandwidth", shortcut), ("spectrum", spectrum)):
            result = check(grouped, measures)
            if result is None:
                continue
            recall = result["recall"]
            low, high = result["accuracy_interval"]
            table.add_row(
                name,
                f"{len(set(names))} {column}s",
                str(result["folds"]),
                f"{result['commonest']} {100 * result['commonest_share']:.1f}",
                f"{100 * result['accuracy']:.1f}",
                f"{100 * low:.1f} to {100 * high:.1f}",
                f"{100 * np.mean(list(recall.values())):.1f}",
                ", ".join(f"{genre} {100 * share:.1f}" for genre, share in recall.items()),
            )
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shortcut", description=__doc__)
    parser.add_argument("manifest", type=Path, help="a CSV table of clips, as benchmarks.music writes it")
    try:
        clips, groups = read_clips(parser.parse_args(arguments).manifest)
        measures = measure_all(clips)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    Console(width=160).print(score_table(clips, measures, groups))


if __name__ == "__main__":
    main()
