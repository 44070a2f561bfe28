"""Bad input gives one message: what came, what was expected, what to do. Exit status 1, no traceback, no empty folder."""

from pathlib import Path

import pytest

from tests.programs import small, train

WRONG_ARGUMENTS = {
    "modle=cnn": "modle: there is no such key. Did you mean 'model'?",
    "model=cmn": "model=cmn: there is no such choice. Did you mean 'cnn'? model can be cnn,",
    "nosuch=thing": "nosuch: there is no such key.",
    "optimizer.lr=fast": "optimizer.lr is 'fast': expected a number above 0, at most 10.",
    "optimizer.lr=-1": "optimizer.lr is -1: expected a number above 0, at most 10.",
    "model.layers=0": "model.layers is 0: expected a whole number from 2 to 64.",
    "model.layers=2.5": "model.layers is 2.5: expected a whole number",
    "model.dropout=1.5": "model.dropout is 1.5: expected a number from 0 to less than 1.",
    "model.activation=tanh": "model.activation is 'tanh': expected relu or leaky_relu.",
    "model.cell=gur": "model.cell is 'gur': expected rnn, lstm or gru.",
    "data.batch_size=0": "data.batch_size is 0: expected a whole number from 1 to 65,536.",
    "data.batch_size=true": "data.batch_size is true: expected a whole number",
    "data.crop_seconds=0": "data.crop_seconds is 0: expected a number from 0.1 to 600.",
    "data.resident=maybe": "data.resident is 'maybe': expected auto, true or false.",
    "data.strict=perhaps": "data.strict is 'perhaps': expected true or false",
    "trainer.max_epoch=3": "trainer.max_epoch: there is no such key. Did you mean 'trainer.max_epochs'?",
    "trainer.accelerator=gpu": "trainer.accelerator is gpu, but torch finds no GPU here: use trainer.accelerator=cpu, or auto.",
    "trainer.threads=0": "trainer.threads is 0: expected a whole number from 1 to 256.",
    "feature.n_mels=0": "feature.n_mels is 0",
    "feature=waveform": "The model would read 5512 time steps, and can learn from 4096 at most",
    "split.test=1.5": "split.test is 1.5: expected a number above 0 and below 1.",
    "split.grouped=maybe": "split.grouped is 'maybe': expected true or false",
    "split=leave_one_artist_in": "split=leave_one_artist_in: there is no such choice. Did you mean 'leave_one_artist_out'?",
    "data.audit=nowhere.json": "data.audit is nowhere.json, which is not a file: expected the audit.json of an audit.",
    "sweep=[folds,papr]": "sweep=papr: there is no such choice. Did you mean 'paper'? sweep can be features,",
    "sweep=leek_gap": "sweep=leek_gap: there is no such choice. Did you mean 'leak_gap'? sweep can be features,",
    "split.val=0.9": "split.test + split.val is 1.1: expected less than 1",
    "loss.label_smoothing=1": "loss.label_smoothing is 1: expected a number from 0 to less than 1.",
    "trainer.keep=last": "trainer.keep is now called trainer.checkpoint: set that one.",
    "+trainer.keep=last": "trainer.keep is now called trainer.checkpoint: set that one.",
    "trainer.checkpoint=first": "trainer.checkpoint is 'first': expected val/f1_macro, val/loss or last.",
    "trainer.ema_decay=1": "trainer.ema_decay is 1: expected a number from 0 to less than 1.",
    "trainer.gradient_clip_val=-1": "trainer.gradient_clip_val is -1: expected a number from 0 to 1,000,000.",
    "experiment=bets": "experiment=bets: there is no such choice. Did you mean 'best'?",
    "augmentation.feature.time_share=2": "augmentation.feature.time_share is 2: expected a number from 0 to 1.",
    "dataset.genres=[bell,trumpet]": "dataset.genres asks for trumpet, but tiny has bell, drone, snare.",
    "seed=-1": "seed is -1: expected a whole number from 0 to 4,294,967,295.",
    "seed": "seed",  # no value
}


def test_a_recipe_for_another_model_names_the_setting_to_remove(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = small(tiny, tmp_path / "run", "experiment=paper_cnn", "model=knn")
    arguments = tuple(argument for argument in arguments if "width" not in argument)
    assert train(monkeypatch, *arguments) == 1
    assert "model.layers: model=knn has no such setting. It has metric, neighbours, weights." in message(capsys)
    assert train(monkeypatch, *arguments, "~model.layers") == 0


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


def message(capsys: pytest.CaptureFixture[str]) -> str:
    """The only error message on standard error, which must be its last line, without a traceback."""
    lines = capsys.readouterr().err.splitlines()
    assert not any("Traceback" in line for line in lines)
    (line,) = [line for line in lines if line.startswith("train: ")]
    assert lines[-1] == line
    return line.removeprefix("train: ")


@pytest.mark.parametrize("argument", WRONG_ARGUMENTS)
def test_a_wrong_argument_gives_one_message(
    argument: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert train(monkeypatch, *small(tiny, folder, argument)) == 1
    assert WRONG_ARGUMENTS[argument] in message(capsys)
    assert not folder.exists()


def test_debug_shows_the_traceback(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *small(tiny, tmp_path / "run", "model.layers=0", "debug=true")) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_folder_and_a_folder_without_audio_have_different_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (
        "dataset=folder",
        "logger=none",
        f"hydra.run.dir={tmp_path / 'run'}",
        f"data.cache={tmp_path / 'cache'}",
    )
    assert train(monkeypatch, *arguments, "dataset.root=nowhere") == 1
    assert "dataset.root is nowhere, which is not a folder: expected DIR with DIR/genre/file." in message(capsys)
    (tmp_path / "music" / "jazz").mkdir(parents=True)
    assert train(monkeypatch, *arguments, f"dataset.root={tmp_path / 'music'}") == 1
    assert "which contains no audio" in message(capsys)
    assert train(monkeypatch, *arguments) == 1
    assert message(capsys) == "dataset.root is missing: set it on the command line with dataset.root=VALUE."


def test_a_leaking_split_stops_and_names_the_shared_artists(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *small(tiny, tmp_path / "run", "split=random")) == 1
    error = message(capsys)
    assert "leaks" in error
    assert "bell-0" in error
    assert "split.allow_leak=true" in error


def test_an_output_folder_that_cannot_be_written_is_named(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "run"
    arguments = [argument for argument in small(tiny, folder) if not argument.startswith("data.cache")]
    assert train(monkeypatch, *arguments, f"data.cache={tmp_path / 'cache'}") == 1
    error = message(capsys)
    assert str(folder) in error
    assert "hydra.run.dir" in error


def test_a_full_disk_is_reported(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "cache"))

    monkeypatch.setattr("src.data.store.Appender.append", full)
    assert train(monkeypatch, *small(tiny, tmp_path / "run")) == 1
    assert "No space left on device" in message(capsys)


def test_the_other_jobs_of_a_sweep_continue_after_a_failure(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = small(tiny, tmp_path / "unused", "split.val=0.9,0.2", f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert train(monkeypatch, "--multirun", *arguments) == 1
    assert "split.test + split.val is 1.1: expected less than 1" in capsys.readouterr().err
    assert len(list((tmp_path / "sweep").glob("*/metrics.json"))) == 1
