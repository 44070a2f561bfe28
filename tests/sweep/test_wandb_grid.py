"""wandb sweeps: the YAML of presets, and the command line that wandb's agent makes of it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from src import wandb_sweep
from src.config import CONF, compose
from src.rundir import RunDir
from src.sweep import wandb_grid
from src.training.curves import COMPUTED
from tests.conftest import ROOT
from tests.programs import SMALL

NO_GRID = {
    "optuna": "sweep=optuna chooses its values during the search",
    "leak_gap": "sweep=leak_gap compares its runs at the end",
    "transfer": "sweep=transfer compares its runs at the end",
    "none": "nothing is swept: choose a preset, as in sweep=paper",
}


def command_lines(content: dict[str, Any]) -> list[list[str]]:
    """The command lines of all points of a grid, made by wandb's own code."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    lines = []
    names = list(content["parameters"])
    for values in product(*(content["parameters"][name]["values"] for name in names)):
        arguments = {name: {"value": value} for name, value in zip(names, values, strict=True)}
        macros: dict[str, Any] = {**create_sweep_command_args({"args": arguments}), "env": ["/usr/bin/env"]}
        words: list[str] = []
        for chunk in create_sweep_command(list(content["command"])):
            words += macros[chunk[2:-1]] if chunk.startswith("${") else [chunk]
        lines.append(words)
    return lines


@pytest.mark.parametrize("preset", sorted(path.stem for path in (CONF / "sweep").glob("*.yaml")))
def test_every_preset_is_a_grid_or_is_refused(preset: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = wandb_sweep.main([f"sweep={preset}"])
    out, err = capsys.readouterr()
    if preset in NO_GRID:
        assert status == 1
        missing = preset == "optuna" and find_spec("optuna") is None
        reason = "sweep=optuna needs an optional package" if missing else NO_GRID[preset]
        assert err.startswith(f"wandb_sweep: {reason}")
        assert err.count("\n") == 1
        assert out == ""
        return
    assert status == 0
    content = yaml.safe_load(out)
    assert content["method"] == "grid"
    lines = command_lines(content)
    assert lines[0][:4] == ["/usr/bin/env", "python", "-m", "src.train"]
    assert len({tuple(line) for line in lines}) == len(lines)
    OmegaConf.to_container(compose(*(word for word in lines[-1][4:] if not word.startswith("hydra."))), resolve=False)


def test_the_paper_s_grid() -> None:
    content = wandb_grid.grid(["sweep=[folds,paper]", "experiment=paper_cnn", "split.folds=3", "model.layers=3,4"])
    assert {name: parameter["values"] for name, parameter in content["parameters"].items()} == {
        "split.fold": [0, 1, 2],
        "optimizer.lr": [0.001, 0.005],
        "data.batch_size": [32, 64],
        "model.layers": [3, 4],  # typed: it replaces the preset's
    }
    assert content["command"][4:-1] == [
        "sweep=[folds,paper]",
        "experiment=paper_cnn",
        "split.folds=3",
        "hydra.mode=RUN",
        "logger.offline=false",
    ]
    assert content["metric"] == {"name": "val/f1_macro", "goal": "maximize"}
    assert wandb_grid.METRIC in COMPUTED


def test_settings_of_the_logger() -> None:
    content = wandb_grid.grid(["model=cnn,rnn", "logger.project=mine", "logger.entity=team", "logger.offline=true"])
    assert (content["project"], content["entity"]) == ("mine", "team")
    assert "logger.offline=false" not in content["command"]
    several = wandb_grid.grid(["seed=0,1", "logger=many", "logger.names=[wandb,csv]", "launcher=joblib"])
    assert several["command"][4:-1] == ["logger=many", "logger.names=[wandb,csv]", "logger.wandb.offline=false"]


WRONG = {
    ("sweep=papr",): "sweep=papr: there is no such choice. Did you mean 'paper'?",
    ("model=cnn,rn",): "model=rn: there is no such choice.",
    ("seed=0,1", "optimizer.lr=fast"): "optimizer.lr is 'fast': expected",
    ("optimizer.lr=0.001,fast",): "optimizer.lr is 'fast': expected",
    ("optimizer.lr=interval(0.001,0.01)",): "an interval is no grid.",
    ("seed=0,1", "logger=none"): "a wandb sweep needs runs that log to wandb",
    ("model=cnn",): "nothing is swept",
    ("paper",): "paper",
    ("--sweep=paper",): "unrecognized arguments: --sweep=paper",
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_arguments(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = wandb_sweep.main(list(arguments))
    except SystemExit as stop:
        status = int(str(stop.code))
    assert status == 1
    err = capsys.readouterr().err
    assert WRONG[arguments] in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_the_command_of_a_point_trains(tiny: Path, tmp_path: Path) -> None:
    """As wandb's agent starts it, but offline: with the run's id in its environment, in a process of its own."""
    data = ["dataset=manifest", f"dataset.path={tiny}", f"data.cache={tmp_path / 'cache'}"]
    fixed = [word for word in SMALL if not word.startswith(("logger", "data.batch_size"))]
    content = wandb_grid.grid(["sweep=paper", "experiment=paper_cnn", *data, *fixed])
    words = command_lines(content)[-1]
    words = [sys.executable if word == "python" else word for word in words]
    assert words[-3:] == ["optimizer.lr=0.005", "data.batch_size=64", "model.layers=5"]
    sweep = {"WANDB_SWEEP_ID": "s1", "WANDB_RUN_ID": "point12", "WANDB_PROJECT": "agents"}
    completed = subprocess.run(
        [*words, "logger.offline=true", f"hydra.run.dir={tmp_path / 'run'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **sweep},
    )
    assert completed.returncode == 0, completed.stderr
    assert "the logger" not in completed.stderr
    config = RunDir(tmp_path / "run").config
    assert (config["optimizer"]["lr"], config["data"]["batch_size"], config["model"]["layers"]) == (0.005, 64, 5)
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*-point12"))  # the id that the agent waits for
