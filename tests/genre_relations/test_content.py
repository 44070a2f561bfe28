"""Relations of whole runs: planted trees, noise, copies of a genre, and runs that lack something."""

import json
from pathlib import Path

import numpy as np
import pytest

from src.genre_relations.content import content, one_group
from src.genre_relations.pairs import APART, SAME, UNDECIDED
from src.rundir import RunDir, extras
from tests.genre_relations.planted import FAMILIES, write_components, write_planted
from tests.rundirs import config, write_run


def relate(*runs: Path, resamples: int = 200, tree: Path | None = None) -> dict:
    found = content(one_group([RunDir(run) for run in runs]), tree, resamples=resamples)
    json.dumps(found, allow_nan=False)
    return found


def stability(view: dict) -> dict[tuple[str, ...], float]:
    return {tuple(join["genres"]): join["stability"] for join in view["joins"][:-1]}


def test_a_planted_tree_is_found_with_high_stability(tmp_path: Path) -> None:
    found = relate(write_planted(tmp_path / "run", FAMILIES, artists=12))
    families = {("classical", "opera"), ("metal", "rock")}
    assert set(stability(found["views"]["embedding"])) == families
    assert min(stability(found["views"]["embedding"]).values()) > 0.95
    assert set(stability(found["views"]["answers"])) == families
    assert {pair["answer"] for pair in found["pairs"]} == {APART}
    assert (found["pairs"][0]["a"], found["pairs"][0]["b"]) in families
    places = dict(zip(found["views"]["embedding"]["genres"], found["views"]["embedding"]["places"], strict=True))
    within = np.linalg.norm(np.subtract(places["metal"], places["rock"]))
    assert within < np.linalg.norm(np.subtract(places["metal"], places["opera"])) / 2


def test_folds_are_pooled_and_find_the_same_tree(tmp_path: Path) -> None:
    runs = [write_planted(tmp_path / str(k), FAMILIES, artists=6, seed=k, fold=k, first_artist=6 * k) for k in range(2)]
    found = relate(*runs)
    assert found["genres"]["rock"] == {"clips": 24, "artists": 12, "artists_in_split": 13}
    assert found["artists_per_run"] == 6
    assert min(stability(found["views"]["embedding"]).values()) > 0.95


def test_noise_has_low_stability(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    genres = {f"genre {k}": (0.0, 0.0) for k in range(8)}
    run = write_planted(tmp_path / "run", genres, artists=10)
    write_components(run, rng.normal(size=(160, 6)))
    found = relate(run)
    assert np.mean(list(stability(found["views"]["embedding"]).values())) < 0.4
    assert max(stability(found["views"]["embedding"]).values()) < 0.8


def test_copies_of_a_genre_cannot_be_told_apart_with_many_artists_only(tmp_path: Path) -> None:
    centres = {"rock": (0.0, 0.0), "rock too": (0.0, 0.0), "jazz": (9.0, 0.0)}
    answers = {}
    for artists in (200, 12):
        found = relate(write_planted(tmp_path / str(artists), centres, artists=artists, clips=1))
        answers[artists] = {(pair["a"], pair["b"]): pair["answer"] for pair in found["pairs"]}
        embedding = dict(zip(map(frozenset, answers[artists]), found["pairs"], strict=True))
        assert embedding[frozenset({"rock", "rock too"})]["embedding_distance"] < 0.3
    assert answers[200] == {("rock", "rock too"): SAME, ("jazz", "rock"): APART, ("jazz", "rock too"): APART}
    assert answers[12]["rock", "rock too"] == UNDECIDED


def test_below_ten_artists_no_stability_is_shown(tmp_path: Path) -> None:
    found = relate(write_planted(tmp_path / "run", FAMILIES, artists=9))
    for view in found["views"].values():
        assert set(stability(view).values()) == {None}
        assert "4 of 4 genres have test clips of fewer than 10 artists (classical: 9, metal: 9" in view["no_stability"]
    assert {pair["answer"] for pair in found["pairs"]} == {UNDECIDED}


def test_one_artist_a_genre_has_answers_but_no_distances_in_the_embedding(tmp_path: Path) -> None:
    found = relate(write_planted(tmp_path / "run", FAMILIES, artists=1))
    assert "two artists of a genre in one run" in found["views"]["embedding"]["reason"]
    assert len(found["views"]["answers"]["joins"]) == 3


def test_two_genres_have_one_join(tmp_path: Path) -> None:
    found = relate(write_planted(tmp_path / "run", {"jazz": (0, 0), "rock": (5, 0)}, artists=10))
    assert [join["genres"] for join in found["views"]["embedding"]["joins"]] == [["jazz", "rock"]]
    assert len(found["pairs"]) == 1
    assert "No two genres have a genre above them in common" in found["hierarchy"]["reason"]


def test_a_run_without_embedding_or_artists_says_so(tmp_path: Path) -> None:
    found = relate(write_run(tmp_path / "run", config(), artists_known=False))
    assert found["views"]["embedding"]["reason"].startswith("The run has no embedding.npz")
    assert found["views"]["answers"]["no_stability"] == "the artists of some test clips are unknown"
    assert {pair["reason"] for pair in found["pairs"]} == {"some artists are unknown"}
    assert found["notes"][0].startswith("Some artists are unknown, so each clip counts as one.")


def test_genres_without_test_clips_are_named(tmp_path: Path) -> None:
    found = relate(write_run(tmp_path / "run", config(), clips=9))
    assert found["untested_genres"] == ["rock"]
    assert len(found["genres"]) == 9
    assert len(found["confusion"]["shares"][0]) == 10


def test_several_configs_are_refused(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / model, config(model=model)) for model in ("Cnn", "Rnn")]
    with pytest.raises(ValueError, match=r"found 2 configurations: .*cnn on mel.*Name the runs of one of them"):
        relate(*runs)


def test_a_leaking_split_is_noted(tmp_path: Path) -> None:
    shared = {"artists": ["a", "b"], "tracks": [], "audio": []}
    found = relate(write_run(tmp_path / "run", config(), shared=shared))
    assert any(note.startswith("Test clips share 2 artists with the training") for note in found["notes"])


def test_the_same_runs_give_the_same_numbers(tmp_path: Path) -> None:
    run = write_planted(tmp_path / "run", FAMILIES, artists=10)
    assert relate(run) == relate(run)
    assert (run / extras.EMBEDDING).is_file()
