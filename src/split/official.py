"""Official split, as defined by the data set: split=official."""

from collections.abc import Sequence

from src.clip import ALL_SUBSETS, CALIBRATION, Clip
from src.split.calibration import check_share, describe_share, with_calibration


class Official:
    """Sets from the column `split` of a manifest, or from `file`, the split.csv of a run.

    `file` is only named in the description: the data set reads it (dataset.split_file). `calibration` is the share
    of the training artists that form the calibration set, if the data set has none.
    """

    grouped = False

    def __init__(self, file: str | None, seed: int, allow_leak: bool, calibration: float = 0.0) -> None:
        self.seed, self.allow_leak = seed, allow_leak
        self.calibration = check_share(calibration)
        self.description = f"official, as {file} states it" if file else "official, as the data set states it"
        self.description += describe_share(calibration)

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """Return the set of each clip. Raises ValueError if a clip has none, or if two calibration sets are asked for."""
        subsets = [clip.subset for clip in clips if clip.subset]
        if len(subsets) < len(clips):
            example = next(clip.name for clip in clips if not clip.subset)
            raise ValueError(
                f"split=official needs a set for every clip, and {len(clips) - len(subsets)} of {len(clips)} have none, "
                f"e.g. {example}. Fill the manifest's column split with {', '.join(ALL_SUBSETS)}, name the split.csv of a run in "
                "dataset.split_file, or use split=holdout."
            )
        if self.calibration and CALIBRATION in subsets:
            raise ValueError(
                f"split.calibration is {self.calibration:g}, but {subsets.count(CALIBRATION)} clips are in the calibration set "
                "already: leave split.calibration out, or name a split without these clips."
            )
        return with_calibration(clips, subsets, self.calibration, self.seed)
