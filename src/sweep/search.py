"""Best settings of a hyperparameter search. Hydra callback of conf/sweep/optuna.yaml."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

RESULTS = "optimization_results.yaml"  # written by Hydra's Optuna plugin into the sweep's folder


class Best(Callback):
    """Print the settings of the trial with the best validation score, as command-line arguments of `src.train`."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        from src import console, formatting

        results = OmegaConf.load(Path(config.hydra.sweep.dir) / RESULTS)
        settings = " ".join(f"{key}={value}" for key, value in results.best_params.items())
        console.line(f"Best trial: {settings}, validation macro F1 {formatting.cell(results.best_value)} %.")
