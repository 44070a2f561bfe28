"""The certificate counts what the sides are, names what they share, and warns of what they lack."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from src import certificate
from src.clip import Clip
from src.split import Random


def test_a_split_by_clips_leaks_and_is_refused_with_names() -> None:
    clips = [Clip(f"{g}{k}", Path("x"), g, f"artist {g}", f"song {k // 2}") for g in "ab" for k in range(20)]
    digests = [f"sound {k // 2}" for k in range(40)]  # the second of each pair is a copy
    sides = Random(test=0.2, val=0.2, seed=0, allow_leak=False).assign(clips)
    made = certificate.certify(clips, sides, digests, "random over clips")
    assert Counter(sides) == {"train": 24, "val": 8, "test": 8}
    assert made["shared"]["artists"] == ["artist a", "artist b"]
    torn = [[c, d] for c, d in zip(range(0, 40, 2), range(1, 40, 2), strict=True) if sides[c] != sides[d]]
    assert made["shared"]["audio"] == [[clips[c].name, clips[d].name] for c, d in torn]
    assert made["shared"]["tracks"] == sorted(f"{clips[c].artist} - {clips[c].track}" for c, _ in torn)
    assert len(torn) > 5
    with pytest.raises(
        ValueError, match=r"^The split \(random over clips\) leaks: on more than one side are 2 artists "
    ):
        certificate.refuse_leaks(made)


def _leak(clips: list[Clip], digests: list[str]) -> str:
    made = certificate.certify(clips, ["train", "test"] * (len(clips) // 2), digests, "by hand")
    with pytest.raises(ValueError, match="by hand") as raised:
        certificate.refuse_leaks(made)
    return str(raised.value).partition(" are ")[2].partition(". A score")[0]


def test_a_leak_names_what_is_shared() -> None:
    bare = [Clip(name, Path("x"), "jazz") for name in "abcd"]
    chet = [replace(clip, artist="Chet") for clip in bare[:2]]
    assert _leak([*chet, *bare[2:]], list("1234")) == "1 artist (Chet)"
    solo = [replace(clip, track="Solo") for clip in bare[2:]]
    assert _leak([*bare[:2], *solo], list("1234")) == "1 track (Solo)"
    assert _leak(bare, list("1221")) == "2 groups of byte-identical clips (a = d, b = c)"


def test_two_artists_may_each_have_an_intro() -> None:
    clips = [Clip(name, Path("x"), "jazz", name, "Intro") for name in "ab"]
    made = certificate.certify(clips, ["train", "test"], ["1", "2"], "by hand")
    assert made["shared"] == {"artists": [], "tracks": [], "audio": []}
    certificate.refuse_leaks(made)


def test_many_leaks_are_counted_and_five_are_named() -> None:
    clips = [Clip(f"{a}{k}", Path("x"), "jazz", a) for a in "abcdefgh" for k in range(2)]
    assert _leak(clips, [str(k) for k in range(16)]) == "8 artists (a, b, c, d, e, and 3 more)"


def test_the_certificate_counts_each_side() -> None:
    rows = [
        ("train", "A", "1"), ("train", "A", "1"), ("train", "A", "2"), ("train", "B", "1"), ("train", None, None),
        ("val", "C", None), ("test", None, "9"), ("test", "D", "4"),
    ]  # fmt: skip
    clips = [Clip(str(k), Path("x"), "g", artist, track) for k, (_, artist, track) in enumerate(rows)]
    made = certificate.certify(clips, [side for side, _, _ in rows], [str(k) for k in range(8)], "by hand")
    assert made["split"] == "by hand"
    assert made["sides"] == {
        "train": {"clips": 5, "tracks": 3, "artists": 2},
        "val": {"clips": 1, "tracks": 0, "artists": 1},
        "test": {"clips": 2, "tracks": 2, "artists": 1},
    }
    assert made["grouped_by"] == "artist (6 clips), track (1 clip), clip (1 clip)"


@pytest.mark.parametrize(
    ("artist", "track", "kind"), [("A", "t", "artist"), (None, "t", "track"), (None, None, "clip")]
)
def test_the_certificate_says_what_clips_are_grouped_by(artist: str | None, track: str | None, kind: str) -> None:
    clips = [Clip("a", Path("x"), "g", artist, track)]
    assert certificate.certify(clips, ["train"], ["1"], "by hand")["grouped_by"] == kind


def test_thin_genres_are_warned_of() -> None:
    rows = [
        ("train", "jazz", "Chet"), ("train", "jazz", "Chet"), ("val", "jazz", "Bill"), ("test", "jazz", "Miles"),
        ("train", "rock", "Ray"), ("train", "rock", "Dave"), ("val", "rock", "Pete"), ("test", "rock", "Keith"),
        ("test", "pop", "Elton"), ("train", "folk", None), ("val", "folk", None),
    ]  # fmt: skip
    clips = [Clip(str(k), Path("x"), genre, artist) for k, (_, genre, artist) in enumerate(rows)]
    made = certificate.certify(clips, [side for side, _, _ in rows], [str(k) for k in range(len(rows))], "by hand")
    assert made["warnings"] == [
        "folk has no test clip on this split.",
        "jazz trains on one artist only, Chet: it may learn the artist, not the genre.",
        "pop has no training clip on this split.",
        "pop has no val clip on this split.",
    ]


def test_a_split_that_groups_nothing_says_so() -> None:
    clips = [Clip("a", Path("x"), "g", "Chet")]
    assert certificate.certify(clips, ["train"], ["1"], "random", grouped=False)["grouped_by"] == "nothing"
