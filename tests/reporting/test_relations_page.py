"""The page and the sentences of relations: what they say and advise, for few and for many genres."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.genre_relations.content import content, one_group
from src.reporting import relations_page, relations_plots, relations_text
from src.rundir import RunDir
from tests.genre_relations.planted import FAMILIES, write_planted
from tests.reporting.test_pages import Page
from tests.rundirs import config, write_embedding, write_run

COMMAND = "python -m src.relations outputs/run"


def planted(folder: Path) -> Path:
    return write_planted(folder, {**FAMILIES, "rock too": FAMILIES["rock"]}, artists=60, clips=1, seed=1)


def without_embedding(folder: Path) -> Path:
    return write_run(folder, config(), artists_known=False)


def two_genres(folder: Path) -> Path:
    return write_planted(folder, {"a": (0, 0), "b": (3, 0)}, artists=10)


def many_genres(folder: Path, genres: int = 45) -> Path:
    run = write_run(
        folder, config(), genres=[f"genre with a long name {k:03}" for k in range(genres)], clips=4 * genres
    )
    write_embedding(run)
    return run


RUNS: dict[str, Callable[[Path], Path]] = {
    "planted": planted,
    "without embedding": without_embedding,
    "two genres": two_genres,
    "many genres": many_genres,
}


def related(run: Path, resamples: int = 100) -> dict[str, Any]:
    return content(one_group([RunDir(run)]), resamples=resamples)


def shown(found: dict[str, Any]) -> str:
    text = relations_page.html(found, COMMAND)
    assert len(text) < 5_000_000
    return Page(text).text


def test_the_page_says_which_genres_cannot_be_told_apart_and_what_to_do(tmp_path: Path) -> None:
    found = related(planted(tmp_path / "run"))
    text = shown(found)
    answers = {(pair["a"], pair["b"]): pair["answer"] for pair in found["pairs"]}
    assert answers["rock", "rock too"] in ("cannot be told apart", "undecided")
    assert "9 of 10 pairs of genres are told apart." in text
    assert "Joins in the embedding: " in text
    assert "rock + rock too" in text
    for sentence in relations_text.sentences(found):
        assert " ".join(sentence.split()) in " ".join(text.split())
    assert COMMAND in text


def test_equal_genres_are_named_with_the_advice(tmp_path: Path) -> None:
    found = related(two_genres(tmp_path / "run"))
    found["pairs"][0] |= {"answer": "cannot be told apart", "auc": 0.5, "interval": [0.45, 0.55]}
    (sentence,) = [each for each in relations_text.sentences(found) if "cannot be told apart" in each]
    assert sentence.startswith("1 of 1 pair of genres cannot be told apart by this model: a and b.")
    assert "lies within 40 to 60 %" in sentence
    assert "dataset.genre_map" in sentence


def test_few_artists_are_told_to_test_every_clip_or_to_add_artists(tmp_path: Path) -> None:
    found = related(write_planted(tmp_path / "run", FAMILIES, artists=4))
    assert "The data have fewer than 10 artists of classical" in relations_text.sentences(found)[0]
    for row in found["genres"].values():
        row["artists_in_split"] = 20
    assert "sweep=folds, where each genre has 20 artists" in relations_text.sentences(found)[0]


def test_a_page_without_a_conclusion_says_so_first(tmp_path: Path) -> None:
    found = related(write_planted(tmp_path / "run", FAMILIES, artists=4))
    text = shown(found)
    nothing = "Nothing can be concluded yet: the test clips of a genre are by 4 artists, and 10 are needed."
    assert text.count(nothing) == 1
    assert (
        text.index(nothing) < text.index("undecided pairs of genres 6 of 6 fewer than 10 artists") < text.index("Map")
    )
    assert "cannot be told apart 0" not in text
    assert text.count("No stability is shown, for the reason at the top. Neither map nor tree is a result yet.") == 2
    assert "use the tree" not in text
    assert not any(each.startswith("Joins") for each in relations_text.sentences(found))


def test_most_pairs_decided_are_shown_before_the_undecided(tmp_path: Path) -> None:
    found = related(write_planted(tmp_path / "run", FAMILIES, artists=12))
    found["pairs"][0] |= {"answer": "undecided", "reason": "the interval has chance in it, and is too wide"}
    labels = [card[0] for card in relations_page._cards(found)]
    assert labels[:2] == ["pairs that cannot be told apart", "undecided pairs of genres"]
    assert relations_text.nothing_yet(found) == ""
    assert any(
        each.startswith("1 of 6 pairs of genres is undecided (the interval") for each in relations_text.sentences(found)
    )


def test_the_map_is_called_a_sketch_unless_it_shows_all_distances(tmp_path: Path) -> None:
    text = shown(related(planted(tmp_path / "five")))
    assert "A rough sketch: it shows" in text
    assert "use the tree or the table of pairs" in " ".join(text.split())
    assert "The music is synthetic: relations" in text
    assert "A rough sketch" not in shown(related(two_genres(tmp_path / "two")))


def test_the_page_says_the_margin_in_points(tmp_path: Path) -> None:
    assert "lies within 10 points of 50 %" in shown(related(two_genres(tmp_path / "run")))


def test_a_run_without_embedding_shows_the_answers_only(tmp_path: Path) -> None:
    found = related(without_embedding(tmp_path / "run"))
    text = shown(found)
    assert "No distances in the embedding. The run has no embedding.npz" in text
    assert "Distances by the predictions" in text
    assert (
        "Nothing can be concluded yet: the artists of some test clips are unknown. Give the artist of each clip" in text
    )


def test_many_genres_are_drawn_once_and_the_nearest_pairs_listed(tmp_path: Path) -> None:
    found = related(many_genres(tmp_path / "run"))
    text = shown(found)
    assert "the hardest to tell apart first (by AUC), the first 20 of 990" in text
    assert "Tree of all 45 genres" in text
    assert len(relations_text.terminal_tables(found)) == 3


@pytest.mark.slow
def test_two_hundred_genres_with_ten_artists_each_are_related(tmp_path: Path) -> None:
    names = [f"genre {k:03}" for k in range(200)]
    run = write_run(tmp_path / "run", config(), genres=names, clips=4000)
    write_embedding(run)
    found = related(run)
    assert found["views"]["embedding"]["no_stability"] is None
    assert "the first 20 of 19,900" in shown(found)


def test_the_terminal_shows_pairs_joins_and_scores(tmp_path: Path) -> None:
    found = related(write_planted(tmp_path / "run", FAMILIES, artists=12))
    titles = [str(table.title) for table in relations_text.terminal_tables(found)]
    assert titles[0] == "Pairs of genres, the hardest to tell apart first (by AUC)"
    assert titles[1:3] == ["Joins in the embedding", "Joins by the predictions"]
    assert titles[3].startswith("Hierarchical scores by the tree")
    (line,) = [each for each in relations_text.sentences(found) if each.startswith("Joins in the embedding")]
    assert "2 of 2 are stable" in line
    assert "classical + opera (" in line


def test_names_on_the_map_cover_nothing() -> None:
    """Labels are placed beside their points; of many genres none covers another."""
    inches_C2 = np.random.default_rng(0).uniform(1, 4, size=(60, 2))
    corners = relations_plots._label_corners(inches_C2, ["a name"] * 60, (6.0, 5.0), leave_out=True)
    assert 10 < len(corners) < 60
    width, height = 6 * relations_plots.LETTER_INCHES, relations_plots.LINE_INCHES
    for k, (x, y) in corners:
        for other, (x2, y2) in corners:
            assert k == other or abs(x - x2) >= width - 1e-6 or abs(y - y2) >= height - 1e-6


def test_all_names_of_few_genres_are_drawn() -> None:
    corners = relations_plots._label_corners(np.full((5, 2), 2.0), list("abcde"), (4.0, 4.0), leave_out=False)
    assert len(corners) == 5


@pytest.mark.parametrize("name", RUNS)
def test_figures_have_descriptions(tmp_path: Path, name: str) -> None:
    found = related(RUNS[name](tmp_path / "run"), resamples=20)
    view = found["views"]["answers"]
    for narrow in (False, True):
        assert 'aria-label="Tree of ' in relations_plots.joins(view, 0.7, narrow=narrow)
        assert 'aria-label="Map of ' in relations_plots.genre_map(view, [], narrow=narrow)
