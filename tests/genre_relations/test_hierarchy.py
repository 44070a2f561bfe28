"""Hierarchical scores against an example computed by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hiclass import metrics

from src.dataset.genre_tree import GenreTree, read_tree
from src.evaluation import group_predictions
from src.genre_relations import hierarchy
from src.genre_relations.hierarchy import score, tags_tree
from src.rundir import RunDir
from tests.rundirs import config, write_run

TREE = GenreTree("a tree", {"metal": "rock", "rock": None, "bebop": "jazz"})


def predictions(
    true: Sequence[str], *repetitions: Sequence[str], artists: int = 0
) -> group_predictions.TestPredictions:
    clips = [str(k) for k in range(len(true))]
    owner = [f"{genre} {k % artists if artists else k}" for k, genre in enumerate(true)]
    return group_predictions.TestPredictions(clips, list(true), owner, "artist", np.array(repetitions).T, [])


def test_scores_are_those_computed_by_hand() -> None:
    """Genres with those above them, truth and answer, and what they share:

    rock | rock metal: 1;  rock metal | rock: 1;  rock metal | rock metal: 2;  jazz bebop | rock: 0.
    Shared 4; in the answers 2 + 1 + 2 + 1 = 6; in the truth 1 + 2 + 2 + 2 = 7. Precision 4/6, recall 4/7, F1 8/13.
    """
    found = score(
        predictions(["rock", "metal", "metal", "bebop"], ["metal", "rock", "metal", "rock"]),
        ["bebop", "metal", "rock"],
        TREE,
    )
    values = {name: row["value"] for name, row in found["scores"].items()}
    assert values == pytest.approx({"precision": 4 / 6, "recall": 4 / 7, "f1": 8 / 13})
    assert found["accuracy"] == 0.25
    assert found["wrong_within_top"] == pytest.approx(2 / 3)
    assert found["scores"]["f1"]["interval"] is None  # one clip an artist, four artists


def test_wrong_answers_spread_evenly_are_computed_by_hand() -> None:
    """The clip of rock is answered metal. Evenly: metal shares 1 of 2, bebop 0 of 2; so 1/2 shared, 2 answered, 1 true."""
    found = score(predictions(["rock"], ["metal"]), ["bebop", "metal", "rock"], TREE)
    even = {name: row["evenly_wrong"] for name, row in found["scores"].items()}
    assert even == pytest.approx({"precision": 0.25, "recall": 0.5, "f1": 1 / 3})


def test_scores_of_several_repetitions_are_averaged() -> None:
    true = ["rock", "metal", "bebop"]
    answers = [["metal", "metal", "rock"], ["rock", "rock", "bebop"]]
    genres = ["bebop", "metal", "rock"]
    both = score(predictions(true, *answers), genres, TREE)["scores"]
    singles = [score(predictions(true, each), genres, TREE)["scores"] for each in answers]
    for name in ("precision", "recall", "f1"):
        assert both[name]["value"] == pytest.approx(np.mean([single[name]["value"] for single in singles]))


def test_our_counts_give_the_f1_of_hiclass_and_the_interval_has_it() -> None:
    rng = np.random.default_rng(0)
    genres = ["bebop", "metal", "rock"]
    true = rng.choice(genres, 300).tolist()
    answers = [genre if rng.random() < 0.6 else str(rng.choice(genres)) for genre in true]
    found = score(predictions(true, answers, artists=60), genres, TREE)
    paths = {"bebop": ["jazz", "bebop"], "metal": ["rock", "metal"], "rock": ["rock", ""]}
    expected = metrics.f1([paths[genre] for genre in true], [paths[genre] for genre in answers])
    row = found["scores"]["f1"]
    assert row["value"] == pytest.approx(expected)
    assert row["interval"][0] < expected < row["interval"][1]
    assert row["interval"][1] - row["interval"][0] < 0.2


def test_errors_within_a_family_are_above_even_errors_and_errors_outside_below() -> None:
    genres = ["bebop", "metal", "punk", "swing"]
    tree = GenreTree("t", {"metal": "rock", "punk": "rock", "bebop": "jazz", "swing": "jazz"})
    true = genres * 30
    sibling = {"metal": "punk", "punk": "metal", "bebop": "swing", "swing": "bebop"}
    other = {"metal": "swing", "punk": "bebop", "bebop": "punk", "swing": "metal"}
    for wrong, is_near in ((sibling, True), (other, False)):
        answers = [genre if k // 4 % 2 else wrong[genre] for k, genre in enumerate(true)]
        row = score(predictions(true, answers, artists=13), genres, tree)["scores"]["f1"]
        assert (row["gain_interval"][0] > 0) == is_near
        assert (row["value"] > row["evenly_wrong"]) == is_near


def test_genres_that_are_not_in_the_tree_are_named_and_counted_at_the_top() -> None:
    found = score(predictions(["rock", "polka"], ["metal", "polka"]), ["metal", "polka", "rock"], TREE)
    assert found["not_in_tree"] == ["polka"]
    assert found["scores"]["recall"]["value"] == 1
    assert found["scores"]["precision"]["value"] == pytest.approx(2 / 3)


def test_a_tree_without_a_common_genre_says_what_to_do() -> None:
    found = score(predictions(["rock", "bebop"], ["rock", "rock"]), ["bebop", "rock"], TREE)
    assert "scores" not in found
    assert "--tree FILE" in found["reason"]


def test_the_tree_of_the_tags_knows_other_spellings_and_names() -> None:
    tree = tags_tree()
    assert tree.path("Heavy-Metal")[0] == tree.path("rock")[0]
    assert tree.path("swing") == ("jazz", "swing")
    assert tree.lists("hip hop")
    assert not tree.lists("zydeco")


def test_the_tree_on_the_command_line_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "tree.csv"
    file.write_text("genre,under\nmetal,noise\n", encoding="utf-8")

    with_tree = RunDir(write_run(tmp_path / "run", config(dataset__tree=str(file))))
    without = RunDir(write_run(tmp_path / "other", config()))
    assert hierarchy.tree_of([with_tree], None).path("metal") == ("noise", "metal")
    assert hierarchy.tree_of([without], file) == read_tree(file, "--tree")
    assert hierarchy.tree_of([without], None) == tags_tree()
