"""wandb runs: what they import, settings and variables, artifacts, sound of the mistakes."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
import torch

from src import rundir
from src.config import compose
from src.instantiate import call_with_facts
from src.training import loggers
from src.training.loggers import wandb_run
from src.training.loggers.results import Results
from src.training.module import Predictions
from tests.conftest import ROOT

OPEN = """
import sys
from pathlib import Path
from src.training.loggers import wandb_run
run = wandb_run.open_run(Path(sys.argv[1]), name="n")
wandb_run.WandbRun(run, Path(sys.argv[1]), False, False).log_metrics({"val/loss": 0.5}, 1)
run.finish()
print("wandb.sdk.wandb_run" in sys.modules, "wandb.sdk.launch.agent" in sys.modules)
"""


@pytest.mark.slow
def test_wandb_starts_without_its_programs_for_other_machines(tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", OPEN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert completed.stdout.split() == ["True", "False"]
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))


class Initialized(Exception):
    pass


def settings_of(monkeypatch: pytest.MonkeyPatch, folder: Path, *overrides: str, **facts: Any) -> dict[str, Any]:
    """The settings that wandb.init gets for a command."""
    import wandb

    given: dict[str, Any] = {}

    def init(**settings: Any) -> None:
        given.update(settings)
        raise Initialized

    monkeypatch.setattr(wandb, "init", init)
    config = compose("logger=wandb", *overrides)
    (choice,) = loggers.chosen(config.logger).values()
    with pytest.raises(Initialized):
        call_with_facts(
            choice, **{"folder": folder, "name": "a_run", "sweep": None, "resumed": False, "settings": {}, **facts}
        )
    return given


VARIABLES = {
    "project": ("WANDB_PROJECT", "music-genre"),
    "name": ("WANDB_NAME", "a_run"),
    "group": ("WANDB_RUN_GROUP", "a_sweep"),
    "job_type": ("WANDB_JOB_TYPE", "train"),
    "id": ("WANDB_RUN_ID", None),
    "entity": ("WANDB_ENTITY", None),
    "tags": ("WANDB_TAGS", None),
    "notes": ("WANDB_NOTES", None),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_counts_where_the_key_is_empty(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """wandb reads its variable for each setting that it is not given."""
    variable, default = VARIABLES[name]
    for other, _ in VARIABLES.values():
        monkeypatch.delenv(other, raising=False)
    without = settings_of(monkeypatch, tmp_path, sweep="a_sweep")
    assert without[name] == (wandb_run.run_id(tmp_path) if name == "id" else default)
    monkeypatch.setenv(variable, "other")
    assert settings_of(monkeypatch, tmp_path, sweep="a_sweep")[name] is None
    if name not in ("id", "name"):
        value = "[a,b]" if name == "tags" else "mine"
        typed = settings_of(monkeypatch, tmp_path, f"logger.{name}={value}", sweep="a_sweep")[name]
        assert typed == (["a", "b"] if name == "tags" else "mine")


@pytest.mark.parametrize(
    ("offline", "resumed", "mode", "resume"),
    [
        ("true", True, "offline", None),  # the two parts are uploaded later, under one id
        ("false", True, "online", "allow"),
        ("false", False, "online", None),  # a run that is trained again replaces the earlier one
        ("null", False, None, None),
    ],
)
def test_mode_and_resumption(
    offline: str, resumed: bool, mode: str | None, resume: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings_of(monkeypatch, tmp_path, f"logger.offline={offline}", resumed=resumed)
    assert (given["mode"], given["resume"]) == (mode, resume)
    assert given["id"] == settings_of(monkeypatch, tmp_path)["id"]


class OnlineRun:
    """A wandb run that records its artifacts."""

    def __init__(self, offline: bool) -> None:
        self.offline, self.id, self.artifacts = offline, "abc", []  # type: ignore[var-annotated]

    def log_artifact(self, artifact: Any) -> None:
        self.artifacts.append(artifact)

    def define_metric(self, *_: Any, **__: Any) -> None:
        pass


@pytest.mark.parametrize(("offline", "wanted", "count"), [(False, True, 2), (True, True, 0), (False, False, 0)])
def test_checkpoint_and_report_are_artifacts_of_a_run_that_is_online(
    offline: bool, wanted: bool, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    for name in (rundir.BEST, rundir.REPORT):
        (tmp_path / name).write_text(name, encoding="utf-8")
    run = OnlineRun(offline)
    monkeypatch.setattr(wandb_run.WandbLogger, "experiment", run)
    monkeypatch.setattr(wandb_run.WandbLogger, "__init__", lambda self, **_: None)
    wandb_run.WandbRun(run, tmp_path, False, wanted).log_files(tmp_path)
    assert [artifact.type for artifact in run.artifacts] == ["model", "report"][:count]
    assert [[*artifact.manifest.entries] for artifact in run.artifacts] == [[rundir.BEST], [rundir.REPORT]][:count]


def test_a_mistake_has_ten_seconds_of_sound_from_its_middle() -> None:
    rate, genres = 8000, ["jazz", "rock"]
    samples_T = torch.zeros(30 * rate, dtype=torch.int16)
    samples_T[10 * rate : 20 * rate] = torch.arange(10 * rate, dtype=torch.int32).remainder(3000).short()
    data: Any = SimpleNamespace(
        genres=genres,
        sample_rate=rate,
        clips=[SimpleNamespace(name=f"clip {k}") for k in range(20)],
        waveforms=SimpleNamespace(samples=lambda k: samples_T if k == 19 else samples_T[:100]),
    )
    logits = torch.stack([torch.arange(20.0) / 10, torch.zeros(20)], dim=1)  # all are taken for jazz
    results = Results({}, Predictions(torch.arange(20), torch.ones(20, dtype=torch.long), logits), data)
    table = wandb_run.mistakes(results)
    assert len(table.data) == wandb_run.MOST_MISTAKES
    first = dict(zip(table.columns, table.data[0], strict=True))
    assert first["clip"] == "clip 19"
    assert first["sound"]._duration == 10
    sound_T, read_rate = soundfile.read(first["sound"]._path)
    assert read_rate == rate
    assert sound_T == pytest.approx(samples_T[10 * rate : 20 * rate].numpy() / 32768, abs=1 / 32768)
    assert first["spectrogram"]._height == 257
