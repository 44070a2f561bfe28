"""Accuracy of the audit's search for label errors: `python -m benchmarks.labels MANIFEST`.

Labels are made wrong on purpose in two ways: a tenth of all clips, drawn at random, get another genre (ten trials); or all
clips of one artist do (one trial for each artist with three clips or more). The audit sorts the clips, the most suspicious
first. Average precision is computed over all clips in this order; recall is the share of the wrong labels in its first
fifth. Folds grouped by track and folds grouped by artist get the same wrong labels.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from src import audit
from src import config as configs
from src.clip import Clip
from src.quality import label_errors

SEEDS = range(10)
SHARE = 0.1  # share of the clips that get a wrong label
TOP = 0.2  # share of the audit's order, from its start, that a person would listen to
LEAST_CLIPS = 3  # of an artist that is relabelled: one or two clips make no pattern


def relabel_random_clips(clips: Sequence[Clip], seed: int) -> list[Clip]:
    """Give another genre to SHARE of the clips, drawn at random."""
    random = np.random.default_rng(seed)
    genres, relabelled = sorted({clip.genre for clip in clips}), list(clips)
    for k in random.choice(len(clips), round(SHARE * len(clips)), replace=False):
        relabelled[k] = replace(clips[k], genre=str(random.choice([g for g in genres if g != clips[k].genre])))
    return relabelled


def relabel_each_artist(clips: Sequence[Clip]) -> Iterator[tuple[str, list[Clip]]]:
    """Yield each artist with all clips, where the clips of this artist have the next genre."""
    genres = sorted({clip.genre for clip in clips})
    for artist in sorted({clip.artist or "" for clip in clips} - {""}):
        own_clips = [clip for clip in clips if clip.artist == artist]
        next_genre = genres[(genres.index(own_clips[0].genre) + 1) % len(genres)]
        if len(own_clips) >= LEAST_CLIPS:
            yield artist, [replace(clip, genre=next_genre) if clip in own_clips else clip for clip in clips]


def score(
    order: Sequence[label_errors.SuspectLabel], clips: Sequence[Clip], relabelled: Sequence[Clip]
) -> tuple[float, float]:
    """Compute the average precision of the audit's order, and the share of the wrong labels in its first TOP."""
    wrong = {after.name for before, after in zip(clips, relabelled, strict=True) if before.genre != after.genre}
    is_wrong_K = np.array([label.clip in wrong for label in order])
    precision = float(average_precision_score(is_wrong_K, -np.arange(len(is_wrong_K))))
    return precision, float(is_wrong_K[: round(TOP * len(is_wrong_K))].sum() / is_wrong_K.sum())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__)
    parser.add_argument("manifest", type=Path, help="a CSV table of clips with correct labels")
    overrides = (f"dataset.path={parser.parse_args().manifest}", "dataset=manifest")
    clips, embedding_KE = audit.embeddings(configs.compose(*overrides, name="audit"))
    print(
        f"{len(clips)} clips, {len({clip.artist for clip in clips})} artists, {len({clip.genre for clip in clips})} genres\n"
    )
    print(
        "| clips with a wrong label | folds grouped by | average precision | recall in the first fifth | least to most |"
    )
    print("|---|---|---:|---:|---:|")
    kinds = {
        f"{SHARE:.0%} at random, {len(SEEDS)} seeds": [relabel_random_clips(clips, seed) for seed in SEEDS],
        "all of one artist, each in turn": [relabelled for _, relabelled in relabel_each_artist(clips)],
    }
    for kind, trials in kinds.items():
        for by in label_errors.GROUP_BY:
            scores = np.array(
                [score(label_errors.suspect_labels(trial, embedding_KE, by), clips, trial) for trial in trials]
            )
            precision, recall = scores.mean(axis=0)
            low, high = scores[:, 1].min(), scores[:, 1].max()
            print(f"| {kind} ({len(trials)}) | {by} | {precision:.2f} | {recall:.2f} | {low:.2f} to {high:.2f} |")


if __name__ == "__main__":
    main()
