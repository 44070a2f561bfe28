"""The certificate counts the clips of the sets, names what they share, and warns of what is missing."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from src import rundir
from src.clip import Clip
from src.data.audit_file import read_audit
from src.reporting import run_text
from src.split import Holdout, certificate
from tests.rundirs import config, write_run


def test_a_split_by_clips_leaks_and_is_refused_with_names() -> None:
    clips = [Clip(f"{g}{k}", Path("x"), g, f"artist {g}", f"song {k // 2}") for g in "ab" for k in range(20)]
    digests = [f"sound {k // 2}" for k in range(40)]  # the second of each pair is a copy
    subsets = Holdout(test=0.2, val=0.2, seed=0, grouped=False, allow_leak=False).assign(clips)
    content = certificate.certify(clips, subsets, digests, "random over clips")
    assert Counter(subsets) == {"train": 24, "val": 8, "test": 8}
    assert content["shared"]["artists"] == ["artist a", "artist b"]
    divided = [[c, d] for c, d in zip(range(0, 40, 2), range(1, 40, 2), strict=True) if subsets[c] != subsets[d]]
    assert content["shared"]["audio"] == [[clips[c].name, clips[d].name] for c, d in divided]
    assert content["shared"]["tracks"] == sorted(f"{clips[c].artist} - {clips[c].track}" for c, _ in divided)
    assert len(divided) > 5
    with pytest.raises(ValueError, match=r"^The split \(random over clips\) leaks: its sets share 2 artists "):
        certificate.refuse_leaks(content)


def _shared_in_message(clips: list[Clip], digests: list[str]) -> str:
    content = certificate.certify(clips, ["train", "test"] * (len(clips) // 2), digests, "by hand")
    with pytest.raises(ValueError, match="by hand") as raised:
        certificate.refuse_leaks(content)
    return str(raised.value).partition(" share ")[2].partition(". A score")[0]


def test_a_leak_names_what_is_shared() -> None:
    clips = [Clip(name, Path("x"), "jazz") for name in "abcd"]
    chet = [replace(clip, artist="Chet") for clip in clips[:2]]
    assert _shared_in_message([*chet, *clips[2:]], list("1234")) == "1 artist (Chet)"
    solo = [replace(clip, track="Solo") for clip in clips[2:]]
    assert _shared_in_message([*clips[:2], *solo], list("1234")) == "1 track (Solo)"
    assert _shared_in_message(clips, list("1221")) == "2 groups of byte-identical clips (a = d, b = c)"


def test_two_artists_may_each_have_an_intro() -> None:
    clips = [Clip(name, Path("x"), "jazz", name, "Intro") for name in "ab"]
    content = certificate.certify(clips, ["train", "test"], ["1", "2"], "by hand")
    assert content["shared"] == {"artists": [], "albums": [], "tracks": [], "audio": [], "near_copies": None}
    certificate.refuse_leaks(content)


def test_many_leaks_are_counted_and_five_are_named() -> None:
    clips = [Clip(f"{a}{k}", Path("x"), "jazz", a) for a in "abcdefgh" for k in range(2)]
    assert _shared_in_message(clips, [str(k) for k in range(16)]) == "8 artists (a, b, c, d, e, and 3 more)"


def test_the_certificate_counts_each_set() -> None:
    rows = [
        ("train", "A", "1"), ("train", "A", "1"), ("train", "A", "2"), ("train", "B", "1"), ("train", None, None),
        ("val", "C", None), ("test", None, "9"), ("test", "D", "4"),
    ]  # fmt: skip
    clips = [Clip(str(k), Path("x"), "g", artist, track) for k, (_, artist, track) in enumerate(rows)]
    content = certificate.certify(clips, [subset for subset, _, _ in rows], [str(k) for k in range(8)], "by hand")
    assert content["split"] == "by hand"
    assert content["sets"] == {
        "train": {"clips": 5, "tracks": 3, "artists": 2},
        "val": {"clips": 1, "tracks": 0, "artists": 1},
        "test": {"clips": 2, "tracks": 2, "artists": 1},
    }
    assert content["grouped_by"] == "artist (6 clips), track (1 clip), clip (1 clip)"


@pytest.mark.parametrize(
    ("artist", "album", "track", "kind"),
    [("A", "b", "t", "artist"), (None, "b", "t", "album"), (None, None, "t", "track"), (None, None, None, "clip")],
)
def test_the_certificate_names_the_kind_of_group(
    artist: str | None, album: str | None, track: str | None, kind: str
) -> None:
    clips = [Clip("a", Path("x"), "g", artist, track, album=album)]
    assert certificate.certify(clips, ["train"], ["1"], "by hand")["grouped_by"] == kind


def test_genres_with_too_few_clips_or_artists_are_warned_of() -> None:
    rows = [
        ("train", "jazz", "Chet"), ("train", "jazz", "Chet"), ("val", "jazz", "Bill"), ("test", "jazz", "Miles"),
        ("train", "rock", "Ray"), ("train", "rock", "Dave"), ("val", "rock", "Pete"), ("test", "rock", "Keith"),
        ("test", "pop", "Elton"), ("train", "folk", None), ("val", "folk", None),
    ]  # fmt: skip
    clips = [Clip(str(k), Path("x"), genre, artist) for k, (_, genre, artist) in enumerate(rows)]
    content = certificate.certify(
        clips, [subset for subset, _, _ in rows], [str(k) for k in range(len(rows))], "by hand"
    )
    assert content["warnings"] == [
        "folk has no test clip in this split.",
        "jazz has training clips of one artist only, Chet: a model may learn the artist, not the genre.",
        "pop has no training clip in this split.",
        "pop has no validation clip in this split.",
    ]


def test_a_split_without_groups_is_grouped_by_nothing() -> None:
    clips = [Clip("a", Path("x"), "g", "Chet")]
    assert certificate.certify(clips, ["train"], ["1"], "random", grouped=False)["grouped_by"] == "nothing"


def test_an_album_in_several_sets_is_a_warning_and_no_leak() -> None:
    clips = [Clip(name, Path("x"), "jazz", f"artist {name}", album="Newport") for name in "abc"]
    content = certificate.certify(clips, ["train", "val", "test"], list("123"), "by hand")
    assert content["shared"]["albums"] == ["Newport"]
    assert any(text.startswith("The sets share 1 album, by name (Newport).") for text in content["warnings"])
    certificate.refuse_leaks(content)


def test_missing_genres_are_no_warning_if_one_artist_is_tested() -> None:
    rows = [("train", "jazz", "Chet"), ("train", "jazz", "Bill"), ("val", "jazz", "Ella"), ("test", "jazz", "Miles")]
    rows += [("train", "rock", "Ray"), ("train", "rock", "Dave"), ("val", "rock", "Pete")]
    clips = [Clip(str(k), Path("x"), genre, artist) for k, (_, genre, artist) in enumerate(rows)]
    content = certificate.certify(clips, [subset for subset, _, _ in rows], [str(k) for k in range(7)], "by hand")
    assert content["warnings"] == [
        "Only one artist is tested: the score is that artist's, not the genres'. Pool it with those of other folds."
    ]


def _certify_near_copies(*pairs: tuple[str, str], measured: str | None = None) -> dict[str, Any]:
    clips = [Clip(name, Path("x"), "jazz", name) for name in "abcd"]
    subsets = ["train", "train", "val", "test"]
    measured_names = measured and frozenset(measured)
    return certificate.certify(clips, subsets, list("1234"), "by hand", True, pairs, measured_names)


def test_near_copies_in_two_sets_are_refused_with_names() -> None:
    content = _certify_near_copies(("a", "b"), ("b", "d"), ("c", "a"), ("a", "elsewhere"))
    assert content["shared"]["near_copies"] == [["b", "d"], ["c", "a"]]
    with pytest.raises(ValueError, match=r"share 2 pairs of near copies \(b ~ d, c ~ a\)\. A score") as raised:
        certificate.refuse_leaks(content)
    assert "dataset.exclude" in str(raised.value)
    certificate.refuse_leaks(_certify_near_copies(("a", "b")))


def test_an_audit_without_near_copies_differs_from_no_audit() -> None:
    clip = Clip("a", Path("x"), "jazz", "Chet")
    assert certificate.certify([clip], ["train"], ["1"], "by hand")["shared"]["near_copies"] is None
    assert _certify_near_copies()["shared"]["near_copies"] == []


def test_clips_that_the_audit_did_not_measure_are_a_warning() -> None:
    warning = "The audit did not measure 2 of the 4 clips (b, d): it did not search for near copies of them."
    assert warning in _certify_near_copies(measured="acx")["warnings"]
    assert not [text for text in _certify_near_copies(measured="abcdx")["warnings"] if "audit" in text]


def test_the_report_lists_near_copies(tmp_path: Path) -> None:
    def sentences_and_leaks(name: str, near: list[list[str]] | None) -> tuple[list[str], list[str]]:
        shared = {"artists": [], "albums": [], "tracks": [], "audio": [], "near_copies": near}
        run = rundir.RunDir(write_run(tmp_path / name, config(), clips=20, shared=shared))
        return run_text.describe_split(run), certificate.leaks(run.metrics["certificate"])

    found, leaks = sentences_and_leaks("found", [["a.ogg", "b.ogg"]])
    assert "Near copies in more than one set: a.ogg ~ b.ogg." in found
    assert leaks == ["1 pair of near copies"]
    assert (
        "No near copies are in more than one set, among the clips that the audit decoded."
        in sentences_and_leaks("none", [])[0]
    )
    unasked = sentences_and_leaks("unasked", None)[0]
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
        (None, "audit.json, which is not a file: expected the audit.json of an audit."),
        ("{", "audit.json is not JSON "),
        ("[]", "audit.json contains a list, expected an object."),
        (json.dumps({**AUDIT, "schema": 2}), "audit.json has schema 2, expected 1: "),
        ("{}", "audit.json has schema None, expected 1: it is not an audit,"),
        (json.dumps({**AUDIT, "clips": None}), "audit.json is not a complete audit: expected near_copies, "),
        (
            json.dumps({**AUDIT, "near_copies": [{"a": "x"}]}),
            "audit.json is not a complete audit: expected near_copies, ",
        ),
        (json.dumps({**AUDIT, "near_copies": ["xy"]}), "audit.json is not a complete audit: expected near_copies, "),
    ],
)
def test_an_audit_that_cannot_be_read_raises_with_advice(tmp_path: Path, text: str | None, message: str) -> None:
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
