"""Statistics of a frozen feature, computed once for each clip: normalizations and classic models are fitted to them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from src.feature import Mfcc
from src.inference.recognizer import Recognizer
from src.rundir import BEST, RunDir
from src.training.module import GenreModule
from tests.programs import small, train

TOLERANCE = 1e-4  # of probabilities: the statistics are computed in double precision, the feature in single precision


@pytest.mark.parametrize("model", ["few", "svm", "knn"])
@pytest.mark.parametrize("normalization", ["standard", "none"])
def test_a_classic_model_gives_the_same_answers_from_statistics_as_from_features(
    model: str, normalization: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (f"model={model}", f"normalization={normalization}", "feature=timbre")
    answers = []
    for name in ("statistics", "features"):
        with monkeypatch.context() as patch:
            if name == "features":
                patch.setattr(GenreModule, "has_statistics", False)
            words = [word for word in small(tiny, tmp_path / name, *settings) if word != "model.width=4"]
            assert train(patch, *words) == 0
        answers.append(RunDir(tmp_path / name).predictions)
    assert answers[0].predicted == answers[1].predicted
    assert abs(answers[0].probability_KC - answers[1].probability_KC).max() < TOLERANCE
    assert len(list((tmp_path / "cache").glob("statistics-*"))) == 1


@pytest.mark.parametrize("model", ["few", "svm", "knn"])
@pytest.mark.parametrize("normalization", ["standard", "instance", "none"])
def test_a_model_fitted_to_statistics_gives_the_same_answers_to_sound(
    model: str, normalization: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With normalization=instance, the means are exactly 0 in the statistics, and rounding errors in the feature."""
    settings = (f"model={model}", f"normalization={normalization}", "feature=timbre")
    words = [word for word in small(tiny, tmp_path / "run", *settings) if word != "model.width=4"]
    assert train(monkeypatch, *words) == 0
    run, recognizer = RunDir(tmp_path / "run").predictions, Recognizer.load(tmp_path / "run")
    for k, clip in enumerate(run.clips):
        answer = recognizer.predict(tiny.parent / clip)
        assert answer.predicted_genre == run.predicted[k]
        assert list(answer.probabilities.values()) == pytest.approx(run.probability_KC[k], abs=TOLERANCE)


def test_a_network_gets_the_same_normalization_from_statistics_as_from_features(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = []
    for name in ("statistics", "features"):
        with monkeypatch.context() as patch:
            if name == "features":
                patch.setattr(GenreModule, "has_statistics", False)
            assert train(patch, *small(tiny, tmp_path / name, "model=cnn", "feature=mfcc")) == 0
        states.append(torch.load(tmp_path / name / BEST, weights_only=True)["state_dict"])
    for name in ("normalization.mean_F1", "normalization.deviation_F1"):
        torch.testing.assert_close(states[0][name], states[1][name], rtol=1e-6, atol=1e-6)


def test_other_folds_seeds_and_models_compute_no_feature_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network would compute it in training, so only classic models are tried."""
    base = [
        word
        for word in small(tiny, tmp_path / "unused", "feature=mfcc", "split=kfold", "split.folds=3")
        if word != "model.width=4" and not word.startswith("hydra.run.dir")
    ]
    assert train(monkeypatch, *base, "model=svm", "split.fold=0", f"hydra.run.dir={tmp_path / 'first'}") == 0

    def fail(*_: Any) -> None:
        raise AssertionError("the feature is computed again")

    monkeypatch.setattr(Mfcc, "from_power", fail)
    for k, words in enumerate(
        [("model=svm", "split.fold=1"), ("model=knn", "seed=3"), ("model=svm", "normalization=instance", "model.c=10")]
    ):
        monkeypatch.setattr("src.training.setup.check_settings", lambda _: None)  # computes it of silence
        assert train(monkeypatch, *base, *words, f"hydra.run.dir={tmp_path / str(k)}") == 0
