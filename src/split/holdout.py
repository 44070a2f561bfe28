"""Holdout split: one training, one validation and one test set: split=holdout, split=random."""

from collections.abc import Sequence

from src.clip import SUBSETS, Clip
from src.split.calibration import check_share, describe_share, with_calibration
from src.split.grouping import artist_groups, assign_groups, single_clips


class Holdout:
    """One stratified split: `test` and `val` are shares of the clips (0 to 1), and the rest is the training set.

    If `grouped`, all clips of an artist are in the same set. If not, clips are assigned one by one, regardless of their
    artists: the usual leaking split (`split=random`), for comparison. `calibration` is the share of the training artists that
    form the calibration set.
    """

    def __init__(
        self, test: float, val: float, seed: int, grouped: bool, allow_leak: bool, calibration: float = 0.0
    ) -> None:
        for key, share in (("test", test), ("val", val)):
            if not 0 < share < 1:
                raise ValueError(f"split.{key} is {share:g}: expected a share of the clips between 0 and 1.")
        if test + val >= 1:
            raise ValueError(
                f"split.test + split.val is {test + val:g}: expected less than 1, so that clips are left to train on."
            )
        self.test, self.val, self.seed, self.grouped, self.allow_leak = test, val, seed, grouped, allow_leak
        self.calibration = check_share(calibration)
        kind = "holdout" if grouped else "random over clips"
        self.description = f"{kind}, {test:.0%} test, {val:.0%} validation, seed {seed}{describe_share(calibration)}"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """Return the set of each clip. If grouped, each artist (else album, else track) is in one set only."""
        shares = (1 - self.test - self.val, self.val, self.test)
        groups = artist_groups(clips) if self.grouped else single_clips(clips)
        subsets = [SUBSETS[k] for k in assign_groups(clips, groups, shares, self.seed)]
        return with_calibration(clips, subsets, self.calibration, self.seed, self.grouped)
