"""Tags are read from every format that holds some, and one name is spelt in one way."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from src.dataset import file_tags
from src.dataset.file_tags import Tags
from tests.conftest import ROOT
from tests.dataset.tagged import id3, id3v1, m4a, sound

ALONE = {"artist": "Chet Baker", "album": "Sings", "title": "Alone", "genre": "Jazz"}


def _artists(folder: Path, *names: str) -> list[str | None]:
    return [
        tag.artist for tag in file_tags.read([id3(folder / f"{k}.mp3", artist=name) for k, name in enumerate(names)])
    ]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus"])
def test_what_libsndfile_writes_is_read(suffix: str, tmp_path: Path) -> None:
    assert file_tags.read([sound(tmp_path / f"a{suffix}", **ALONE)]) == [Tags("Chet Baker", "Sings", "Alone", "Jazz")]


def test_an_aiff_names_artist_and_title(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.aif", artist="Chet Baker", title="Alone")
    assert file_tags.read([path]) == [Tags("Chet Baker", None, "Alone")]


def test_an_m4a_is_read_without_its_decoder(tmp_path: Path) -> None:
    assert file_tags.read([m4a(tmp_path / "a.m4a", **ALONE)]) == [Tags("Chet Baker", "Sings", "Alone", "Jazz")]


def test_the_tail_of_an_old_mp3_is_read(tmp_path: Path) -> None:
    path = id3v1(tmp_path / "a.mp3", 8, artist="Françoise Hardy", title="Alone")
    assert file_tags.read([path]) == [Tags("Françoise Hardy", None, "Alone", "Jazz")]


@pytest.mark.parametrize(
    ("written", "genre"),
    [("Jazz", "Jazz"), ("8", "Jazz"), ("(8)", "Jazz"), ("(8)Cool Jazz", "Jazz"), ("Cool", "Cool"), ("", None)],
)
def test_a_number_stands_for_a_genre_in_an_mp3(written: str, genre: str | None, tmp_path: Path) -> None:
    assert file_tags.read([id3(tmp_path / "a.mp3", genre=written)]) == [Tags(genre=genre)]


def test_no_number_is_no_genre(tmp_path: Path) -> None:
    assert file_tags.read([id3v1(tmp_path / "a.mp3", 255)]) == [Tags()]


def test_the_first_of_several_artists_counts(tmp_path: Path) -> None:
    assert _artists(tmp_path, "Chet Baker\0Art Pepper") == ["Chet Baker"]


@pytest.mark.parametrize(
    ("artist", "albumartist", "expected"),
    [
        ("Chet Baker", "Art Pepper", "Chet Baker"),
        ("", "Art Pepper", "Art Pepper"),
        ("Various Artists", "Art Pepper", "Art Pepper"),
        ("Chet Baker", "Various Artists", "Chet Baker"),
        ("Unknown Artist", "Various Artists", None),
    ],
)
def test_the_albums_artist_stands_in(artist: str, albumartist: str, expected: str | None, tmp_path: Path) -> None:
    assert file_tags.read([id3(tmp_path / "a.mp3", artist=artist, albumartist=albumartist)]) == [Tags(expected)]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "Various Artists",
        "VARIOUS",
        " various  artists ",
        "VA",
        "V.A.",
        "V. A.",
        "v/a",
        "Verschiedene",
        "Verschiedene Künstler",
        "Diverse",
        "diverse Interpreten",
        "Artistes Variés",
        "AA.VV.",
        "<unknown>",
        "[Unknown Artist]",
        "Unbekannter Interpret",
        "n/a",
        "(none)",
    ],
)
def test_what_names_nobody_is_no_name(name: str, tmp_path: Path) -> None:
    assert _artists(tmp_path, name) == [None]


@pytest.mark.parametrize("name", ["Various Production", "Unknown Mortal Orchestra", "!!!", "Vanessa", "椎名林檎", "-"])
def test_what_only_resembles_it_is_a_name(name: str, tmp_path: Path) -> None:
    assert _artists(tmp_path, name) == [name]


def test_one_artist_has_one_spelling(tmp_path: Path) -> None:
    """Case, spaces and the way accents are composed tell nobody apart; of the spellings the commonest is shown."""
    written = ["  The  Beatles ", "the beatles", "THE BEATLES", "The Beatles"]
    assert _artists(tmp_path, *written) == ["The Beatles"] * 4
    assert _artists(tmp_path, "abba", "ABBA", "abba") == ["abba"] * 3
    assert _artists(tmp_path, "abba", "ABBA") == ["ABBA"] * 2
    assert _artists(tmp_path, "Björk", unicodedata.normalize("NFD", "Björk")) == ["Björk"] * 2
    assert _artists(tmp_path, "Die Ärzte", "DIE ÄRZTE", "Strauß", "STRAUSS") == ["DIE ÄRZTE"] * 2 + ["STRAUSS"] * 2


def test_other_words_are_other_artists(tmp_path: Path) -> None:
    names = ["The Beatles", "Beatles", "Beyoncé", "Beyonce", "Guns N' Roses", "Guns N Roses"]
    assert _artists(tmp_path, *names) == names


def test_albums_titles_and_genres_have_one_spelling_too(tmp_path: Path) -> None:
    loud = {key: value.upper() for key, value in ALONE.items()}
    paths = [id3(tmp_path / f"{k}.mp3", **said) for k, said in enumerate((ALONE, loud, ALONE))]
    assert file_tags.read(paths) == [Tags("Chet Baker", "Sings", "Alone", "Jazz")] * 3


def test_files_that_cannot_be_read_say_why_and_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "empty.wav").touch()
    paths = [tmp_path / "text.wav", tmp_path / "gone.mp3", sound(tmp_path / "a.au"), sound(tmp_path / "a.ogg", **ALONE)]
    text, gone, au, ogg, empty = file_tags.read([*paths, tmp_path / "empty.wav"])
    assert text == Tags(error="Invalid WAV header")
    assert gone.error is not None
    assert "No such file" in gone.error
    assert au == Tags(error="No tag reader found to support file type")
    assert (ogg.artist, ogg.error) == ("Chet Baker", None)
    assert empty == Tags()


def test_no_files_have_no_tags() -> None:
    assert file_tags.read([]) == []


def test_the_library_is_loaded_where_tags_are_asked_for_only() -> None:
    program = "import sys, src.dataset; sys.exit('tinytag' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
