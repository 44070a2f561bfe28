"""Annotators with known errors for the synthetic corpus, and training on shares against training on the majority.

`python -m benchmarks.opinions table FILE` writes a manifest of the synthetic corpus with a column for each annotator.
`python -m benchmarks.opinions compare FOLDER` compares the runs in a folder that were trained on it with dataset.targets=shares
and with dataset.targets=majority.

Annotator a gives the composer's genre with probability skill a. Otherwise the genre is that of its PAIRS (70 %), or any of the
others. So the true shares of each genre are known.
"""

import argparse
import csv
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from src import rundir
from src.dataset import Synth
from src.metrics import agreement, intervals
from src.metrics import opinions as measures

SKILLS = (0.9, 0.8, 0.7, 0.6, 0.5)  # of the five annotators
PAIRS = (("blues", "jazz"), ("rock", "metal"), ("disco", "pop"), ("hiphop", "reggae"), ("classical", "country"))
TO_PAIR = 0.7  # of the errors
SEED = 0
MEASURES = (
    "cross-entropy",
    "before calibration",
    "with true shares",
    "divergence",
    "accuracy",
    "composer's genre",
    "ECE",
)
Values = NDArray[np.float64]


def confusion(genres: Sequence[str], skill: float) -> Values:
    """The probabilities (C, C) with which an annotator gives each genre (columns) to clips of each genre (rows)."""
    partner = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
    matrix_CC = np.zeros((len(genres), len(genres)))
    for row, genre in enumerate(genres):
        others = [k for k in range(len(genres)) if k != row]
        pair = genres.index(partner[genre]) if partner.get(genre) in genres else None
        matrix_CC[row, others] = (1 - skill) * (1 if pair is None else 1 - TO_PAIR) / len(others)
        if pair is not None:
            matrix_CC[row, pair] += (1 - skill) * TO_PAIR
        matrix_CC[row, row] = skill
    return matrix_CC


def annotate(true_K: NDArray[np.int64], confusion_ACC: Values, seed: int) -> NDArray[np.int64]:
    """Draw the labels (K, A) of annotators for clips of known genre, independently of each other."""
    random = np.random.default_rng(seed)
    limit_AKC = confusion_ACC[:, true_K].cumsum(axis=2)
    above_AKC = random.random((*limit_AKC.shape[:2], 1)) > limit_AKC[:, :, :-1]
    label_KA: NDArray[np.int64] = above_AKC.sum(axis=2).T
    return label_KA


def write_table(path: Path, cache: str, seed: int) -> list[str]:
    """Write the manifest, and return the genres of the corpus."""
    corpus = Synth(cache).corpus()
    genres = corpus.genres
    true_K = np.array([genres.index(clip.genre) for clip in corpus.clips])
    label_KA = annotate(true_K, np.stack([confusion(genres, skill) for skill in SKILLS]), seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "artist", "track", *(f"genre_{k}" for k in range(1, len(SKILLS) + 1))))
        for clip, label_A in zip(corpus.clips, label_KA.tolist(), strict=True):
            place = os.path.relpath(clip.path, path.resolve().parent)
            writer.writerow((place, clip.artist, clip.track, *(genres[label] for label in label_A)))
    return genres


def known(genres: Sequence[str]) -> tuple[float, float, float]:
    """Alpha, ceiling and entropy of the true shares, computed from the known errors for genres with equally many clips.

    The ceiling is the mean accuracy of an annotator against the majority of the others, over 100,000 simulated clips.
    """
    confusion_ACC = np.stack([confusion(genres, skill) for skill in SKILLS])
    annotators = len(SKILLS)
    mean_CC = confusion_ACC.mean(axis=0)
    pairs = [(a, b) for a in range(annotators) for b in range(annotators) if a != b]
    observed = np.mean([(confusion_ACC[a] * confusion_ACC[b]).sum(axis=1).mean() for a, b in pairs])
    by_chance = (mean_CC.mean(axis=0) ** 2).sum()
    random = np.random.default_rng(1)
    label_KA = annotate(random.integers(len(genres), size=100_000), confusion_ACC, seed=2)
    count_KC = agreement.counts(label_KA, len(genres))
    draw_K = random.integers(2**32, size=len(label_KA))
    majorities = [agreement.others_majority(label_KA, a, count_KC, draw_K) for a in range(annotators)]
    ceiling = np.mean([(label_KA[:, a] == majority_K).mean() for a, majority_K in enumerate(majorities)])
    alpha = float((observed - by_chance) / (1 - by_chance))
    return alpha, float(ceiling), float(measures.entropy(mean_CC).mean())


def measure(run: rundir.RunDir) -> tuple[list[str], list[str], Values]:
    """Measure a run on its test clips -> the clips, their artists, and (K, M) values whose means are MEASURES, without ECE.

    Raises ValueError if the clips of the run do not have several annotators.
    """
    if not (run.path / rundir.OPINIONS).is_file():
        raise ValueError(
            f"{run.path} has no {rundir.OPINIONS}: expected runs on the table that `python -m benchmarks.opinions table` writes."
        )
    predictions, genres = run.predictions, run.predictions.genres
    with (run.path / rundir.OPINIONS).open(newline="", encoding="utf-8") as file:
        rows = {row["clip"]: row for row in csv.DictReader(file)}
    share_KC = np.array([[float(rows[clip][f"s_{genre}"]) for genre in genres] for clip in predictions.clips])
    composer = [Path(clip).parent.name for clip in predictions.clips]  # the folders of the corpus are its genres
    true_CC = np.mean([confusion(genres, skill) for skill in SKILLS], axis=0)
    true_share_KC = true_CC[[genres.index(genre) for genre in composer]]
    probability_KC = predictions.probability_KC.clip(1e-6)  # as six digits are stored
    probability_KC /= probability_KC.sum(axis=1, keepdims=True)
    before_KC = probability_KC ** float(run.metrics["temperature"])
    before_KC /= before_KC.sum(axis=1, keepdims=True)
    columns = [
        measures.cross_entropy(share_KC, probability_KC),
        measures.cross_entropy(share_KC, before_KC),
        measures.cross_entropy(true_share_KC, probability_KC),
        measures.jensen_shannon(share_KC, probability_KC),
        np.array(predictions.predicted) == np.array(predictions.true),
        np.array(predictions.predicted) == np.array(composer),
    ]
    return (
        predictions.clips,
        [str(artist) for artist in predictions.artists],
        np.column_stack(columns).astype(np.float64),
    )


def compare(folder: Path) -> Table:
    """Compare the runs in a folder: means over seeds, intervals of a bootstrap over artists, and paired differences.

    Raises ValueError if the runs of both targets are not tested on the same clips.
    """
    values = defaultdict(list)
    ece: dict[str, list[float]] = defaultdict(list)
    tested: tuple[list[str], list[str]] | None = None
    for run in rundir.find_runs(folder):
        clips, artists, value_KM = measure(run)
        if tested and clips != tested[0]:
            raise ValueError(f"{run.path} has other test clips than the runs before it: use one split.seed.")
        tested = clips, artists
        targets = str(run.config["dataset"]["targets"])
        values[targets].append(value_KM)
        ece[targets].append(float(run.metrics["test"]["ece"]))
    if not tested or set(values) != {"shares", "majority"}:
        raise ValueError(
            f"{folder} has runs with the targets {', '.join(values) or 'none'}: expected shares and majority."
        )
    clips, artists = tested
    means = {targets: np.mean(found, axis=0) for targets, found in values.items()}
    seeds = ", ".join(f"{len(found)} seeds with {targets}" for targets, found in values.items())
    table = Table(title=f"{len(clips)} test clips of {len(set(artists))} artists; {seeds}")
    for heading in ("measure", "shares", "majority", "shares - majority"):
        table.add_column(heading)
    for column, name in enumerate(MEASURES[:-1]):
        a_K, b_K = means["shares"][:, column], means["majority"][:, column]
        cells = [_cell(value_K.mean(), *intervals.bootstrap_by_cluster(value_K, artists)) for value_K in (a_K, b_K)]
        table.add_row(name, *cells, _cell(*intervals.paired_difference(a_K, b_K, artists), sign="+"))
    table.add_row(MEASURES[-1], *(f"{np.mean(ece[targets]):.3f}" for targets in ("shares", "majority")), "")
    return table


def _cell(value: float, low: float, high: float, sign: str = "") -> str:
    return f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.opinions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("table", help="write the manifest")
    table.add_argument("file", type=Path)
    table.add_argument("--cache", default="outputs/cache", help="folder of the corpus, data.cache of the trainings")
    table.add_argument("--seed", type=int, default=SEED)
    compared = commands.add_parser("compare", help="compare the runs in a folder")
    compared.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    console = Console(width=140)
    try:
        if options.command == "table":
            genres = write_table(options.file, options.cache, options.seed)
            alpha, ceiling, entropy = known(genres)
            console.print(
                f"{options.file}: known alpha {alpha:.3f}, ceiling {100 * ceiling:.1f} %, entropy of the true shares "
                f"{entropy:.3f} nats"
            )
        else:
            console.print(compare(options.folder))
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
