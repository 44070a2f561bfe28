"""The audio of a tree is found, each file once, and what is not read of it is said."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.clip import Excluded
from src.dataset.tree import sounds


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_what_is_in_one_folder_stays_together(tmp_path: Path) -> None:
    names = ["a/b.wav", "a/b/c.wav", "a/b/d/e.wav", "a b/c.wav", "z.wav"]
    assert sounds(_touch(tmp_path, *names)) == (sorted(names, key=lambda name: Path(name).parts), [])


def test_what_is_hidden_is_no_part_of_it(tmp_path: Path) -> None:
    assert sounds(_touch(tmp_path, "a/.b.wav", ".a/b.wav", "a/.Trash/b.wav", "a/b.wav")) == (["a/b.wav"], [])


@pytest.mark.parametrize("root", [".", "tree", "tree/", "../here/tree"])
def test_names_are_relative_to_the_root_however_it_is_written(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path / "here" / "tree", "jazz/a.wav")
    monkeypatch.chdir(tmp_path / "here")
    assert sounds(Path(root))[0] == ["tree/jazz/a.wav" if root == "." else "jazz/a.wav"]


def test_links_to_files_and_genres_are_followed_and_none_leads_in_a_circle(tmp_path: Path) -> None:
    _touch(tmp_path, "elsewhere/a.wav", "elsewhere/more/b.wav")
    root = _touch(tmp_path / "root", "rock/c.wav")
    (root / "jazz").symlink_to(tmp_path / "elsewhere")
    (root / "rock" / "d.wav").symlink_to(tmp_path / "elsewhere" / "a.wav")
    (root / "rock" / "gone.wav").symlink_to(tmp_path / "gone.wav")
    (root / "rock" / "round").symlink_to(root)
    (root / "rock" / "more").symlink_to(tmp_path / "elsewhere")
    assert sounds(root) == (["jazz/a.wav", "jazz/more/b.wav", "rock/c.wav", "rock/d.wav"], [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_what_is_no_file_is_no_sound(tmp_path: Path) -> None:
    _touch(tmp_path, "a.wav", "b.wav/notes.txt")
    os.mkfifo(tmp_path / "pipe.wav")
    assert sounds(tmp_path) == (["a.wav"], [])


def test_a_folder_that_is_not_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path, "jazz/a.wav", "rock/b.wav")
    scandir: Callable[[str], Iterator[os.DirEntry[str]]] = os.scandir

    def locked(folder: str) -> Iterator[os.DirEntry[str]]:
        if Path(folder).name == "rock":
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", locked)
    assert sounds(tmp_path) == (["jazz/a.wav"], [Excluded("rock", "a folder that is not read: Permission denied")])
