"""The names that loggers write in a real run: the same in all of them, and those of docs/dashboards.md."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.rundir import RunDir
from src.training.module import GenreModule
from tests.conftest import ROOT, TINY
from tests.programs import small, train

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader:DeprecationWarning")  # MLflow on sqlalchemy 2.1
EPOCHS = 3
EXTRAS = ("tensorboard", "mlflow")


def documented(heading: str) -> set[str]:
    """The names in the first column of a table of docs/dashboards.md, with a genre of the tiny corpus for <genre>."""
    text = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    table = text.split(f"\n| {heading} | content |\n")[1].split("\n\n")[0]
    names = {name for row in table.splitlines()[1:] for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    return {name.replace("<genre>", genre) for name in names for genre in TINY} - {"prepare/<name>"}


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished run with all loggers, two of whose four parts are extras."""
    for extra in EXTRAS:
        pytest.importorskip(extra, reason=f"{extra} is not installed: make extra-{extra}")
    folder = tmp_path_factory.mktemp("names") / "run"
    words = [word for word in small(tiny, folder, "model=cnn", "feature=mfcc") if word != "logger=none"]
    many = ("logger=many", "logger.names=[wandb,tensorboard,mlflow,csv]", "logger.wandb.media=true")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert train(patch, *words, *many, f"trainer.max_epochs={EPOCHS}") == 0
    return folder


@pytest.fixture(scope="module")
def wandb_records(run: Path) -> dict[str, Any]:
    """Read a run with wandb's own program: the rows of the history, the summary and the run."""
    command = [Path(sys.executable).parent / "wandb", "leet", "inspect", "--json", run / "wandb" / "latest-run"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    summary: dict[str, Any] = {}
    for record in records:
        summary |= record.get("summary", {}).get("update", {})
    return {
        "history": [record["history"]["item"] for record in records if record["type"] == "history"],
        "summary": summary,
        "run": next(record["run"] for record in records if record["type"] == "run"),
    }


def scores_of(run: Path) -> dict[str, float]:
    """The scores by their documented names, from metrics.json."""
    content = RunDir(run).metrics
    values: dict[str, float] = {}
    for name in documented("score"):
        _, _, key = name.rpartition("/")
        if name.startswith("best/test/recall/"):
            values[name] = content["test"]["genres"][key]["recall"]
        elif name.startswith("best/test/accuracy_"):
            values[name] = content["test"]["accuracy_interval"][key == "accuracy_high"]
        else:
            values[name] = content[name.split("/")[1]][key] if "/" in name else content[name]
    return values


@pytest.mark.slow
def test_wandb_has_the_curves_in_its_history_and_the_rest_in_its_summary(
    run: Path, wandb_records: dict[str, Any]
) -> None:
    history, summary = wandb_records["history"], wandb_records["summary"]
    assert len(history) == EPOCHS
    own = ("_runtime", "_step", "_timestamp", "epoch")
    for epoch, row in enumerate(history, start=1):
        assert {key for key in row if key not in own} == documented("curve")
        assert row["epoch"] == epoch
    for name, value in scores_of(run).items():
        assert summary[name] == pytest.approx(value), name
    tables = {key.removesuffix("._type") for key in summary if key.endswith("._type")}
    tables |= {key for key, value in summary.items() if isinstance(value, dict) and value.get("_type") == "table-file"}
    assert tables == documented("table") - {"test/confusion"}
    rest = {key.partition(".")[0] for key in summary} - tables - documented("curve") - documented("score") - {*own}
    assert rest <= {"_wandb"}
    assert wandb_records["run"]["job_type"] == "train"


@pytest.mark.slow
def test_the_curves_are_those_of_the_history_file(run: Path, wandb_records: dict[str, Any]) -> None:
    columns = {"train_loss": "train/loss", "val_loss": "val/loss", "val_accuracy": "val/accuracy", "lr": "train/lr"}
    columns |= {"val_f1_macro": "val/f1_macro"}
    for row, logged in zip(RunDir(run).history, wandb_records["history"], strict=True):
        for column, name in columns.items():
            assert logged[name] == pytest.approx(row[column])
        assert logged["train/gradient_norm"] > 0
        assert logged["train/clips_per_second"] > 0


@pytest.mark.slow
def test_tensorboard_finds_the_same_names(run: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard")).Reload()
    assert {*events.Tags()["scalars"]} == documented("curve") | documented("score")
    assert [point.step for point in events.Scalars("train/loss")] == list(range(1, EPOCHS + 1))
    for name, value in scores_of(run).items():
        point = events.Scalars(name)[-1]
        assert point.value == pytest.approx(value, rel=1e-4), name
    assert {"test/genres/text_summary", "test/confusion/text_summary"} <= {*events.Tags()["tensors"]}
    assert (run / "tensorboard" / "hparams.yaml").is_file()


@pytest.mark.slow
def test_mlflow_finds_the_same_names(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{run / 'mlflow.db'}")
    (found,) = client.search_runs([client.get_experiment_by_name("music-genre").experiment_id])
    assert {*found.data.metrics} == documented("curve") | documented("score")
    for name, value in scores_of(run).items():
        assert found.data.metrics[name] == pytest.approx(value), name
    assert [metric.step for metric in client.get_metric_history(found.info.run_id, "val/loss")] == [1, 2, 3]
    assert found.data.params["model._target_"] == "src.model.Cnn"
    assert found.info.status == "FINISHED"


@pytest.mark.slow
def test_the_csv_file_has_the_same_names(run: Path) -> None:
    with open(run / "csv" / "metrics.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {*rows[0]} == documented("curve") | documented("score") | {"epoch", "step"}
    assert [row["epoch"] for row in rows] == ["1", "2", "3", ""]
    assert float(rows[-1]["best/test/accuracy"]) == pytest.approx(RunDir(run).metrics["test"]["accuracy"])


@pytest.mark.slow
def test_a_resumed_run_keeps_its_id_and_its_curves(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = [word for word in small(tiny, folder, "model=cnn", "feature=mfcc") if word != "logger=none"]
    words += ["logger=many", "logger.names=[wandb,csv]", "trainer.max_epochs=4"]

    def fail_in_the_third_epoch(self: GenreModule, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == 2:
            raise ValueError("planted")
        return original(self, batch, batch_idx)

    original = GenreModule.training_step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GenreModule, "training_step", fail_in_the_third_epoch)
        assert train(patch, *words) == 1
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *words) == 0
    parts = sorted((folder / "wandb").glob("offline-run-*"))
    assert len(parts) == 2
    assert len({part.name.rpartition("-")[2] for part in parts}) == 1  # the id
    with open(folder / "csv" / "metrics.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"].partition(".")[0] for row in rows] == ["1", "2", "3", "4", ""]
    assert [float(row["val/loss"]) for row in rows[:4]] == pytest.approx(
        [row["val_loss"] for row in RunDir(folder).history]
    )
