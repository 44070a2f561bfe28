"""Splits keep artists together, give each set its share of every genre, and name what they cannot do."""

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
    """2 to 7 genres of 1 to 24 artists with 1 to 8 clips, two of each track.

    `several_genres` is the share of clips in another genre than their artist's; `unknown` is the share of clips of unknown
    artists, some of them of unknown album or track, too.
    """
    random = np.random.default_rng(seed)
    clips: list[Clip] = []
    for g in range(random.integers(2, 8)):
        for a in range(random.integers(1, 25)):
            for t in range(random.integers(1, 9)):
                genre = random.integers(g + 1) if random.random() < several_genres else g
                is_unknown = random.random() < unknown
                artist = None if is_unknown else f"{g}-{a}"
                track = None if is_unknown and random.random() < 0.5 else f"{g}-{a}-{t // 2}"
                album = f"{g}-{a}-{t // 4}" if t % 3 else None
                clips.append(Clip(f"clip {len(clips):04}", Path("x"), f"genre {genre}", artist, track, album=album))
    return clips


CORPORA = {
    "plain": [_corpus(seed) for seed in SEEDS],
    "artists of several genres": [_corpus(seed, several_genres=0.3) for seed in SEEDS],
    "some artists unknown": [_corpus(seed, unknown=0.5) for seed in SEEDS],
    "both": [_corpus(seed, several_genres=0.2, unknown=0.2) for seed in SEEDS],
}
on_all_corpora = pytest.mark.parametrize("corpora", CORPORA.values(), ids=CORPORA)


def _groups(clips: Sequence[Clip]) -> list[str]:
    kinds = ("artist", "album", "track")
    return [
        next((f"{kind} {getattr(clip, kind)}" for kind in kinds if getattr(clip, kind)), clip.name) for clip in clips
    ]


def _divided(clips: Sequence[Clip], subsets: Sequence[object]) -> list[str]:
    """The groups that are in more than one set."""
    sets_of_group: dict[str, set[object]] = {}
    for group, subset in zip(_groups(clips), subsets, strict=True):
        sets_of_group.setdefault(group, set()).add(subset)
    return [group for group, sets in sets_of_group.items() if len(sets) > 1]


def _deviation(clips: Sequence[Clip], set_of_clip: Sequence[int], shares: Sequence[float]) -> dict[str, list[float]]:
    """The number of clips by which each set misses its share of each genre."""
    counts = Counter(zip([clip.genre for clip in clips], set_of_clip, strict=True))
    total = Counter(clip.genre for clip in clips)
    return {genre: [abs(counts[genre, k] - shares[k] * total[genre]) for k in range(len(shares))] for genre in total}


def _largest(clips: Sequence[Clip]) -> dict[str, int]:
    """The number of clips of the largest group in each genre."""
    largest: dict[str, int] = {}
    for (genre, _), count in Counter(zip([c.genre for c in clips], _groups(clips), strict=True)).items():
        largest[genre] = max(count, largest.get(genre, 0))
    return largest


def _holdout(seed: int = 0, test: float = 0.2, val: float = 0.2, grouped: bool = True) -> Holdout:
    return Holdout(test=test, val=val, seed=seed, grouped=grouped, allow_leak=False)


def _kfold(folds: int, fold: int = 0, seed: int = 0, grouped: bool = True) -> Kfold:
    return Kfold(folds=folds, fold=fold, seed=seed, grouped=grouped, allow_leak=False)


def _leave_one_out(fold: int, seed: int = 0) -> LeaveOneArtistOut:
    return LeaveOneArtistOut(fold=fold, seed=seed, allow_leak=False)


@on_all_corpora
def test_no_artist_is_in_two_sets(corpora: list[list[Clip]]) -> None:
    for seed, clips in enumerate(corpora[:6]):
        assert _divided(clips, _holdout(seed).assign(clips)) == []
        for folds in (2, 4, 5, 10):
            assert _divided(clips, _kfold(folds, seed % folds, seed).assign(clips)) == []


@on_all_corpora
@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.2,) * 5, (0.1,) * 10], ids=["holdout", "5 folds", "10 folds"])
def test_each_set_gets_its_share_of_each_genre_within_the_size_of_the_largest_group(
    corpora: list[list[Clip]], shares: tuple[float, ...]
) -> None:
    for seed, clips in enumerate(corpora[:6]):
        largest = _largest(clips)
        deviation = _deviation(clips, assign_groups(clips, artist_groups(clips), shares, seed), shares)
        assert all(max(by_set) <= largest[genre] for genre, by_set in deviation.items())


def test_single_clips_give_exact_shares() -> None:
    clips = [Clip(str(k), Path("x"), f"genre {k % 10}") for k in range(1000)]
    assert Counter(_holdout().assign(clips)) == {"train": 600, "val": 200, "test": 200}
    assert Counter(assign_groups(clips, artist_groups(clips), (0.1,) * 10, 0)) == dict.fromkeys(range(10), 100)


def test_the_odd_artists_of_the_genres_are_not_all_in_one_set() -> None:
    clips = [Clip(f"{g}-{a}", Path("x"), f"genre {g}", f"{g}-{a}") for g in range(10) for a in range(6)]
    assert Counter(_holdout().assign(clips)) == {"train": 36, "val": 12, "test": 12}
    folds = Counter(assign_groups(clips, artist_groups(clips), (0.2,) * 5, 0))
    assert max(folds.values()) - min(folds.values()) <= 2  # 60 clips in 5 folds


@on_all_corpora
def test_shares_are_as_exact_as_sklearns(corpora: list[list[Clip]]) -> None:
    """Root mean square of the clips of a genre that a fold has too many or too few, compared with StratifiedGroupKFold."""
    shares = (0.2,) * 5
    ours, sklearn, ours_in_all, sklearn_in_all = [], [], [], []
    for seed, clips in enumerate(corpora):
        fold = np.zeros(len(clips), dtype=int)
        reference = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sklearn warns of genres with fewer clips than folds
            for k, (_, test) in enumerate(reference.split(clips, [clip.genre for clip in clips], _groups(clips))):
                fold[test] = k
        assigned = assign_groups(clips, artist_groups(clips), shares, seed)
        for set_of_clip, by_genre, in_all in (
            (assigned, ours, ours_in_all),
            (fold.tolist(), sklearn, sklearn_in_all),
        ):
            deviation = [
                clips_off for by_set in _deviation(clips, set_of_clip, shares).values() for clips_off in by_set
            ]
            by_genre.append(np.sqrt(np.square(deviation).mean()))
            in_all.append(np.abs(np.bincount(set_of_clip, minlength=5) / len(clips) - 0.2).max())
    assert np.mean(ours) <= 1.05 * np.mean(sklearn)
    # Shares of all clips may deviate by 0.01 more, since genres of few groups reach the first folds only.
    assert np.mean(ours_in_all) <= np.mean(sklearn_in_all) + 0.01
    assert np.max(ours_in_all) <= 0.1


@on_all_corpora
@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_over_all_folds_every_clip_is_tested_once(corpora: list[list[Clip]], folds: int) -> None:
    for seed, clips in enumerate(corpora[:3]):
        subsets_by_fold = [_kfold(folds, fold, seed).assign(clips) for fold in range(folds)]
        assert [subsets.count("test") for subsets in zip(*subsets_by_fold, strict=True)] == [1] * len(clips)


@pytest.mark.parametrize("folds", [5, 6, 10])
def test_the_next_fold_is_the_validation_set(folds: int) -> None:
    for seed, clips in enumerate(CORPORA["both"][:5]):
        subsets_by_fold = [_kfold(folds, fold, seed).assign(clips) for fold in range(folds)]
        for fold in range(folds):
            next_subsets = subsets_by_fold[(fold + 1) % folds]
            assert [s == "val" for s in subsets_by_fold[fold]] == [s == "test" for s in next_subsets]


@pytest.mark.parametrize("folds", [2, 3, 4])
def test_below_five_folds_a_fifth_of_the_other_clips_is_the_validation_set(folds: int) -> None:
    for seed, clips in enumerate(CORPORA["plain"]):
        for fold in range(folds):
            subsets = _kfold(folds, fold, seed).assign(clips)
            rest = [clip for clip, subset in zip(clips, subsets, strict=True) if subset != "test"]
            in_val = [int(subset == "val") for subset in subsets if subset != "test"]
            largest = _largest(rest)
            assert all(max(by_set) <= largest[genre] for genre, by_set in _deviation(rest, in_val, (0.8, 0.2)).items())


@pytest.mark.parametrize("kind", ["plain", "some artists unknown"])
def test_a_genre_with_enough_groups_reaches_every_set(kind: str) -> None:
    for seed, clips in enumerate(CORPORA[kind][:6]):
        for splitter, sets in ((_holdout(seed), 3), (_kfold(5, 0, seed), 3), (_kfold(3, 1, seed), 3)):
            subsets = splitter.assign(clips)
            pairs = set(zip([clip.genre for clip in clips], subsets, strict=True))
            for genre in {clip.genre for clip in clips}:
                groups = {g for g, clip in zip(_groups(clips), clips, strict=True) if clip.genre == genre}
                if len(groups) >= 5:
                    assert len({subset for g, subset in pairs if g == genre}) == sets


@pytest.mark.parametrize(("artists", "subsets"), [(1, ["train"]), (2, ["train", "val"]), (3, ["test", "train", "val"])])
def test_of_few_artists_the_first_is_for_training(artists: int, subsets: list[str]) -> None:
    for others in range(1, 30):  # more clips for each artist, so that these are assigned first
        many = [Clip(f"m{a}-{k}", Path("x"), "many", f"m{a}") for a in range(others) for k in range(5)]
        few = [Clip(f"f{a}-{k}", Path("x"), "few", f"f{a}") for a in range(artists) for k in range(3)]
        assigned = _holdout(seed=others).assign([*many, *few])
        assert sorted(set(assigned[len(many) :])) == subsets


@on_all_corpora
def test_the_split_does_not_depend_on_the_order_of_the_files(corpora: list[list[Clip]]) -> None:
    for seed, clips in enumerate(corpora[:3]):
        order = np.random.default_rng(seed).permutation(len(clips))
        shuffled = [clips[k] for k in order]
        by_artist = [_leave_one_out(0, seed)] if any(clip.artist for clip in clips) else []
        random = [_holdout(seed, grouped=False), _kfold(3, 1, seed, grouped=False)]
        for splitter in (_holdout(seed), _kfold(3, 1, seed), _kfold(10, 9, seed), *by_artist, *random):
            subsets = splitter.assign(clips)
            assert splitter.assign(shuffled) == [subsets[k] for k in order]


def test_the_split_depends_on_its_seed_only() -> None:
    clips = CORPORA["both"][3]
    np.random.seed(1)  # the global generator must not matter
    first = _holdout(7).assign(clips)
    np.random.seed(2)
    assert _holdout(7).assign(clips) == first
    assert _holdout(8).assign(clips) != first
    splits = [tuple(_kfold(10, 0, seed).assign(clips)) for seed in range(5)]
    assert len(set(splits)) == 5


@on_all_corpora
def test_a_grouped_split_has_no_leak(corpora: list[list[Clip]]) -> None:
    for seed, clips in enumerate(corpora[:5]):
        known = [replace(clip, artist=clip.artist or clip.name, album=None, track=None) for clip in clips]
        content = certificate.certify(known, _holdout(seed).assign(known), [c.name for c in known], "holdout")
        certificate.refuse_leaks(content)
        assert content["shared"] == {"artists": [], "albums": [], "tracks": [], "audio": [], "near_copies": None}


def test_an_album_of_an_unknown_artist_stays_together() -> None:
    clips = [Clip(str(k), Path("x"), "g", None, f"track {k}", album=f"album {k // 4}") for k in range(40)]
    assert len(set(zip((clip.album for clip in clips), _holdout().assign(clips), strict=True))) == 10
    of_artists = [replace(clip, artist=f"artist {k % 10}") for k, clip in enumerate(clips)]
    assert _divided(of_artists, _holdout().assign(of_artists)) == []
    assert len(set(zip((clip.album for clip in clips), _holdout().assign(of_artists), strict=True))) > 10


def test_a_split_without_groups_divides_artists() -> None:
    clips = CORPORA["plain"][1]
    for splitter in (_holdout(grouped=False), _kfold(3, 0, grouped=False), _kfold(10, 2, grouped=False)):
        assert len(_divided(clips, splitter.assign(clips))) > 10
    subsets_by_fold = [_kfold(3, fold, grouped=False).assign(clips) for fold in range(3)]
    assert [subsets.count("test") for subsets in zip(*subsets_by_fold, strict=True)] == [1] * len(clips)


def _leave_one_out_corpus() -> list[Clip]:
    names = ["de la Soul", "Zappa", "Abba", "Bach"]
    clips = [Clip(f"{a}{k}", Path("x"), "xy"[k % 2], artist) for a, artist in enumerate(names) for k in range(20)]
    return [*clips, *(Clip(f"unknown {k}", Path("x"), "x") for k in range(10))]


def test_leave_one_artist_out_tests_one_artist_after_another() -> None:
    clips = _leave_one_out_corpus()
    for fold, artist in enumerate(["Abba", "Bach", "Zappa", "de la Soul"]):
        splitter = _leave_one_out(fold)
        subsets = splitter.assign(clips)
        assert {clip.artist for clip, subset in zip(clips, subsets, strict=True) if subset == "test"} == {artist}
        assert [clip.artist for clip, subset in zip(clips, subsets, strict=True) if subset == "test"] == [artist] * 20
        assert splitter.description == f"leave one artist out, fold {fold} of 4: {artist}, seed 0"
        others = [
            (clip, subset) for clip, subset in zip(clips, subsets, strict=True) if subset != "test" and clip.artist
        ]
        assert _divided([clip for clip, _ in others], [subset for _, subset in others]) == []
        val_artists = Counter(clip.artist for clip, subset in others if subset == "val")
        assert val_artists.total() == 20  # of 60 clips, in whole artists
        assert {subset for clip, subset in zip(clips, subsets, strict=True) if not clip.artist} == {"train"}


def test_leave_one_artist_out_names_the_number_of_artists() -> None:
    clips = _leave_one_out_corpus()
    message = (
        r"^split.fold is 4: expected 0 to 3, since the clips have 4 artists. .*--multirun 'split.fold=range\(0,4\)'\.$"
    )
    with pytest.raises(ValueError, match=message):
        _leave_one_out(4).assign(clips)
    with pytest.raises(ValueError, match="^split.fold is -1: expected 0 to 3"):
        _leave_one_out(-1).assign(clips)
    with pytest.raises(
        ValueError, match="^split=leave_one_artist_out needs artists, and none of the 10 clips has one."
    ):
        _leave_one_out(0).assign(clips[80:])


def test_official_returns_the_stated_sets() -> None:
    subsets = ["test", "train", "val", "train"]
    clips = [Clip(str(k), Path("x"), "g", subset=subset) for k, subset in enumerate(subsets)]
    assert Official(file=None, seed=3, allow_leak=False).assign(clips) == subsets
    with pytest.raises(ValueError, match="^split=official needs a set for every clip, and 2 of 4 have none, e.g. 1. "):
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


def test_the_description_of_each_split() -> None:
    assert _holdout(3).description == "holdout, 20% test, 20% validation, seed 3"
    assert _holdout(3, val=0.1, grouped=False).description == "random over clips, 20% test, 10% validation, seed 3"
    assert _kfold(10, 4, 1).description == "fold 4 of 10, seed 1"
    assert _kfold(3, 0, 0, grouped=False).description == "fold 0 of 3 over clips at random, seed 0"
    assert Official(file=None, seed=0, allow_leak=False).description == "official, as the data set states it"
    official = Official(file="outputs/x/split.csv", seed=0, allow_leak=False)
    assert official.description == "official, as outputs/x/split.csv states it"
