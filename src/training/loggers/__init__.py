"""Loggers of a run: wandb, TensorBoard, MLflow, a CSV file, or several of them. Choices of the config group `logger`."""

from src.training.loggers.choices import chosen, csv, many, mlflow, none, tensorboard, wandb
from src.training.loggers.opening import check, log_files, log_results, log_sweep, open_loggers
from src.training.loggers.results import Results
from src.training.loggers.tolerant import Tolerant

__all__ = [
    "Results",
    "Tolerant",
    "check",
    "chosen",
    "csv",
    "log_files",
    "log_results",
    "log_sweep",
    "many",
    "mlflow",
    "none",
    "open_loggers",
    "tensorboard",
    "wandb",
]
