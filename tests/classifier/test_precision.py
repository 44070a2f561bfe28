"""`trainer.precision=auto`: resolved before anything depends on it."""

from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from omegaconf import OmegaConf

from src import config as configs
from src.classifier import precision
from src.rundir import RunDir
from tests.programs import small, train


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_processor_with_bf16_instructions_has_bf16(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType({name: True}))
    assert precision.has_bf16("cpu")
    assert precision.has_bf16("auto")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType({name: False, "avx2": True}))
    assert not precision.has_bf16("cpu")
    assert not precision.has_bf16("auto")


def test_a_gpu_decides_unless_the_cpu_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType({}))
    assert precision.has_bf16("auto")
    assert precision.has_bf16("gpu")
    assert not precision.has_bf16("cpu")


def test_only_auto_is_replaced() -> None:
    config = configs.compose("trainer.precision=16-mixed")
    precision.resolve_auto(config)
    assert config.trainer.precision == "16-mixed"
    precision.resolve_auto(OmegaConf.create({"dataset": "of an audit, which has no trainer"}))


def test_auto_and_its_value_are_the_same_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second command finds a finished run: config.yaml and identity have the value, not the word auto."""
    monkeypatch.setattr(precision, "has_bf16", lambda accelerator: True)
    arguments = small(tiny, tmp_path / "run", "model=cnn", "feature=mfcc", "trainer.max_epochs=1")
    assert train(monkeypatch, *arguments, "trainer.precision=auto") == 0
    assert RunDir(tmp_path / "run").config["trainer"]["precision"] == "bf16-mixed"
    assert RunDir(tmp_path / "run").environment["precision"] == "bf16-mixed"
    capsys.readouterr()
    assert train(monkeypatch, *arguments, "trainer.precision=bf16-mixed") == 0
    assert "already finished" in capsys.readouterr().out


def test_auto_and_its_value_are_the_same_job(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda accelerator: True)
    common = ("model=cnn", "feature=mfcc", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    for value in ("auto", "bf16-mixed"):
        capsys.readouterr()
        arguments = small(tiny, tmp_path / "run", *common, "trainer.max_epochs=1", f"trainer.precision={value}")
        assert train(monkeypatch, "--multirun", *arguments) == 0
    assert len(list((tmp_path / "sweep").glob("*/metrics.json"))) == 1
    assert "already finished" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # in the imports of torch.compile
def test_compiled_training_gives_about_the_same_losses_and_the_same_weight_names(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, names = [], []
    for value in ("false", "true"):
        folder = tmp_path / value
        arguments = small(tiny, folder, "model=cnn", "feature=mfcc", "model.dropout=0", "augmentation=none")
        assert train(monkeypatch, *arguments, f"trainer.compile={value}") == 0
        losses.append([row["train_loss"] for row in RunDir(folder).history])
        names.append(set(torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]))
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
    assert names[0] == names[1]


def test_clipping_with_a_fused_optimizer_in_low_precision_is_refused_before_decoding(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("trainer.precision=bf16-mixed", "trainer.gradient_clip_val=1")
    assert train(monkeypatch, *small(tiny, tmp_path / "run", *words)) == 1
    assert capsys.readouterr().err == (
        "train: trainer.gradient_clip_val=1: with trainer.precision=bf16-mixed, Lightning cannot clip the gradients of a "
        "fused optimizer. Set optimizer.fused=false.\n"
    )
    assert not (tmp_path / "cache").exists()
