"""Runs on pretrained embeddings: heads, classic models, tags that are not trained, and fine-tuning."""

import json
from pathlib import Path

import pytest
import torch

from src import predict, rundir
from tests.programs import small, train

MUSICNN = ("feature=musicnn", "feature.network=msd", "augmentation=none", "~model.width")
ONCE = "Computing the frozen feature, once"


def words(manifest: Path, folder: Path, *more: str) -> list[str]:
    """A small training on embeddings; `~model.width` where the model has none takes back what `small` sets."""
    kept = [word for word in small(manifest, folder) if word != "model.width=4"]
    return [*kept, *(word for word in MUSICNN if word != "~model.width"), *more]


@pytest.fixture(scope="module")
def head(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a head, whose cache lies beside it."""
    folder = tmp_path_factory.mktemp("head") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, *words(tiny, folder, "model=head")) == 0
    return folder


@pytest.mark.parametrize("model", ["head", "svm", "knn"])
def test_embeddings_are_computed_once_for_all_models(
    head: Path, tiny: Path, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *words(tiny, head.parent / model, f"model={model}", "seed=1")) == 0
    assert ONCE not in capsys.readouterr().err
    assert rundir.RunDir(head.parent / model).metrics["test"]["clips"]


def test_wave_augmentation_needs_the_sound_itself(
    head: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = head.parent / "augmented"
    assert train(monkeypatch, *words(tiny, folder, "model=head", "augmentation=wave", "trainer.max_epochs=1")) == 0
    assert ONCE not in capsys.readouterr().err
    assert len(list((folder.parent / "cache").glob("feature-*"))) == 1


def test_a_head_alone_is_in_the_checkpoint(head: Path) -> None:
    state = torch.load(head / rundir.BEST, weights_only=True)["state_dict"]
    assert not [name for name in state if name.startswith("feature.")]
    genres = len(rundir.RunDir(head).metrics["test"]["genres"])
    assert rundir.RunDir(head).metrics["parameters"] == 200 * genres + genres


def test_predict_gives_what_was_kept(head: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = rundir.RunDir(head)
    paths = [str(tiny.parent / clip) for clip in files.predictions.clips]
    assert predict.main([*paths, "--run", str(head)]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for answer, share_C in zip(answers, files.predictions.probability_KC, strict=True):
        ours_C = [answer["probabilities"][genre] for genre in files.predictions.genres]
        torch.testing.assert_close(torch.tensor(ours_C), torch.tensor(share_C), rtol=0, atol=1e-3, check_dtype=False)
        assert answer["calibrated"]


def test_the_certificate_says_what_the_network_may_have_heard(head: Path) -> None:
    certificate = rundir.RunDir(head).metrics["certificate"]
    assert certificate["pretrained"] == "the Million Song Dataset (201,680 songs)"
    assert "whether artists of these clips were in it is unknown" in certificate["warnings"][-1]


def test_tags_are_not_trained(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [word for word in small(tiny, tmp_path / "run", "experiment=tags") if word != "model.width=4"]
    assert train(monkeypatch, *said) == 0
    metrics = rundir.RunDir(tmp_path / "run").metrics
    assert metrics["parameters"] == 0
    assert metrics["epochs"] == 0
    assert "No tag covers" in capsys.readouterr().err


def test_tags_of_another_feature_are_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [word for word in small(tiny, tmp_path / "run", "model=tags") if word != "model.width=4"]
    assert train(monkeypatch, *said) == 1
    assert "experiment=tags sets all three" in capsys.readouterr().err


def test_fine_tuning_moves_the_network(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("model=head", "feature.trainable=true", "optimizer.lr=0.0001", "trainer.max_epochs=1")
    assert train(monkeypatch, *words(tiny, tmp_path / "run", *more)) == 0
    state = torch.load(tmp_path / "run" / rundir.BEST, weights_only=True)["state_dict"]
    from src.pretrained import Musicnn

    published = Musicnn("msd").state_dict()
    moved = {n for n, weight in published.items() if not torch.equal(state[f"feature.networks.0.{n}"], weight)}
    assert {"timbral.0.weight", "middle.0.weight", "dense.weight"} <= moved
    assert not {name for name in moved if name.endswith((".mean", ".variance"))}
    assert not list((tmp_path / "cache").glob("feature-*"))
