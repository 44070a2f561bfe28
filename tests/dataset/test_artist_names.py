"""Placeholders are no names, and the spellings of a name are one name."""

from pathlib import Path

import pytest

from src.clip import Clip, Corpus
from src.dataset.names import known, one_spelling, with_known_names


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nan",
        "NaN",
        "None",
        "NULL",
        "n/a",
        "#N/A",
        "<unknown>",
        "[unknown]",
        "Unknown_Artist",
        "Various Artists",
        *("UNTITLED", "-", "--", "—", "?", "???", "...", "*", "_", "V/A", "unknown album (2010)", "不明", "(null)"),
    ],
)
def test_a_placeholder_is_no_name(text: str) -> None:
    assert known(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "!!!",
        "+/-",
        "†††",
        "Nan Goldin",
        "Nancy",
        "The Unknown",
        "Unknown Mortal Orchestra",
        "None More Black",
        "M",
        "0",
        "$",
    ],
)
def test_a_name_is_a_name(text: str) -> None:
    assert known(text) == text


def test_the_most_frequent_spelling_is_used() -> None:
    assert one_spelling({"AC/DC": 1, "AC-DC": 3, "ac dc": 2, "x": 1}) == {
        "AC/DC": "AC-DC",
        "AC-DC": "AC-DC",
        "ac dc": "AC-DC",
        "x": "x",
    }
    assert one_spelling({"abba": 2, "ABBA": 2}) == {"abba": "ABBA", "ABBA": "ABBA"}


def test_a_corpus_gets_known_names_and_notes() -> None:
    rows = [
        ("Björk", "nan", None),
        ("bjo\u0308rk", "Debut", "Intro"),
        ("Björk", "debut", "?"),
        ("-", None, "intro"),
        (None, None, None),
    ]
    clips = [Clip(str(k), Path(str(k)), "g", artist=a, album=b, track=t) for k, (a, b, t) in enumerate(rows)]
    result = with_known_names(Corpus("shelf", clips, notes=["first"]))
    assert [(clip.artist, clip.album, clip.track) for clip in result.clips] == [
        ("Björk", None, None),
        ("Björk", "Debut", "Intro"),
        ("Björk", "Debut", None),
        (None, None, "intro"),
        (None, None, None),
    ]
    assert result.notes == [
        "first",
        "The artist of 1 clip is a placeholder, e.g. '-': it counts as unknown.",
        "The artist of 1 clip is another spelling of a more frequent name, e.g. 'bjo\u0308rk' of 'Björk': these count as one artist.",
        "The album of 1 clip is a placeholder, e.g. 'nan': it counts as unknown.",
        "The album of 1 clip is another spelling of a more frequent name, e.g. 'debut' of 'Debut': these count as one album.",
        "The track of 1 clip is a placeholder, e.g. '?': it counts as unknown.",
    ]


def test_a_corpus_without_such_names_stays_as_it_is() -> None:
    corpus = Corpus("shelf", [Clip("a", Path("a"), "g", "Chet Baker", "Alone"), Clip("b", Path("b"), "g", "!!!")])
    assert with_known_names(corpus) is corpus


def test_a_name_that_is_always_decomposed_is_composed_without_a_note() -> None:
    [clip] = with_known_names(Corpus("shelf", [Clip("a", Path("a"), "g", "bjo\u0308rk")])).clips
    assert clip.artist == "björk"
    assert with_known_names(Corpus("shelf", [Clip("a", Path("a"), "g", "bjo\u0308rk")])).notes == []
