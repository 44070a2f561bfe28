"""The certificate counts what the sides are, names what they share, and warns of what they lack."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from src import rundir
from src.clip import Clip
from src.data.audit_file import read_audit
from src.reporting import findings
from src.split import Holdout, certificate
from tests.rundirs import config, write_run


def test_a_split_by_clips_leaks_and_is_refused_with_names() -> None:
    clips = [Clip(f"{g}{k}", Path("x"), g, f"artist {g}", f"song {k // 2}") for g in "ab" for k in range(20)]
    digests = [f"sound {k // 2}" for k in range(40)]  # the second of each pair is a copy
    sides = Holdout(test=0.2, val=0.2, seed=0, grouped=False, allow_leak=False).assign(clips)
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
    assert made["shared"] == {"artists": [], "albums": [], "tracks": [], "audio": [], "near_copies": None}
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
    assert made["sets"] == {
        "train": {"clips": 5, "tracks": 3, "artists": 2},
        "val": {"clips": 1, "tracks": 0, "artists": 1},
        "test": {"clips": 2, "tracks": 2, "artists": 1},
    }
    assert made["grouped_by"] == "artist (6 clips), track (1 clip), clip (1 clip)"


@pytest.mark.parametrize(
    ("artist", "album", "track", "kind"),
    [("A", "b", "t", "artist"), (None, "b", "t", "album"), (None, None, "t", "track"), (None, None, None, "clip")],
)
def test_the_certificate_says_what_clips_are_grouped_by(
    artist: str | None, album: str | None, track: str | None, kind: str
) -> None:
    clips = [Clip("a", Path("x"), "g", artist, track, album=album)]
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


def test_an_album_on_two_sides_is_a_warning_and_no_leak() -> None:
    clips = [Clip(name, Path("x"), "jazz", f"artist {name}", album="Newport") for name in "abc"]
    made = certificate.certify(clips, ["train", "val", "test"], list("123"), "by hand")
    assert made["shared"]["albums"] == ["Newport"]
    assert any(
        text.startswith("On more than one side: 1 album, by their names (Newport).") for text in made["warnings"]
    )
    certificate.refuse_leaks(made)


def test_where_one_artist_is_tested_missing_genres_are_no_news() -> None:
    rows = [("train", "jazz", "Chet"), ("train", "jazz", "Bill"), ("val", "jazz", "Ella"), ("test", "jazz", "Miles")]
    rows += [("train", "rock", "Ray"), ("train", "rock", "Dave"), ("val", "rock", "Pete")]
    clips = [Clip(str(k), Path("x"), genre, artist) for k, (_, genre, artist) in enumerate(rows)]
    made = certificate.certify(clips, [side for side, _, _ in rows], [str(k) for k in range(7)], "by hand")
    assert made["warnings"] == [
        "A single artist is tested: the score is that artist's, not the genres'. Pool it with other folds'."
    ]


def _near(*pairs: tuple[str, str], heard: str | None = None) -> dict[str, Any]:
    clips = [Clip(name, Path("x"), "jazz", name) for name in "abcd"]
    sides = ["train", "train", "val", "test"]
    return certificate.certify(clips, sides, list("1234"), "by hand", True, pairs, heard and frozenset(heard))


def test_near_copies_on_two_sides_are_refused_with_names() -> None:
    made = _near(("a", "b"), ("b", "d"), ("c", "a"), ("a", "elsewhere"))
    assert made["shared"]["near_copies"] == [["b", "d"], ["c", "a"]]
    with pytest.raises(ValueError, match=r"are 2 pairs of near copies \(b ~ d, c ~ a\)\. A score") as raised:
        certificate.refuse_leaks(made)
    assert "dataset.exclude" in str(raised.value)
    certificate.refuse_leaks(_near(("a", "b")))


def test_an_audit_that_found_none_is_told_from_no_audit() -> None:
    clip = Clip("a", Path("x"), "jazz", "Chet")
    assert certificate.certify([clip], ["train"], ["1"], "by hand")["shared"]["near_copies"] is None
    assert _near()["shared"]["near_copies"] == []


def test_what_the_audit_did_not_hear_is_a_warning() -> None:
    said = "The audit did not hear 2 of the 4 clips (b, d): near copies of them were not looked for."
    assert said in _near(heard="acx")["warnings"]
    assert not [text for text in _near(heard="abcdx")["warnings"] if "audit" in text]


def test_the_page_tells_of_near_copies(tmp_path: Path) -> None:
    def told(name: str, near: list[list[str]] | None) -> tuple[list[str], list[str]]:
        shared = {"artists": [], "albums": [], "tracks": [], "audio": [], "near_copies": near}
        run = rundir.RunDir(write_run(tmp_path / name, config(), clips=20, shared=shared))
        return findings.certificate(run), certificate.leaks(run.metrics["certificate"])

    found, leaks = told("found", [["a.ogg", "b.ogg"]])
    assert "Near copies on more than one side: a.ogg ~ b.ogg." in found
    assert leaks == ["1 pair of near copies"]
    assert "No near copies are on more than one side, as far as the audit heard." in told("none", [])[0]
    unasked = told("unasked", None)[0]
    assert any("were not looked for" in text and "data.audit=" in text for text in unasked)


def test_a_run_from_before_albums_and_near_copies_can_be_read(tmp_path: Path) -> None:
    shared = rundir.RunDir(write_run(tmp_path / "run", config(), clips=20)).metrics["certificate"]["shared"]
    assert shared == {"artists": [], "albums": None, "tracks": [], "audio": [], "near_copies": None}


AUDIT = {"schema": 1, "near_copies": [{"a": "x", "b": "y", "shift_seconds": 0.1}], "clips": ["x", "y", "z"]}


def test_an_audit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_text(json.dumps({**AUDIT, "more": {}}), encoding="utf-8")
    assert read_audit(path) == ([("x", "y")], {"x", "y", "z"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "audit.json, which is no file: expected the audit.json of an audit."),
        ("{", "audit.json is not JSON "),
        ("[]", "audit.json holds a list, expected an object."),
        (json.dumps({**AUDIT, "schema": 2}), "audit.json has schema 2, expected 1: "),
        ("{}", "audit.json has schema None, expected 1: it is no audit,"),
        (json.dumps({**AUDIT, "clips": None}), "audit.json is no whole audit: expected near_copies, "),
        (json.dumps({**AUDIT, "near_copies": [{"a": "x"}]}), "audit.json is no whole audit: expected near_copies, "),
        (json.dumps({**AUDIT, "near_copies": ["xy"]}), "audit.json is no whole audit: expected near_copies, "),
    ],
)
def test_an_audit_that_cannot_be_read_is_said(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "audit.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="audit.json") as raised:
        read_audit(path)
    assert message in str(raised.value)
    assert str(raised.value).endswith("`python -m src.audit` writes one.")
    assert "Train the run again" not in str(raised.value)


def test_two_albums_of_unknown_artists_may_each_have_an_intro() -> None:
    clips = [Clip(f"{k}", Path("x"), "jazz", album=f"album {k}", track="Intro") for k in range(2)]
    shared = certificate.certify(clips, ["train", "test"], ["a", "b"], "by hand")["shared"]
    assert shared["tracks"] == []
