"""Test on all clips of one artist: split=leave_one_artist_out."""

from collections.abc import Sequence

from src.clip import Clip
from src.split.grouping import artist_groups, assign_groups


class LeaveOneArtistOut:
    """All clips of one artist are tested, the one that is number `fold` from 0 in the alphabet, capitals first.

    Of the other artists' clips a grouped, stratified fifth validates. Clips whose artist is unknown train only: nobody
    can say that they are by none of the artists who train, so a score on them would be no score on an unseen artist.
    """

    grouped = True

    def __init__(self, fold: int, seed: int, allow_leak: bool) -> None:
        self.fold, self.seed, self.allow_leak = fold, seed, allow_leak
        self.description = f"leave one artist out, fold {fold}, seed {seed}"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The side of each clip. Raises ValueError where no artist is known, or where there is none of that number."""
        artists = sorted({clip.artist for clip in clips if clip.artist})
        if not artists:
            raise ValueError(
                f"split=leave_one_artist_out needs artists, and none of the {len(clips)} clips names one. Give them, in a "
                "manifest's column artist or by dataset.artist_pattern, or use split=kfold."
            )
        if not 0 <= self.fold < len(artists):
            raise ValueError(
                f"split.fold is {self.fold}: expected 0 to {len(artists) - 1}, since the clips have {len(artists)} artists. "
                f"All of them: --multirun 'split.fold=range(0,{len(artists)})'."
            )
        tested = artists[self.fold]
        self.description = f"leave one artist out, fold {self.fold} of {len(artists)}: {tested}, seed {self.seed}"
        others = [k for k, clip in enumerate(clips) if clip.artist and clip.artist != tested]
        left = [clips[k] for k in others]
        val = {
            k
            for k, side in zip(others, assign_groups(left, artist_groups(left), (0.8, 0.2), self.seed), strict=True)
            if side
        }
        return ["test" if clip.artist == tested else "val" if k in val else "train" for k, clip in enumerate(clips)]
