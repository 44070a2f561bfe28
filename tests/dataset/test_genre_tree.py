"""Trees of genres in tables, good and broken ones."""

from pathlib import Path

import pytest

from src.dataset import Manifest
from src.dataset.genre_tree import GenreTree, read_tree


def written(folder: Path, text: str) -> Path:
    path = folder / "tree.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_go_from_the_top_to_the_genre(tmp_path: Path) -> None:
    tree = read_tree(written(tmp_path, "genre;under\nmetal;Rock\nblack metal;metal\nhip-hop;\n"), "--tree")
    assert tree.path("Black-Metal") == ("rock", "metal", "blackmetal")
    assert tree.path("HipHop") == ("hiphop",)
    assert tree.path("polka") == ("polka",)
    assert tree.lists("rock")  # it stands in the column under only
    assert not tree.lists("polka")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("genre,parent\nmetal,rock\n", "has no column 'under'; it has genre, parent"),
        ("genre,under\nmetal,rock\nMETAL,pop\n", "line 3: 'METAL' stands in it twice"),
        ("genre,under\n,rock\n", "line 2: expected a genre, and the genre above it or an empty cell"),
        ("genre,under\nmetal,rock,pop\n", "line 2: expected a genre"),
        ("genre,under\nmetal,\n", "puts no genre under another: expected a CSV file"),
        ("genre,under\nmetal,rock\nrock,Metal\n", "is above itself"),
        ("", "which is empty: expected a CSV file with the columns genre and under"),
        ("\n", "has no column 'genre'; it has no header"),
    ],
)
def test_a_broken_tree_has_one_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tree(written(tmp_path, text), "--tree")


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--tree is .*nothing.csv, which is not a file: expected a CSV file"):
        read_tree(tmp_path / "nothing.csv", "--tree")


def test_a_genre_is_not_above_itself() -> None:
    with pytest.raises(ValueError, match="a: 'rock' is above itself"):
        GenreTree("a", {"rock": "rock"})


def test_a_data_set_reads_its_tree_before_a_training_starts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dataset.tree is .*nothing.csv, which is not a file"):
        Manifest("clips.csv", tree=str(tmp_path / "nothing.csv"))
    tree = Manifest("clips.csv", tree=str(written(tmp_path, "genre,under\nmetal,rock\n"))).tree
    assert tree is not None
    assert tree.path("metal") == ("rock", "metal")
