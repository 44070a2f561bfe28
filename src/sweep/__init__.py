"""Sweeps: names and states of their jobs, Hydra callbacks, and the processes of launchers."""

from src.sweep import names  # registers the functions that conf/train.yaml uses, before Hydra composes a config

__all__ = ["names"]
