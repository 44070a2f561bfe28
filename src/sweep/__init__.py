"""Sweeps: folder names, job states, and Hydra callbacks that print progress and results."""
