"""How many wrong labels the audit finds: `python -m benchmarks.labels MANIFEST`.

Labels are made wrong on purpose: a tenth of the clips get another genre, ten times over; and then all clips of one artist,
for each artist that has three or more. Average precision is that of the audit's whole order; recall counts the wrong
labels in its first fifth. Folds grouped by track and by artist see the same wrong labels.
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
SHARE = 0.1  # of the clips, wrongly labelled
TOP = 0.2  # of the audit's order, that somebody listens to
LEAST_CLIPS = 3  # of an artist that is relabelled: one or two are no pattern


def at_random(clips: Sequence[Clip], seed: int) -> list[Clip]:
    """The clips with SHARE of their genres wrong."""
    random = np.random.default_rng(seed)
    genres, wrong = sorted({clip.genre for clip in clips}), list(clips)
    for k in random.choice(len(clips), round(SHARE * len(clips)), replace=False):
        wrong[k] = replace(clips[k], genre=str(random.choice([g for g in genres if g != clips[k].genre])))
    return wrong


def by_artist(clips: Sequence[Clip]) -> Iterator[tuple[str, list[Clip]]]:
    """An artist, and the clips with all of that artist's moved to the next genre."""
    genres = sorted({clip.genre for clip in clips})
    for artist in sorted({clip.artist or "" for clip in clips} - {""}):
        mine = [clip for clip in clips if clip.artist == artist]
        following = genres[(genres.index(mine[0].genre) + 1) % len(genres)]
        if len(mine) >= LEAST_CLIPS:
            yield artist, [replace(clip, genre=following) if clip in mine else clip for clip in clips]


def judged(order: Sequence[label_errors.Doubt], clips: Sequence[Clip], wrong: Sequence[Clip]) -> tuple[float, float]:
    """Average precision of the order, and the share of the wrong labels in its first TOP."""
    changed = {after.name for before, after in zip(clips, wrong, strict=True) if before.genre != after.genre}
    hit = np.array([doubt.clip in changed for doubt in order])
    precision = float(average_precision_score(hit, -np.arange(len(hit))))
    return precision, float(hit[: round(TOP * len(hit))].sum() / hit.sum())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.labels", description=__doc__)
    parser.add_argument("manifest", type=Path, help="a CSV table of clips whose labels are right")
    words = (f"dataset.path={parser.parse_args().manifest}", "dataset=manifest")
    clips, embedding_KE = audit.embeddings(configs.compose(*words, name="audit"))
    print(
        f"{len(clips)} clips, {len({clip.artist for clip in clips})} artists, {len({clip.genre for clip in clips})} genres\n"
    )
    print("| wrong labels | folds grouped by | average precision | recall in the first fifth | least to most |")
    print("|---|---|---:|---:|---:|")
    kinds = {
        f"{SHARE:.0%} at random, {len(SEEDS)} seeds": [at_random(clips, seed) for seed in SEEDS],
        "all of one artist, each in turn": [wrong for _, wrong in by_artist(clips)],
    }
    for kind, trials in kinds.items():
        for by in label_errors.BY:
            scores = np.array([judged(label_errors.doubts(wrong, embedding_KE, by), clips, wrong) for wrong in trials])
            precision, recall = scores.mean(axis=0)
            low, high = scores[:, 1].min(), scores[:, 1].max()
            print(f"| {kind} ({len(trials)}) | {by} | {precision:.2f} | {recall:.2f} | {low:.2f} to {high:.2f} |")


if __name__ == "__main__":
    main()
