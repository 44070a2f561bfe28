"""The main job as a new user runs it, on the whole built-in corpus. It takes minutes: only `make test-all` runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from src import rundir

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_default_experiment_is_better_than_a_timbre_baseline(tmp_path: Path) -> None:
    """Artist-disjoint accuracy well above chance (10 %), not near 100 %, above a simple baseline, in less than 2 GB."""
    folder = tmp_path / "run"
    overrides = [f"hydra.run.dir={folder}", f"data.cache={tmp_path / 'cache'}", "trainer.accelerator=cpu", "logger=csv"]
    # Started by a small process: on Linux, the largest memory of a process includes that of its parent when it was started.
    code = "import resource, subprocess, sys; print(subprocess.call(sys.argv[1:], stdout=2), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    program = [sys.executable, "-c", code, sys.executable, "-m", "src.train", *overrides]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    status, kilobytes = map(int, done.stdout.split())
    assert status == 0, done.stderr
    assert kilobytes < 2_000_000

    from benchmarks.baseline import compare

    test = rundir.RunDir(folder).metrics["test"]
    assert test["clips"] >= 150
    assert 0.4 < test["accuracy"] < 0.9
    assert set(test["genres"]) == {
        "blues",
        "classical",
        "country",
        "disco",
        "hiphop",
        "jazz",
        "metal",
        "pop",
        "reggae",
        "rock",
    }
    difference = next(iter(compare([folder]).columns[-1].cells))
    assert str(difference).startswith("+"), f"the network minus logistic regression on MFCC is {difference}"


@pytest.mark.slow
def test_real_recordings_are_recognized_better_than_the_most_common_genre(music: Path, tmp_path: Path) -> None:
    """Three pooled artist-disjoint folds of real recordings: the interval lies above the most common genre's 34 %."""
    sweep = tmp_path / "sweep"
    overrides = ["dataset=manifest", f"dataset.path={music / 'manifest.csv'}", "logger=none"]
    overrides += ["split=kfold", "split.folds=3", "split.fold=range(0,3)"]
    overrides += [f"hydra.sweep.dir={sweep}", f"data.cache={tmp_path / 'cache'}"]
    completed = subprocess.run(
        [sys.executable, "-m", "src.train", "--multirun", *overrides],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    scores = [json.loads(path.read_text())["test"] for path in sweep.glob("*/metrics.json")]
    correct = sum(round(score["accuracy"] * score["clips"]) for score in scores)
    assert sum(score["clips"] for score in scores) == 103

    from src.metrics.intervals import wilson

    assert wilson(correct, 103)[0] > 35 / 103
