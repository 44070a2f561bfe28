"""Sweeps: names of jobs, their states, and the Hydra callbacks that show them."""
