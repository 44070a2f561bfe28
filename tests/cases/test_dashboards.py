"""Dashboards that fail: a note at whatever time, never a lost result; and a missing key is reported before decoding."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.data import waveform_cache
from src.training.loggers import opening, wandb_run
from tests.cases.test_room import error_line, fill, quick, small_disk
from tests.conftest import ROOT
from tests.programs import small, train

RESULTS = ("metrics.json", "predictions.csv", "confusion.csv", "split.csv", "report.html", "best.ckpt")
NOTE = "Note: the logger wandb failed ("


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
    assert not [name for name in (*wandb_run.FOLDERS, "WANDB_SERVICE") if name in os.environ]


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
    assert capsys.readouterr().err.count(f"Note: the logger {choice} failed (") == 1


class Planted(Exception):
    pass


class FakeRun:
    """A wandb run of which one call fails."""

    def __init__(self, failing: str, error: BaseException) -> None:
        self.failing, self.error = failing, error
        self.id, self.name, self.config, self.offline = "id", "name", {}, True
        self.summary = FakeSummary(self)

    def _call(self, name: str) -> None:
        if name == self.failing:
            raise self.error

    def define_metric(self, *_: Any, **__: Any) -> None:
        self._call("define_metric")

    def log(self, content: dict[str, Any], **_: Any) -> None:
        self._call("log")

    def _config_callback(self, **_: Any) -> None:
        self._call("draw a chart")


class FakeSummary:
    def __init__(self, run: FakeRun) -> None:
        self.run = run

    def __setitem__(self, key: str, value: Any) -> None:
        self.run._call("log a table" if key == "test/genres" else "log a score")


ERRORS = [
    Planted("something broke"),
    OSError(28, "No space left on device"),
    ConnectionResetError("Connection lost"),
    SystemExit(1),
]


@pytest.mark.parametrize(
    "failing", ["init", "define_metric", "log", "log a table", "draw a chart", "log a score", "finish", "teardown"]
)
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
    parent = wandb_run.WandbLogger
    monkeypatch.setattr(parent, "experiment", run)
    monkeypatch.setattr(parent, "__init__", lambda self, **_: super(parent, self).__init__())
    monkeypatch.setattr(parent, "save", lambda self: None)
    monkeypatch.setattr(parent, "finalize", lambda self, status: None)
    network = ("model=cnn", "trainer.max_epochs=1") if failing == "log" else ()  # only a network has curves
    assert train(monkeypatch, *with_wandb(quick(tiny, tmp_path / "run", *network))) == 0
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
    "an entity with a slash": (
        {},
        ("logger.entity=team/project",),
        "logger.entity is 'team/project': expected the name of a user or a team, without a slash.",
    ),
    "tags that are no list": ({}, ("logger.tags=paper",), "logger.tags is 'paper': expected a list of words"),
    "a tag that is too long": ({}, (f"logger.tags=[{'a' * 65}]",), "logger.tags is "),
    "an unknown logger": (
        {},
        ("logger=many", "logger.names=[wandb,tensorbord]"),
        "logger.names has 'tensorbord': Did you mean 'tensorboard'? Expected a list of wandb, tensorboard, mlflow, csv",
    ),
    "no logger of many": ({}, ("logger=many", "logger.names=[]"), "For no logger: logger=none."),
    "a logger twice": (
        {},
        ("logger=many", "logger.names=[csv,csv]"),
        "logger.names is [csv,csv]: expected one or more",
    ),
    "one logger as a word": (
        {},
        ("logger=many", "logger.names=csv"),
        "logger.names is 'csv': expected a list of words",
    ),
    "a wrong setting of one of many": (
        {},
        ("logger=many", "logger.names=[csv,wandb]", "logger.wandb.entity=a/b"),
        "logger.wandb.entity is 'a/b': expected",
    ),
}
WRONG_ADDRESSES = ("nowhere", "htp://server:5000", "http://", "file:///x")


@pytest.mark.parametrize("case", WRONG)
def test_what_can_be_known_offline_is_reported_before_decoding(
    case: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variables, arguments, expected = WRONG[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(waveform_cache, "open_or_decode", lambda *_: pytest.fail("decoded before the check"))
    online = () if "logger=many" in arguments else ("logger=wandb", "logger.offline=false")
    words = [word for word in quick(tiny, tmp_path / "run") if word != "logger=none"]
    assert train(monkeypatch, *words, *online, *arguments) == 1
    line = error_line(capsys, "train")
    assert expected in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("address", WRONG_ADDRESSES)
@pytest.mark.parametrize("by", ["key", "variable"])
def test_a_wrong_address_of_mlflow(
    address: str,
    by: str,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed: make extra-mlflow")
    setting = [f"logger.tracking_uri='{address}'"] if by == "key" else []
    if by == "variable":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    words = [word for word in quick(tiny, tmp_path / "run") if word != "logger=none"]
    assert train(monkeypatch, *words, "logger=mlflow", *setting) == 1
    name = "logger.tracking_uri" if by == "key" else "MLFLOW_TRACKING_URI"
    assert f"{name} is {address!r}: expected the address of a server" in error_line(capsys, "train")


@pytest.mark.parametrize("choice", ["tensorboard", "mlflow"])
@pytest.mark.parametrize("several", [False, True])
def test_an_optional_package_that_is_missing(
    choice: str,
    several: bool,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    words = [word for word in quick(tiny, tmp_path / "run") if word != "logger=none"]
    chosen = ["logger=many", f"logger.names=[csv,{choice}]"] if several else [f"logger={choice}"]
    assert train(monkeypatch, *words, *chosen) == 1
    assert f"logger={choice} needs an optional package. Install it with: make extra-{choice}" in error_line(
        capsys, "train"
    )


def test_one_of_many_loggers_fails_and_the_others_go_on(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "wandb").touch()  # in the way of the folder
    words = [word for word in quick(tiny, tmp_path / "run") if word != "logger=none"]
    assert train(monkeypatch, *words, "logger=many", "logger.names=[wandb,csv]") == 0
    check_complete(tmp_path / "run")
    assert capsys.readouterr().err.count(NOTE) == 1
    assert "best/test/accuracy" in (tmp_path / "run" / "csv" / "metrics.csv").read_text(encoding="utf-8")


def test_a_logger_that_does_not_exist_is_no_dashboard_failure(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *quick(tiny, tmp_path / "run", "logger=tensorbord")) == 1
    assert "logger=tensorbord: there is no such choice." in error_line(capsys, "train")
