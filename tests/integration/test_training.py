"""The choices of training, each through the program: what is averaged, blended, clipped, fitted or heard again."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from src import rundir
from src.classifier import build
from src.classifier.classifier import UNCALIBRATED
from src.training.trainer import build_trainer
from tests.integration.test_programs import metrics, same, stop_at, weights
from tests.programs import small, train

SHORT = ("trainer.max_epochs=2", "model=cnn", "feature=mfcc")
FITTED = ("model=svm", "model=knn", "model=majority")


def _words(manifest: Path, folder: Path, *words: str) -> list[str]:
    """A small training; keys of networks are left out for models that have none."""
    fitted = any(word in FITTED for word in words)
    return [word for word in small(manifest, folder, *words) if not (fitted and word == "model.width=4")]


@pytest.mark.parametrize(
    "choice",
    [
        "augmentation=none",
        "augmentation=wave",
        "augmentation=mixup",
        "augmentation=full",
        "loss=focal",
        "sampler=balanced",
        "scheduler=constant",
        "scheduler=step",
        "scheduler=cosine",
        "scheduler=plateau",
        "optimizer=sgd",
        "trainer.gradient_clip_val=0.01",
        "trainer.accumulate_grad_batches=2",
        "trainer.ema_decay=0.9",
        "trainer.precision=bf16-mixed",
        "normalization=none",
        "normalization=instance",
    ],
)
def test_every_choice_trains_and_changes_what_is_learned(
    choice: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: Path
) -> None:
    assert train(monkeypatch, *_words(tiny, tmp_path / "run", *SHORT, choice)) == 0
    assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())
    assert not same(weights(tmp_path / "run"), weights(plain))


def test_weights_change_nothing_where_genres_are_even(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: Path
) -> None:
    assert train(monkeypatch, *_words(tiny, tmp_path / "run", *SHORT, "loss=weighted")) == 0
    weighted, usual = weights(tmp_path / "run"), weights(plain)
    for key in usual:
        torch.testing.assert_close(weighted[key], usual[key], atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def plain(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the usual choices."""
    folder = tmp_path_factory.mktemp("plain") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_words(tiny, folder, *SHORT)) == 0
    return folder


def test_small_batches_accumulated_are_a_large_batch(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no part looks at its batch, two batches of four are one of eight."""
    alike = ("model=rnn", "feature=mfcc", "model.dropout=0", "augmentation=none", "optimizer=sgd")
    full = "data.crops=2"  # 24 crops, so that every batch is full
    four = ("data.batch_size=4", "trainer.accumulate_grad_batches=2")
    assert train(monkeypatch, *_words(tiny, tmp_path / "8", *alike, full)) == 0
    assert train(monkeypatch, *_words(tiny, tmp_path / "4x2", *alike, full, *four)) == 0
    eight, four_twice = weights(tmp_path / "8"), weights(tmp_path / "4x2")
    for key in eight:
        torch.testing.assert_close(four_twice[key], eight[key], atol=1e-5, rtol=1e-4)


def test_what_is_kept_is_the_average_and_training_goes_on_from_the_newest(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(monkeypatch, *_words(tiny, tmp_path / "run", *SHORT, "trainer.ema_decay=0.9")) == 0
    kept = torch.load(tmp_path / "run" / rundir.LAST, weights_only=True)
    averaged, newest = kept["state_dict"], kept["current_model_state"]
    assert not torch.equal(averaged["model.head.1.weight"], newest["model.head.1.weight"])
    assert averaged["prepared"]
    torch.testing.assert_close(averaged["normalization.mean_F1"], newest["normalization.mean_F1"])  # as first prepared


def test_a_resumed_average_is_that_of_an_uninterrupted_run(tiny: Path, tmp_path: Path) -> None:
    words = (*SHORT, "trainer.max_epochs=3", "trainer.ema_decay=0.9", "augmentation=full", "sampler=balanced")
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_words(tiny, tmp_path / "whole", *words)) == 0
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, epoch=1, batch=1)
        assert train(patch, *_words(tiny, tmp_path / "halved", *words)) == 1
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_words(tiny, tmp_path / "halved", *words)) == 0
    assert same(weights(tmp_path / "halved"), weights(tmp_path / "whole"))
    assert metrics(tmp_path / "halved") == metrics(tmp_path / "whole")


@pytest.mark.parametrize("model", FITTED)
def test_a_fitted_model_goes_through_the_same_program(
    model: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    assert train(monkeypatch, *_words(tiny, folder, model, "feature=timbre")) == 0
    files = rundir.RunDir(folder)
    assert (files.metrics["epochs"], files.metrics["best_epoch"], files.history) == (0, None, [])
    assert files.metrics["train_seconds"] > 0
    assert files.metrics["parameters"] == 0
    assert files.predictions.probability_KC.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert "fitted in one go" in (folder / rundir.REPORT).read_text(encoding="utf-8")
    expected = 1 / 3 if model == "model=majority" else 0.8  # three spectra that differ by octaves
    assert files.metrics["test"]["accuracy"] >= expected
    assert weights(folder, rundir.BEST)["prepared"]
    assert build.load_classifier(folder)  # from tensors alone: nothing pickled is accepted


def test_a_fitted_model_leaves_no_feature_to_train(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *_words(tiny, tmp_path / "run", "model=svm", "feature.trainable=true")) == 1
    assert "fitted, not trained by gradients" in capsys.readouterr().err


def test_pretraining_is_told_and_kept(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    words = _words(tiny, folder, "model=dbn", "model.layers=2", "feature=mfcc", "logger=csv")
    assert train(monkeypatch, *words) == 0
    passes = rundir.RunDir(folder).metrics["passes"]
    assert list(passes) == ["rbm1/reconstruction_error", "rbm2/reconstruction_error"]
    assert all(values[-1] < values[0] for values in passes.values())
    with open(folder / "csv" / "metrics.csv", newline="", encoding="utf-8") as file:
        logged = [row["prepare/rbm1/reconstruction_error"] for row in csv.DictReader(file)]
    assert [float(value) for value in logged if value] == pytest.approx(passes["rbm1/reconstruction_error"])


def test_the_preferred_genres_are_taken_where_they_all_are(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def genres(wanted: str) -> list[str]:
        folder = tmp_path / wanted.replace(",", "_")
        assert train(monkeypatch, *_words(tiny, folder, "model=majority", f"data.preferred_genres=[{wanted}]")) == 0
        return rundir.RunDir(folder).predictions.genres

    assert genres("snare,bell") == ["bell", "snare"]
    assert genres("snare,jazz") == ["bell", "drone", "snare"]


def test_the_epoch_that_is_asked_for_is_kept(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate that is far too high makes validation jump, so that the best epoch is rarely the last."""
    wild = ("model=cnn", "feature=mfcc", "trainer.max_epochs=6", "optimizer.lr=0.3", "seed=1")
    for keep, key, sign in (("last", "epoch", 1), ("val/loss", "val_loss", -1), ("val/f1_macro", "val_f1_macro", 1)):
        folder = tmp_path / keep.replace("/", "_")
        assert train(monkeypatch, *_words(tiny, folder, *wild, f"trainer.checkpoint={keep}")) == 0
        rows = rundir.RunDir(folder).history
        expected = max(rows, key=lambda row: sign * row[key])["epoch"]
        assert rundir.RunDir(folder).metrics["best_epoch"] == expected
        best, last = (
            {key: value for key, value in weights(folder, name).items() if key not in UNCALIBRATED}
            for name in (rundir.BEST, rundir.LAST)
        )
        assert same(best, last) == (expected == 6)


def test_an_epoch_that_cannot_be_kept_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *_words(tiny, tmp_path / "run", "trainer.checkpoint=first")) == 1
    assert "trainer.checkpoint is 'first': expected val/f1_macro, val/loss, last." in capsys.readouterr().err


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_an_average_that_cannot_be_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=rf"^trainer.ema_decay is {decay:g}: expected 0 or more, and less than 1\.$"):
        build_trainer(threads=1, accelerator="cpu", ema_decay=decay, checkpoint="last", folder=Path(), logger=False)


def test_the_plateau_lowers_the_rate_when_validation_stands_still(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: tuple[Any, ...] = ("model=cnn", "feature=mfcc", "scheduler=plateau", "scheduler.patience=0")
    still = ("optimizer=sgd", "optimizer.lr=1e-12", "optimizer.momentum=0", "optimizer.nesterov=false")
    # Batch normalization's running statistics alone move the validation loss.
    assert train(monkeypatch, *_words(tiny, tmp_path / "run", *words, *still, "trainer.max_epochs=6")) == 0
    rates = [row["lr"] for row in rundir.RunDir(tmp_path / "run").history]
    assert rates[0] == pytest.approx(1e-12)
    assert set(rates) <= {1e-12 * 0.5**k for k in range(7)}
