"""Orders and distances of pairs of artists, read from runs."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from src.evaluation.pooling import pool
from src.genre_relations.artists import pair_means
from src.genre_relations.material import answer_shares, collect, embedding_distances, order
from src.rundir import RunDir, extras
from tests.genre_relations.planted import write_components, write_planted, write_predictions
from tests.rundirs import config, write_run

GENRES = ["classical", "metal", "rock"]


def random_run(path: Path, fold: int | None = None, seed: int = 0, first: int = 0, artists: int = 6) -> RunDir:
    """A run of random probabilities, with one clip for each artist."""
    write_run(path, config(fold=fold, seed=seed), genres=GENRES, clips=3 * artists)
    rows = [(f"{g}/{k}.ogg", f"{g} {k:02}", g) for g in GENRES for k in range(first, first + artists)]
    write_predictions(path, rows, GENRES, np.random.default_rng([seed, first]).dirichlet([1, 1, 1], len(rows)))
    return RunDir(path)


def test_the_order_of_artists_with_one_clip_gives_the_auc_of_scikit_learn(tmp_path: Path) -> None:
    run = random_run(tmp_path / "run")
    found = collect([run])
    mean_CC = pair_means(found.artists, order(found), np.ones((1, 18), np.float32))[0]
    predictions = run.predictions
    for i, j in ((0, 1), (0, 2), (1, 2)):
        rows = [k for k, genre in enumerate(predictions.true) if genre in (GENRES[i], GENRES[j])]
        odds = np.log(predictions.probability_KC[rows, i]) - np.log(predictions.probability_KC[rows, j])
        expected = roc_auc_score([predictions.true[k] == GENRES[i] for k in rows], odds)
        assert mean_CC[i, j] == pytest.approx(expected, abs=1e-5)
        assert mean_CC[j, i] == pytest.approx(expected, abs=1e-5)
    assert np.isnan(mean_CC[0, 0])


def test_clips_of_two_folds_are_not_compared(tmp_path: Path) -> None:
    runs = [random_run(tmp_path / str(fold), fold=fold, first=6 * fold) for fold in (0, 1)]
    found = collect(pool("group", runs).runs)
    order_AA = order(found)
    first = [k for k, owner in enumerate(found.artists.owner_A) if int(owner.split()[-1]) < 6]
    second = sorted(set(range(36)) - set(first))
    assert np.isnan(order_AA[np.ix_(first, second)]).all()
    mean_CC = pair_means(found.artists, order_AA, np.ones((1, 36), np.float32))[0]
    singles = []
    for run in runs:
        alone = collect([run])
        singles.append(pair_means(alone.artists, order(alone), np.ones((1, 18), np.float32))[0])
    assert mean_CC == pytest.approx(np.mean(singles, axis=0), abs=1e-5, nan_ok=True)


def test_seeds_on_the_same_clips_are_averaged(tmp_path: Path) -> None:
    runs = [random_run(tmp_path / str(seed), seed=seed) for seed in (0, 1)]
    both, first, second = (order(collect(part)) for part in (runs, runs[:1], runs[1:]))
    assert both == pytest.approx((first + second) / 2, abs=1e-6, nan_ok=True)
    shares = [answer_shares(collect(part)) for part in (runs, runs[:1], runs[1:])]
    assert shares[0] == pytest.approx((shares[1] + shares[2]) / 2)


def test_embedding_distances_are_in_units_of_their_run(tmp_path: Path) -> None:
    runs = [random_run(tmp_path / str(fold), fold=fold, first=6 * fold) for fold in (0, 1)]
    component_KD = np.random.default_rng(0).normal(size=(18, 4))
    for run, factor in zip(runs, (1, 100), strict=True):
        write_components(run.path, factor * component_KD)
    found = collect(pool("group", runs).runs)
    distance_AA, notes = embedding_distances(found)
    assert not notes
    assert distance_AA is not None
    first, second = (
        [k for k, owner in enumerate(found.artists.owner_A) if (int(owner.split()[-1]) < 6) == is_first]
        for is_first in (True, False)
    )
    inner = distance_AA[np.ix_(first, first)]
    assert inner == pytest.approx(distance_AA[np.ix_(second, second)], rel=1e-2, nan_ok=True)
    assert np.nanmean(inner) == pytest.approx(1)
    assert np.isnan(distance_AA[np.ix_(first, second)]).all()
    assert np.isnan(np.diagonal(distance_AA)).all()
    half = component_KD.astype(np.float16).astype(float)
    expected = np.linalg.norm(
        half[0] - half[7]
    )  # clips in the order of the genres, so rows 0 and 7 are classical 0 and metal 1
    assert inner[0, 7] / inner[0, 1] == pytest.approx(expected / np.linalg.norm(half[0] - half[1]), rel=1e-3)


def test_an_artist_of_two_genres_is_not_compared_with_itself(tmp_path: Path) -> None:
    run = random_run(tmp_path / "run")
    rows = [("a", "both", "rock"), ("b", "both", "metal"), ("c", "one", "rock"), ("d", "two", "metal")]
    write_predictions(run.path, rows, GENRES, np.full((4, 3), 1 / 3))
    write_components(run.path, np.eye(4))
    found = collect([RunDir(run.path)])
    assert found.artists.owner_A == ["artist both", "artist two", "artist both", "artist one"]
    for value_AA in (order(found), embedding_distances(found)[0]):
        assert value_AA is not None
        assert np.isnan(value_AA[0, 2])
        assert np.isfinite(value_AA[0, 3])


def test_runs_without_a_usable_embedding_say_so(tmp_path: Path) -> None:
    runs = [random_run(tmp_path / str(fold), fold=fold, first=6 * fold) for fold in range(3)]
    write_components(runs[1].path, np.ones((18, 2)))
    (runs[2].path / extras.EMBEDDING).write_bytes(b"no archive")
    found = collect(pool("group", runs).runs)
    distance_AA, notes = embedding_distances(found)
    assert distance_AA is None
    assert any("1 of 3 runs have no embedding.npz (0)" in note for note in notes)
    assert any(note.startswith("1: all clips have the same embedding") for note in notes)
    assert any("cannot be read" in note and "Delete it" in note for note in notes)


def test_one_genre_has_no_relations(tmp_path: Path) -> None:
    run = random_run(tmp_path / "run")
    write_predictions(run.path, [("a", "x", "rock"), ("b", "y", "rock")], GENRES, np.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match="all test clips are rock, and relations need two genres"):
        collect([RunDir(run.path)])


def test_planted_runs_have_what_they_say(tmp_path: Path) -> None:
    run = RunDir(write_planted(tmp_path / "run", {"a": (0, 0), "b": (9, 0)}, artists=3))
    assert len(run.predictions.clips) == 12
    assert run.predictions.predicted == run.predictions.true
