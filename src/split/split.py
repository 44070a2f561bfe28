"""Which clips train, which choose, and which judge; the certificate (certificate.py) says what the sides share.

A split's `assign(clips) -> sides` gives each clip "train", "val" or "test". `split.seed` alone decides it. Clips that must
stay together are groups (deal.py): an artist's, where it is unknown an album's, else a track's.
"""

from collections.abc import Sequence
from typing import Protocol

from src.clip import SIDES, Clip
from src.split.grouping import deal, groups, single


class Split(Protocol):
    """What `split=` chooses: something that gives each clip a side."""

    words: str  # how it is made; read after `assign`, since a split may name what it found
    grouped: bool  # by artist, else album, else track
    allow_leak: bool

    def assign(self, clips: Sequence[Clip]) -> list[str]: ...


class Holdout:
    """One stratified cut: `test` and `val` are shares of the clips, the rest trains.

    `grouped` keeps an artist's clips together. Without it clips are dealt one by one, whoever plays on them: the usual
    leaking split (`split=random`), for comparison.
    """

    def __init__(self, test: float, val: float, seed: int, grouped: bool, allow_leak: bool) -> None:
        for key, share in (("test", test), ("val", val)):
            if not 0 < share < 1:
                raise ValueError(f"split.{key} is {share:g}: expected a share of the clips between 0 and 1.")
        if test + val >= 1:
            raise ValueError(
                f"split.test + split.val is {test + val:g}: expected less than 1, so that clips are left to train on."
            )
        self.test, self.val, self.seed, self.grouped, self.allow_leak = test, val, seed, grouped, allow_leak
        kind = "holdout" if grouped else "random over clips"
        self.words = f"{kind}, {test:.0%} test, {val:.0%} validation, seed {seed}"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The side of each clip; where grouped, no artist (else album, else track) is on two sides."""
        shares = (1 - self.test - self.val, self.val, self.test)
        return [SIDES[k] for k in deal(clips, groups(clips) if self.grouped else single(clips), shares, self.seed)]


class Kfold:
    """Fold `fold` of `folds` is tested. The next fold validates, or, below 5 folds, a fifth of the training groups.

    `grouped` as in Holdout.
    """

    def __init__(self, folds: int, fold: int, seed: int, grouped: bool, allow_leak: bool) -> None:
        if folds < 2:
            raise ValueError(f"split.folds is {folds}: expected 2 or more.")
        if not 0 <= fold < folds:
            raise ValueError(f"split.fold is {fold}: expected 0 to {folds - 1}, since split.folds is {folds}.")
        self.folds, self.fold, self.seed, self.grouped, self.allow_leak = folds, fold, seed, grouped, allow_leak
        self.words = f"fold {fold} of {folds}{'' if grouped else ' over clips at random'}, seed {seed}"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The side of each clip; over all values of `fold`, every clip is tested exactly once."""
        group = groups(clips) if self.grouped else single(clips)
        folds = deal(clips, group, [1 / self.folds] * self.folds, self.seed)
        rest = [k for k, fold in enumerate(folds) if fold != self.fold]
        if self.folds >= 5:
            val = {k for k in rest if folds[k] == (self.fold + 1) % self.folds}
        else:
            cut = deal([clips[k] for k in rest], [group[k] for k in rest], (0.8, 0.2), self.seed)
            val = {k for k, side in zip(rest, cut, strict=True) if side}
        return ["test" if fold == self.fold else "val" if k in val else "train" for k, fold in enumerate(folds)]


class LeaveOneArtistOut:
    """All clips of one artist are tested, the one that is number `fold` from 0 in the alphabet, capitals first.

    Of the other artists' clips a grouped, stratified fifth validates. Clips whose artist is unknown train only: nobody
    can say that they are by none of the artists who train, so a score on them would be no score on an unseen artist.
    """

    grouped = True

    def __init__(self, fold: int, seed: int, allow_leak: bool) -> None:
        self.fold, self.seed, self.allow_leak = fold, seed, allow_leak
        self.words = f"leave one artist out, fold {fold}, seed {seed}"

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
        self.words = f"leave one artist out, fold {self.fold} of {len(artists)}: {tested}, seed {self.seed}"
        others = [k for k, clip in enumerate(clips) if clip.artist and clip.artist != tested]
        left = [clips[k] for k in others]
        val = {k for k, side in zip(others, deal(left, groups(left), (0.8, 0.2), self.seed), strict=True) if side}
        return ["test" if clip.artist == tested else "val" if k in val else "train" for k, clip in enumerate(clips)]


class Official:
    """The sides that the corpus itself states, in a manifest's column `split` or in the split.csv `file` of a run."""

    grouped = False

    def __init__(self, file: str | None, seed: int, allow_leak: bool) -> None:
        self.seed, self.allow_leak = seed, allow_leak
        self.words = f"official, as {file} states it" if file else "official, as the data set states it"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The stated side of each clip. Raises ValueError where a clip states none."""
        sides = [clip.side for clip in clips if clip.side]
        if len(sides) < len(clips):
            unstated = next(clip.name for clip in clips if not clip.side)
            raise ValueError(
                f"split=official needs a side for every clip, and {len(clips) - len(sides)} of {len(clips)} have none, "
                f"e.g. {unstated}. Fill the manifest's column split with {', '.join(SIDES)}, name the split.csv of a run by "
                "dataset.split_file, or use split=holdout."
            )
        return sides
