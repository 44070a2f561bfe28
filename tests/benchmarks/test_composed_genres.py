"""Distances of the rules of synthetic genres, and the correlation of two distance matrices."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from benchmarks import composed_genres
from benchmarks.composed_genres import GENRES, GROUPS, mantel, measured, rule_distance, shares


def test_the_shares_of_every_factor_add_up_to_one() -> None:
    for genre in GENRES:
        for factor, of_choice in shares(genre).items():
            assert sum(of_choice.values()) == pytest.approx(1), factor


def test_a_genre_has_no_distance_to_itself_and_jazz_is_no_metal() -> None:
    for group in GROUPS:
        assert rule_distance("jazz", "jazz", group) == 0
        assert 0 < rule_distance("jazz", "metal", group) <= 1
    assert rule_distance("metal", "rock", "patterns") < rule_distance("classical", "rock", "patterns")


def test_equal_matrices_correlate_and_random_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composed_genres, "PERMUTATIONS", 199)
    rng = np.random.default_rng(0)
    first, second = (squareform(pdist(rng.normal(size=(10, 3)))) for _ in range(2))
    assert mantel(first, first**2) == (pytest.approx(1), 1 / 200)
    correlation, p = mantel(first, second)
    upper = np.triu_indices(10, 1)
    assert correlation == pytest.approx(spearmanr(first[upper], second[upper]).statistic)
    assert p > 0.05


def test_a_view_without_all_genres_is_left_out() -> None:
    names = list(reversed(GENRES))
    distances = [[abs(i - j) for j in range(10)] for i in range(10)]
    content = {"views": {"answers": {"reason": None, "genres": names, "distances": distances}}}
    found = measured(content, "answers")
    assert found is not None
    assert found[0, 9] == 9
    content["views"]["answers"]["genres"] = names[1:]
    assert measured(content, "answers") is None


def test_a_file_that_has_no_relations_gets_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "metrics.json").write_text("{}", encoding="utf-8")
    for file in (tmp_path, tmp_path / "metrics.json", tmp_path / "nothing.json"):
        with pytest.raises(SystemExit):
            composed_genres.main([str(file)])
        assert f"{file} has no relations: expected relations.json" in capsys.readouterr().err
