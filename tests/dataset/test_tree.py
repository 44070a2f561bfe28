"""Each audio file of a folder tree is listed once, and everything that cannot be read is listed as left out."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.clip import Excluded
from src.dataset.tree import audio_files


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


def test_links_to_files_and_genre_folders_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    _touch(tmp_path, "elsewhere/a.wav", "elsewhere/more/b.wav")
    root = _touch(tmp_path / "root", "rock/c.wav")
    (root / "jazz").symlink_to(tmp_path / "elsewhere")
    (root / "rock" / "d.wav").symlink_to(tmp_path / "elsewhere" / "a.wav")
    (root / "rock" / "gone.wav").symlink_to(tmp_path / "gone.wav")
    (root / "rock" / "round").symlink_to(root)
    (root / "rock" / "more").symlink_to(tmp_path / "elsewhere")
    assert audio_files(root) == (["jazz/a.wav", "jazz/more/b.wav", "rock/c.wav", "rock/d.wav"], [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_pipes_and_folders_with_an_audio_suffix_are_ignored(tmp_path: Path) -> None:
    _touch(tmp_path, "a.wav", "b.wav/notes.txt")
    os.mkfifo(tmp_path / "pipe.wav")
    assert audio_files(tmp_path) == (["a.wav"], [])


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
