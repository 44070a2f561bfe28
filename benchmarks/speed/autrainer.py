"""Seconds of an epoch with validation: ours and autrainer's, with the same network, clips, crops and batch size, on the CPU.

autrainer reads stored log-mel spectrograms; ours cuts the sound and computes them in every epoch. Neither augments.
autrainer gets an environment of its own, made once, with the versions of `PINS`.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig

from benchmarks.speed.experiment import compose
from benchmarks.speed.figures import Figure, values_in_turn
from benchmarks.speed.train import our_epochs
from src.classifier import precision
from src.data.datamodule import GenreData
from src.training import setup

ENVIRONMENT = Path(".venv-autrainer")  # hidden, as .venv: a folder in outputs/ would be searched for runs
PINS = ("autrainer==0.10.0", "torch==2.11.0", "torchaudio==2.11.0")  # its own requirement is another torch, which fails
PROJECT = Path(__file__).parent / "autrainer_project"
NETWORK = ("model=cnn", "model.width=32", "feature.n_mels=128", "augmentation=none", "trainer.accelerator=cpu")
EPOCHS, TURNS = 3, 3  # the first epoch of each training is not timed
SUBSETS = {"train": "train", "val": "dev", "test": "test"}  # our name -> autrainer's


def figures(folder: Path) -> list[Figure]:
    program = install(ENVIRONMENT)
    project = folder / "project"
    shutil.copytree(PROJECT, project)
    configs = {name: compose(*NETWORK, f"trainer.max_epochs={EPOCHS}") for name in ("float32", "precision=auto")}
    data = setup.compose_data(configs["float32"])
    store_features(configs["float32"], data, project / "data")
    threads = configs["float32"].trainer.threads
    works: dict[str, Callable[[], Sequence[float]]] = {
        "autrainer": partial(autrainer_epochs, program, project, threads)
    }
    configs["precision=auto"].trainer.precision = "auto"
    for name, config in configs.items():
        precision.resolve_auto(config)
        works[f"{name}, {config.trainer.precision}"] = partial(our_epochs, config, data, folder)
    seconds = values_in_turn(works, TURNS)
    stored = seconds.pop("autrainer")
    return [
        Figure("autrainer", f"epoch, {name}, features from sound", ours, "s", "autrainer, stored features", stored)
        for name, ours in seconds.items()
    ]


def install(folder: Path) -> Path:
    """Install autrainer into a virtual environment, unless it is there -> its program. Raises RuntimeError on failure."""
    program, ready = folder.absolute() / "bin" / "autrainer", folder / "ready"
    if ready.exists() and ready.read_text(encoding="utf-8").split() == list(PINS):
        return program
    shutil.rmtree(folder, ignore_errors=True)
    print(f"benchmarks.speed: installing {' '.join(PINS)} in {folder}, once: about 5 GB", file=sys.stderr)
    python = folder / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *PINS],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise RuntimeError(
                f"autrainer cannot be installed ({' '.join(command[1:3])}: {lines[-1] if lines else 'no message'}). This part "
                "needs a package index, as configured for uv, and 5 GB of disk"
            )
    ready.write_text(" ".join(PINS), encoding="utf-8")
    return program


def store_features(config: DictConfig, data: GenreData, folder: Path) -> None:
    """Write the log-mel spectrogram of each segment of each clip as an npy file (1, F, N), and a table for each set."""
    module = setup.build_module(config, data.genres, data.counts).eval()
    (folder / "default").mkdir(parents=True)
    for subset, table in SUBSETS.items():
        rows = []
        for clip_B in data.fixed_dataloader(subset):
            batch = data.segment_batch(clip_B)
            with torch.no_grad():
                feature_MFN = module.raw_feature(batch.sound.flatten(0, 1)).numpy()
            for k, feature_FN in enumerate(feature_MFN):
                clip, segment = int(clip_B[k // data.segments]), k % data.segments
                np.save(folder / "default" / f"{clip}-{segment}.npy", feature_FN[np.newaxis])
                rows.append((f"{clip}-{segment}.npy", data.clips[clip].genre))
        with open(folder / f"{table}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("filename", "genre"), *rows])


def autrainer_epochs(program: Path, project: Path, threads: int) -> list[float]:
    """Train with autrainer -> the seconds of each iteration but the first. Raises RuntimeError if it fails."""
    for name in ("results", "seconds.json"):
        path = project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    environment.pop("GOMP_SPINCOUNT", None)  # which this project sets for itself
    done = subprocess.run([program, "train"], cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode or not (project / "seconds.json").exists():
        raise RuntimeError(f"autrainer train: exit status {done.returncode}\n{done.stderr[-2000:]}")
    seconds: list[float] = json.loads((project / "seconds.json").read_text(encoding="utf-8"))
    return seconds
