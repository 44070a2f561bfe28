"""Train, validation and test sets without leaks.

A split's `assign(clips)` gives each clip "train", "val" or "test". `split.seed` alone decides it. Clips that must stay
together are groups (grouping.py): an artist's, where it is unknown an album's, else a track's.
"""

from src.split.holdout import Holdout
from src.split.kfold import Kfold
from src.split.leave_one_artist_out import LeaveOneArtistOut
from src.split.official import Official
from src.split.split import Split

__all__ = ["Holdout", "Kfold", "LeaveOneArtistOut", "Official", "Split"]
