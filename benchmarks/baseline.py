"""Simple baselines for trained runs: `python -m benchmarks.baseline RUN|SWEEP...`.

There are three baselines, each on the run's own split: the most common training genre; logistic regression on level and
bandwidth alone (a shortcut that a network may learn instead of music); and logistic regression on the mean and standard
deviation over time of 20 MFCC. Runs that differ only in seed and fold form one group. Differences are paired by clip.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from src.console import track
from src.data.datamodule import GenreData
from src.evaluation.groups import group_by_config
from src.evaluation.tested_on import by_test_data
from src.feature import Energy, Mfcc, Rolloff
from src.metrics import intervals
from src.rundir import find_runs
from src.training import setup

STRENGTHS = (0.01, 0.1, 1.0, 10.0)  # inverse L2 strengths (C), of which the validation clips choose one
Vectors = dict[str, NDArray[np.float64]]  # clip name -> feature vector


def vectors(data: GenreData) -> tuple[Vectors, Vectors]:
    """Compute two feature vectors of each whole clip: level and bandwidth; mean and standard deviation of the MFCC."""
    rate = data.sample_rate
    energy = Energy(sample_rate=rate, hop_length=512, frame_length=2048)
    rolloff = Rolloff(sample_rate=rate, hop_length=512, n_fft=2048)
    mfcc = Mfcc(sample_rate=rate, hop_length=512, n_fft=2048, n_mels=128, n_mfcc=20)
    shortcut, timbre = {}, {}
    for k, clip in enumerate(track(data.clips, "Baseline features", len(data.clips))):
        wave_1T = (data.waveforms.samples(k).float() / 32767)[None]
        level_N, band_N = energy(wave_1T)[0, 0], rolloff(wave_1T)[0, 0]
        shortcut[clip.name] = torch.stack((level_N.mean(), level_N.std(), band_N.mean(), band_N.max())).double().numpy()
        mfcc_FN = mfcc(wave_1T)[0]
        timbre[clip.name] = torch.cat((mfcc_FN.mean(1), mfcc_FN.std(1))).double().numpy()
    return shortcut, timbre


def predict(features: Vectors, split: Sequence[dict[str, str | None]]) -> dict[str, str]:
    """Predict each test clip's genre by logistic regression; the strength C is the best one on the validation clips."""
    examples = {
        subset: [(features[str(row["clip"])], str(row["genre"])) for row in split if row["set"] == subset]
        for subset in ("train", "val")
    }
    x_train, y_train = zip(*examples["train"], strict=True)
    x_val, y_val = zip(*examples["val"], strict=True)
    models = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000)).fit(x_train, y_train) for c in STRENGTHS
    ]
    best = max(models, key=lambda model: model.score(x_val, y_val))
    test = [str(row["clip"]) for row in split if row["set"] == "test"]
    return dict(zip(test, best.predict([features[name] for name in test]), strict=True))


def compare(paths: Sequence[Path]) -> Table:
    """Compare each group of runs (one row) with the baselines on the same test clips: accuracies, paired differences."""
    table = Table(
        title="Accuracy over all test clips, in percent; paired differences with 95 % bootstrap intervals over artists"
    )
    for heading in ("runs", "clips", "network", "commonest genre", "level, bandwidth", "MFCC, log. regression"):
        table.add_column(heading)
    table.add_column("network minus level, bandwidth")
    table.add_column("network minus MFCC baseline")
    cached: dict[str, tuple[Vectors, Vectors]] = {}
    parts = by_test_data(group_by_config([run for path in paths for run in find_runs(path)]))
    for number, group in ((number, group) for number, part in enumerate(parts, start=1) for group in part):
        correct = defaultdict[str, dict[str, list[float]]](lambda: defaultdict(list))
        artist: dict[str, str] = {}
        for run in group.runs:
            data = setup.compose_data(OmegaConf.create(run.config))
            key = f"{data.corpus.name} {len(data.clips)} {data.sample_rate}"
            if key not in cached:
                cached[key] = vectors(data)
            shortcut, timbre = cached[key]
            test = run.predictions
            true = dict(zip(test.clips, test.true, strict=True))
            artist |= {clip: name or clip for clip, name in zip(test.clips, test.artists, strict=True)}
            train_genres = [str(row["genre"]) for row in run.split if row["set"] == "train"]
            predictions = {
                "network": dict(zip(test.clips, test.predicted, strict=True)),
                "majority": dict.fromkeys(test.clips, max(sorted(set(train_genres)), key=train_genres.count)),
                "shortcut": predict(shortcut, run.split),
                "timbre": predict(timbre, run.split),
            }
            for name, predicted in predictions.items():
                for clip, genre in true.items():
                    correct[name][clip].append(float(predicted[clip] == genre))
        clips = sorted(artist)
        mean = {name: np.array([np.mean(by_clip[clip]) for clip in clips]) for name, by_clip in correct.items()}
        artists = [artist[clip] for clip in clips]
        accuracies = [f"{100 * mean[name].mean():.1f}" for name in ("network", "majority", "shortcut", "timbre")]
        differences = [
            "{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * x for x in intervals.paired_difference(a, b, artists)))
            for a, b in ((mean["network"], mean["shortcut"]), (mean["network"], mean["timbre"]))
        ]
        label = f"test data {number}: {group.label}" if len(parts) > 1 else group.label  # not ranked across test data
        table.add_row(f"{label} x {len(group.runs)}", str(len(clips)), *accuracies, *differences)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baseline", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN|SWEEP")
    Console(width=180).print(compare(parser.parse_args().paths))


if __name__ == "__main__":
    main()
