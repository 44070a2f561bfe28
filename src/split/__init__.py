"""Train, validation and test sets without leaks.

A split's `assign(clips)` returns the set of each clip: "train", "val", "test" or, with split.calibration,
"calibration". It depends on `split.seed` only, not on the
seed of the training.
Clips that must stay together form a group (grouping.py): the clips of an artist, else of an album, else of a track.
"""

from src.split.holdout import Holdout
from src.split.kfold import Kfold
from src.split.leave_one_artist_out import LeaveOneArtistOut
from src.split.official import Official
from src.split.split import Split

__all__ = ["Holdout", "Kfold", "LeaveOneArtistOut", "Official", "Split"]
