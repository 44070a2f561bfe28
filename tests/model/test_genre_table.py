"""The table of genres: its names, its tree, and its errors."""

import re
from typing import Any

import pytest
from omegaconf import OmegaConf

from src.config import CONF
from src.model.genre_table import GenreTable
from src.model.tags import GTZAN, MUSICNN
from src.pretrained import TAGS

ROWS: dict[str, Any] = OmegaConf.to_container(OmegaConf.load(CONF / "model" / "tags.yaml"))["table"]  # type: ignore[index,call-overload,assignment]
TABLE = GenreTable(ROWS)
# AudioSet's classes of genres, 216 to 263 in its list, without those of form, function and mood: Beatboxing, Music for
# children, Vocal music, A capella and Christian music.
AUDIOSET_GENRES = """
    Pop music, Hip hop music, Rock music, Heavy metal, Punk rock, Grunge, Progressive rock, Rock and roll,
    Psychedelic rock, Rhythm and blues, Soul music, Reggae, Country, Swing music, Bluegrass, Funk, Folk music,
    Middle Eastern music, Jazz, Disco, Classical music, Opera, Electronic music, House music, Techno, Dubstep,
    Drum and bass, Electronica, Electronic dance music, Ambient music, Trance music, Music of Latin America, Salsa music,
    Flamenco, Blues, New-age music, Music of Africa, Afrobeat, Gospel music, Music of Asia, Carnatic music,
    Music of Bollywood, Ska
"""


def test_the_table_has_all_genre_classes_of_audioset_once() -> None:
    expected = re.split(r",\s+", AUDIOSET_GENRES.strip())
    assert sorted(genre.audioset for genre in TABLE.genres.values() if genre.audioset) == sorted(expected)
    assert len(TABLE.genres) >= 40


def test_all_tags_of_the_table_exist_in_musicnn() -> None:
    known = {tag for tags in TAGS.values() for tag in tags}
    assert {part for genre in TABLE.genres.values() for tag in genre.tags for part in tag.split(" + ")} <= known
    assert all(genre.tags or genre.audioset for genre in TABLE.genres.values())


def test_the_table_has_gtzans_genres_and_those_of_earlier_versions() -> None:
    assert {TABLE.key(name) for name in (*GTZAN, *MUSICNN)} <= TABLE.genres.keys()


def test_the_tree() -> None:
    """Each genre with those above it, nearest first: a genre has the same top as in AudioSet's ontology."""
    trees = {genre.name: [TABLE.genres[key].name for key in genre.above] for genre in TABLE.genres.values()}
    assert trees["metal"] == ["rock"]
    assert trees["carnatic"] == ["indian", "asian"]
    below = {top: sorted(name for name, above in trees.items() if above[-1:] == [top]) for top in trees}
    assert {top: names for top, names in below.items() if names} == {
        "african": ["afrobeat"],
        "asian": ["bollywood", "carnatic", "indian"],
        "classical": ["opera"],
        "country": ["bluegrass"],
        "electronic": sorted(
            ["EDM", "ambient", "drum and bass", "dubstep", "electronica", "house", "techno", "trance"]
        ),
        "jazz": ["swing"],
        "latin": ["salsa"],
        "rock": sorted(
            [
                "alternative",
                "classic rock",
                "grunge",
                "hard rock",
                "metal",
                "progressive rock",
                "psychedelic rock",
                "punk",
                "rock and roll",
            ]
        ),
    }


@pytest.mark.parametrize(
    ("name", "genre"),
    [
        ("Hip Hop", "hip-hop"),
        ("R&B", "rnb"),
        ("heavy metal", "metal"),
        ("Drum & Bass", "drum and bass"),
        ("DnB", "drum and bass"),
        ("rock'n'roll", "rock and roll"),
        ("Electronic Dance Music", "EDM"),
    ],
)
def test_other_names(name: str, genre: str) -> None:
    assert TABLE.genres[TABLE.key(name)].name == genre


def test_a_row_that_is_a_list_has_tags_only() -> None:
    """The rows of runs of earlier versions are lists."""
    assert GenreTable({"rock": ["rock", "punk"]}).genres["rock"].tags == ("rock", "punk")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"rock": {"tag": ["rock"]}}, "model.table.rock has tag: expected only tags, audioset, under, also."),
        ({"metal": {"under": "rock"}}, "under rock: expected the name of another genre of the table"),
        ({"a": {"under": "b"}, "b": {"under": "a"}}, "model.table has a above itself"),
        ({"a": {"under": "a"}}, "model.table has a above itself"),
        ({"rnb": {"also": ["soul"]}, "soul": []}, "model.table has the name soul for two genres"),
    ],
)
def test_errors(rows: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        GenreTable(rows)
