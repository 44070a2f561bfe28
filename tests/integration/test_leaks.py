"""Validation and test clips never reach training: leaks stop the program, and everything is fitted on training clips only."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from src import rundir
from src.classifier.classifier import UNCALIBRATED
from src.dataset import Manifest
from src.split import Holdout
from tests.conftest import RATE, write
from tests.integration.test_errors import message
from tests.programs import small, train

SUBSETS = ("train", "train", "val", "test")  # of the four artists of each genre of the tiny corpus
ONE_EPOCH = "trainer.max_epochs=1"


def shelf(folder: Path, tiny: Path, changes: dict[str, dict[str, str]], more: Sequence[dict[str, str]] = ()) -> Path:
    """Copy the tiny corpus and give every artist a set. `changes` replace values of some clips, `more` rows are added. -> its manifest."""
    shutil.copytree(tiny.parent, folder)
    with open(tiny, newline="", encoding="utf-8") as file:
        rows = [{**row, "split": SUBSETS[int(row["artist"][-1])]} for row in csv.DictReader(file)]
    with open(folder / "shelf.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["path", "genre", "artist", "track", "split"])
        writer.writeheader()
        writer.writerows({**row, **changes.get(row["path"], {})} for row in [*rows, *more])
    return folder / "shelf.csv"


def without(overrides: tuple[str, ...], start: str) -> tuple[str, ...]:
    return tuple(override for override in overrides if not override.startswith(start))


FIRST, LAST = "bell/bell-0--0.wav", "bell/bell-3--0.wav"  # of the training set, of the test set
LEAKS: dict[str, tuple[dict[str, dict[str, str]], list[dict[str, str]], str]] = {
    "an artist": (
        {LAST: {"artist": "bell-0", "track": "another"}},
        [],
        "its sets share 1 artist (bell-0). A score",
    ),
    "a track": (
        {FIRST: {"artist": "", "track": "Solo"}, LAST: {"artist": "", "track": "Solo"}},
        [],
        "its sets share 1 track (Solo). A score",
    ),
    "an identical file": (
        {},
        [{"path": "copy.wav", "genre": "bell", "artist": "a stranger", "track": "Cover", "split": "test"}],
        f"its sets share 1 group of byte-identical clips ({FIRST} = copy.wav). A score",
    ),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_stops_the_training_and_is_named(
    kind: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, more, leak = LEAKS[kind]
    shutil.copy(tiny.parent / FIRST, tmp_path / "copy.wav")
    manifest = shelf(tmp_path / "shelf", tiny, changes, more)
    shutil.copy(tmp_path / "copy.wav", manifest.parent)
    overrides = small(manifest, tmp_path / "run", "split=official", ONE_EPOCH)
    assert train(monkeypatch, *overrides) == 1
    assert leak in message(capsys)
    assert not (tmp_path / "run").exists()
    assert train(monkeypatch, *overrides, "split.allow_leak=true") == 0
    certificate = rundir.RunDir(tmp_path / "run").metrics["certificate"]
    assert certificate["allow_leak"] is True
    assert sum(len(names) for names in certificate["shared"].values() if names) == 1


def test_a_near_copy_that_an_audit_found_stops_the_training(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = shelf(tmp_path / "shelf", tiny, {})
    names = [clip.name for clip in Manifest(str(manifest)).corpus().clips]
    pairs = [{"a": FIRST, "b": LAST, "shift_seconds": 0.5}, {"a": FIRST, "b": "bell/bell-0--1.wav"}]
    audit = tmp_path / "audit.json"
    audit.write_text(json.dumps({"schema": 1, "near_copies": pairs, "clips": names[1:]}), encoding="utf-8")
    overrides = small(manifest, tmp_path / "run", "split=official", ONE_EPOCH)
    assert train(monkeypatch, *overrides, f"data.audit={audit}") == 1
    assert f"its sets share 1 pair of near copies ({FIRST} ~ {LAST}). A score" in message(capsys)
    assert train(monkeypatch, *overrides) == 0  # without an audit, nobody looked for near copies
    assert rundir.RunDir(tmp_path / "run").metrics["certificate"]["shared"]["near_copies"] is None
    capsys.readouterr()
    other = small(manifest, tmp_path / "other", "split=official", ONE_EPOCH)
    assert train(monkeypatch, *other, f"data.audit={audit}", "split.allow_leak=true") == 0
    assert f"Note: The audit did not measure 1 of the 24 clips ({names[0]})" in capsys.readouterr().err
    assert rundir.RunDir(tmp_path / "other").metrics["certificate"]["shared"]["near_copies"] == [[FIRST, LAST]]
    report = (tmp_path / "other" / rundir.REPORT).read_text(encoding="utf-8")
    assert "Near copies in more than one set" in report
    assert train(monkeypatch, *overrides, "data.audit=nowhere.json", f"hydra.run.dir={tmp_path / 'third'}") == 1
    assert "data.audit is nowhere.json, which is not a file" in message(capsys)


@pytest.fixture(scope="module")
def poisoned(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corpus with loud noise in place of the validation and test clips of the default split."""
    folder = tmp_path_factory.mktemp("poisoned") / "tiny"
    shutil.copytree(tiny.parent, folder)
    clips = Manifest(str(tiny)).corpus().clips
    random = np.random.default_rng(0)
    subsets = Holdout(test=0.2, val=0.2, seed=0, grouped=True, allow_leak=False).assign(clips)
    for clip, subset in zip(clips, subsets, strict=True):
        if subset != "train":
            write(folder / clip.name, random.uniform(-1, 1, 2 * RATE))
    return folder / tiny.name


@pytest.mark.parametrize("model", ["few", "svm", "knn", "dbn", "head", "cnn"])
def test_everything_is_fitted_on_training_clips_only(
    model: str, tiny: Path, poisoned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise in the other clips changes no bit of statistics, support vectors, neighbours, pre-trained layers and weights."""
    states, predictions = [], []
    for manifest in (tiny, poisoned):
        folder = tmp_path / manifest.parent.name
        overrides = small(manifest, folder, f"model={model}", "augmentation=none", ONE_EPOCH)
        assert train(monkeypatch, *(overrides if model in ("cnn", "dbn") else without(overrides, "model.width"))) == 0
        state = torch.load(folder / rundir.BEST, weights_only=True)["state_dict"]
        predictions.append((folder / rundir.PREDICTIONS).read_text(encoding="utf-8"))
        states.append({key: value for key, value in state.items() if key not in UNCALIBRATED})
    clean, with_noise = states
    assert predictions[0] != predictions[1]  # the noise was read
    assert {"normalization.mean_F1", "normalization.deviation_F1"} < clean.keys()
    assert any(key.startswith("model.") for key in clean)
    assert clean.keys() == with_noise.keys()
    assert [key for key in clean if not torch.equal(clean[key], with_noise[key])] == []


def test_a_genre_with_one_training_artist_is_a_warning(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    same = {f"bell/bell-1--{t}.wav": {"artist": "bell-0", "track": f"track {t + 2}"} for t in range(2)}
    overrides = small(shelf(tmp_path / "shelf", tiny, same), tmp_path / "run", "split=official", ONE_EPOCH)
    assert train(monkeypatch, *overrides) == 0
    assert (
        "Note: bell has training clips of one artist only, bell-0: a model may learn the artist"
        in capsys.readouterr().err
    )


SPLITS = {
    "holdout": ("split=holdout", "split.seed=3"),
    "kfold": ("split=kfold", "split.folds=3", "split.fold=1"),
    "random": ("split=random", "split.allow_leak=true"),
    "random folds": ("split=kfold", "split.folds=3", "split.grouped=false", "split.allow_leak=true"),
    "leave one artist out": ("split=leave_one_artist_out", "split.fold=5"),
    "official": ("split=official",),
}


@pytest.mark.parametrize("kind", SPLITS)
def test_the_split_of_any_run_can_be_read_back(
    kind: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, folder = shelf(tmp_path / "shelf", tiny, {}), tmp_path / "run"
    overrides = without(small(manifest, folder, "model=majority"), "model.width")
    assert train(monkeypatch, *overrides, *SPLITS[kind]) == 0
    file, again = folder / rundir.SPLIT, tmp_path / "again"
    back = ("split=official", f"dataset.split_file={file}", "split.allow_leak=true", f"hydra.run.dir={again}")
    assert train(monkeypatch, *overrides, *back) == 0
    assert (again / rundir.SPLIT).read_bytes() == file.read_bytes()
    assert rundir.RunDir(again).metrics["certificate"]["split"] == f"official, as {file} states it"


def test_leave_one_artist_out_names_the_artist_and_the_number_of_artists(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = without(small(tiny, tmp_path / "run", "model=majority", "split=leave_one_artist_out"), "model.width")
    assert train(monkeypatch, *overrides, "split.fold=4") == 0
    certificate = rundir.RunDir(tmp_path / "run").metrics["certificate"]
    assert certificate["split"] == "leave one artist out, fold 4 of 12: drone-0, seed 0"
    assert certificate["sets"]["test"] == {"clips": 2, "tracks": 2, "artists": 1}
    capsys.readouterr()
    assert train(monkeypatch, *overrides, "split.fold=12", f"hydra.run.dir={tmp_path / 'other'}") == 1
    assert "the clips have 12 artists. To test all of them, use --multirun 'split.fold=range(0,12)'." in message(capsys)


def test_clips_of_unknown_genre_stop_the_training(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = Manifest(str(tiny)).listed()
    one_without_genre = [replace(clip, genre="" if clip.name == LAST else clip.genre) for clip in listed.clips]
    monkeypatch.setattr(Manifest, "listed", lambda self: replace(listed, clips=one_without_genre))
    assert train(monkeypatch, *small(tiny, tmp_path / "run")) == 1
    error = message(capsys)
    assert f"tiny: no genre is known for 1 of 24 clips, e.g. {LAST}. Training needs the genre of every clip" in error
    assert "dataset.exclude=FILE" in error
    monkeypatch.setattr(Manifest, "listed", lambda self: replace(listed, clips=[]))
    assert train(monkeypatch, *small(tiny, tmp_path / "run")) == 1
    assert "tiny has no clip: at least two genres are needed. Add a genre" in message(capsys)
