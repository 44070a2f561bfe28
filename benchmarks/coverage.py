"""Do 90 % sets of genres hold the true one for 90 % of clips by new artists? `python -m benchmarks.coverage`.

Fits a support vector machine on cached statistics of a feature, over ten folds of several split seeds, with a quarter of the training
artists for calibration: the project's split, model, temperature and limits, without whole trainings. Each clip is tested once
for each seed. The synthetic corpus has ten genres of 20 artists with 4 clips each.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src import config as configs
from src import console
from src.data.datamodule import GenreData
from src.data.feature_cache import SegmentValues
from src.instantiate import call_with_facts, instantiate_choice
from src.metrics import calibration, conformal, intervals
from src.split import Kfold
from src.split.grouping import artist_groups
from src.training import setup

FOLDS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the mean coverage and size of the sets, and the coverage of each genre."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coverage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "settings", nargs="*", help="settings of the data and the feature, e.g. feature=mfcc data.cache=DIR"
    )
    parser.add_argument("--seeds", type=int, default=20, help="seeds of the split (default: 20)")
    parser.add_argument("--calibration", type=float, default=0.25, help="share of the training artists (default: 0.25)")
    parser.add_argument("--level", type=float, default=0.9, help="of the sets (default: 0.9)")
    parser.add_argument("--output", type=Path, help="write the row of each seed into this CSV")
    options = parser.parse_args(arguments)
    config = configs.compose("model=svm", "feature=all", *options.settings)
    torch.set_num_threads(1)
    data = setup.compose_data(config)
    module = setup.build_module(config, data.genres, [1] * len(data.genres))
    feature: Any = module.feature
    cached = setup.cached_statistics(config, data, feature, torch.device("cpu"), range(len(data.clips)))

    jobs = list(product(range(options.seeds), range(FOLDS)))
    results = []
    for seed, fold in console.track(jobs, "Fitting", len(jobs)):
        split = Kfold(FOLDS, fold, seed, True, False, options.calibration)
        results.append(one_fold(config, data, cached, split, options.level, feature.scale_F))
    for unit in ("artist", "clip"):
        _print(unit, results, options, data)
    return 0


def one_fold(
    config: Any, data: GenreData, cached: SegmentValues, split: Kfold, level: float, scale_F: Tensor
) -> dict[str, Any]:
    """Fit, calibrate and test one fold: for each unit the hits and sizes of the test clips, (K,), and the artists counted."""
    subsets = split.assign(data.clips)
    clips = {name: [k for k, subset in enumerate(subsets) if subset == name] for name in set(subsets)}
    segments = data.segments
    model = call_with_facts(
        instantiate_choice(config.model), rows=cached.shape[1] // 3, genres=len(data.genres), scale_F=scale_F
    )
    model.prepare_from_statistics(
        [
            (
                torch.cat([cached[k].float() for k in clips["train"]]),
                data.genre[clips["train"]].repeat_interleave(segments),
            )
        ]
    )

    def logits(subset: str) -> Tensor:
        segment_ME = torch.cat([cached[k].float() for k in clips[subset]])
        logits_KSC: Tensor = model.from_statistics(segment_ME).reshape(len(clips[subset]), segments, -1)
        return logits_KSC.mean(dim=1).double()

    temperature = calibration.temperature(logits("val"), data.genre[clips["val"]])
    probability_KC = (logits("calibration") / temperature).softmax(dim=1)
    score_K = 1 - probability_KC.gather(1, data.genre[clips["calibration"]][:, None])[:, 0].numpy()
    artist = [": ".join(group) for group in artist_groups([data.clips[k] for k in clips["calibration"]])]
    test_KC, genre_K = (logits("test") / temperature).softmax(dim=1).numpy(), data.genre[clips["test"]].numpy()
    row: dict[str, Any] = {"test": clips["test"], "artists": len(set(artist))}
    for unit, names in (("artist", artist), ("clip", [str(k) for k in range(len(artist))])):
        sets_KC = conformal.genre_sets(test_KC, conformal.score_limit(score_K, names, level))
        row[unit] = (sets_KC[np.arange(len(genre_K)), genre_K], sets_KC.sum(axis=1))
    row["right"] = test_KC.argmax(axis=1) == genre_K
    return row


def _print(unit: str, results: Sequence[dict[str, Any]], options: argparse.Namespace, data: GenreData) -> None:
    seeds = [results[seed * FOLDS : (seed + 1) * FOLDS] for seed in range(options.seeds)]
    hit_RK = np.stack([_by_clip(rows, unit, 0, len(data.clips)) for rows in seeds])
    size_RK = np.stack([_by_clip(rows, unit, 1, len(data.clips)) for rows in seeds])
    coverage_R, artists = hit_RK.mean(axis=1), [str(clip.artist) for clip in data.clips]
    low, high = intervals.bootstrap_by_cluster(hit_RK.mean(axis=0), artists)
    accuracy = float(np.mean([row["right"].mean() for row in results]))
    print(
        f"{unit}s as units: mean coverage {coverage_R.mean():.1%} (95 % interval over artists {low:.1%} to {high:.1%}; seeds "
        f"{coverage_R.min():.1%} to {coverage_R.max():.1%}), mean size {size_RK.mean():.2f} of {len(data.genres)}; {options.seeds} "
        f"seeds x {FOLDS} folds, {len(data.clips)} clips of {len(set(artists))} artists, {min(row['artists'] for row in results)} to "
        f"{max(row['artists'] for row in results)} calibration artists; accuracy {accuracy:.1%}"
    )
    for c, genre in enumerate(data.genres) if unit == "artist" else ():
        own_K = data.genre.numpy() == c
        mean = hit_RK[:, own_K].mean(axis=0)
        low, high = intervals.bootstrap_by_cluster(
            mean, [name for name, own in zip(artists, own_K, strict=True) if own]
        )
        print(f"  {genre}: {mean.mean():.1%} ({low:.1%} to {high:.1%}), size {size_RK[:, own_K].mean():.2f}")
    if options.output and unit == "artist":
        with options.output.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("seed", "coverage", "mean_size"))
            writer.writerows(
                (seed, f"{coverage:.4f}", f"{size:.3f}")
                for seed, (coverage, size) in enumerate(zip(coverage_R, size_RK.mean(axis=1), strict=True))
            )


def _by_clip(rows: Sequence[dict[str, Any]], unit: str, part: int, clips: int) -> np.ndarray[Any, Any]:
    """The values of all clips, each tested in one of the folds."""
    value_K = np.full(clips, np.nan)
    for row in rows:
        value_K[row["test"]] = row[unit][part]
    return value_K


if __name__ == "__main__":
    sys.exit(main())
