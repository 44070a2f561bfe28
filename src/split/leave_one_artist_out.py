"""Leave-one-artist-out split: the test set has all clips of one artist: split=leave_one_artist_out."""

from collections.abc import Sequence

from src.clip import Clip
from src.split.calibration import check_share, describe_share, with_calibration
from src.split.grouping import artist_groups, assign_groups


class LeaveOneArtistOut:
    """The test set has all clips of one artist: number `fold`, from 0, in alphabetical order, capitals first.

    The validation set is a fifth of the other artists' clips, grouped and stratified. Clips of unknown artists are in the
    training set only: they may be by an artist of the training set, so a test on them would not be a test on unseen
    artists. `calibration` has the same meaning as in Holdout.
    """

    grouped = True

    def __init__(self, fold: int, seed: int, allow_leak: bool, calibration: float = 0.0) -> None:
        self.fold, self.seed, self.allow_leak = fold, seed, allow_leak
        self.calibration = check_share(calibration)
        self.description = f"leave one artist out, fold {fold}, seed {seed}{describe_share(calibration)}"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """Return the set of each clip, and add the name of the test artist to `description`.

        Raises ValueError if no artist is known, or if `fold` is out of range.
        """
        artists = sorted({clip.artist for clip in clips if clip.artist})
        if not artists:
            raise ValueError(
                f"split=leave_one_artist_out needs artists, and none of the {len(clips)} clips has one. Add them in a "
                "manifest's column artist or by dataset.artist_pattern, or use split=kfold."
            )
        if not 0 <= self.fold < len(artists):
            raise ValueError(
                f"split.fold is {self.fold}: expected 0 to {len(artists) - 1}, since the clips have {len(artists)} artists. "
                f"To test all of them, use --multirun 'split.fold=range(0,{len(artists)})'."
            )
        test_artist = artists[self.fold]
        self.description = f"leave one artist out, fold {self.fold} of {len(artists)}: {test_artist}, seed {self.seed}"
        self.description += describe_share(self.calibration)
        rest = [k for k, clip in enumerate(clips) if clip.artist and clip.artist != test_artist]
        rest_clips = [clips[k] for k in rest]
        part_of_rest = assign_groups(rest_clips, artist_groups(rest_clips), (0.8, 0.2), self.seed)
        val = {k for k, part in zip(rest, part_of_rest, strict=True) if part == 1}
        subsets = [
            "test" if clip.artist == test_artist else "val" if k in val else "train" for k, clip in enumerate(clips)
        ]
        return with_calibration(clips, subsets, self.calibration, self.seed)
