"""Genres are renamed, merged, dropped and split as the settings say, and what was done is counted."""

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from src.clip import Clip, Corpus
from src.dataset import Synth, synth
from src.dataset.genres import GenreRules


def corpus(*genres: str) -> Corpus:
    return Corpus("shelf", [Clip(f"{k}.wav", Path(f"{k}.wav"), genre) for k, genre in enumerate(genres)])


def applied(names: tuple[str, ...], genre_map: Any = None, separator: str | None = None, pick: str = "first") -> Corpus:
    return GenreRules(genre_map, separator, pick).apply(corpus(*names))


def genres(result: Corpus) -> list[str]:
    return [clip.genre for clip in result.clips]


def test_without_settings_a_corpus_stays_as_it_is() -> None:
    whole = corpus("Folk, World, & Country", "R&B", "jazz|pop", "", "Hip-Hop", "hip-hop")
    assert GenreRules(None, None, "first").apply(whole) is whole


def test_genres_are_renamed_merged_and_left_out_at_once() -> None:
    """The entries of a map do not act on each other's results: a and b change places."""
    result = applied(("a", "b", "c", "d", ""), {"a": "b", "b": "a", "c": "", "d": None})
    assert genres(result) == ["b", "a", ""]
    assert [(excluded.clip, excluded.reason) for excluded in result.excluded] == [
        ("2.wav", "genre c: left out by dataset.genre_map"),
        ("3.wav", "genre d: left out by dataset.genre_map"),
    ]
    assert result.notes == [
        "dataset.genre_map renames the genre of 2 clips (a to b: 1, b to a: 1).",
        "dataset.genre_map leaves out 2 clips (c: 1, d: 1).",
    ]


def test_names_compare_in_the_composed_form() -> None:
    nfc, nfd = (unicodedata.normalize(form, "Música") for form in ("NFC", "NFD"))
    assert genres(applied((nfc, nfd))) == [nfc, nfc]
    for key in (nfc, nfd):
        assert genres(applied((nfd, "x"), {key: nfd + "!"})) == [nfc + "!", "x"]


@pytest.mark.parametrize(
    ("key", "name"), [(80, "80"), (1e5, "1e5"), (True, "true"), (None, "null"), (float("nan"), "NaN")]
)
def test_keys_that_hydra_reads_as_other_values_name_their_genre(key: object, name: str) -> None:
    result = applied((name, "x"), {key: "y"})
    assert (genres(result), len(result.notes)) == (["y", "x"], 1)


def test_an_entry_that_matches_nothing_is_said() -> None:
    assert applied(("jazz", "rock"), {"Jaz": "x", "ska": None}).notes == [
        "dataset.genre_map: no clip has the genre 'Jaz'. Did you mean 'jazz'?",
        "dataset.genre_map: no clip has the genre 'ska'.",
    ]


NAMES = ("jazz|pop", "pop | jazz", "|rock|", "rock|rock", "soul", "a|b")


def test_the_first_of_several_genres_is_picked() -> None:
    result = applied(NAMES, {"a|b": "c", "pop": "Pop"}, "|")
    assert genres(result) == ["jazz", "Pop", "rock", "rock", "soul", "c"]
    assert (
        "2 clips with several genres count under the first of them (dataset.genre_pick=first), e.g. jazz|pop."
        in result.notes
    )


def test_clips_of_several_genres_are_left_out() -> None:
    result = applied(NAMES, {"a|b": "c"}, "|", "drop")
    assert genres(result) == ["rock", "rock", "soul", "c"]
    assert [excluded.reason for excluded in result.excluded] == [
        "genre jazz|pop: left out by dataset.genre_pick, because it lists several",
        "genre pop | jazz: left out by dataset.genre_pick, because it lists several",
    ]


def test_a_separator_that_no_genre_has_is_said() -> None:
    assert applied(("jazz", "rock/pop"), None, ";").notes == ["dataset.genre_separator: no genre contains ';'."]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((None, None, "last"), "dataset.genre_pick is 'last': expected first or drop."),
        ((None, None, "drop"), "dataset.genre_pick=drop needs dataset.genre_separator"),
        ((None, "", "first"), "dataset.genre_separator is '': expected the sign between genres"),
        ((None, 3, "first"), "dataset.genre_separator is 3: expected the sign between genres"),
        ((None, ", ", "first"), "dataset.genre_separator is ', ': expected another sign"),
        ((None, "&", "first"), "dataset.genre_separator is '&': expected another sign"),
        ((3, None, "first"), "dataset.genre_map is 3: expected a mapping"),
        ((["a"], None, "first"), "dataset.genre_map is ['a']: expected a mapping"),
        (({"a": ["b"]}, None, "first"), "dataset.genre_map gives 'a' the value ['b']: expected one name"),
        (({"a": {"b": "c"}}, None, "first"), "dataset.genre_map gives 'a' the value {'b': 'c'}: expected one name"),
        (("gone.csv", None, "first"), "dataset.genre_map is gone.csv, which is not a file: expected a mapping"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings: tuple[Any, Any, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        GenreRules(*settings)


def test_a_map_that_leaves_no_clip_is_refused() -> None:
    with pytest.raises(ValueError, match=r"leave out every clip of shelf, whose genres are a, b\."):
        applied(("a", "b"), {"a": None, "b": ""})


def file_rules(path: Path, text: str) -> GenreRules:
    path.write_text(text, encoding="utf-8")
    return GenreRules(str(path), None, "first")


YAML = '80: eighties\nno: "null"\n"R&B": Soul\nnoise: null\nhum: ""\nhiss:\n~: x\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.yaml", YAML),
        ("m.csv", 'to,from\neighties,80\nnull,no\nSoul,R&B\n,noise\n"",hum\n,hiss\nx,~\n'),
        ("m.tsv", "From\tTo\n80\teighties\nno\tnull\nR&B\tSoul\nnoise\t\nhum\nhiss\t \n~\tx\n"),
        ("m.json", '{"80": "eighties", "no": "null", "R&B": "Soul", "noise": null, "hum": "", "hiss": null, "~": "x"}'),
    ],
)
def test_a_map_is_read_from_a_file(name: str, text: str, tmp_path: Path) -> None:
    new = file_rules(tmp_path / name, text).new_names(["80", "no", "R&B", "noise", "hum", "hiss", "~", "other"])
    assert new == {
        "80": "eighties",
        "no": "null",
        "R&B": "Soul",
        "noise": None,
        "hum": None,
        "hiss": None,
        "~": "x",
        "other": "other",
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.yaml", "- a\n- b\n", "{path} is not a YAML mapping of genres to new names"),
        ("m.yaml", "a: [b]\n", "{path} is not a YAML mapping of genres to new names"),
        ("m.yaml", "a: b: c\n", "{path} is not a YAML mapping of genres to new names"),
        ("m.yaml", "", "{path} is not a YAML mapping of genres to new names"),
        ("m.yaml", "a: b\na: c\n", "{path} lists 'a' twice"),
        ("m.csv", "from,to\na,b\na,c\n", "{path} lists 'a' twice"),
        ("m.csv", "old,new\na,b\n", "{path} has no column 'from'; it has old, new."),
        ("m.csv", "from,to\na,b,c\n", "{path}, line 2: expected a genre in the column from"),
        ("m.csv", "from,to\n,b\n", "{path}, line 2: expected a genre in the column from"),
        ("m.csv", 'from,to\n"a,b\nc,d\n', "{path}, line 2: a stray quotation mark"),
    ],
)
def test_a_file_that_is_no_map_is_refused(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(message.format(path=tmp_path / name))):
        file_rules(tmp_path / name, text)


def test_data_sets_with_fixed_genres_select_by_the_new_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "_complete", lambda _: True)  # list the clips without rendering them
    settings: dict[str, Any] = {"genre_map": {"metal": "loud", "rock": "loud", "pop": None}, "genres": ["loud", "jazz"]}
    data = Synth(str(tmp_path), artists=1, tracks=1, **settings)
    assert data.chosen_genres == ["jazz", "metal", "rock"]  # the others are not even rendered
    assert sorted(clip.genre for clip in data.corpus().clips) == ["jazz", "loud", "loud"]
    assert data.corpus().notes == [
        "dataset.genre_map renames the genre of 2 clips (metal to loud: 1, rock to loud: 1)."
    ]
    with pytest.raises(
        ValueError, match=r"^dataset.genres is \['rock'\]: expected null \(all\) or some of blues, .*jazz, loud"
    ):
        Synth(str(tmp_path), **{**settings, "genres": ["rock"]})
    data = Synth(str(tmp_path), artists=1, tracks=1, genre_map={"pop": None})
    assert "pop" not in data.corpus().genres
    assert len(data.corpus().excluded) == 1
