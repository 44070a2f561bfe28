"""Each audio file of a folder tree is listed once, and everything that cannot be read is listed as left out."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from src.clip import FFMPEG_SUFFIXES, UNREAD_SUFFIXES, Excluded
from src.dataset.tree import NEEDS_FFMPEG, audio_files


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_files_of_one_folder_stay_together(tmp_path: Path) -> None:
    names = ["a/b.wav", "a/b/c.wav", "a/b/d/e.wav", "a b/c.wav", "z.wav"]
    assert audio_files(_touch(tmp_path, *names)) == (sorted(names, key=lambda name: Path(name).parts), [])


def test_hidden_files_and_folders_are_ignored(tmp_path: Path) -> None:
    assert audio_files(_touch(tmp_path, "a/.b.wav", ".a/b.wav", "a/.Trash/b.wav", "a/b.wav")) == (["a/b.wav"], [])


@pytest.mark.parametrize("root", [".", "tree", "tree/", "../here/tree"])
def test_names_are_relative_to_the_root_in_every_notation(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path / "here" / "tree", "jazz/a.wav")
    monkeypatch.chdir(tmp_path / "here")
    assert audio_files(Path(root))[0] == ["tree/jazz/a.wav" if root == "." else "jazz/a.wav"]


def test_links_are_followed_and_a_folder_that_is_reached_twice_is_listed_once(tmp_path: Path) -> None:
    _touch(tmp_path, "elsewhere/a.wav", "elsewhere/more/b.wav")
    root = _touch(tmp_path / "root", "rock/c.wav")
    (root / "jazz").symlink_to(tmp_path / "elsewhere")
    (root / "rock" / "d.wav").symlink_to(tmp_path / "elsewhere" / "a.wav")
    (root / "rock" / "gone.wav").symlink_to(tmp_path / "gone.wav")
    (root / "rock" / "round").symlink_to(root)
    (root / "rock" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "more" / "up").symlink_to(tmp_path / "elsewhere")
    assert audio_files(root) == (
        ["jazz/a.wav", "jazz/more/b.wav", "rock/c.wav", "rock/d.wav"],
        [
            Excluded("jazz/more/up", "a link to a folder that contains it (a loop)"),
            Excluded("rock/gone.wav", "a link to a file that does not exist"),
            Excluded("rock/more", "the same folder as jazz"),
            Excluded("rock/round", "a link to a folder that contains it (a loop)"),
        ],
    )


def test_links_to_folders_are_followed_at_any_depth(tmp_path: Path) -> None:
    _touch(tmp_path, "disk/rock/live/a.wav", "disk2/b.wav")
    root = _touch(tmp_path / "root", "rock/best/c.wav")
    (root / "rock" / "best" / "live").symlink_to(tmp_path / "disk" / "rock" / "live")
    (tmp_path / "disk" / "rock" / "live" / "other").symlink_to(tmp_path / "disk2")
    names = ["rock/best/c.wav", "rock/best/live/a.wav", "rock/best/live/other/b.wav"]
    assert audio_files(root) == (names, [])


def test_a_folder_keeps_its_own_name_and_not_that_of_a_link_to_it(tmp_path: Path) -> None:
    root = _touch(tmp_path, "rock/a.wav")
    (root / "a link").symlink_to(root / "rock")
    assert audio_files(root) == (["rock/a.wav"], [Excluded("a link", "the same folder as rock")])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_what_is_no_regular_file_is_left_out_and_never_opened(tmp_path: Path) -> None:
    _touch(tmp_path, "a.wav", "b.wav/notes.txt")
    os.mkfifo(tmp_path / "pipe.wav")
    os.mkfifo(tmp_path / "pipe.snd")  # a suffix for which the content decides
    os.mkfifo(tmp_path / "other")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.mp3"))
    (tmp_path / "null.flac").symlink_to("/dev/null")
    assert audio_files(tmp_path) == (
        ["a.wav"],
        [
            Excluded("null.flac", "not a regular file (a device)"),
            Excluded("pipe.snd", "not a regular file (a FIFO)"),
            Excluded("pipe.wav", "not a regular file (a FIFO)"),
            Excluded("s.mp3", "not a regular file (a socket)"),
        ],
    )


def test_a_suffix_that_other_files_have_too_is_listed_by_content(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.snd", np.zeros(99), 8000, format="AU")
    soundfile.write(tmp_path / "b.sf", np.zeros(99), 8000, format="IRCAM")
    soundfile.write(tmp_path / "c.iff", np.zeros(99), 8000, format="SVX")
    (tmp_path / "d.iff").write_bytes(b"FORM\0\0\0\x20ILBMBMHD" + bytes(99))  # a picture
    (tmp_path / "e.sf").write_text("a letter to San Francisco")
    assert audio_files(tmp_path) == (
        ["a.snd", "b.sf", "c.iff"],
        [
            Excluded("d.iff", "named .iff, but does not begin like a sound file"),
            Excluded("e.sf", "contains text, not sound"),
        ],
    )


@pytest.mark.parametrize("installed", [True, False])
def test_what_the_extra_reads_is_listed_when_it_is_installed(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.dataset.tree.has_ffmpeg", lambda: installed)
    root = _touch(tmp_path, *(f"a{suffix}" for suffix in (*FFMPEG_SUFFIXES, *UNREAD_SUFFIXES)), "notes.txt")
    names, left_out = audio_files(root)
    assert names == sorted(f"a{suffix}" for suffix in FFMPEG_SUFFIXES) * installed
    assert {row.clip: row.reason for row in left_out} == {
        **{f"a{suffix}": reason for suffix, reason in UNREAD_SUFFIXES.items()},
        **{f"a{suffix}": NEEDS_FFMPEG for suffix in FFMPEG_SUFFIXES if not installed},
    }


def test_a_folder_that_cannot_be_read_is_listed_as_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path, "jazz/a.wav", "rock/b.wav")
    scandir: Callable[[str], Iterator[os.DirEntry[str]]] = os.scandir

    def scandir_with_locked_folder(folder: str) -> Iterator[os.DirEntry[str]]:
        if Path(folder).name == "rock":
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", scandir_with_locked_folder)
    assert audio_files(tmp_path) == (
        ["jazz/a.wav"],
        [Excluded("rock", "a folder that cannot be read: Permission denied")],
    )
