"""Runs on EfficientAT's embeddings, whose weights are a file: found, recorded by digest, missing, and replaced by another."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from src import predict, rundir
from src.classifier import weights
from src.inference.recognizer import Recognizer
from src.pretrained import files
from src.pretrained.efficientat import EfficientAT
from src.sweep.names import job_name
from tests.conftest import ROOT
from tests.integration.test_pretrained_runs import COMPUTED, without_width
from tests.pretrained.mobilenet_reference import random_state
from tests.programs import small, train

VARIABLE = "MUSIC_GENRE_EFFICIENTAT"


def overrides(manifest: Path, folder: Path, *more: str) -> list[str]:
    return [*without_width(small(manifest, folder)), "feature=efficientat", "augmentation=none", "model=head", *more]


@pytest.fixture(scope="module")
def run(tiny: Path, efficientat: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a head, with the file named on the command line; its cache is in the same parent folder."""
    folder = tmp_path_factory.mktemp("efficientat") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *overrides(tiny, folder, f"feature.weights={efficientat}")) == 0
    return folder


@pytest.fixture
def moved(run: Path, efficientat: Path, tmp_path: Path) -> Path:
    """A copy of the run, as on another machine: the path of the file in its config does not exist."""
    folder = shutil.copytree(run, tmp_path / "moved")
    config = folder / rundir.CONFIG
    config.write_text(config.read_text().replace(str(efficientat), "/elsewhere/mn04.pt"))
    return folder


def test_the_run_records_the_digest_and_not_the_weights(run: Path, efficientat: Path) -> None:
    files_of_run = rundir.RunDir(run)
    assert files_of_run.config["feature"]["sha256"] == files.digest(efficientat)
    state = torch.load(run / rundir.BEST, weights_only=True)["state_dict"]
    assert not [name for name in state if name.startswith("feature.")]
    genres = len(files_of_run.metrics["test"]["genres"])
    assert files_of_run.metrics["parameters"] == 96 * genres + genres
    assert files_of_run.metrics["certificate"]["pretrained"].startswith("AudioSet")


def test_a_run_without_the_digest_is_refused(moved: Path, efficientat: Path) -> None:
    """Else it would take any file without a word."""
    config = moved / rundir.CONFIG
    text = config.read_text()
    lines = [line for line in text.splitlines() if "sha256" not in line]
    for changed in (text.replace(files.digest(efficientat), "null"), "\n".join(lines)):
        config.write_text(changed)
        with pytest.raises(ValueError, match=r"lacks feature\.sha256"):
            Recognizer.load(moved)


def test_the_content_of_the_file_decides_and_its_path_does_not(
    run: Path,
    tiny: Path,
    efficientat: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = shutil.copy(efficientat, tmp_path / "copy.pt")
    monkeypatch.setenv(VARIABLE, str(copy))
    assert train(monkeypatch, *overrides(tiny, run)) == 0
    assert "already finished" in capsys.readouterr().out
    # Other models and seeds take the embeddings from the cache.
    assert train(monkeypatch, *overrides(tiny, run.parent / "other", "seed=1")) == 0
    assert COMPUTED not in capsys.readouterr().err
    # Another file is another run, with another part of the cache.
    torch.save(random_state(0.1, seed=1), tmp_path / "seed1.pt")
    other = overrides(tiny, run, f"feature.weights={tmp_path / 'seed1.pt'}")
    assert train(monkeypatch, *other) == 1
    assert "contains a run with other settings (feature.sha256 was" in capsys.readouterr().err
    other = overrides(tiny, run.parent / "another", f"feature.weights={tmp_path / 'seed1.pt'}")
    assert train(monkeypatch, *other) == 0
    assert COMPUTED in capsys.readouterr().err


def test_the_folder_of_a_sweeps_job_is_named_after_the_content(
    efficientat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "src.config.choices", lambda: dict.fromkeys(("dataset", "feature", "model", "experiment"), "none")
    )
    monkeypatch.setattr("src.config.command_words", list)
    copy = shutil.copy(efficientat, tmp_path / "copy.pt")
    torch.save(random_state(0.1, seed=1), tmp_path / "seed1.pt")
    names = []
    for path in (efficientat, copy, tmp_path / "seed1.pt", tmp_path / "missing.pt"):
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            overrides = ["feature=efficientat", f"feature.weights={path}", f"hydra.sweep.dir={tmp_path}"]
            config = compose("train", overrides, return_hydra_config=True)
        names.append(job_name("", _root_=config))
    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_predict_finds_the_file_anywhere_and_gives_the_runs_probabilities(
    moved: Path,
    tiny: Path,
    efficientat: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MUSIC_GENRE_CACHE", str(tmp_path / "cache"))
    folder = files.folder(files.EFFICIENTAT)
    folder.mkdir(parents=True)
    torch.save(random_state(0.2), folder / "another.pt")
    shutil.copy(efficientat, folder / "renamed.pt")
    of_run = rundir.RunDir(moved).predictions
    paths = [str(tiny.parent / clip) for clip in of_run.clips]
    assert predict.main([*paths, "--run", str(moved)]) == 0
    predictions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for prediction, expected_C in zip(predictions, of_run.probability_KC, strict=True):
        probability_C = torch.tensor([prediction["probabilities"][genre] for genre in of_run.genres])
        torch.testing.assert_close(probability_C, torch.tensor(expected_C), rtol=0, atol=1e-3, check_dtype=False)


@pytest.mark.parametrize("other", [False, True])
def test_predict_without_the_runs_file_has_one_clear_message(
    other: bool,
    moved: Path,
    tiny: Path,
    efficientat: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if other:
        torch.save(random_state(0.1, seed=1), tmp_path / "seed1.pt")
        monkeypatch.setenv(VARIABLE, str(tmp_path / "seed1.pt"))
    sound = next(tiny.parent.rglob("*.wav"))
    assert predict.main([str(sound), "--run", str(moved)]) == 1
    instead = f": it is not {tmp_path / 'seed1.pt'}" if other else ""
    assert capsys.readouterr().err == (
        f"predict: {moved}: This run used a file of efficientat's weights with the SHA-256 {files.digest(efficientat)[:16]}..., "
        f"which was not found{instead}. Name it in the environment variable {VARIABLE}, or download it again with: python -m "
        "src.weights efficientat\n"
    )


def test_training_without_a_file_has_one_clear_message(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *overrides(tiny, tmp_path / "run")) == 1
    assert capsys.readouterr().err == (
        "train: The weights of efficientat are not installed with the project, and were not found. Download them with: python "
        f"-m src.weights efficientat; or name the file with feature.weights=FILE (predict: --weights efficientat:FILE) "
        f"or in the environment variable {VARIABLE}.\n"
    )
    (tmp_path / "page.pt").write_text("<html>")
    assert train(monkeypatch, *overrides(tiny, tmp_path / "run", f"feature.weights={tmp_path / 'page.pt'}")) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"train: {tmp_path / 'page.pt'} cannot be read as weights of EfficientAT")
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_fine_tuning_changes_the_weights_and_saves_them(
    tiny: Path, efficientat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = ("feature.trainable=true", "optimizer.lr=0.0001", "trainer.max_epochs=1", f"feature.weights={efficientat}")
    assert train(monkeypatch, *overrides(tiny, tmp_path / "run", *tuned)) == 0
    state = torch.load(tmp_path / "run" / rundir.BEST, weights_only=True)["state_dict"]
    published = EfficientAT(efficientat).state_dict()
    changed = {name for name, weight in published.items() if not torch.equal(state[f"feature.network.{name}"], weight)}
    assert {"network.features.0.0.weight", "network.features.16.1.bias"} <= changed
    assert not {name for name in changed if name.endswith((".mean", ".variance"))}
    assert not list((tmp_path / "cache").glob("feature-*"))


def test_digests_are_recorded_in_nested_features_too(efficientat: Path) -> None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", ["feature=efficientat"])
    config.feature = {"parts": {"deep": {**config.feature, "weights": str(efficientat)}, "mfcc": {"n_mfcc": 13}}}
    weights.record_digests(config)
    assert config.feature.parts.deep.sha256 == files.digest(efficientat)
