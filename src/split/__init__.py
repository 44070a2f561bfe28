"""Train, validation and test sets without leaks: splitters, grouping, certificate."""

from src.split.split import Holdout, Kfold, LeaveOneArtistOut, Official, Split

__all__ = ["Holdout", "Kfold", "LeaveOneArtistOut", "Official", "Split"]
