"""Tags are read from every format that has them, and each name gets one spelling."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from src.dataset import file_tags
from src.dataset.file_tags import Tags
from tests.conftest import ROOT
from tests.dataset.tagged import id3, id3v1, m4a, silence

ALONE = {"artist": "Chet Baker", "album": "Sings", "title": "Alone", "genre": "Jazz"}


def _artists(folder: Path, *names: str) -> list[str | None]:
    return [
        tag.artist for tag in file_tags.read([id3(folder / f"{k}.mp3", artist=name) for k, name in enumerate(names)])
    ]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus"])
def test_tags_written_by_libsndfile_are_read(suffix: str, tmp_path: Path) -> None:
    assert file_tags.read([silence(tmp_path / f"a{suffix}", **ALONE)]) == [Tags("Chet Baker", "Sings", "Alone", "Jazz")]


def test_artist_and_title_of_an_aiff_are_read(tmp_path: Path) -> None:
    path = silence(tmp_path / "a.aif", artist="Chet Baker", title="Alone")
    assert file_tags.read([path]) == [Tags("Chet Baker", None, "Alone")]


def test_tags_of_an_m4a_are_read_without_a_decoder(tmp_path: Path) -> None:
    assert file_tags.read([m4a(tmp_path / "a.m4a", **ALONE)]) == [Tags("Chet Baker", "Sings", "Alone", "Jazz")]


def test_the_id3v1_tag_at_the_end_of_an_mp3_is_read(tmp_path: Path) -> None:
    path = id3v1(tmp_path / "a.mp3", 8, artist="Françoise Hardy", title="Alone")
    assert file_tags.read([path]) == [Tags("Françoise Hardy", None, "Alone", "Jazz")]


@pytest.mark.parametrize(
    ("tag", "genre"),
    [("Jazz", "Jazz"), ("8", "Jazz"), ("(8)", "Jazz"), ("(8)Cool Jazz", "Jazz"), ("Cool", "Cool"), ("", None)],
)
def test_genre_numbers_of_an_mp3_are_translated(tag: str, genre: str | None, tmp_path: Path) -> None:
    assert file_tags.read([id3(tmp_path / "a.mp3", genre=tag)]) == [Tags(genre=genre)]


@pytest.mark.parametrize(
    ("tag", "genre"),
    [("17", "Rock"), ("(17)", "Rock"), ("(17)Post-Rock", "Rock"), ("(255)", None), ("80s", "80s"), ("(80s)", "(80s)")],
)
@pytest.mark.parametrize("suffix", [".ogg", ".flac", ".mp3"])
def test_genre_numbers_are_translated_in_every_format(tag: str, genre: str | None, suffix: str, tmp_path: Path) -> None:
    assert file_tags.read([silence(tmp_path / f"a{suffix}", genre=tag)]) == [Tags(genre=genre)]


def test_an_id3v1_tag_without_a_genre_number_has_no_genre(tmp_path: Path) -> None:
    assert file_tags.read([id3v1(tmp_path / "a.mp3", 255)]) == [Tags()]


def test_the_first_of_several_artists_is_used(tmp_path: Path) -> None:
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
def test_the_album_artist_replaces_a_missing_artist(
    artist: str, albumartist: str, expected: str | None, tmp_path: Path
) -> None:
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
        "nan",
        "NULL",
        "Untitled",
        "-",
        "??",
        "...",
        "Unknown Album (3/4/2010 8:12:01 PM)",
        "Неизвестный исполнитель",
    ],
)
def test_a_placeholder_is_not_a_name(name: str, tmp_path: Path) -> None:
    assert _artists(tmp_path, name) == [None]


@pytest.mark.parametrize(
    "name", ["Various Production", "Unknown Mortal Orchestra", "!!!", "Vanessa", "椎名林檎", "†††"]
)
def test_a_name_that_resembles_a_placeholder_is_a_name(name: str, tmp_path: Path) -> None:
    assert _artists(tmp_path, name) == [name]


def test_one_artist_has_one_spelling(tmp_path: Path) -> None:
    """Names that differ in case, spaces or the composition of accents are one; the most frequent spelling is used."""
    spellings = ["  The  Beatles ", "the beatles", "THE BEATLES", "The Beatles"]
    assert _artists(tmp_path, *spellings) == ["The Beatles"] * 4
    assert _artists(tmp_path, "abba", "ABBA", "abba") == ["abba"] * 3
    assert _artists(tmp_path, "abba", "ABBA") == ["ABBA"] * 2
    assert _artists(tmp_path, "Björk", unicodedata.normalize("NFD", "Björk")) == ["Björk"] * 2
    assert _artists(tmp_path, "Die Ärzte", "DIE ÄRZTE", "Strauß", "STRAUSS") == ["DIE ÄRZTE"] * 2 + ["STRAUSS"] * 2


def test_names_with_different_words_or_accents_are_different_artists(tmp_path: Path) -> None:
    names = ["The Beatles", "Beatles", "Beyoncé", "Beyonce", "Guns N' Roses", "Guns N Roses"]
    assert _artists(tmp_path, *names) == names


def test_albums_titles_and_genres_have_one_spelling_too(tmp_path: Path) -> None:
    upper = {key: value.upper() for key, value in ALONE.items()}
    paths = [id3(tmp_path / f"{k}.mp3", **tags) for k, tags in enumerate((ALONE, upper, ALONE))]
    assert file_tags.read(paths) == [Tags("Chet Baker", "Sings", "Alone", "Jazz")] * 3


def test_a_file_that_cannot_be_read_gives_an_error_and_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "empty.wav").touch()
    paths = [
        tmp_path / "text.wav",
        tmp_path / "gone.mp3",
        silence(tmp_path / "a.au"),
        silence(tmp_path / "a.ogg", **ALONE),
    ]
    text, gone, au, ogg, empty = file_tags.read([*paths, tmp_path / "empty.wav"])
    assert text == Tags(error="Invalid WAV header")
    assert gone.error is not None
    assert "No such file" in gone.error
    assert au == Tags(error="No tag reader found to support file type")
    assert (ogg.artist, ogg.error) == ("Chet Baker", None)
    assert empty == Tags()


def test_no_files_have_no_tags() -> None:
    assert file_tags.read([]) == []


def test_tinytag_is_imported_only_to_read_tags() -> None:
    program = "import sys, src.dataset; sys.exit('tinytag' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
