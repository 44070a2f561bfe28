"""Settings: words that Hydra would misread, values that make no sense, keys that do not exist, and two commands at once."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import hydra
import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from src import predict, rundir
from src.config import PRESETS, leaves
from src.rundir.folder import RunFolder, lock, reserve
from src.settings import words as command_words
from src.settings.table import kind_of
from tests.cases.settings_walk import (
    NEEDED,
    OWN_GROUPS,
    Case,
    answer,
    cases,
    choices_of,
    has_range,
    keys_of,
    numeric,
    preset_keys,
)
from tests.cases.sounds import genre_folders
from tests.conftest import ROOT
from tests.programs import audit, small, train

# Where 0 makes sense: nothing of something, or the first of a numbered list.
ZERO = {
    "augmentation.feature.masks": "no mask",
    "augmentation.feature.time_share": "no mask in time",
    "augmentation.feature.frequency_share": "no mask in frequency",
    "augmentation.wave.gain_db": "the level stays",
    "augmentation.wave.polarity": "never flipped",
    "augmentation.wave.noise": "never",
    "augmentation.wave.shift_share": "no shift",
    "augmentation.wave.filter": "never",
    "augmentation.wave.filter_db": "no filter",
    "augmentation.wave.pitch_semitones": "no shift",
    "augmentation.wave.stretch_share": "no stretch",
    "data.least_crops": "no minimum",
    "dataset.seed": "a seed",
    "dataset.split_number": "the first of the five",
    "feature.deltas": "no slopes",
    "feature.fmin_hz": "from the lowest bin on",
    "feature.layer": "the input of the first layer of a network",
    "loss.label_smoothing": "as published",
    "loss.gamma": "plain cross-entropy",
    "model.dropout": "none",
    "model.passes": "no pre-training",
    "model.hidden": "a linear head",
    "model.unsure_below": "never unsure",
    "optimizer.weight_decay": "none",
    "optimizer.momentum": "plain gradient descent",
    "scheduler.warm_up": "none",
    "scheduler.pct_start": "the rate only falls",
    "scheduler.patience": "the rate falls at once",
    "split.seed": "a seed",
    "split.fold": "the first fold",
    "split.calibration": "no calibration artists",
    "trainer.gradient_clip_val": "no clipping",
    "trainer.ema_decay": "no averaging",
}
LEGAL = {  # other values that are right, with the reason
    ("mapping", "dataset.genre_map"): "new names of genres",
    ("list", "dataset.genres"): "a genre may be named 1",
}
FORBIDDEN = ("hydra.cc", "LexerNoViableAlt", "mismatched input", "please report", "Traceback", "token recognition")
MAJORITY = ("model=majority", "logger=none", "trainer.accelerator=cpu")


def refused(case: Case) -> str:
    """The message that refuses a case, which must be one clear line. "" if the case is accepted."""
    group = case.choice.partition("=")[0]
    needed = ["dataset.root=src", "dataset.path=README.md"] if group == "dataset" else NEEDED.get(case.choice, [])
    keys = keys_of(*case.choice.split("="))
    own = [word for word in needed if word.partition("=")[0] in keys and word.partition("=")[0] != case.key]
    message = answer("train", case.choice, *own, case.word)
    if message is None:
        return ""
    assert "\n" not in message, message
    assert not any(words in message for words in FORBIDDEN), message
    assert case.key in message, (case, message)
    return message


@pytest.mark.slow
@pytest.mark.parametrize("group", OWN_GROUPS)
def test_every_wrong_value_of_every_key_is_refused(group: str) -> None:
    accepted, slowest = [], 0.0
    for case in cases(group):
        start = time.perf_counter()
        key = re.sub(r"^feature\.parts\.\w+\.", "feature.", case.key)
        legal = (case.kind == "0" and key in ZERO) or (case.kind, key) in LEGAL
        if not refused(case) and not legal:
            accepted.append(case)
        slowest = max(slowest, time.perf_counter() - start)
    assert not accepted
    assert slowest < 3


@pytest.mark.parametrize(
    "word", ["optimizer.lr", "scheduler.pct_start", "loss.label_smoothing", "seed", "logger.offline"]
)
@pytest.mark.parametrize("value", ["nan", "-1", "1e30", "{a:1}", "[1,x]", "word"])
def test_a_wrong_value_is_refused(word: str, value: str) -> None:
    message = answer("train", f"{word}={value}")
    assert message
    assert message.startswith(f"{word} is ")
    assert ": expected " in message


def test_every_number_in_conf_has_a_range() -> None:
    missing = [
        f"{group}={choice} {key}"
        for group in OWN_GROUPS
        for choice in choices_of(group)
        for key in keys_of(group, choice)
        if kind_of(key, choice) is None
    ]
    for group in PRESETS:
        for choice, key, value in preset_keys(group):
            if numeric(value) and not has_range(key, ""):
                missing.append(f"{group}={choice} {key}")
    for program in ("train", "audit"):
        for key, value in leaves(OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / f"{program}.yaml"))):
            if numeric(value) and not has_range(key, ""):
                missing.append(f"{program} {key}")
    assert not missing, "add these keys to src/settings/table.py"


NONSENSE = {  # from fuzzing: each was accepted, stuck, or an error hours later
    "optimizer=sgd optimizer.momentum=nan": "optimizer.momentum is nan: expected a number from 0 to less than 1.",
    "scheduler=plateau scheduler.factor=0": "scheduler.factor is 0: expected a number above 0 and below 1.",
    "scheduler=plateau scheduler.factor=1": "scheduler.factor is 1: expected a number above 0 and below 1.",
    "scheduler=plateau scheduler.patience=-1": "scheduler.patience is -1: expected a whole number from 0 to 10,000.",
    "optimizer.lr=1e9": "optimizer.lr is 1000000000.0: expected a number above 0, at most 10.",
    "split=kfold split.folds=1000": "split.folds is 1000: expected a whole number from 2 to 100.",
    "data.crop_seconds=0.0001": "data.crop_seconds is 0.0001: expected a number from 0.1 to 600.",
    "augmentation=wave augmentation.wave.gain_db=1e9": "augmentation.wave.gain_db is 1000000000.0: expected",
    "augmentation=wave augmentation.wave.noise_snr_db=[40,15]": "augmentation.wave.noise_snr_db is [40, 15]: expected [low,high]",
    "trainer.threads=100000": "trainer.threads is 100000: expected a whole number from 1 to 256.",
    "seed={a:1}": "seed is {'a': 1}: expected a whole number",
    "trainer.precision=32": "trainer.precision is 32: expected 32-true, bf16-mixed, 16-mixed or auto.",
    "feature.backend=cuda": "feature.backend is 'cuda': expected auto, nnaudio or torchaudio.",
    "logger.project=2024": "logger.project is 2024: expected a text or null. To use this as a name, write \"logger.project='2024'\".",
    "dataset.genres=rock": "dataset.genres is 'rock': expected a list of words",
    "launcher=slurm hydra.launcher.mem_gb=-4": "hydra.launcher.mem_gb is -4: expected",
    "--multirun optimizer.lr=0.001,nan": "optimizer.lr is nan: expected",
    "--multirun model.dropout=choice(0.1,2)": "model.dropout is 2: expected",
    "--multirun seed=range(-2,3)": "seed is -2: expected",
}
IGNORED = {
    "+foo=1": "foo: there is no such key.",
    "++x=1": "x: there is no such key.",
    "+callbacks=early": "callbacks: there is no such key.",
    "+model.nonsense=3": "model.nonsense: model=hybrid has no such setting. It has activation, cell, dropout, layers, width.",
    "+trainer.max_epoch=3": "trainer.max_epoch: trainer=default has no such setting. Did you mean 'max_epochs'?",
    "+trainer.callbacks=[x]": "trainer.callbacks: trainer=default has no such setting.",
    "+trainer.machines=4": "trainer.machines: trainer=default has no such setting.",
    "+optimizer.nesterov=true": "optimizer.nesterov: optimizer=adam has no such setting.",
    "+data.workers=4": "data.workers: data=default has no such setting.",
    "+model=cnn": "+model=cnn: leave out the +",
    "+seed=3": "+seed: this key exists. Leave out the +",
    "+hydra.foo=1": "hydra.foo: there is no such key.",
    "hydra.run.dri=x": "hydra.run.dri: there is no such key.",
    "model=[cnn,rnn]": "model=[cnn,rnn]: expected one choice, not a list. To train each of them: --multirun model=cnn,rnn.",
    "feature=[mel]": "feature=[mel]: expected one choice, not a list. To train each of them: --multirun feature=mel.",
    "model=cnn,rnn": "model=cnn,rnn: several values are a sweep. To train each of them, add --multirun.",
    "dataset.genres=rock,pop": "For a list, write dataset.genres=[rock,pop].",
    "seed=range(0,3)": "seed=range(0,3): several values are a sweep.",
    "model={a:1}": "model={a:1}: there is no such choice. model can be cnn,",
    "trainer={max_epochs:3}": "trainer={max_epochs:3}: there is no such choice. trainer can be",
    "augmentation.wave=3": "augmentation.wave is 3: expected its settings one by one",
    "hydra.job.chdir=true": "hydra.job.chdir=true: the programs stay in the folder where they are started",
    "hydra.run.dir=": "hydra.run.dir is empty: expected a path.",
    "data.cache=": "data.cache is empty: expected a path.",
    "cnn": "cnn: this is not a setting. Expected GROUP=CHOICE. Did you mean model=cnn?",
    "model = cnn": "model: this is not a setting. Expected model=CHOICE. Write no space on either side of the =.",
    "--model=cnn": "--model=cnn: there is no such option. Settings have no dashes: model=cnn.",
    "~trainer": "~trainer: every run needs a choice of trainer.",
    "~logger": "To switch it off: logger=none.",
    "~model.dropout": "~model.dropout: model=hybrid needs this key.",
    "~nosuch": "nosuch: there is no such key.",
    "optimizer.lr=${nosuch}": "optimizer.lr=${nosuch}: there is no key nosuch.",
    "trainer.max_epoch=3": "Did you mean 'trainer.max_epochs'? trainer has the keys max_epochs, threads",
}


@pytest.mark.parametrize("words", [*NONSENSE, *IGNORED])
def test_what_cannot_be_meant_is_answered(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["src/train.py", *words.split()])
    message = answer("train", *words.split())
    assert message
    assert (NONSENSE | IGNORED)[words] in message
    assert not any(text in message for text in FORBIDDEN)


def test_of_a_key_that_is_given_twice_the_last_value_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_words.read(["model=cnn", "seed=0", "model=rnn", "seed=0"]) == ["model=rnn", "seed=0"]
    assert capsys.readouterr().err == "Note: model=cnn and model=rnn: the last one counts.\n"


def test_an_unknown_key_of_a_split_does_not_suggest_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("train", "audit"):
        monkeypatch.setattr(sys, "argv", [f"src/{program}.py", "split.artist=x"])
        message = answer(program, "split.artist=x")
        assert (
            message
            == "split.artist: there is no such key. split has the keys test, val, seed, grouped, allow_leak, calibration."
        )


@pytest.mark.parametrize(
    "word",
    ["trainer.limit_train_batches=4", "trainer.max_steps=10", "optimizer.betas=[0.8,0.99]", "optimizer.amsgrad=true"],
)
def test_an_optional_setting_of_a_class_is_accepted(word: str) -> None:
    assert answer("train", f"+{word}") is None


FOLDERS = [
    "My Music (2020)",
    "a,b",
    "[live]",
    "x=y",
    "Rock & Roll",
    "#1 hits",
    "100% $hit",
    "Música",
    "it's",
    'the "best"',
    "1e3",
]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_found_whatever_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    genre_folders(tmp_path / name, ["jazz", "rock"], clips=5, seconds=1)
    monkeypatch.chdir(tmp_path)
    run = f"run of {name}"
    arguments = (
        "dataset=folder",
        f"dataset.root={name}",
        *MAJORITY,
        "data.crop_seconds=1",
        "data.cache=cache",
        f"hydra.run.dir={run}",
    )
    assert train(monkeypatch, *arguments) == 0, capsys.readouterr().err
    assert (tmp_path / run / rundir.METRICS).is_file()
    assert name in rundir.RunDir(tmp_path / run).config["dataset"]["root"]


@pytest.mark.parametrize("root", ["~/Music", "'~/Music'"])
def test_the_home_folder_is_expanded(root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genre_folders(tmp_path / "Music", ["jazz", "rock"], clips=5, seconds=1)
    monkeypatch.setenv("HOME", str(tmp_path))
    arguments = (
        "dataset=folder",
        f"dataset.root={root}",
        *MAJORITY,
        "data.crop_seconds=1",
        "data.cache=~/cache",
        "hydra.run.dir=~/run",
    )
    assert train(monkeypatch, *arguments) == 0
    assert (tmp_path / "run" / rundir.METRICS).is_file()
    assert (tmp_path / "cache").is_dir()
    assert rundir.RunDir(tmp_path / "run").config["dataset"]["root"] == str(tmp_path / "Music")


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        ("dataset.root=My Music (2020)", "\"dataset.root='My Music (2020)'\""),
        ("dataset.root=[live]", "\"dataset.root='[live]'\""),
        ("dataset.root=a,b", "\"dataset.root='a,b'\""),
        ("dataset.exclude=list #1.txt", "\"dataset.exclude='list #1.txt'\""),
        ("data.cache={a:1}", "\"data.cache='{a:1}'\""),
        ("dataset.genres=[R&B,rock]", "\"dataset.genres=['R&B',rock]\""),
        ("dataset.artist_pattern=(.+)--", "\"dataset.artist_pattern='(.+)--'\""),
    ],
)
def test_a_word_that_needs_quotes_is_answered_with_the_quoted_word(word: str, typed: str) -> None:
    message = answer("train", "dataset=folder", *(["dataset.root=src"] if "root" not in word else []), word)
    assert message
    assert typed in message
    assert not any(text in message for text in FORBIDDEN)


def test_a_user_who_does_not_exist_is_named() -> None:
    message = answer("train", "dataset=folder", "dataset.root=~nobody9/Music")
    assert message == (
        "dataset.root is ~nobody9/Music: there is no user nobody9 here. For a file of this name, write ./~nobody9/Music."
    )


def test_a_path_cut_in_two_by_the_shell_is_put_together() -> None:
    message = answer("train", "dataset=folder", "dataset.root=My", "Music")
    assert message
    assert "\"dataset.root='My Music'\"" in message


def test_a_split_file_that_is_missing_is_no_run_to_train_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    genre_folders(tmp_path / "m", ["jazz", "rock"], clips=5, seconds=1)
    arguments = ("dataset=folder", f"dataset.root={tmp_path / 'm'}", "dataset.split_file=/nope", *MAJORITY)
    assert train(monkeypatch, *arguments, f"hydra.run.dir={tmp_path / 'run'}", f"data.cache={tmp_path / 'cache'}") == 1
    assert (
        "dataset.split_file is /nope, which is not a file: expected the split.csv of a run" in capsys.readouterr().err
    )


def test_a_recipe_without_its_first_line_is_answered_with_that_line(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text("trainer:\n  max_epochs: 1\n")
    arguments = small(tiny, tmp_path / "run", "experiment=mine")
    assert train(monkeypatch, f"--config-dir={tmp_path / 'conf'}", *arguments) == 1
    assert "conf/experiment/mine.yaml: its first line must be '# @package _global_'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_wrong_setting_is_answered_in_3_seconds_and_leaves_nothing(tmp_path: Path) -> None:
    start = time.monotonic()
    command = [sys.executable, "-m", "src.train", "optimizer.lr=nan", f"hydra.run.dir={tmp_path / 'run'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "train: optimizer.lr is nan: expected a number above 0, at most 10.\n"
    assert time.monotonic() - start < 3
    assert not (tmp_path / "run").exists()


# Two at once


def test_commands_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(reserve(tmp_path / "run"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(folders)) == 20
    assert {path.name for path in folders} == {"run", *(f"run_{k}" for k in range(2, 21))}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["outputs/now_now_synth_mel_cnn", "outputs/now_now_synth_mel_cnn_2"]),
        (["hydra.run.dir=mine"], ["mine", "mine"]),
    ],
)
def test_only_a_name_made_of_the_time_is_made_unique(
    words: list[str], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in expected:
        with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = hydra.compose("train", ["model=cnn", *words], return_hydra_config=True)
        OmegaConf.register_new_resolver("now", lambda pattern: "now", replace=True)
        monkeypatch.setattr(HydraConfig.instance(), "cfg", None)  # as it is when Hydra calls the callback
        RunFolder().on_run_start(config)
        assert config.hydra.run.dir == folder


def test_the_second_command_in_a_folder_touches_nothing(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with filelock.FileLock(folder / rundir.LOCK):  # the first command, at its very start
        assert train(monkeypatch, *small(tiny, folder)) == 1
        assert f"Another process is training in {folder}. Wait for it" in capsys.readouterr().err
        assert [path.name for path in folder.iterdir()] == [rundir.LOCK]
        assert train(monkeypatch, *small(tiny, folder, "optimizer.lr=nan")) == 1
        assert [path.name for path in folder.iterdir()] == [rundir.LOCK]
    with filelock.FileLock(folder / ".audit.lock"):
        root = genre_folders(tmp_path / "m", ["jazz", "rock"], clips=2, seconds=1)
        words = (
            "dataset=folder",
            f"dataset.root={root}",
            f"hydra.run.dir={folder}",
            f"data.cache={tmp_path / 'cache'}",
        )
        assert audit(monkeypatch, *words) == 2
        assert f"Another process is auditing in {folder}. Wait for it" in capsys.readouterr().err
        assert not (folder / "audit.json").exists()


def test_a_failure_removes_only_its_own_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock(tmp_path / "run", "training"):
        _ = 1 / 0
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.ckpt").touch()
    with pytest.raises(ZeroDivisionError), lock(tmp_path / "run", "training"):
        _ = 1 / 0
    assert (tmp_path / "run" / "last.ckpt").exists()


def test_an_output_is_continued_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import fcntl

    root = genre_folders(tmp_path / "m", ["jazz"], clips=2, seconds=1)
    output = tmp_path / "out.jsonl"
    output.write_text("")
    with output.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert predict.main([str(root), "--resume", str(output)]) == 1
    captured = capsys.readouterr()
    assert f"--resume {output}: another process is continuing this output." in captured.err
    assert captured.out == ""


@pytest.mark.slow
def test_two_commands_of_one_second_both_train(tiny: Path, tmp_path: Path) -> None:
    done = at_once(tmp_path, [(*manifest(tiny, tmp_path), f"seed={seed}") for seed in (0, 1)])
    assert [status for status, _ in done] == [0, 0], done
    assert len(list((tmp_path / "outputs").glob(f"*/{rundir.METRICS}"))) == 2


@pytest.mark.slow
def test_of_two_commands_in_one_folder_one_trains(tiny: Path, tmp_path: Path) -> None:
    words = (*manifest(tiny, tmp_path), "hydra.run.dir=run")
    done = at_once(tmp_path, [words, (*words, "debug=false")])
    assert (tmp_path / "run" / rundir.METRICS).is_file(), done
    assert 0 in [status for status, _ in done]
    for status, text in done:
        assert status == 0 or "Another process is training in run. Wait for it" in text, done


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.35, 0.5, 0.8])
def test_an_early_interruption_shows_no_traceback(seconds: float, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "src.train",
        f"hydra.run.dir={tmp_path / 'run'}",
        f"data.cache={tmp_path / 'cache'}",
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts its background jobs with Ctrl-C ignored, and the tests may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in out + err


def manifest(tiny: Path, folder: Path) -> tuple[str, ...]:
    """A training of a second, with its own cache."""
    return ("dataset=manifest", f"dataset.path={tiny}", f"data.cache={folder / 'cache'}", *MAJORITY)


def at_once(folder: Path, commands: list[tuple[str, ...]]) -> list[tuple[int, str]]:
    """Start trainings at the same time in a folder; the exit status and standard error of each."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "src.train", *words], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
        )
        for words in commands
    ]
    texts = [process.communicate(timeout=250)[1] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, texts, strict=True)]


@pytest.fixture(autouse=True)
def no_job() -> None:
    """Forget the Hydra job of an earlier test: messages take the command line from it."""
    HydraConfig.instance().cfg = None
