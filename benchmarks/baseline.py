"""Runs against what needs no network at all: `python -m benchmarks.baseline SWEEP`.

On each run's own split: always answering the commonest genre; logistic regression on level and bandwidth alone (the
shortcut that a network may learn instead of music); and logistic regression on the mean and standard deviation over
time of 20 MFCC. Runs that differ only in seed and fold are one group, and every difference is paired clip by clip.
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
from src.feature import Energy, Mfcc, Rolloff
from src.metrics import intervals
from src.rundir import find
from src.training import setup

STRENGTHS = (0.01, 0.1, 1.0, 10.0)  # of the regularization, chosen on the validation clips
Clips = dict[str, NDArray[np.float64]]  # a vector a clip


def vectors(data: GenreData) -> tuple[Clips, Clips]:
    """Each clip's (level and bandwidth) and (mean and deviation of MFCC), over all of it."""
    rate = data.sample_rate
    energy = Energy(sample_rate=rate, hop_length=512, frame_length=2048)
    rolloff = Rolloff(sample_rate=rate, hop_length=512, n_fft=2048)
    mfcc = Mfcc(sample_rate=rate, hop_length=512, n_fft=2048, n_mels=128, n_mfcc=20)
    shortcut, timbre = {}, {}
    clips = zip(data.clips, data.waveforms.offset, data.waveforms.length, strict=True)
    for clip, offset, length in track(clips, "Baseline features", len(data.clips)):
        wave_1T = (data.waveforms.samples[offset : offset + length].float() / 32767)[None]
        level_N, band_N = energy(wave_1T)[0, 0], rolloff(wave_1T)[0, 0]
        shortcut[clip.name] = torch.stack((level_N.mean(), level_N.std(), band_N.mean(), band_N.max())).double().numpy()
        mfcc_FN = mfcc(wave_1T)[0]
        timbre[clip.name] = torch.cat((mfcc_FN.mean(1), mfcc_FN.std(1))).double().numpy()
    return shortcut, timbre


def predict(features: Clips, split: Sequence[dict[str, str | None]]) -> dict[str, str]:
    """Logistic regression's genre of each test clip; its strength is the best one on the validation clips."""
    sides = {
        side: [(features[str(row["clip"])], str(row["genre"])) for row in split if row["set"] == side]
        for side in ("train", "val")
    }
    x_train, y_train = zip(*sides["train"], strict=True)
    x_val, y_val = zip(*sides["val"], strict=True)
    models = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=5000)).fit(x_train, y_train) for c in STRENGTHS
    ]
    best = max(models, key=lambda model: model.score(x_val, y_val))
    test = [str(row["clip"]) for row in split if row["set"] == "test"]
    return dict(zip(test, best.predict([features[name] for name in test]), strict=True))


def compare(paths: Sequence[Path]) -> Table:
    """A row a group of runs: its accuracy, each baseline's on the same test clips, and the paired differences."""
    table = Table(title="Accuracy over all test clips, in percent; differences paired, 95 % bootstrap over artists")
    for heading in ("runs", "clips", "network", "commonest genre", "level, bandwidth", "MFCC, log. regression"):
        table.add_column(heading)
    table.add_column("network minus level, bandwidth")
    table.add_column("network minus MFCC baseline")
    known: dict[str, tuple[Clips, Clips]] = {}
    for group in group_by_config([found for path in paths for found in find(path)]):
        right = defaultdict[str, dict[str, list[float]]](lambda: defaultdict(list))
        artist: dict[str, str] = {}
        for member in group.runs:
            data = setup.compose_data(OmegaConf.create(member.config))
            key = f"{data.corpus.name} {len(data.clips)} {data.sample_rate}"
            if key not in known:
                known[key] = vectors(data)
            shortcut, timbre = known[key]
            said = member.predictions
            truth = dict(zip(said.clips, said.true, strict=True))
            artist |= {clip: who or clip for clip, who in zip(said.clips, said.artists, strict=True)}
            train = [str(row["genre"]) for row in member.split if row["set"] == "train"]
            answers = {
                "network": dict(zip(said.clips, said.predicted, strict=True)),
                "majority": dict.fromkeys(said.clips, max(sorted(set(train)), key=train.count)),
                "shortcut": predict(shortcut, member.split),
                "timbre": predict(timbre, member.split),
            }
            for name, answer in answers.items():
                for clip, genre in truth.items():
                    right[name][clip].append(float(answer[clip] == genre))
        clips = sorted(artist)
        mean = {name: np.array([np.mean(each[clip]) for clip in clips]) for name, each in right.items()}
        artists = [artist[clip] for clip in clips]
        shares = [f"{100 * mean[name].mean():.1f}" for name in ("network", "majority", "shortcut", "timbre")]
        differences = [
            "{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * x for x in intervals.paired_difference(a, b, artists)))
            for a, b in ((mean["network"], mean["shortcut"]), (mean["network"], mean["timbre"]))
        ]
        table.add_row(f"{group.label} x {len(group.runs)}", str(len(clips)), *shares, *differences)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baseline", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN|SWEEP")
    Console(width=180).print(compare(parser.parse_args().paths))


if __name__ == "__main__":
    main()
