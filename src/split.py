"""Which clips train, which choose, and which judge; the certificate (certificate.py) says what the sides share.

A split's `assign(clips) -> sides` gives each clip "train", "val" or "test". `split.seed` alone decides it.
"""

from collections.abc import Sequence

import numpy as np

from src.clip import SIDES, Clip

KINDS = ("artist", "track", "clip")  # what a clip is grouped by: the first of these that is known


class Holdout:
    """One grouped, stratified cut: `test` and `val` are shares of the clips, the rest trains."""

    grouped = True

    def __init__(self, test: float, val: float, seed: int, allow_leak: bool) -> None:
        for key, share in (("test", test), ("val", val)):
            if not 0 < share < 1:
                raise ValueError(f"split.{key} is {share:g}: expected a share of the clips between 0 and 1.")
        if test + val >= 1:
            raise ValueError(
                f"split.test + split.val is {test + val:g}: expected less than 1, so that clips are left to train on."
            )
        self.test, self.val, self.seed, self.allow_leak = test, val, seed, allow_leak
        self.words = f"holdout, {test:.0%} test, {val:.0%} validation, seed {seed}"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The side of each clip; no artist (else track) is on two sides."""
        shares = (1 - self.test - self.val, self.val, self.test)
        return [SIDES[k] for k in deal(clips, groups(clips), shares, self.seed)]


class Random(Holdout):
    """The usual leaking split, for comparison: clips are dealt one by one, whoever plays on them."""

    grouped = False

    def __init__(self, test: float, val: float, seed: int, allow_leak: bool) -> None:
        super().__init__(test, val, seed, allow_leak)
        self.words = f"random over clips, {test:.0%} test, {val:.0%} validation, seed {seed}"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The side of each clip, stratified by genre only."""
        shares = (1 - self.test - self.val, self.val, self.test)
        return [SIDES[k] for k in deal(clips, [("clip", clip.name) for clip in clips], shares, self.seed)]


class Kfold:
    """Fold `fold` of `folds` is tested. The next fold validates, or, below 5 folds, a fifth of the training groups."""

    grouped = True

    def __init__(self, folds: int, fold: int, seed: int, allow_leak: bool) -> None:
        if folds < 2:
            raise ValueError(f"split.folds is {folds}: expected 2 or more.")
        if not 0 <= fold < folds:
            raise ValueError(f"split.fold is {fold}: expected 0 to {folds - 1}, since split.folds is {folds}.")
        self.folds, self.fold, self.seed, self.allow_leak = folds, fold, seed, allow_leak
        self.words = f"fold {fold} of {folds}, seed {seed}"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The side of each clip; over all values of `fold`, every clip is tested exactly once."""
        folds = deal(clips, groups(clips), [1 / self.folds] * self.folds, self.seed)
        rest = [k for k, fold in enumerate(folds) if fold != self.fold]
        if self.folds >= 5:
            val = {k for k in rest if folds[k] == (self.fold + 1) % self.folds}
        else:
            left = [clips[k] for k in rest]
            val = {k for k, cut in zip(rest, deal(left, groups(left), (0.8, 0.2), self.seed), strict=True) if cut}
        return ["test" if fold == self.fold else "val" if k in val else "train" for k, fold in enumerate(folds)]


class Official:
    """The sides that the corpus itself states, e.g. in a manifest's column `split`."""

    grouped = False

    def __init__(self, seed: int, allow_leak: bool) -> None:
        self.seed, self.allow_leak = seed, allow_leak
        self.words = "official, as the data set states it"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The stated side of each clip. Raises ValueError where a clip states none."""
        sides = [clip.side for clip in clips if clip.side]
        if len(sides) < len(clips):
            unstated = next(clip.name for clip in clips if not clip.side)
            raise ValueError(
                f"split=official needs a side for every clip, and {len(clips) - len(sides)} of {len(clips)} have none, "
                f"e.g. {unstated}. Fill the manifest's column split with {', '.join(SIDES)}, or use split=holdout."
            )
        return sides


def groups(clips: Sequence[Clip]) -> list[tuple[str, str]]:
    """What must stay together: each clip's artist, else its track, else itself, as (kind, name)."""
    return [
        ("artist", clip.artist) if clip.artist else ("track", clip.track) if clip.track else ("clip", clip.name)
        for clip in clips
    ]


def deal(clips: Sequence[Clip], group: Sequence[tuple[str, str]], shares: Sequence[float], seed: int) -> list[int]:
    """Deal whole groups to sides so that each side gets its share of every genre, as nearly as the groups allow.

    Greedy: groups in random order, then the largest first, each to the side that it brings nearest to its share. A genre
    with at least as many groups as there are sides reaches every side, where artists keep to one genre; with fewer, the
    first sides come first.
    -> the index of each clip's side.
    """
    genres = sorted({clip.genre for clip in clips})
    names = sorted(set(group))
    column = {genre: c for c, genre in enumerate(genres)}
    row = {name: g for g, name in enumerate(names)}
    count_GC = np.zeros((len(names), len(genres)))  # G groups, C genres
    for clip, name in zip(clips, group, strict=True):
        count_GC[row[name], column[clip.genre]] += 1
    wanted_KC = np.outer(shares, count_GC.sum(axis=0))  # K sides
    dealt_KC = np.zeros_like(wanted_KC)

    random = np.random.default_rng(seed).permutation(len(names))
    order = sorted(random, key=lambda g: -count_GC[g].sum())
    left_C = (count_GC > 0).sum(axis=0)  # groups of each genre still to be dealt
    side_G = np.zeros(len(names), dtype=int)
    for g in order:
        mine = count_GC[g] > 0
        # Reserve the last groups of a genre for the sides that still have none of it.
        bare_KC = (dealt_KC == 0) & mine
        short = bare_KC.sum(axis=0) >= left_C
        candidates = np.flatnonzero((bare_KC & short).any(axis=1))
        need_K = ((wanted_KC - dealt_KC)[:, mine] / wanted_KC[:, mine]).mean(axis=1)
        if not len(candidates):
            # Of sides in equal need the emptiest, or the first would get the odd group of every genre.
            neediest = np.flatnonzero(need_K > need_K.max() - 1e-9)
            full_K = dealt_KC.sum(axis=1) / wanted_KC.sum(axis=1)
            candidates = neediest[[np.argmin(full_K[neediest])]]
        best = candidates[int(np.argmax(need_K[candidates]))]
        side_G[g] = best
        dealt_KC[best] += count_GC[g]
        left_C -= mine
    return [int(side_G[row[name]]) for name in group]
