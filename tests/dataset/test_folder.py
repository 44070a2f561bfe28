"""Folders of a user's own music become a corpus."""

import re
from pathlib import Path

import pytest

from src.clip import AUDIO_SUFFIXES, Clip, Excluded
from src.dataset import Folder, tree
from tests.dataset.tagged import id3, m4a, silence


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


def test_every_suffix_is_found_in_upper_case_too(tmp_path: Path) -> None:
    names = [f"g/{k}{suffix}" for k, suffix in enumerate(AUDIO_SUFFIXES)]
    upper = [f"g/{k}-upper{suffix.upper()}" for k, suffix in enumerate(AUDIO_SUFFIXES)]
    assert sorted(_names(_touch(tmp_path, *names, *upper))) == sorted([*names, *upper])


def test_other_and_hidden_files_are_ignored(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/a.wav", "jazz/cover.jpg", "jazz/._a.wav", ".git/a.wav", "readme.wav.txt")
    assert _names(tmp_path) == ["jazz/a.wav"]


def test_the_order_is_the_same_on_every_machine(tmp_path: Path) -> None:
    names = [f"{genre}/{k}.wav" for genre in "cab" for k in (2, 0, 1)]
    assert _names(_touch(tmp_path, *names)) == sorted(names)


def test_a_folder_without_audio_is_listed_as_left_out(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/a.wav", "notes/todo.txt")
    (tmp_path / "empty").mkdir()
    reason = "a folder without audio is not a genre"
    assert Folder(str(tmp_path), None, None).corpus().excluded == [Excluded("empty", reason), Excluded("notes", reason)]


def test_an_audio_file_outside_the_genre_folders_is_listed_as_left_out(tmp_path: Path) -> None:
    corpus = Folder(str(_touch(tmp_path, "jazz/a.wav", "loose.MP3", "notes.txt")), None, None).corpus()
    assert [clip.name for clip in corpus.clips] == ["jazz/a.wav"]
    assert corpus.excluded == [Excluded("loose.MP3", "not in a genre folder")]


def test_genres_select_clips(tmp_path: Path) -> None:
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
        ("(jazz)/(x(?P<artist>y))?", None),  # the named group did not match, and the first group is not the artist
        ("/(x*)", None),  # an empty match is not a name
    ],
)
def test_the_pattern_gives_the_artist(pattern: str, artist: str | None, tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/chet_baker--alone.mp3", "jazz/xy.mp3")
    [clip, _] = Folder(str(tmp_path), pattern, None).corpus().clips
    assert clip.artist == artist


def test_the_artist_is_unknown_if_the_pattern_does_not_match(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/chet--alone.mp3", "jazz/alone.mp3")
    artists = {clip.name: clip.artist for clip in Folder(str(tmp_path), "/([^/]+)--", None).corpus().clips}
    assert artists == {"jazz/alone.mp3": None, "jazz/chet--alone.mp3": "chet"}


def test_a_pattern_that_matches_no_file_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/a.wav", "jazz/b.wav")
    with pytest.raises(
        ValueError, match=r"^dataset.artist_pattern '\(x\+\)--' matches none of the files, e.g. jazz/a.wav\.$"
    ):
        _names(tmp_path, "(x+)--")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "([^/]+--",
            "dataset.artist_pattern is '([^/]+--', which is not a regular expression: missing ), unterminated subpattern",
        ),
        (
            "[^/]+--",
            "dataset.artist_pattern is '[^/]+--': expected a group around the artist's name, e.g. '(?P<artist>",
        ),
    ],
)
def test_an_invalid_pattern_is_refused(pattern: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Folder(str(tmp_path), pattern, None)


@pytest.mark.parametrize("name", ["gone", "file"])
def test_a_root_that_is_not_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    root = _touch(tmp_path, "file") / name
    message = f"dataset.root is {root}, which is not a folder: expected DIR with DIR/genre/file."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        _names(root)


def test_a_root_without_audio_is_refused_with_the_expected_layout(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/cover.jpg", ".hidden.wav")
    message = (
        f"dataset.root is {tmp_path}, which contains no audio: expected {tmp_path}/genre/file with files ending in "
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message + ' '.join(AUDIO_SUFFIXES))}.$"):
        _names(tmp_path)
    message = f"dataset.root is {tmp_path}, which contains no audio: expected files ending in "
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Folder(str(tmp_path), genre="none").corpus()


def test_real_recordings_are_listed_with_their_artists(music: Path) -> None:
    corpus = Folder(str(music), "/(?P<artist>[^/]+?)--", None).corpus()
    counts = {genre: sum(clip.genre == genre for clip in corpus.clips) for genre in corpus.genres}
    assert counts == {"classical": 35, "electronic": 35, "metal": 33}
    assert all(clip.artist for clip in corpus.clips)


def test_files_that_need_ffmpeg_are_listed_as_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "has_ffmpeg", lambda: False)
    _touch(tmp_path, "jazz/a.wav", "rock/b.wav", "rock/live/c.M4A", "d.wma", "rock/._c.m4a")
    reason = "needs FFmpeg: run `make extra-m4a` once"
    corpus = Folder(str(tmp_path)).corpus()
    assert [clip.name for clip in corpus.clips] == ["jazz/a.wav", "rock/b.wav"]
    assert corpus.excluded == [Excluded("d.wma", reason), Excluded("rock/live/c.M4A", reason)]


def test_the_error_says_what_to_install_if_all_files_need_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "has_ffmpeg", lambda: False)
    _touch(tmp_path, "rock/a.m4a")
    with pytest.raises(ValueError, match=r" rock/a.m4a is left out: needs FFmpeg: run `make extra-m4a` once"):
        _names(tmp_path)


def test_files_that_need_ffmpeg_are_clips_if_pyav_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "has_ffmpeg", lambda: True)
    _touch(tmp_path, "jazz/a.wav", "rock/live/c.M4A")
    m4a(tmp_path / "rock" / "b.m4a", artist="Nirvana")
    corpus = Folder(str(tmp_path), artist="tags").corpus()
    assert [(clip.name, clip.artist) for clip in corpus.clips] == [
        ("jazz/a.wav", None),
        ("rock/b.m4a", "Nirvana"),
        ("rock/live/c.M4A", None),
    ]
    assert corpus.excluded == []


def test_artist_album_and_track_are_read_from_tags(tmp_path: Path) -> None:
    silence(tmp_path / "jazz" / "a.flac", artist="Chet Baker", album="Sings", title="Alone", genre="Vocal")
    id3(tmp_path / "jazz" / "b.mp3", artist="CHET  BAKER", albumartist="Various Artists")
    id3(tmp_path / "jazz" / "c.mp3", artist="V.A.", title="Intro")
    corpus = Folder(str(tmp_path), artist="tags").corpus()
    assert corpus.clips == [
        Clip("jazz/a.flac", tmp_path / "jazz/a.flac", "jazz", "CHET BAKER", "Alone", album="Sings"),
        Clip("jazz/b.mp3", tmp_path / "jazz/b.mp3", "jazz", "CHET BAKER"),
        Clip("jazz/c.mp3", tmp_path / "jazz/c.mp3", "jazz", None, "Intro"),
    ]
    assert corpus.notes == [f"{tmp_path}: the tags of 1 of 3 clips name no artist, e.g. jazz/c.mp3."]


def test_tags_are_used_only_for_what_is_set_to_tags(tmp_path: Path) -> None:
    silence(tmp_path / "jazz" / "chet--a.flac", artist="Chet Baker", album="Sings", title="Alone", genre="Vocal")
    [clip] = Folder(str(tmp_path)).corpus().clips
    assert clip == Clip("jazz/chet--a.flac", tmp_path / "jazz/chet--a.flac", "jazz")
    [clip] = Folder(str(tmp_path), "(?P<artist>chet)", genre="tags").corpus().clips
    assert clip == Clip("jazz/chet--a.flac", tmp_path / "jazz/chet--a.flac", "Vocal", "chet")


def test_tags_that_cannot_be_read_are_noted_and_do_not_stop_the_others(tmp_path: Path) -> None:
    silence(tmp_path / "jazz" / "a.flac", artist="Chet Baker")
    for name in ("b", "c"):
        (tmp_path / "jazz" / f"{name}.wav").write_text("no sound at all")
    corpus = Folder(str(tmp_path), artist="tags").corpus()
    assert [clip.artist for clip in corpus.clips] == ["Chet Baker", None, None]
    assert corpus.notes == [
        f"{tmp_path}: the tags of 2 files cannot be read, e.g. jazz/b.wav (Invalid WAV header).",
        f"{tmp_path}: the tags of 2 of 3 clips name no artist, e.g. jazz/b.wav.",
    ]


def test_the_genre_is_read_from_tags_in_any_folder(tmp_path: Path) -> None:
    id3(tmp_path / "a.mp3", genre="(8)")
    id3(tmp_path / "old" / "tapes" / "b.mp3", genre="jazz")
    id3(tmp_path / "old" / "c.mp3", genre="17", artist="Nirvana")
    id3(tmp_path / "old" / "d.mp3", artist="Nirvana")
    corpus = Folder(str(tmp_path), genre="tags").corpus()
    assert [(clip.name, clip.genre, clip.artist) for clip in corpus.clips] == [
        ("a.mp3", "Jazz", None),
        ("old/c.mp3", "Rock", None),
        ("old/tapes/b.mp3", "Jazz", None),
    ]
    assert (corpus.excluded, corpus.notes) == ([Excluded("old/d.mp3", "no genre in its tags")], [])


def test_tags_without_any_genre_are_refused(tmp_path: Path) -> None:
    id3(tmp_path / "jazz" / "a.mp3", artist="Chet Baker")
    message = (
        f"dataset.genre=tags: none of the files in {tmp_path} has a genre in its tags, e.g. jazz/a.mp3. "
        "Choose dataset.genre="
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Folder(str(tmp_path), genre="tags").corpus()


def test_without_genres_any_tree_is_listed(tmp_path: Path) -> None:
    _touch(tmp_path, "a.wav", "jazz/chet/b.wav", "empty/notes.txt")
    corpus = Folder(str(tmp_path), "(chet)", genre="none").corpus()
    assert [(clip.name, clip.genre, clip.artist) for clip in corpus.clips] == [
        ("a.wav", "", None),
        ("jazz/chet/b.wav", "", "chet"),
    ]
    assert (corpus.genres, corpus.excluded, corpus.notes) == ([], [], [])
    with pytest.raises(ValueError, match=r"^dataset.genres asks for jazz, but .* has no clip of known genre\.$"):
        Folder(str(tmp_path), genres=["jazz"], genre="none").corpus()


def test_a_root_without_genre_folders_is_listed_without_genres_and_noted(tmp_path: Path) -> None:
    _touch(tmp_path, "b.wav", "a.mp3", "covers/a.jpg")
    corpus = Folder(str(tmp_path)).corpus()
    assert [(clip.name, clip.genre) for clip in corpus.clips] == [("a.mp3", ""), ("b.wav", "")]
    assert corpus.excluded == [Excluded("covers", "a folder without audio is not a genre")]
    assert corpus.notes == [f"{tmp_path}: no folder in it contains audio, so the genre of 2 clips is unknown."]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"artist": "tag"}, "dataset.artist is 'tag': expected path or tags."),
        ({"genre": "jazz"}, "dataset.genre is 'jazz': expected folder or tags or none."),
        ({"genre": None}, "dataset.genre is None: expected folder or tags or none."),
        (
            {"artist": "tags", "artist_pattern": "(x)"},
            "dataset.artist_pattern is '(x)', and dataset.artist=tags: expected only one of them. Leave the pattern "
            "out, or choose dataset.artist=path.",
        ),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Folder(str(tmp_path), **settings)  # type: ignore[arg-type]
