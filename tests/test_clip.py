"""Genres of a corpus, and selection of genres."""

from pathlib import Path

import pytest

from src.clip import Clip, Corpus, Excluded, comparable, written


@pytest.fixture
def corpus() -> Corpus:
    clips = [Clip(f"{genre}/{k}", Path(f"{genre}/{k}"), genre) for genre in ("rock", "80", "jazz") for k in range(2)]
    return Corpus("shelf", clips, [Excluded("pop", "a folder with no audio")], synthetic=True, notes=["a note"])


def test_genres_are_in_alphabetical_order(corpus: Corpus) -> None:
    assert corpus.genres == ["80", "jazz", "rock"]


def test_none_selects_all_genres(corpus: Corpus) -> None:
    assert corpus.select(None) is corpus


def test_selection_keeps_the_order_of_clips_and_all_other_fields(corpus: Corpus) -> None:
    part = corpus.select(["rock", "jazz"])
    assert [clip.name for clip in part.clips] == ["rock/0", "rock/1", "jazz/0", "jazz/1"]
    assert (part.name, part.excluded, part.synthetic, part.notes) == ("shelf", corpus.excluded, True, ["a note"])


def test_a_single_string_is_one_genre(corpus: Corpus) -> None:
    assert corpus.select("jazz").genres == ["jazz"]


def test_a_genre_can_be_given_as_a_number(corpus: Corpus) -> None:
    assert corpus.select([80, "jazz"]).genres == ["80", "jazz"]  # type: ignore[list-item]  # dataset.genres=[80,jazz]


@pytest.mark.parametrize(
    ("selected", "unknown"), [(["jaz", "rock", "pop"], "jaz, pop"), ([90], "90"), ([], "none"), ("roc", "roc")]
)
def test_the_error_names_unknown_and_known_genres(corpus: Corpus, selected: list[str], unknown: str) -> None:
    with pytest.raises(ValueError, match=f"^dataset.genres asks for {unknown}, but shelf has 80, jazz, rock.$"):
        corpus.select(selected)


def test_spellings_of_a_name_compare_equal() -> None:
    assert {comparable(name) for name in ("Hip-Hop", "hip hop", "HIP_HOP", "hip\u2010hop", "HipHop")} == {"hiphop"}
    assert comparable("Mu\u0301sica") == comparable("MÚSICA") == "m\u00fasica"
    assert [comparable(name) for name in ("!!!", "! ! !", "-")] == ["!!!", "! ! !", "-"]
    assert comparable("R&B") != comparable("RB")


@pytest.mark.parametrize(
    ("value", "name"),
    [("Mu\u0301sica", "M\u00fasica"), (80, "80"), (1e5, "1e5"), (True, "true"), (None, "null"), (8, "8"), (0.5, "0.5")],
)
def test_a_setting_names_a_genre_as_the_data_write_it(value: object, name: str) -> None:
    assert written(value, ["M\u00fasica", "80", "1e5", "true", "null", "100"]) == name
