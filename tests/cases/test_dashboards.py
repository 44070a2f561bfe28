"""Dashboards that fail: a note at whatever time, never a lost result; and a missing key is reported before decoding."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.data import waveform_cache
from src.training import loggers
from tests.cases.test_room import error_line, fill, quick, small_disk
from tests.conftest import ROOT
from tests.programs import small, train

RESULTS = ("metrics.json", "predictions.csv", "confusion.csv", "split.csv", "report.html", "best.ckpt")
NOTE = "Note: the logger failed ("


@pytest.fixture(autouse=True)
def no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home without a key of wandb, and the environment as it was after each test."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    for name in [name for name in os.environ if name.startswith(("WANDB_", "XDG_"))]:
        monkeypatch.delenv(name)
    yield
    assert not [name for name in (*loggers.FOLDERS, "WANDB_SERVICE") if name in os.environ]


def with_wandb(words: tuple[str, ...]) -> tuple[str, ...]:
    return (*(word for word in words if word != "logger=none"), "logger=wandb")


def check_complete(folder: Path) -> None:
    assert all((folder / name).is_file() for name in RESULTS)


@pytest.mark.slow
def test_wandb_writes_into_the_folder_of_the_run_only(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):  # two jobs in one process: the first leaves nothing that the second would use
        assert train(monkeypatch, *with_wandb(quick(tiny, tmp_path / name))) == 0
        assert list((tmp_path / name / "wandb").glob("offline-run-*/*.wandb"))
        assert list((tmp_path / name / "wandb" / "data").rglob("staging"))
    assert not list((tmp_path / "home").rglob("*wandb*"))
    assert NOTE not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", "a file"])
def test_a_home_that_cannot_be_written(
    home: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / home) if home == "a file" else home)
    assert train(monkeypatch, *with_wandb(small(tiny, tmp_path / "run", "model=cnn", "trainer.max_epochs=1"))) == 0
    check_complete(tmp_path / "run")
    assert NOTE not in capsys.readouterr().err  # nothing has to be written there
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))


@pytest.mark.parametrize("choice", ["wandb", "csv"])
def test_a_folder_of_the_logger_that_cannot_be_written(
    choice: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of its name is in the way, as root may write anywhere."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / choice).touch()
    words = small(tiny, tmp_path / "run", "model=cnn", "trainer.max_epochs=1", f"logger={choice}")
    assert train(monkeypatch, *(word for word in words if word != "logger=none")) == 0
    check_complete(tmp_path / "run")
    assert capsys.readouterr().err.count(NOTE) == 1


class Planted(Exception):
    pass


class FakeRun:
    """A wandb run of which one call fails."""

    def __init__(self, failing: str, error: BaseException) -> None:
        self.failing, self.error = failing, error
        self.id, self.name, self.config, self.summary = "id", "name", {}, {}

    def _call(self, name: str) -> None:
        if name == self.failing:
            raise self.error

    def define_metric(self, *_: Any, **__: Any) -> None:
        self._call("define_metric")

    def log(self, content: dict[str, Any], **_: Any) -> None:
        self._call("log a table" if "test/genres" in content else "log")


ERRORS = [
    Planted("something broke"),
    OSError(28, "No space left on device"),
    ConnectionResetError("Connection lost"),
    SystemExit(1),
]


@pytest.mark.parametrize("failing", ["init", "define_metric", "log", "log a table", "finish", "teardown"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_any_call_of_wandb_may_fail(
    failing: str,
    error: BaseException,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import wandb

    run = FakeRun(failing, error)

    def fails_at(name: str) -> Any:
        def call(*_: Any, **__: Any) -> FakeRun:
            run._call(name)
            return run

        return call

    for name in ("init", "finish", "teardown"):
        monkeypatch.setattr(wandb, name, fails_at(name))
    monkeypatch.setattr(loggers.WandbLogger, "experiment", run)
    monkeypatch.setattr(loggers.WandbLogger, "__init__", lambda self, **_: super(loggers.WandbLogger, self).__init__())
    monkeypatch.setattr(loggers.WandbLogger, "log_metrics", lambda self, metrics, step=None: run.log(metrics))
    monkeypatch.setattr(loggers.WandbLogger, "save", lambda self: None)
    monkeypatch.setattr(loggers.WandbLogger, "finalize", lambda self, status: None)
    assert train(monkeypatch, *with_wandb(quick(tiny, tmp_path / "run"))) == 0
    check_complete(tmp_path / "run")
    text = capsys.readouterr().err
    assert text.count(NOTE) == 1
    assert f"{NOTE}{type(error).__name__}" in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_the_process_of_wandb_is_killed_in_the_middle(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, whose end must be clean too: wandb registers functions that run at the exit."""
    program = f"""
import os, signal, sys, subprocess
sys.path.insert(0, {str(ROOT)!r})
from src import train
from src.training import stages

original = stages.fit

def fit(*arguments, **settings):
    original(*arguments, **settings)
    for process in subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True).stdout.split():
        try:
            command = open(f"/proc/{{process}}/cmdline", "rb").read()
        except OSError:
            continue
        if b"wandb" in command:
            os.kill(int(process), signal.SIGKILL)

stages.fit = fit
from src import errors
errors.run(train.main, "train")
"""
    words = with_wandb(small(tiny, tmp_path / "run", "model=cnn", "trainer.max_epochs=1"))
    script = tmp_path / "program.py"
    script.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(NOTE) == 1
    assert "Traceback" not in done.stderr
    check_complete(tmp_path / "run")


@pytest.mark.slow
def test_a_small_real_disk_that_is_full_for_wandb(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", 1) as disk:
        fill(disk, 0)
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "wandb").symlink_to(disk)
        assert train(monkeypatch, *with_wandb(quick(tiny, tmp_path / "run"))) == 0
        check_complete(tmp_path / "run")
        text = capsys.readouterr().err
        assert text.count(NOTE) == 1
        assert "Traceback" not in text
    assert train(monkeypatch, *with_wandb(quick(tiny, tmp_path / "next"))) == 0
    assert NOTE not in capsys.readouterr().err
    assert list((tmp_path / "next" / "wandb").glob("offline-run-*/*.wandb"))


@pytest.mark.slow
def test_no_network(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that cannot be reached: nothing listens on the port."""
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "3")
    words = with_wandb(quick(tiny, tmp_path / "run", "logger.offline=false"))
    assert train(monkeypatch, *words) == 0
    check_complete(tmp_path / "run")
    assert capsys.readouterr().err.count(NOTE) == 1


WRONG = {
    "no key": (
        {},
        (),
        "there is no API key of wandb. Run `wandb login`, set WANDB_API_KEY, or set logger.offline=true.",
    ),
    "a key that is too short": ({"WANDB_API_KEY": "secret"}, (), "WANDB_API_KEY invalid: API key must have 40+"),
    "a key with spaces": ({"WANDB_API_KEY": "a b " * 20}, (), "API key cannot start or end with whitespace"),
    "no address": ({"WANDB_BASE_URL": "nowhere"}, (), "base_url Input should be a valid URL"),
    "an unknown mode": ({"WANDB_MODE": "onlin"}, (), "mode Input should be 'online', 'offline'"),
    "a project with a slash": ({}, ("logger.project=my/project",), "logger.project is 'my/project': Invalid project"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_can_be_known_offline_is_reported_before_decoding(
    case: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variables, arguments, expected = WRONG[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(waveform_cache, "open_or_decode", lambda *_: pytest.fail("decoded before the check"))
    assert train(monkeypatch, *with_wandb(quick(tiny, tmp_path / "run", "logger.offline=false", *arguments))) == 1
    line = error_line(capsys, "train")
    assert expected in line
    assert not (tmp_path / "run").exists()


def test_a_logger_that_does_not_exist_is_no_dashboard_failure(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *quick(tiny, tmp_path / "run", "logger=tensorbord")) == 1
    assert "logger=tensorbord: there is no such choice." in error_line(capsys, "train")
