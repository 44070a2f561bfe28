"""Calibration artists: whole artists out of the training set, a sample of them by genre, and nothing else changes."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from src.clip import Clip
from src.split import Holdout, Kfold, LeaveOneArtistOut, Official
from src.split.certificate import certify

# 4 genres of 20 artists with 1 to 5 clips.
CLIPS = [
    Clip(f"{g}-{a}-{k}", Path("x"), f"genre {g}", f"artist {g}-{a}")
    for g in range(4)
    for a in range(20)
    for k in range(1 + a % 5)
]
SPLITS = {
    "holdout": lambda share, seed: Holdout(0.2, 0.2, seed, True, False, share),
    "kfold of 10": lambda share, seed: Kfold(10, 3, seed, True, False, share),
    "kfold of 3": lambda share, seed: Kfold(3, 0, seed, True, False, share),
    "leave one artist out": lambda share, seed: LeaveOneArtistOut(2, seed, False, share),
    "official": lambda share, seed: Official(None, seed, False, share),
}


def _official(clips: list[Clip]) -> list[Clip]:
    subsets = Holdout(0.2, 0.2, 0, True, False).assign(clips)
    return [replace(clip, subset=subset) for clip, subset in zip(clips, subsets, strict=True)]


@pytest.mark.parametrize("name", SPLITS)
def test_whole_training_artists_are_taken_and_no_other_set_changes(name: str) -> None:
    clips = _official(CLIPS)
    before, after = (SPLITS[name](share, 1).assign(clips) for share in (0.0, 0.25))
    assert all(new == old or (old, new) == ("train", "calibration") for old, new in zip(before, after, strict=True))
    artists = {
        subset: {clip.artist for clip, own in zip(clips, after, strict=True) if own == subset} for subset in {*after}
    }
    assert sum(map(len, artists.values())) == 80  # no artist is in two sets
    training = len(artists["train"]) + len(artists["calibration"])
    assert len(artists["calibration"]) == pytest.approx(0.25 * training, abs=2)
    genres = Counter(name.split("-")[0] for name in map(str, artists["calibration"]))
    assert len(genres) == 4
    assert max(genres.values()) - min(genres.values()) <= 2


def test_the_seed_decides_and_artists_are_drawn_whatever_their_number_of_clips() -> None:
    """Over many seeds, artists with five clips are drawn as often as those with one."""
    drawn: Counter[int] = Counter()
    for seed in range(60):
        subsets = SPLITS["kfold of 10"](0.25, seed).assign(CLIPS)
        assert subsets == SPLITS["kfold of 10"](0.25, seed).assign(CLIPS)
        taken = {clip.artist for clip, subset in zip(CLIPS, subsets, strict=True) if subset == "calibration"}
        drawn.update(int(str(artist).split("-")[1]) % 5 for artist in taken)
    assert max(drawn.values()) < 1.25 * min(drawn.values())


def test_a_genre_with_one_training_artist_keeps_it() -> None:
    clips = [replace(clip, subset="train") for clip in CLIPS if clip.genre != "genre 0" or clip.artist == "artist 0-4"]
    subsets = Official(None, 0, False, 0.5).assign(clips)
    assert {subset for clip, subset in zip(clips, subsets, strict=True) if clip.genre == "genre 0"} == {"train"}


def test_random_splits_take_single_clips() -> None:
    subsets = Holdout(0.2, 0.2, 0, grouped=False, allow_leak=True, calibration=0.25).assign(CLIPS)
    assert subsets.count("calibration") == pytest.approx(0.25 * 0.6 * len(CLIPS), abs=3)


def test_the_description_and_the_certificate_name_the_calibration_artists() -> None:
    split = Holdout(0.2, 0.2, 0, True, False, 0.25)
    subsets = split.assign(CLIPS)
    assert split.description.endswith(", 25% of the training artists for calibration")
    sets = certify(CLIPS, subsets, [str(k) for k in range(len(CLIPS))], split.description)["sets"]
    assert list(sets) == ["train", "val", "test", "calibration"]
    assert sets["calibration"]["artists"] == len(
        {clip.artist for clip, own in zip(CLIPS, subsets, strict=True) if own == "calibration"}
    )
    without = certify(CLIPS, Holdout(0.2, 0.2, 0, True, False).assign(CLIPS), [""] * len(CLIPS), "")
    assert list(without["sets"]) == ["train", "val", "test"]


def test_wrong_shares_and_two_calibration_sets_are_refused() -> None:
    for share in (-0.1, 1.0):
        with pytest.raises(ValueError, match=r"split\.calibration"):
            Kfold(5, 0, 0, True, False, share)
    clips = [replace(clip, subset="calibration" if k % 2 else "train") for k, clip in enumerate(CLIPS)]
    assert Official(None, 0, False).assign(clips) == [clip.subset for clip in clips]
    with pytest.raises(ValueError, match="already"):
        Official(None, 0, False, 0.2).assign(clips)
