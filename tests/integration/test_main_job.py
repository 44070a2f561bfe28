"""The main job as a stranger runs it, on the whole embedded corpus; minutes, so `make test-all` runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from src import rundir

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_default_experiment_hears_more_than_timbre(tmp_path: Path) -> None:
    """Artist-disjoint accuracy well above chance (10 %) and not near 100 %, in less than 2 GB, above a simple baseline."""
    folder = tmp_path / "run"
    words = [f"hydra.run.dir={folder}", f"data.cache={tmp_path / 'cache'}", "trainer.accelerator=cpu", "logger=csv"]
    said = tmp_path / "said"
    with open(said, "w") as out:
        process = subprocess.Popen([sys.executable, "-m", "src.train", *words], cwd=ROOT, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)  # of this process alone; other tests have larger children
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said.read_text(encoding="utf-8")
    assert usage.ru_maxrss < 2_000_000  # kilobytes

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
def test_real_recordings_beat_the_commonest_genre(music: Path, tmp_path: Path) -> None:
    """Three artist-disjoint folds of real recordings, pooled: above the commonest genre's 34 % with its interval."""
    sweep = tmp_path / "sweep"
    words = ["dataset=manifest", f"dataset.path={music / 'manifest.csv'}", "split=kfold", "split.folds=3"]
    words += ["split.fold=range(0,3)", f"hydra.sweep.dir={sweep}", f"data.cache={tmp_path / 'cache'}", "logger=none"]
    ran = subprocess.run(
        [sys.executable, "-m", "src.train", "--multirun", *words],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    tests = [json.loads(path.read_text())["test"] for path in sweep.glob("*/metrics.json")]
    right = sum(round(test["accuracy"] * test["clips"]) for test in tests)
    assert sum(test["clips"] for test in tests) == 103

    from src.metrics.intervals import wilson

    assert wilson(right, 103)[0] > 35 / 103
