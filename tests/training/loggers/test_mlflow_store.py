"""MLflow runs: resumption, names that MLflow does not allow, a server that does not answer, variables."""

import os
import time
from pathlib import Path

import pytest

from src.training.loggers import mlflow_store
from src.training.loggers.tolerant import Tolerant

pytest.importorskip("mlflow", reason="mlflow is not installed: make extra-mlflow")
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader:DeprecationWarning")  # MLflow on sqlalchemy 2.1


@pytest.mark.slow
def test_a_resumed_run_continues_and_its_names_are_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    with mlflow_store.quiet():
        ids = []
        for part, folder in enumerate(["a", "a", "b"]):
            store = mlflow_store.MlflowStore(
                f"sqlite:///{tmp_path / 'all.db'}",
                "mine",
                tmp_path / folder,
                folder,
                "sweep-1",
                {"seed": 0, "a": {"b": None}},
            )
            store.log_metrics({"val/recall/R&B": 0.5, "val/recall/fúnk": 0.25}, part + 1)
            store.finalize("success")
            ids.append(store.run_id)
        assert ids[0] == ids[1] != ids[2]
        run = store.experiment.get_run(ids[0])
        assert run.data.metrics == {"val/recall/R_B": 0.5, "val/recall/fúnk": 0.25}
        assert [metric.step for metric in store.experiment.get_metric_history(ids[0], "val/recall/R_B")] == [1, 2]
        assert run.data.params == {"seed": "0", "a.b": "None"}
        assert run.data.tags["sweep"] == "sweep-1"
        assert run.info.run_name == "a"
        assert run.info.status == "FINISHED"


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_given_up_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    with mlflow_store.quiet():
        logger = Tolerant(
            "mlflow",
            lambda: mlflow_store.MlflowStore("http://127.0.0.1:9", None, tmp_path, "a", None, {}),
            tmp_path,
        )
    assert logger.logger is None
    assert capsys.readouterr().err.count("Note: the logger mlflow failed (") == 1
    assert time.monotonic() - started < 60


def test_variables_of_the_user_are_kept_and_ours_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    with mlflow_store.quiet():
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "5"
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "MLFLOW_DISABLE_TELEMETRY" not in os.environ


@pytest.mark.parametrize(
    "address",
    ["sqlite:///a.db", "http://host:5000", "https://host", "postgresql+psycopg2://u@host/db", "databricks", None],
)
def test_addresses_that_mlflow_knows(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mlflow_store.check("logger", address, None)
