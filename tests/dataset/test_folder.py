"""A user's own folders become a corpus."""

import re
from pathlib import Path

import pytest

from src.clip import AUDIO_SUFFIXES, Clip, Excluded
from src.dataset import Folder
from tests.conftest import tone


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def _names(root: Path, pattern: str | None = None, genres: list[str] | None = None) -> list[str]:
    return [clip.name for clip in Folder(str(root), pattern, genres).corpus().clips]


def test_each_folder_is_a_genre_and_each_audio_file_below_it_a_clip(tmp_path: Path) -> None:
    root = _touch(tmp_path / "Shelf", "rock/b.mp3", "rock/a.wav", "jazz/chet/1954/alone.flac")
    corpus = Folder(str(root), None, None).corpus()
    assert corpus.name == "Shelf"
    assert corpus.genres == ["jazz", "rock"]
    assert corpus.clips == [
        Clip("jazz/chet/1954/alone.flac", root / "jazz/chet/1954/alone.flac", "jazz"),
        Clip("rock/a.wav", root / "rock/a.wav", "rock"),
        Clip("rock/b.mp3", root / "rock/b.mp3", "rock"),
    ]
    assert (corpus.excluded, corpus.synthetic) == ([], False)


def test_every_format_is_found_in_upper_case_too(tmp_path: Path) -> None:
    names = [f"g/{k}{suffix}" for k, suffix in enumerate(AUDIO_SUFFIXES)]
    upper = [f"g/{k}-upper{suffix.upper()}" for k, suffix in enumerate(AUDIO_SUFFIXES)]
    assert sorted(_names(_touch(tmp_path, *names, *upper))) == sorted([*names, *upper])


def test_other_and_hidden_files_are_no_clips(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/a.wav", "jazz/cover.jpg", "jazz/._a.wav", ".git/a.wav", "readme.wav.txt")
    assert _names(tmp_path) == ["jazz/a.wav"]


def test_the_order_is_the_same_on_every_machine(tmp_path: Path) -> None:
    names = [f"{genre}/{k}.wav" for genre in "cab" for k in (2, 0, 1)]
    assert _names(_touch(tmp_path, *names)) == sorted(names)


def test_a_folder_without_audio_is_listed_as_left_out(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/a.wav", "notes/todo.txt")
    (tmp_path / "empty").mkdir()
    reason = "a folder with no audio in it is no genre"
    assert Folder(str(tmp_path), None, None).corpus().excluded == [Excluded("empty", reason), Excluded("notes", reason)]


def test_an_audio_file_in_no_genres_folder_is_listed_as_left_out(tmp_path: Path) -> None:
    corpus = Folder(str(_touch(tmp_path, "jazz/a.wav", "loose.MP3", "notes.txt")), None, None).corpus()
    assert [clip.name for clip in corpus.clips] == ["jazz/a.wav"]
    assert corpus.excluded == [Excluded("loose.MP3", "in no genre's folder")]


def test_genres_choose_a_subset(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/a.wav", "rock/a.wav", "pop/a.wav")
    assert _names(tmp_path, genres=["rock", "jazz"]) == ["jazz/a.wav", "rock/a.wav"]
    with pytest.raises(ValueError, match=r"^dataset.genres asks for folk, but .* has jazz, pop, rock\.$"):
        _names(tmp_path, genres=["folk"])


@pytest.mark.parametrize(
    ("pattern", "artist"),
    [
        ("(?P<artist>[^/]+)--", "chet_baker"),
        ("/([^/]+?)--", "chet_baker"),
        ("^(jazz)/(?P<artist>chet)", "chet"),  # the named group, though it is the second
        ("(?i)(CHET)", "chet"),
        ("(jazz)/(x(?P<artist>y))?", None),  # the named group took no part, and the first is no artist
        ("/(x*)", None),  # an empty name is none
    ],
)
def test_the_pattern_names_the_artist(pattern: str, artist: str | None, tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/chet_baker--alone.mp3", "jazz/xy.mp3")
    [clip, _] = Folder(str(tmp_path), pattern, None).corpus().clips
    assert clip.artist == artist


def test_where_the_pattern_does_not_match_the_artist_is_unknown(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/chet--alone.mp3", "jazz/alone.mp3")
    artists = {clip.name: clip.artist for clip in Folder(str(tmp_path), "/([^/]+)--", None).corpus().clips}
    assert artists == {"jazz/alone.mp3": None, "jazz/chet--alone.mp3": "chet"}


def test_a_pattern_that_matches_no_file_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/a.wav", "jazz/b.wav")
    with pytest.raises(
        ValueError, match=r"^dataset.artist_pattern '\(x\+\)--' matches no file, e.g. not jazz/a.wav\.$"
    ):
        _names(tmp_path, "(x+)--")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("([^/]+--", "dataset.artist_pattern is '([^/]+--', no regular expression: missing ), unterminated subpattern"),
        (
            "[^/]+--",
            "dataset.artist_pattern is '[^/]+--': expected a group around the artist's name, e.g. '(?P<artist>",
        ),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(pattern: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Folder(str(tmp_path), pattern, None)


@pytest.mark.parametrize("name", ["gone", "file"])
def test_a_root_that_is_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    root = _touch(tmp_path, "file") / name
    message = f"dataset.root is {root}, which is no folder: expected DIR with DIR/genre/file."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        _names(root)


def test_a_root_without_audio_says_what_was_expected(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/cover.jpg", "loose.wav")
    with pytest.raises(ValueError, match=r"in which no folder holds audio: expected .*/genre/file") as raised:
        _names(tmp_path)
    assert str(raised.value).endswith(f"files ending in {' '.join(AUDIO_SUFFIXES)}.")


def test_real_recordings_are_listed_with_their_artists(music: Path) -> None:
    corpus = Folder(str(music), "/(?P<artist>[^/]+?)--", None).corpus()
    counted = {genre: sum(clip.genre == genre for clip in corpus.clips) for genre in corpus.genres}
    assert counted == {"classical": 35, "electronic": 35, "metal": 33}
    assert all(clip.artist for clip in corpus.clips)


def test_formats_that_are_not_read_are_listed(tmp_path: Path) -> None:
    tone(tmp_path / "jazz" / "a.wav")
    tone(tmp_path / "rock" / "b.wav")
    (tmp_path / "rock" / "live" / "c.M4A").parent.mkdir()
    (tmp_path / "rock" / "live" / "c.M4A").write_bytes(b"something")
    (left,) = Folder(str(tmp_path), None, None).corpus().excluded
    assert left == Excluded("rock/live/c.M4A", "a format that is not read: convert it to flac or wav")
