"""Sweeps: folder names, states of jobs, and Hydra callbacks that report progress and results."""
