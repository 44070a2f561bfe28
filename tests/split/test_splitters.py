"""Splits keep artists together, give each side its share, and say what they could not do."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from src.clip import Clip
from src.split import Holdout, Kfold, LeaveOneArtistOut, Official, certificate
from src.split.grouping import artist_groups, assign_groups

SEEDS = range(12)


def _corpus(seed: int, several_genres: float = 0.0, unknown: float = 0.0) -> list[Clip]:
    """2 to 7 genres of 1 to 24 artists with 1 to 8 clips, two of a track.

    Of the clips, shares are in another genre than their artist's, or of an unknown artist and perhaps unknown album and
    track.
    """
    random = np.random.default_rng(seed)
    clips: list[Clip] = []
    for g in range(random.integers(2, 8)):
        for a in range(random.integers(1, 25)):
            for t in range(random.integers(1, 9)):
                genre = random.integers(g + 1) if random.random() < several_genres else g
                hidden = random.random() < unknown
                artist = None if hidden else f"{g}-{a}"
                track = None if hidden and random.random() < 0.5 else f"{g}-{a}-{t // 2}"
                album = f"{g}-{a}-{t // 4}" if t % 3 else None
                clips.append(Clip(f"clip {len(clips):04}", Path("x"), f"genre {genre}", artist, track, album=album))
    return clips


CORPORA = {
    "plain": [_corpus(seed) for seed in SEEDS],
    "artists of several genres": [_corpus(seed, several_genres=0.3) for seed in SEEDS],
    "some artists unknown": [_corpus(seed, unknown=0.5) for seed in SEEDS],
    "both": [_corpus(seed, several_genres=0.2, unknown=0.2) for seed in SEEDS],
}
of_all_kinds = pytest.mark.parametrize("corpora", CORPORA.values(), ids=CORPORA)


def _groups(clips: Sequence[Clip]) -> list[str]:
    kinds = ("artist", "album", "track")
    return [
        next((f"{kind} {getattr(clip, kind)}" for kind in kinds if getattr(clip, kind)), clip.name) for clip in clips
    ]


def _torn(clips: Sequence[Clip], sides: Sequence[object]) -> list[str]:
    """The groups that stand on more than one side."""
    found: dict[str, set[object]] = {}
    for group, side in zip(_groups(clips), sides, strict=True):
        found.setdefault(group, set()).add(side)
    return [group for group, on in found.items() if len(on) > 1]


def _off(clips: Sequence[Clip], side: Sequence[int], shares: Sequence[float]) -> dict[str, list[float]]:
    """By how many clips of each genre each side misses its share."""
    counted = Counter(zip([clip.genre for clip in clips], side, strict=True))
    total = Counter(clip.genre for clip in clips)
    return {genre: [abs(counted[genre, k] - shares[k] * total[genre]) for k in range(len(shares))] for genre in total}


def _largest(clips: Sequence[Clip]) -> dict[str, int]:
    """The most clips that one group has in each genre."""
    most: dict[str, int] = {}
    for (genre, _), count in Counter(zip([c.genre for c in clips], _groups(clips), strict=True)).items():
        most[genre] = max(count, most.get(genre, 0))
    return most


def _holdout(seed: int = 0, test: float = 0.2, val: float = 0.2, grouped: bool = True) -> Holdout:
    return Holdout(test=test, val=val, seed=seed, grouped=grouped, allow_leak=False)


def _kfold(folds: int, fold: int = 0, seed: int = 0, grouped: bool = True) -> Kfold:
    return Kfold(folds=folds, fold=fold, seed=seed, grouped=grouped, allow_leak=False)


def _one_out(fold: int, seed: int = 0) -> LeaveOneArtistOut:
    return LeaveOneArtistOut(fold=fold, seed=seed, allow_leak=False)


@of_all_kinds
def test_no_artist_is_on_two_sides(corpora: list[list[Clip]]) -> None:
    for seed, clips in enumerate(corpora[:6]):
        assert _torn(clips, _holdout(seed).assign(clips)) == []
        for folds in (2, 4, 5, 10):
            assert _torn(clips, _kfold(folds, seed % folds, seed).assign(clips)) == []


@of_all_kinds
@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.2,) * 5, (0.1,) * 10], ids=["holdout", "5 folds", "10 folds"])
def test_each_side_gets_its_share_of_each_genre_to_within_the_genres_largest_group(
    corpora: list[list[Clip]], shares: tuple[float, ...]
) -> None:
    for seed, clips in enumerate(corpora[:6]):
        largest = _largest(clips)
        off = _off(clips, assign_groups(clips, artist_groups(clips), shares, seed), shares)
        assert all(max(by) <= largest[genre] for genre, by in off.items())


def test_single_clips_are_shared_out_exactly() -> None:
    clips = [Clip(str(k), Path("x"), f"genre {k % 10}") for k in range(1000)]
    assert Counter(_holdout().assign(clips)) == {"train": 600, "val": 200, "test": 200}
    assert Counter(assign_groups(clips, artist_groups(clips), (0.1,) * 10, 0)) == dict.fromkeys(range(10), 100)


def test_the_odd_artists_of_the_genres_do_not_all_land_on_one_side() -> None:
    clips = [Clip(f"{g}-{a}", Path("x"), f"genre {g}", f"{g}-{a}") for g in range(10) for a in range(6)]
    assert Counter(_holdout().assign(clips)) == {"train": 36, "val": 12, "test": 12}
    folds = Counter(assign_groups(clips, artist_groups(clips), (0.2,) * 5, 0))
    assert max(folds.values()) - min(folds.values()) <= 2  # 60 clips on 5 folds


@of_all_kinds
def test_shares_are_as_near_as_sklearns(corpora: list[list[Clip]]) -> None:
    """Root mean square of the clips that a fold has too many or too few of a genre, against StratifiedGroupKFold."""
    shares = (0.2,) * 5
    ours, theirs, ours_in_all, theirs_in_all = [], [], [], []
    for seed, clips in enumerate(corpora):
        fold = np.zeros(len(clips), dtype=int)
        judge = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of genres with fewer clips than folds
            for k, (_, test) in enumerate(judge.split(clips, [clip.genre for clip in clips], _groups(clips))):
                fold[test] = k
        dealt = assign_groups(clips, artist_groups(clips), shares, seed)
        for side, by_genre, in_all in ((dealt, ours, ours_in_all), (fold.tolist(), theirs, theirs_in_all)):
            off = [clips_off for by in _off(clips, side, shares).values() for clips_off in by]
            by_genre.append(np.sqrt(np.square(off).mean()))
            in_all.append(np.abs(np.bincount(side, minlength=5) / len(clips) - 0.2).max())
    assert np.mean(ours) <= 1.05 * np.mean(theirs)
    # Shares of all clips may be off by a hundredth more, since genres of few groups take the first folds.
    assert np.mean(ours_in_all) <= np.mean(theirs_in_all) + 0.01
    assert np.max(ours_in_all) <= 0.1


@of_all_kinds
@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_over_all_folds_every_clip_is_tested_once(corpora: list[list[Clip]], folds: int) -> None:
    for seed, clips in enumerate(corpora[:3]):
        sides = [_kfold(folds, fold, seed).assign(clips) for fold in range(folds)]
        assert [tested.count("test") for tested in zip(*sides, strict=True)] == [1] * len(clips)


@pytest.mark.parametrize("folds", [5, 6, 10])
def test_the_next_fold_validates(folds: int) -> None:
    for seed, clips in enumerate(CORPORA["both"][:5]):
        sides = [_kfold(folds, fold, seed).assign(clips) for fold in range(folds)]
        for fold in range(folds):
            following = sides[(fold + 1) % folds]
            assert [s == "val" for s in sides[fold]] == [s == "test" for s in following]


@pytest.mark.parametrize("folds", [2, 3, 4])
def test_below_five_folds_a_fifth_of_the_other_clips_validates(folds: int) -> None:
    for seed, clips in enumerate(CORPORA["plain"]):
        for fold in range(folds):
            sides = _kfold(folds, fold, seed).assign(clips)
            left = [clip for clip, side in zip(clips, sides, strict=True) if side != "test"]
            cut = [int(side == "val") for side in sides if side != "test"]
            largest = _largest(left)
            assert all(max(by) <= largest[genre] for genre, by in _off(left, cut, (0.8, 0.2)).items())


@pytest.mark.parametrize("kind", ["plain", "some artists unknown"])
def test_a_genre_with_enough_groups_reaches_every_side(kind: str) -> None:
    for seed, clips in enumerate(CORPORA[kind][:6]):
        for splitter, sides in ((_holdout(seed), 3), (_kfold(5, 0, seed), 3), (_kfold(3, 1, seed), 3)):
            found = splitter.assign(clips)
            pairs = set(zip([clip.genre for clip in clips], found, strict=True))
            for genre in {clip.genre for clip in clips}:
                groups = {g for g, clip in zip(_groups(clips), clips, strict=True) if clip.genre == genre}
                if len(groups) >= 5:
                    assert len({side for g, side in pairs if g == genre}) == sides


@pytest.mark.parametrize(("artists", "sides"), [(1, ["train"]), (2, ["train", "val"]), (3, ["test", "train", "val"])])
def test_of_few_artists_training_gets_the_first(artists: int, sides: list[str]) -> None:
    for others in range(1, 30):  # whose clips are more an artist, so that they are dealt first
        many = [Clip(f"m{a}-{k}", Path("x"), "many", f"m{a}") for a in range(others) for k in range(5)]
        few = [Clip(f"f{a}-{k}", Path("x"), "few", f"f{a}") for a in range(artists) for k in range(3)]
        found = _holdout(seed=others).assign([*many, *few])
        assert sorted(set(found[len(many) :])) == sides


@of_all_kinds
def test_the_split_does_not_depend_on_the_order_of_the_files(corpora: list[list[Clip]]) -> None:
    for seed, clips in enumerate(corpora[:3]):
        order = np.random.default_rng(seed).permutation(len(clips))
        shuffled = [clips[k] for k in order]
        named = [_one_out(0, seed)] if any(clip.artist for clip in clips) else []
        random = [_holdout(seed, grouped=False), _kfold(3, 1, seed, grouped=False)]
        for splitter in (_holdout(seed), _kfold(3, 1, seed), _kfold(10, 9, seed), *named, *random):
            sides = splitter.assign(clips)
            assert splitter.assign(shuffled) == [sides[k] for k in order]


def test_the_seed_alone_decides() -> None:
    clips = CORPORA["both"][3]
    np.random.seed(1)  # somebody else's generator
    first = _holdout(7).assign(clips)
    np.random.seed(2)
    assert _holdout(7).assign(clips) == first
    assert _holdout(8).assign(clips) != first
    tested = [tuple(_kfold(10, 0, seed).assign(clips)) for seed in range(5)]
    assert len(set(tested)) == 5


@of_all_kinds
def test_a_grouped_split_passes(corpora: list[list[Clip]]) -> None:
    for seed, clips in enumerate(corpora[:5]):
        known = [replace(clip, artist=clip.artist or clip.name, album=None, track=None) for clip in clips]
        made = certificate.certify(known, _holdout(seed).assign(known), [c.name for c in known], "holdout")
        certificate.refuse_leaks(made)
        assert made["shared"] == {"artists": [], "albums": [], "tracks": [], "audio": [], "near_copies": None}


def test_an_album_of_an_unknown_artist_stays_together() -> None:
    clips = [Clip(str(k), Path("x"), "g", None, f"track {k}", album=f"album {k // 4}") for k in range(40)]
    assert len(set(zip((clip.album for clip in clips), _holdout().assign(clips), strict=True))) == 10
    of_artists = [replace(clip, artist=f"artist {k % 10}") for k, clip in enumerate(clips)]
    assert _torn(of_artists, _holdout().assign(of_artists)) == []
    assert len(set(zip((clip.album for clip in clips), _holdout().assign(of_artists), strict=True))) > 10


def test_an_ungrouped_split_cuts_what_a_grouped_one_keeps() -> None:
    clips = CORPORA["plain"][1]
    for splitter in (_holdout(grouped=False), _kfold(3, 0, grouped=False), _kfold(10, 2, grouped=False)):
        assert len(_torn(clips, splitter.assign(clips))) > 10
    tested = [_kfold(3, fold, grouped=False).assign(clips) for fold in range(3)]
    assert [sides.count("test") for sides in zip(*tested, strict=True)] == [1] * len(clips)


def _one_out_corpus() -> list[Clip]:
    names = ["de la Soul", "Zappa", "Abba", "Bach"]
    clips = [Clip(f"{a}{k}", Path("x"), "xy"[k % 2], artist) for a, artist in enumerate(names) for k in range(20)]
    return [*clips, *(Clip(f"unknown {k}", Path("x"), "x") for k in range(10))]


def test_leave_one_artist_out_tests_one_artist_after_another() -> None:
    clips = _one_out_corpus()
    for fold, artist in enumerate(["Abba", "Bach", "Zappa", "de la Soul"]):
        splitter = _one_out(fold)
        sides = splitter.assign(clips)
        assert {clip.artist for clip, side in zip(clips, sides, strict=True) if side == "test"} == {artist}
        assert [clip.artist for clip, side in zip(clips, sides, strict=True) if side == "test"] == [artist] * 20
        assert splitter.description == f"leave one artist out, fold {fold} of 4: {artist}, seed 0"
        others = [(clip, side) for clip, side in zip(clips, sides, strict=True) if side != "test" and clip.artist]
        assert _torn([clip for clip, _ in others], [side for _, side in others]) == []
        assert Counter(clip.artist for clip, side in others if side == "val").total() == 20  # of 60, in whole artists
        assert {side for clip, side in zip(clips, sides, strict=True) if not clip.artist} == {"train"}


def test_leave_one_artist_out_says_how_many_there_are() -> None:
    clips = _one_out_corpus()
    message = (
        r"^split.fold is 4: expected 0 to 3, since the clips have 4 artists. .*--multirun 'split.fold=range\(0,4\)'\.$"
    )
    with pytest.raises(ValueError, match=message):
        _one_out(4).assign(clips)
    with pytest.raises(ValueError, match="^split.fold is -1: expected 0 to 3"):
        _one_out(-1).assign(clips)
    with pytest.raises(
        ValueError, match="^split=leave_one_artist_out needs artists, and none of the 10 clips names one."
    ):
        _one_out(0).assign(clips[80:])


def test_official_keeps_the_stated_sides() -> None:
    sides = ["test", "train", "val", "train"]
    clips = [Clip(str(k), Path("x"), "g", subset=side) for k, side in enumerate(sides)]
    assert Official(file=None, seed=3, allow_leak=False).assign(clips) == sides
    with pytest.raises(ValueError, match="^split=official needs a side for every clip, and 2 of 4 have none, e.g. 1. "):
        Official(file=None, seed=3, allow_leak=False).assign(
            [replace(c, subset=None) if c.name in "13" else c for c in clips]
        )


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    ("test", "val", "message"),
    [
        (0, 0.2, "split.test is 0: expected a share of the clips between 0 and 1."),
        (1.5, 0.2, "split.test is 1.5: expected a share of the clips between 0 and 1."),
        (0.2, -0.1, "split.val is -0.1: expected a share of the clips between 0 and 1."),
        (0.5, 0.5, r"split.test \+ split.val is 1: expected less than 1, so that clips are left to train on."),
    ],
)
def test_shares_out_of_range_are_refused(grouped: bool, test: float, val: float, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        _holdout(test=test, val=val, grouped=grouped)


@pytest.mark.parametrize(
    ("folds", "fold", "message"),
    [
        (1, 0, "split.folds is 1: expected 2 or more."),
        (10, 10, "split.fold is 10: expected 0 to 9, since split.folds is 10."),
        (3, -1, "split.fold is -1: expected 0 to 2, since split.folds is 3."),
    ],
)
def test_folds_out_of_range_are_refused(folds: int, fold: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        _kfold(folds, fold)


def test_splits_describe_themselves() -> None:
    assert _holdout(3).description == "holdout, 20% test, 20% validation, seed 3"
    assert _holdout(3, val=0.1, grouped=False).description == "random over clips, 20% test, 10% validation, seed 3"
    assert _kfold(10, 4, 1).description == "fold 4 of 10, seed 1"
    assert _kfold(3, 0, 0, grouped=False).description == "fold 0 of 3 over clips at random, seed 0"
    assert Official(file=None, seed=0, allow_leak=False).description == "official, as the data set states it"
    official = Official(file="outputs/x/split.csv", seed=0, allow_leak=False)
    assert official.description == "official, as outputs/x/split.csv states it"
