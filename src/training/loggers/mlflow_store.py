"""Runs for MLflow: in a database in the run directory, or on a server. The only file that imports mlflow."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import MLFlowLogger

from src.config import PROJECT, leaves
from src.training.loggers.results import Results
from src.training.loggers.wandb_run import run_id

DATABASE = "mlflow.db"
SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https", "databricks")
# MLflow would report its use over the network, and would wait minutes for a server that does not answer.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
# Limits of MLflow: settings and values in one request, and characters of a setting.
MOST_PARAMS, MOST_VALUES, LONGEST_VALUE = 100, 1000, 500


class MlflowStore(MLFlowLogger):
    """One MLflow run. A resumed training continues the run that has its folder's id as the tag `run_directory`."""

    def __init__(
        self,
        tracking_uri: str | None,
        experiment: str | None,
        folder: Path,
        name: str,
        sweep: str | None,
        settings: Mapping[str, Any],
    ) -> None:
        address = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        super().__init__(
            experiment_name=experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT,
            run_name=name,
            tracking_uri=address or f"sqlite:///{folder.resolve() / DATABASE}",
            tags={"run_directory": run_id(folder), **({"sweep": sweep} if sweep else {})},
            artifact_location=None if address else (folder.resolve() / "mlflow").as_uri(),
        )
        self._continue_run()
        self._log_settings(settings)

    def _continue_run(self) -> None:
        """Take up the run of an earlier part of this training, if the store has one. Creates the experiment if needed."""
        client = self._mlflow_client
        experiment = client.get_experiment_by_name(self._experiment_name)
        if experiment is None:
            client.create_experiment(self._experiment_name, artifact_location=self._artifact_location)
            return
        assert self.tags is not None
        query = f"tags.run_directory = '{self.tags['run_directory']}'"
        found = client.search_runs([experiment.experiment_id], query, max_results=1)
        if found:
            self._run_id = found[0].info.run_id
            client.update_run(self._run_id, status="RUNNING")

    def _log_settings(self, settings: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        known = self.experiment.get_run(self.run_id).data.params  # MLflow refuses to change one
        params = [
            Param(_allowed(key), str(value)[:LONGEST_VALUE])
            for key, value in leaves(settings)
            if _allowed(key) not in known
        ]
        for start in range(0, len(params), MOST_PARAMS):
            self.experiment.log_batch(self.run_id, params=params[start : start + MOST_PARAMS])

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log values; in their names, characters that MLflow does not allow become an underscore."""
        from mlflow.entities import Metric

        milliseconds = round(time.time() * 1000)
        values = [Metric(_allowed(key), float(value), milliseconds, step or 0) for key, value in metrics.items()]
        for start in range(0, len(values), MOST_VALUES):
            self.experiment.log_batch(self.run_id, metrics=values[start : start + MOST_VALUES])

    def log_results(self, results: Results) -> None:
        self.log_metrics(results.scores(), int(results.metrics["epochs"]))


def check(prefix: str, tracking_uri: str | None, experiment: str | None) -> None:
    """Check the address without using it. Raises ValueError on one that MLflow does not know, and on a missing SQL package."""
    address = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    key = f"{prefix}.tracking_uri" if tracking_uri else "MLFLOW_TRACKING_URI"
    scheme, separator, rest = (address or "sqlite:///x").partition(":")
    complete = scheme == "databricks" or (separator and rest.strip("/"))
    if scheme.partition("+")[0] not in SCHEMES or not complete:
        raise ValueError(
            f"{key} is {address!r}: expected the address of a server (http://HOST:5000) or of a database "
            "(sqlite:///FILE.db). Leave it out for a database in the run directory."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Let MLflow report nothing over the network, and give up soon. Variables that the user has set are kept."""
    own = {key: value for key, value in QUIET.items() if key not in os.environ}
    os.environ.update(own)
    try:
        yield
    finally:
        for key in own:
            os.environ.pop(key, None)


def _allowed(name: str) -> str:
    return re.sub(r"[^\w.\- :/]", "_", name)
