"""What a search for settings has found: the callback of sweep=optuna."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

FOUND = "optimization_results.yaml"  # written by Hydra's plugin into the sweep's folder


class Best(Callback):
    """The settings of the trial with the best validation score, as the words that train with them."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        from src import formatting

        found = OmegaConf.load(Path(config.hydra.sweep.dir) / FOUND)
        settings = " ".join(f"{key}={value}" for key, value in found.best_params.items())
        print(f"The best trial: {settings}, validation macro F1 {formatting.cell(found.best_value)} %.")
