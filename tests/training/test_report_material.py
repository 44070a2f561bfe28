"""The files that a training writes for its report; a failure to write them never costs the result."""

from pathlib import Path

import numpy as np
import pytest

from src.rundir import RunDir, extras
from src.training import embedding, sounds
from tests.programs import small, train


def words(manifest: Path, folder: Path, model: str, *more: str) -> list[str]:
    """The command line of a small training; only networks have a width."""
    arguments = small(manifest, folder, f"model={model}", "feature=mfcc", *more)
    return [word for word in arguments if model == "hybrid" or not word.startswith("model.width")]


def test_some_clips_are_taken_evenly() -> None:
    assert embedding.evenly_spaced([3, 5, 7], 5) == [3, 5, 7]
    assert embedding.evenly_spaced(range(101), 3) == [0, 50, 100]


@pytest.mark.parametrize("model", ["hybrid", "svm", "head"])
def test_a_run_leaves_an_embedding_and_sounds(
    model: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    assert train(monkeypatch, *words(tiny, run, model, "report.sounds=2")) == 0
    clips = len(RunDir(run).predictions.clips)
    found = extras.read_embedding(run, clips)
    assert found is not None
    assert found.row_K.tolist() == list(range(clips))
    assert 0.99 < found.explained_D.sum() <= 1.001 or len(found.explained_D) == embedding.COMPONENTS
    assert (run / extras.EMBEDDING).stat().st_size < 1000 * clips
    heard = extras.read_sounds(run)
    assert heard is not None
    assert len(heard.path_of) == 2
    page = (run / "report.html").read_text(encoding="utf-8")
    assert 'src="sounds/000.ogg"' in page
    assert page.count('data-genre="') == clips


def test_majority_has_no_map(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    assert train(monkeypatch, *words(tiny, run, "majority", "report.sounds=0")) == 0
    assert not (run / extras.EMBEDDING).exists()
    assert not (run / extras.SOUNDS).exists()
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "The model majority computes nothing between the feature and its prediction" in page


def test_a_failure_costs_no_result(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object, **settings: object) -> None:
        raise RuntimeError("out of memory")

    run = tmp_path / "run"
    monkeypatch.setattr(embedding, "embed", fail)
    monkeypatch.setattr(sounds, "excerpt", fail)
    assert train(monkeypatch, *words(tiny, run, "svm")) == 0
    assert RunDir(run).metrics["test"]["clips"]
    assert not (run / extras.EMBEDDING).exists()
    printed = " ".join(capsys.readouterr().err.split())
    assert "the report will lack a map of the clips (out of memory)" in printed
    assert "the report will lack sounds (out of memory)" in printed
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "The map is missing" in page


def test_umap_that_is_not_installed_is_named_before_training(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("src.training.report_material.find_spec", lambda name: None)
    assert train(monkeypatch, *words(tiny, tmp_path / "run", "svm", "report.map=umap")) == 1
    assert "make extra-umap" in capsys.readouterr().err


@pytest.mark.slow
def test_umap_is_fitted_on_training_clips_and_repeats() -> None:
    pytest.importorskip("umap", reason="umap-learn is missing: make extra-umap")
    rng = np.random.default_rng(0)
    train_MD = rng.normal(size=(60, 5)) + 8 * np.eye(5)[np.arange(60) % 3]
    test_KD = rng.normal(size=(12, 5)) + 8 * np.eye(5)[np.arange(12) % 3]
    first_K2 = embedding.umap_map(train_MD, test_KD)
    np.testing.assert_array_equal(first_K2, embedding.umap_map(train_MD, test_KD))
    # A test clip does not move the others: the map was fitted without them.
    np.testing.assert_allclose(first_K2[:1], embedding.umap_map(train_MD, test_KD[:1]), atol=0.5)
    centre = [first_K2[k::3].mean(axis=0) for k in range(3)]
    assert np.linalg.norm(first_K2[::3] - centre[0], axis=1).max() < np.linalg.norm(centre[0] - centre[1])
