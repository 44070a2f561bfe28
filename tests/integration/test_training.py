"""Training choices, run through the program: augmentation, loss, averaging, fitted models, checkpoint selection."""

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


def _overrides(manifest: Path, folder: Path, *overrides: str) -> list[str]:
    """The overrides of a small training; fitted models get none of the keys that only networks have."""
    fitted = any(override in FITTED for override in overrides)
    return [
        override for override in small(manifest, folder, *overrides) if not (fitted and override == "model.width=4")
    ]


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
def test_every_choice_trains_and_changes_the_weights(
    choice: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default_run: Path
) -> None:
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "run", *SHORT, choice)) == 0
    assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())
    assert not same(weights(tmp_path / "run"), weights(default_run))


def test_genre_weights_change_nothing_if_genres_have_equally_many_clips(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default_run: Path
) -> None:
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "run", *SHORT, "loss=weighted")) == 0
    weighted, unweighted = weights(tmp_path / "run"), weights(default_run)
    for key in unweighted:
        torch.testing.assert_close(weighted[key], unweighted[key], atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def default_run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the default choices."""
    folder = tmp_path_factory.mktemp("default") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_overrides(tiny, folder, *SHORT)) == 0
    return folder


def test_accumulated_small_batches_equal_a_large_batch(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without layers that depend on the whole batch, two batches of 4 equal one of 8."""
    common = ("model=rnn", "feature=mfcc", "model.dropout=0", "augmentation=none", "optimizer=sgd")
    crops = "data.crops=2"  # 24 crops, so that every batch is full
    small_batches = ("data.batch_size=4", "trainer.accumulate_grad_batches=2")
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "8", *common, crops)) == 0
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "4x2", *common, crops, *small_batches)) == 0
    eight, four_twice = weights(tmp_path / "8"), weights(tmp_path / "4x2")
    for key in eight:
        torch.testing.assert_close(four_twice[key], eight[key], atol=1e-5, rtol=1e-4)


def test_the_averaged_weights_are_saved_and_training_continues_from_the_newest(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "run", *SHORT, "trainer.ema_decay=0.9")) == 0
    checkpoint = torch.load(tmp_path / "run" / rundir.LAST, weights_only=True)
    averaged, newest = checkpoint["state_dict"], checkpoint["current_model_state"]
    assert not torch.equal(averaged["model.head.1.weight"], newest["model.head.1.weight"])
    assert averaged["prepared"]
    # Fitted once, before the first step.
    torch.testing.assert_close(averaged["normalization.mean_F1"], newest["normalization.mean_F1"])


def test_a_resumed_run_has_the_averaged_weights_of_an_uninterrupted_one(tiny: Path, tmp_path: Path) -> None:
    overrides = (*SHORT[1:], "trainer.max_epochs=3", "trainer.ema_decay=0.9", "augmentation=full", "sampler=balanced")
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_overrides(tiny, tmp_path / "uninterrupted", *overrides)) == 0
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, epoch=1, batch=1)
        assert train(patch, *_overrides(tiny, tmp_path / "resumed", *overrides)) == 1
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *_overrides(tiny, tmp_path / "resumed", *overrides)) == 0
    assert same(weights(tmp_path / "resumed"), weights(tmp_path / "uninterrupted"))
    assert metrics(tmp_path / "resumed") == metrics(tmp_path / "uninterrupted")


@pytest.mark.parametrize("model", FITTED)
def test_a_fitted_model_is_trained_by_the_same_program(
    model: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    assert train(monkeypatch, *_overrides(tiny, folder, model, "feature=timbre")) == 0
    run = rundir.RunDir(folder)
    assert (run.metrics["epochs"], run.metrics["best_epoch"], run.history) == (0, None, [])
    assert run.metrics["train_seconds"] > 0
    assert run.metrics["parameters"] == 0
    assert run.predictions.probability_KC.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert "fitted in one step" in (folder / rundir.REPORT).read_text(encoding="utf-8")
    expected = 1 / 3 if model == "model=majority" else 0.8  # the genres' spectra differ by octaves
    assert run.metrics["test"]["accuracy"] >= expected
    assert weights(folder, rundir.BEST)["prepared"]
    assert build.load_classifier(folder)  # reads tensors only: nothing pickled is accepted


def test_a_trainable_feature_is_refused_for_a_fitted_model(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "run", "model=svm", "feature.trainable=true")) == 1
    assert "fitted, not trained by gradients" in capsys.readouterr().err


def test_pretraining_errors_are_logged_and_stored(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    overrides = _overrides(tiny, folder, "model=dbn", "model.layers=2", "feature=mfcc", "logger=csv")
    assert train(monkeypatch, *overrides) == 0
    passes = rundir.RunDir(folder).metrics["passes"]
    assert list(passes) == ["rbm1/reconstruction_error", "rbm2/reconstruction_error"]
    assert all(values[-1] < values[0] for values in passes.values())
    with open(folder / "csv" / "metrics.csv", newline="", encoding="utf-8") as file:
        logged = [row["prepare/rbm1/reconstruction_error"] for row in csv.DictReader(file)]
    assert [float(value) for value in logged if value] == pytest.approx(passes["rbm1/reconstruction_error"])


def test_preferred_genres_are_selected_if_the_data_set_has_all_of_them(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def genres(preferred: str) -> list[str]:
        folder = tmp_path / preferred.replace(",", "_")
        overrides = _overrides(tiny, folder, "model=majority", f"data.preferred_genres=[{preferred}]")
        assert train(monkeypatch, *overrides) == 0
        return rundir.RunDir(folder).predictions.genres

    assert genres("snare,bell") == ["bell", "snare"]
    assert genres("snare,jazz") == ["bell", "drone", "snare"]


def test_checkpoint_selection_evaluates_the_best_epoch(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A far too high learning rate makes the validation scores jump, so that the best epoch is rarely the last."""
    unstable = ("model=cnn", "feature=mfcc", "trainer.max_epochs=6", "optimizer.lr=0.3", "seed=1")
    for checkpoint, column, sign in (
        ("last", "epoch", 1),
        ("val/loss", "val_loss", -1),
        ("val/f1_macro", "val_f1_macro", 1),
    ):
        folder = tmp_path / checkpoint.replace("/", "_")
        assert train(monkeypatch, *_overrides(tiny, folder, *unstable, f"trainer.checkpoint={checkpoint}")) == 0
        history = rundir.RunDir(folder).history
        expected = max(history, key=lambda row: sign * row[column])["epoch"]
        assert rundir.RunDir(folder).metrics["best_epoch"] == expected
        best, last = (
            {key: value for key, value in weights(folder, name).items() if key not in UNCALIBRATED}
            for name in (rundir.BEST, rundir.LAST)
        )
        assert same(best, last) == (expected == 6)


def test_an_unknown_checkpoint_selection_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "run", "trainer.checkpoint=first")) == 1
    assert "trainer.checkpoint is 'first': expected val/f1_macro, val/loss or last." in capsys.readouterr().err


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_an_invalid_ema_decay_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=rf"^trainer.ema_decay is {decay:g}: expected 0 or more, and less than 1\.$"):
        build_trainer(
            threads=1, accelerator="cpu", ema_decay=decay, compile=False, checkpoint="last", folder=Path(), logger=False
        )


def test_plateau_lowers_the_learning_rate_when_validation_does_not_improve(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plateau: tuple[Any, ...] = ("model=cnn", "feature=mfcc", "scheduler=plateau", "scheduler.patience=0")
    no_progress = ("optimizer=sgd", "optimizer.lr=1e-12", "optimizer.momentum=0", "optimizer.nesterov=false")
    # Only the running statistics of batch normalization change the validation loss.
    assert train(monkeypatch, *_overrides(tiny, tmp_path / "run", *plateau, *no_progress, "trainer.max_epochs=6")) == 0
    rates = [row["lr"] for row in rundir.RunDir(tmp_path / "run").history]
    assert rates[0] == pytest.approx(1e-12)
    assert set(rates) <= {1e-12 * 0.5**k for k in range(7)}
