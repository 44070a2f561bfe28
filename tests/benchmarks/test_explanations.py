"""The benchmark of explanations: shares of known maps, and its command line."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import explanations, known_truth
from src.clip import Clip
from src.explanation.feature_map import feature_map
from tests import programs
from tests.conftest import RATE, write
from tests.explanation_models import Weighted, explained, noise, sound


def test_the_relevance_of_a_model_that_hears_some_rows_lies_on_them() -> None:
    weight_F = torch.zeros(32)
    weight_F[10:14] = 1.0
    model = explained(Weighted(weight_F))
    model.classifier.normalization.mean_F1.fill_(-80.0)  # so that every value speaks for the genre
    read = sound(model, noise(2.0))
    dominated_FN = np.zeros((32, feature_map(model, read).columns), bool)
    dominated_FN[9:15] = True  # a row more on each side, as maps are averaged over three
    found = explanations.on_drums(model, read, dominated_FN, "integrated_gradients", model.classifier.model)
    assert found.share == pytest.approx(1)
    assert found.net == pytest.approx(found.total)
    assert found.total > 0
    assert found.area == pytest.approx(6 / 32)
    assert 0 < found.energy < 0.5


def test_stems_lie_beside_the_clip(tmp_path: Path) -> None:
    model = explained(Weighted(torch.ones(32)))
    write(tmp_path / "drums" / "a" / "b.wav", noise(1.0, 1))
    write(tmp_path / "rest" / "a" / "b.wav", noise(1.0, 2))
    drums, rest = explanations.stems_of(model, Clip("mix/a/b.wav", tmp_path / "mix" / "a" / "b.wav", "a"), None)
    assert len(drums.wave_T) == len(rest.wave_T) == RATE
    assert not np.allclose(drums.wave_T, rest.wave_T)
    for folder in ("mix/c", "song"):
        with pytest.raises(ValueError, match="has no stems beside it: expected a run on a corpus of benchmarks.known"):
            explanations.stems_of(model, Clip("b.wav", tmp_path / folder / "b.wav", "a"), None)


def test_a_folder_that_is_no_run_gets_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        explanations.main(["truth", str(tmp_path)])
    assert stop.value.code == 1
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.slow
def test_the_maps_of_a_trained_network_lie_on_the_drums_that_tell_the_genres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than by energy, area and random weights. The network is trained on synthetic music that differs in the drums only."""
    words = {"--artists": 60, "--tracks": 3, "--seconds": 5, "--differ-in": "distances", "--drums-db": -10}
    assert known_truth.main([str(tmp_path), *(str(part) for item in words.items() for part in item)]) == 0
    data = ("dataset=manifest", f"dataset.path={tmp_path / 'manifest.csv'}", f"data.cache={tmp_path / 'cache'}")
    run = tmp_path / "run"
    settings = ("trainer.max_epochs=20", "trainer.threads=1", "report.sounds=0", "logger=none", f"hydra.run.dir={run}")
    assert programs.train(monkeypatch, *data, *settings) == 0
    truth = explanations.measure_truth(run, 72, ["integrated_gradients"])
    assert len(set(truth.artists)) == 12
    for name, (_, low, _) in truth.ratios("integrated_gradients", explanations.TRAINED).items():
        assert low > 1, name
    without_training, *_ = truth.ratios("integrated_gradients", explanations.RANDOM_WEIGHTS)["area"]
    assert without_training < 1.1  # no preference


@pytest.mark.parametrize("words", [("speed", "run"), ("truth", "run", "song.wav"), ("other", "run")])
def test_words_that_make_no_sense(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        explanations.main(words)
    assert stop.value.code == 1
    assert "explanations" in capsys.readouterr().err
