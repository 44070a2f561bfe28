"""Runs on pretrained embeddings: heads, classic models, tags without training, and fine-tuning."""

import json
from pathlib import Path

import pytest
import torch

from src import predict, rundir
from tests.programs import small, train

MUSICNN = ("feature=musicnn", "feature.network=msd", "augmentation=none")
COMPUTED = "Computing the frozen feature, once"  # on standard error, where it is not read from the cache


def without_width(overrides: tuple[str, ...]) -> list[str]:
    """Remove `model.width`, which `small` sets, for models that have no width."""
    return [override for override in overrides if override != "model.width=4"]


def embedding_overrides(manifest: Path, folder: Path, *overrides: str) -> list[str]:
    """The overrides of a small training on embeddings."""
    return [*without_width(small(manifest, folder)), *MUSICNN, *overrides]


@pytest.fixture(scope="module")
def head(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a head; its cache is in the same parent folder."""
    folder = tmp_path_factory.mktemp("head") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, *embedding_overrides(tiny, folder, "model=head")) == 0
    return folder


@pytest.mark.parametrize("model", ["few", "head", "svm", "knn"])
def test_embeddings_are_computed_once_for_all_models(
    head: Path, tiny: Path, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *embedding_overrides(tiny, head.parent / model, f"model={model}", "seed=1")) == 0
    assert COMPUTED not in capsys.readouterr().err
    assert rundir.RunDir(head.parent / model).metrics["test"]["clips"]


def test_wave_augmentation_uses_the_sound_and_not_the_cached_feature(
    head: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = head.parent / "augmented"
    overrides = embedding_overrides(tiny, folder, "model=head", "augmentation=wave", "trainer.max_epochs=1")
    assert train(monkeypatch, *overrides) == 0
    assert COMPUTED not in capsys.readouterr().err
    assert len(list((folder.parent / "cache").glob("feature-*"))) == 1


def test_the_checkpoint_holds_only_the_head(head: Path) -> None:
    state = torch.load(head / rundir.BEST, weights_only=True)["state_dict"]
    assert not [name for name in state if name.startswith("feature.")]
    genres = len(rundir.RunDir(head).metrics["test"]["genres"])
    assert rundir.RunDir(head).metrics["parameters"] == 200 * genres + genres


def test_predict_gives_the_probabilities_that_the_run_wrote(
    head: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_run = rundir.RunDir(head).predictions
    paths = [str(tiny.parent / clip) for clip in of_run.clips]
    assert predict.main([*paths, "--run", str(head)]) == 0
    predictions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for prediction, expected_C in zip(predictions, of_run.probability_KC, strict=True):
        probability_C = torch.tensor([prediction["probabilities"][genre] for genre in of_run.genres])
        torch.testing.assert_close(probability_C, torch.tensor(expected_C), rtol=0, atol=1e-3, check_dtype=False)
        assert prediction["calibrated"]


def test_the_certificate_names_the_pretraining_data_and_warns_of_shared_artists(head: Path) -> None:
    certificate = rundir.RunDir(head).metrics["certificate"]
    assert certificate["pretrained"] == "the Million Song Dataset (201,680 songs)"
    assert "whether artists of these clips were in it is unknown" in certificate["warnings"][-1]


def test_tags_need_no_training(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *without_width(small(tiny, tmp_path / "run", "experiment=tags"))) == 0
    metrics = rundir.RunDir(tmp_path / "run").metrics
    assert metrics["parameters"] == 0
    assert metrics["epochs"] == 0
    assert "No tag covers" in capsys.readouterr().err


def test_tags_without_their_feature_are_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *without_width(small(tiny, tmp_path / "run", "model=tags"))) == 1
    assert "experiment=tags sets all three" in capsys.readouterr().err


def test_fine_tuning_changes_the_weights_of_the_network(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = ("model=head", "feature.trainable=true", "optimizer.lr=0.0001", "trainer.max_epochs=1")
    assert train(monkeypatch, *embedding_overrides(tiny, tmp_path / "run", *overrides)) == 0
    state = torch.load(tmp_path / "run" / rundir.BEST, weights_only=True)["state_dict"]
    from src.pretrained import Musicnn

    published = Musicnn("msd").state_dict()
    changed = {
        name for name, weight in published.items() if not torch.equal(state[f"feature.networks.0.{name}"], weight)
    }
    assert {"timbral.0.weight", "middle.0.weight", "dense.weight"} <= changed
    assert not {name for name in changed if name.endswith((".mean", ".variance"))}
    assert not list((tmp_path / "cache").glob("feature-*"))
