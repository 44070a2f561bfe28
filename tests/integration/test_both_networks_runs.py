"""Runs on both pretrained networks, with a file of random weights for EfficientAT; alone and beside hand-made features."""

import json
from pathlib import Path

import pytest
import torch

from src import predict, rundir
from src.audit import embeddings
from src.config import compose
from src.pretrained import files
from tests.pretrained.mobilenet_reference import random_state
from tests.programs import small, train

COMPUTED = "Computing the frozen feature, once"  # on standard error, where it is not read from the cache
BOTH = ("feature=pretrained", "feature.network=msd")
WITH_CLASSIC = ("feature=deep_classic", "feature@feature.deep=pretrained", "feature.deep.network=msd")


def overrides(manifest: Path, folder: Path, *settings: str) -> list[str]:
    words = small(manifest, folder, "augmentation=none", *settings)
    return [word for word in words if word != "model.width=4"]  # the models tried here have no width


@pytest.fixture(scope="module")
def folder(tiny: Path, with_efficientat: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs of a head, `both` and `with_classic`, and their cache."""
    folder = tmp_path_factory.mktemp("networks")
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, feature in (("both", BOTH), ("with_classic", WITH_CLASSIC)):
            assert train(monkeypatch, *overrides(tiny, folder / name, *feature, "model=head")) == 0
    return folder


@pytest.mark.parametrize("model", ["head", "svm", "knn"])
@pytest.mark.parametrize("feature", [BOTH, WITH_CLASSIC], ids=["both", "with_classic"])
def test_the_feature_is_computed_once_for_all_models(
    folder: Path,
    tiny: Path,
    feature: tuple[str, ...],
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = folder / f"{model}-{len(feature)}"
    assert train(monkeypatch, *overrides(tiny, run, *feature, f"model={model}", "seed=1")) == 0
    assert COMPUTED not in capsys.readouterr().err
    assert rundir.RunDir(run).metrics["test"]["clips"]


def test_a_run_records_the_file_and_both_corpora(folder: Path, efficientat: Path) -> None:
    config = rundir.RunDir(folder / "both").config
    assert config["feature"]["sha256"] == files.digest(efficientat)
    assert config["audio"]["sample_rate"] == 32000
    assert rundir.RunDir(folder / "with_classic").config["feature"]["deep"]["sha256"] == files.digest(efficientat)
    pretrained = rundir.RunDir(folder / "both").metrics["certificate"]["pretrained"]
    assert "Million Song Dataset" in pretrained
    assert "AudioSet" in pretrained


@pytest.mark.parametrize("name", ["both", "with_classic"])
def test_predict_gives_the_probabilities_that_the_run_wrote(
    folder: Path, tiny: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    of_run = rundir.RunDir(folder / name).predictions
    assert predict.main([*(str(tiny.parent / clip) for clip in of_run.clips), "--run", str(folder / name)]) == 0
    predictions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for prediction, expected_C in zip(predictions, of_run.probability_KC, strict=True):
        probability_C = torch.tensor([prediction["probabilities"][genre] for genre in of_run.genres])
        torch.testing.assert_close(probability_C, torch.tensor(expected_C), rtol=0, atol=1e-3, check_dtype=False)


@pytest.mark.parametrize("feature", [BOTH, WITH_CLASSIC], ids=["both", "with_classic"])
def test_without_the_file_one_message_says_how_to_get_it(
    tiny: Path,
    tmp_path: Path,
    feature: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("MUSIC_GENRE_EFFICIENTAT", raising=False)
    assert train(monkeypatch, *overrides(tiny, tmp_path / "run", *feature, "model=head")) == 1
    error = capsys.readouterr().err
    assert "The weights of efficientat are not installed with the project" in error
    assert "python -m src.weights efficientat" in error
    assert "Traceback" not in error


def test_embeddings_of_an_audit_are_those_of_the_file_that_is_found(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file at the same path: the cached embeddings of the first one must not be taken."""
    torch.save(random_state(0.1), tmp_path / "weights.pt")
    monkeypatch.setenv("MUSIC_GENRE_EFFICIENTAT", str(tmp_path / "weights.pt"))
    words = ("dataset=manifest", f"dataset.path={tiny}", f"data.cache={tmp_path / 'cache'}", *BOTH)
    _, first_KE = embeddings(compose(*words, name="audit"))
    torch.save(random_state(0.1, seed=1), tmp_path / "weights.pt")
    _, second_KE = embeddings(compose(*words, name="audit"))
    assert torch.equal(first_KE[:, :200], second_KE[:, :200])
    assert not torch.allclose(first_KE[:, 200:], second_KE[:, 200:])
