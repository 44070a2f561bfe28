"""Calibration artists, taken from the training set: split.calibration."""

from collections.abc import Sequence

from src.clip import CALIBRATION, Clip
from src.split.grouping import artist_groups, assign_groups, single_clips


def check_share(calibration: float) -> float:
    """Return `split.calibration`, a share of the training artists. Raises ValueError unless it is 0 or more, and below 1."""
    if not 0 <= calibration < 1:
        raise ValueError(
            f"split.calibration is {calibration:g}: expected a share of the training artists, 0 or more and less than 1."
        )
    return calibration


def describe_share(calibration: float) -> str:
    """The end of a split's description: ", 20% of the training artists for calibration"; "" without them."""
    return f", {calibration:.0%} of the training artists for calibration" if calibration else ""


def with_calibration(
    clips: Sequence[Clip], subsets: Sequence[str], calibration: float, seed: int, grouped: bool = True
) -> list[str]:
    """Move a share of the training artists to the calibration set -> the set of each clip.

    Artists (else albums, else tracks) are drawn at random within each genre; their numbers of clips do not matter, so that
    they are a sample of the artists. An artist of several genres counts for that of the first clip. If not `grouped`, single clips are drawn.
    """
    result = list(subsets)
    if not calibration:
        return result
    train = [k for k, subset in enumerate(subsets) if subset == "train"]
    train_clips = [clips[k] for k in train]
    groups = artist_groups(train_clips) if grouped else single_clips(train_clips)
    first_clip_of = dict(zip(reversed(groups), reversed(train_clips), strict=True))
    parts = assign_groups(list(first_clip_of.values()), list(first_clip_of), (1 - calibration, calibration), seed)
    drawn = {group for group, part in zip(first_clip_of, parts, strict=True) if part == 1}
    for k, group in zip(train, groups, strict=True):
        if group in drawn:
            result[k] = CALIBRATION
    return result
