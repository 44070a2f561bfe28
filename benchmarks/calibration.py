"""Test NLL and ECE with and without a prior on the temperature: `python -m benchmarks.calibration MANIFEST`.

Trains small models on three artist-grouped folds, with several seeds (each with its own split), and calibrates each on
4, 8, 16 of its validation clips, drawn at random, and on all of them. The temperature is fitted without a prior and with
priors of several weights; every one is measured on the test clips of the fold.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig

from src import config as configs
from src import metrics, rundir
from src.metrics import calibration
from src.training import setup, stages
from src.training.module import Predictions, join

MODELS = {
    "head on musicnn": ("feature=musicnn", "model=head"),
    "svm on timbre": ("feature=timbre", "model=svm"),
    "cnn on mfcc": ("experiment=quick",),
}
FOLDS = 3
CLIPS = (4, 8, 16, 0)  # validation clips; 0 is all of them
DRAWS = 5  # random choices of the validation clips
WEIGHTS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)  # of the prior; 0: no prior
UNCALIBRATED = -1.0  # in place of a prior: temperature 1


def predictions(config: DictConfig) -> tuple[Predictions, Predictions, Sequence[str]]:
    """Train a model and predict, not calibrated: (validation clips, test clips, genres)."""
    data = setup.compose_data(config)
    module = setup.build_module(config, data.genres, data.counts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trainer = setup.make_trainer(config, module, folder, False, [])
        setup.cache_feature(config, data, module, trainer.strategy.root_device)
        stages.fit(trainer, module, data, folder, resume=False)
        stages.load_best(module, folder / rundir.BEST)
        val, test = (join(batches) for batches in trainer.predict(module, data) or [])
    return val, test, data.genres


def measure(
    val: Predictions, test: Predictions, genres: Sequence[str], seed: int
) -> dict[tuple[int, float], list[tuple[float, float, float]]]:
    """Calibrate on random choices of the validation clips: (clips, weight of the prior) -> [(test NLL, test ECE, temperature), ...]."""
    random = np.random.default_rng(seed)
    results = defaultdict(list)
    for clips in CLIPS:
        for _ in range(DRAWS if clips else 1):
            chosen = torch.from_numpy(random.permutation(len(val.genre))[: clips or None])
            for weight in (UNCALIBRATED, *WEIGHTS):
                fitted = (
                    1.0
                    if weight == UNCALIBRATED
                    else calibration.temperature(val.logits[chosen], val.genre[chosen], weight)
                )
                scores = metrics.score(test.with_temperature(fitted).logits, test.genre, genres)
                results[clips, weight].append((scores["nll"], scores["ece"], fitted))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("manifest", type=Path, help="a CSV table of clips with genres and artists")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", action="append", choices=list(MODELS), help="default: all")
    parser.add_argument("--cache", type=Path, default=Path("outputs/cache"))
    options = parser.parse_args()
    print("| model | validation clips | | " + " | ".join(map(_heading, (UNCALIBRATED, *WEIGHTS))) + " |")
    print("|---|---:|---|" + "---:|" * (1 + len(WEIGHTS)))
    for name in options.model or MODELS:
        collected: dict[tuple[int, float], list[tuple[float, float, float]]] = defaultdict(list)
        for seed in range(options.seeds):
            for fold in range(FOLDS):
                overrides = ["dataset=manifest", f"dataset.path={options.manifest}", f"data.cache={options.cache}"]
                overrides += ["split=kfold", f"split.folds={FOLDS}", f"split.fold={fold}", f"split.seed={seed}"]
                config = configs.compose(*MODELS[name], *overrides, f"seed={seed}", "logger=none")
                for key, values in measure(*predictions(config), seed).items():
                    collected[key] += values
        for clips in CLIPS:
            rows = np.array([collected[clips, weight] for weight in (UNCALIBRATED, *WEIGHTS)])
            worse = (rows[:, :, 0] > rows[:1, :, 0]).mean(axis=1)
            print(_row(name, clips, "NLL, nats", [f"{value:.3f}" for value in rows[:, :, 0].mean(axis=1)]))
            print(_row(name, clips, "ECE, %", [f"{100 * value:.1f}" for value in rows[:, :, 1].mean(axis=1)]))
            print(_row(name, clips, "worse NLL, %", [f"{100 * share:.0f}" for share in worse]))
            print(_row(name, clips, "temperature", [f"{value:.2f}" for value in np.median(rows[:, :, 2], axis=1)]))


def _heading(weight: float) -> str:
    return "uncalibrated" if weight == UNCALIBRATED else "no prior" if weight == 0 else f"weight {weight:g}"


def _row(name: str, clips: int, score: str, cells: Sequence[str]) -> str:
    return f"| {name} | {clips or 'all'} | {score} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
