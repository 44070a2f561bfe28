"""Music genre recognition experiments. Programs are run in place: `python -m src.train`."""
