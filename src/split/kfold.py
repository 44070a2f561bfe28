"""K-fold cross-validation: split=kfold."""

from collections.abc import Sequence

from src.clip import Clip
from src.split.calibration import check_share, describe_share, with_calibration
from src.split.grouping import artist_groups, assign_groups, single_clips


class Kfold:
    """Fold number `fold` (from 0) of `folds` is the test set, and the next fold is the validation set.

    With fewer than 5 folds, the validation set is a fifth of the clips outside the test fold, in whole groups. `grouped`
    and `calibration` have the same meaning as in Holdout.
    """

    def __init__(
        self, folds: int, fold: int, seed: int, grouped: bool, allow_leak: bool, calibration: float = 0.0
    ) -> None:
        if folds < 2:
            raise ValueError(f"split.folds is {folds}: expected 2 or more.")
        if not 0 <= fold < folds:
            raise ValueError(f"split.fold is {fold}: expected 0 to {folds - 1}, since split.folds is {folds}.")
        self.folds, self.fold, self.seed, self.grouped, self.allow_leak = folds, fold, seed, grouped, allow_leak
        self.calibration = check_share(calibration)
        self.description = f"fold {fold} of {folds}{'' if grouped else ' over clips at random'}, seed {seed}"
        self.description += describe_share(calibration)

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """Return the set of each clip. Over all values of `fold`, every clip is tested exactly once."""
        groups = artist_groups(clips) if self.grouped else single_clips(clips)
        fold_of_clip = assign_groups(clips, groups, [1 / self.folds] * self.folds, self.seed)
        rest = [k for k, fold in enumerate(fold_of_clip) if fold != self.fold]
        if self.folds >= 5:
            val = {k for k in rest if fold_of_clip[k] == (self.fold + 1) % self.folds}
        else:
            part_of_rest = assign_groups([clips[k] for k in rest], [groups[k] for k in rest], (0.8, 0.2), self.seed)
            val = {k for k, part in zip(rest, part_of_rest, strict=True) if part == 1}
        subsets = [
            "test" if fold == self.fold else "val" if k in val else "train" for k, fold in enumerate(fold_of_clip)
        ]
        return with_calibration(clips, subsets, self.calibration, self.seed, self.grouped)
