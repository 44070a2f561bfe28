"""No room: a disk that is full, over quota or read-only, wherever a program writes; and stored results that are torn.

One message names the folder and says what to do, nothing half-written counts as whole, and the same command goes on later.
"""

import errno
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from src import plain_files, predict, report
from src.data import waveform_cache
from tests.conftest import ROOT
from tests.programs import audit, small, train
from tests.rundirs import config, write_run

MEGABYTE = 2**20
RUN_FILES = (
    "config.yaml",
    "environment.json",
    "split.csv",
    "excluded.csv",
    "history.csv",
    "best.ckpt",
    "last.ckpt",
    "predictions.csv",
    "confusion.csv",
    "metrics.json",
    "report.html",
)


@contextmanager
def small_disk(folder: Path, megabytes: int, *options: str) -> Iterator[Path]:
    """Mount a file system in memory at a folder; skip the test where that is not permitted."""
    folder.mkdir()
    choices = ",".join((f"size={megabytes}m", *options))
    command = ["mount", "-t", "tmpfs", "-o", choices, "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Limit the size of the files that this process writes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def fill(folder: Path, leave_bytes: int) -> Path:
    """Write a file that takes all but `leave_bytes` of the free space of a disk, and return it."""
    filler = folder / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - leave_bytes))
    return filler


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """Let the writing of files of this name fail at their end with an error number, as a full disk does."""
    original = os.replace

    def replace(source: str | Path, target: str | Path) -> None:
        if Path(target).name == name:
            raise OSError(number, os.strerror(number))
        original(source, target)

    monkeypatch.setattr(plain_files.os, "replace", replace)


def error_line(capsys: pytest.CaptureFixture[str], program: str) -> str:
    """The only error message on standard error, which must be no traceback and no invitation to report a bug."""
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert "please report it" not in text
    (line,) = [line for line in text.splitlines() if line.startswith(f"{program}: ")]
    return line


def quick(tiny: Path, folder: Path, *arguments: str) -> tuple[str, ...]:
    """Arguments of a training that takes no time: the most frequent genre."""
    words = small(tiny, folder, "model=majority", *arguments)
    return tuple(word for word in words if not word.startswith("model.width"))


def metrics_of(folder: Path) -> dict[str, object]:
    content = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {key: content[key] for key in ("val", "test", "temperature", "best_epoch", "identity")}


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_disk_that_is_full_at_a_file_of_the_run(
    name: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = small(tiny, tmp_path / "run", "model=cnn", "trainer.max_epochs=1")
    with monkeypatch.context() as patch:
        fail_at(patch, name, errno.ENOSPC)
        assert train(patch, *arguments) == 1
    line = error_line(capsys, "train")
    assert f"/{name}: No space left on device, the disk is full (" in line
    assert "Then give the same command again" in line
    assert not (tmp_path / "run" / name).exists()
    assert not list((tmp_path / "run").glob(".*.part"))
    assert train(monkeypatch, *arguments) == 0
    undisturbed = small(tiny, tmp_path / "other", "model=cnn", "trainer.max_epochs=1")
    assert train(monkeypatch, *undisturbed) == 0
    assert metrics_of(tmp_path / "run") == metrics_of(tmp_path / "other")
    assert all((tmp_path / "run" / name).is_file() for name in RUN_FILES)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EDQUOT, "Disk quota exceeded"),
        (errno.EROFS, "Read-only file system"),
        (errno.EFBIG, "File too large"),
    ],
)
def test_a_quota_a_read_only_disk_and_a_file_size_limit(
    number: int,
    text: str,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_at(monkeypatch, "best.ckpt", number)
    assert train(monkeypatch, *quick(tiny, tmp_path / "run")) == 1
    assert f"run/best.ckpt: {text}, " in error_line(capsys, "train")


@pytest.mark.slow
def test_a_small_real_disk_is_full_at_a_checkpoint(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        arguments = small(tiny, disk / "run", "model=cnn")
        arguments = tuple(word for word in arguments if not word.startswith("data.cache"))
        arguments = (*arguments, f"data.cache={tmp_path / 'cache'}")
        filler = fill(disk, 30_000)
        assert train(monkeypatch, *arguments) == 1
        line = error_line(capsys, "train")
        assert "best.ckpt: No space left on device, the disk is full (" in line
        assert " MB needed, 0.0 MB free)" in line
        filler.unlink()
        assert train(monkeypatch, *arguments) == 0
        assert train(monkeypatch, *small(tiny, tmp_path / "other", "model=cnn")) == 0
        assert metrics_of(disk / "run") == metrics_of(tmp_path / "other")


@pytest.mark.slow
def test_a_small_real_disk_is_full_while_sound_is_decoded(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The estimate of the needed space says nothing here, as when another program fills the disk at the same time."""
    with small_disk(tmp_path / "disk", 4) as disk:
        arguments = (*quick(tiny, tmp_path / "run"), f"data.cache={disk / 'cache'}")
        filler = fill(disk, MEGABYTE)
        with monkeypatch.context() as patch:
            patch.setattr(waveform_cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**12))
            assert train(patch, *arguments) == 1
        line = error_line(capsys, "train")
        assert "No space left on device, the disk is full (2.1 MB needed" in line
        assert str(disk / "cache") in line
        (piece,) = (disk / "cache").glob("sound-*/*.piece")
        assert piece.stat().st_size % (2 * 22050 * 2) == 0  # whole clips only
        filler.unlink()
        assert train(monkeypatch, *arguments) == 0


@pytest.mark.slow
def test_a_small_real_disk_is_full_while_the_synthetic_corpus_is_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        corpus = ("dataset=synth", "dataset.genres=[blues,jazz]", "dataset.artists=5", "dataset.tracks=1")
        words = (*corpus, "dataset.clip_seconds=2", f"data.cache={disk / 'cache'}", "model=majority", "logger=none")
        words = (*words, f"hydra.run.dir={tmp_path / 'run'}", "trainer.accelerator=cpu", "trainer.threads=1")
        filler = fill(disk, 150_000)
        assert train(monkeypatch, *words) == 1
        line = error_line(capsys, "train")
        assert "No space left on device" in line
        assert str(disk / "cache") in line
        assert "data.cache" in line
        filler.unlink()
        assert train(monkeypatch, *words) == 0
        clip = next((disk / "cache").glob("synth-*/jazz/*.flac"))
        whole = clip.read_bytes()
        clip.write_bytes(b"")  # as a power cut leaves it
        shutil.rmtree(tmp_path / "run")
        assert train(monkeypatch, *words) == 0
        assert clip.read_bytes() == whole


CACHE_A_FEATURE = """
import sys
from pathlib import Path
import numpy as np, torch
from src.data import feature_cache
from src.data.crops import WaveformCrops
from src.data.waveform_cache import WaveformCache

sounds, offset = [f"{k}" for k in range(40)], np.arange(40) * 200
waves = WaveformCache(sounds, [], {0: torch.arange(8000).short()}, offset * 0, offset, np.full(40, 200), sounds)
feature = lambda wave_BT: wave_BT[:, :1, None].expand(-1, 64, 512).contiguous() / 3
try:
    cached = feature_cache.open_or_compute(
        WaveformCrops(waves, 100, False), 1, feature, {"kind": "feature"}, Path(sys.argv[1]), torch.device("cpu")
    )
    print("cached", float(cached.segments(torch.arange(40), 1).double().sum()))
except OSError as error:
    print(error)
"""


def cache_a_feature(cache: Path, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Cache a feature of 5.2 MB in a process of its own, which SIGBUS may kill."""
    command = [sys.executable, "-c", CACHE_A_FEATURE, str(cache)]
    return subprocess.run(command, cwd=ROOT, preexec_fn=before, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_small_real_disk_is_full_while_a_frozen_feature_is_cached(tmp_path: Path) -> None:
    whole = cache_a_feature(tmp_path / "elsewhere").stdout
    assert whole.startswith("cached ")
    with small_disk(tmp_path / "disk", 12) as disk:
        filler = fill(disk, 3 * MEGABYTE)
        done = cache_a_feature(disk)
        assert done.returncode == 0, done.stderr  # not killed by SIGBUS
        assert "No space left on device, the disk is full (" in done.stdout
        assert str(disk) in done.stdout
        filler.unlink()
        assert cache_a_feature(disk).stdout == whole


def test_a_frozen_feature_beyond_the_largest_file_size(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, MEGABYTE))

    done = cache_a_feature(tmp_path, limit)
    assert done.returncode == 0, done.stderr
    assert "File too large, files have a largest size here, see ulimit -f" in done.stdout
    assert cache_a_feature(tmp_path).stdout.startswith("cached ")


def audit_arguments(tiny: Path, folder: Path) -> tuple[str, ...]:
    data = ("dataset=manifest", f"dataset.path={tiny}", f"data.cache={folder.parent / 'cache'}")
    return (*data, f"hydra.run.dir={folder}")


@pytest.mark.parametrize("name", ["audit.json", "exclude.txt", "audit.html"])
def test_a_disk_that_is_full_at_a_file_of_an_audit(
    name: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        fail_at(patch, name, errno.ENOSPC)
        assert audit(patch, *audit_arguments(tiny, tmp_path / "audit")) == 2
    assert f"audit/{name}: No space left on device" in error_line(capsys, "audit")
    assert audit(monkeypatch, *audit_arguments(tiny, tmp_path / "audit")) in (0, 1)


@pytest.mark.slow
def test_a_small_real_disk_is_full_at_the_measures_of_an_audit(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", 1) as disk:
        arguments = (*audit_arguments(tiny, tmp_path / "audit"), f"data.cache={disk / 'cache'}")
        filler = fill(disk, 20_000)
        assert audit(monkeypatch, *arguments) == 2
        line = error_line(capsys, "audit")
        assert "measures.sqlite" in line
        assert "data.cache" in line
        filler.unlink()
        assert audit(monkeypatch, *arguments) in (0, 1)


@pytest.mark.parametrize("content", [b"", b"not a database, but text that is longer than sqlite's header" * 40])
def test_measures_that_are_no_database_are_measured_again(
    content: bytes, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "measures.sqlite").write_bytes(content)
    assert audit(monkeypatch, *audit_arguments(tiny, tmp_path / "audit")) in (0, 1)
    assert ("measures.sqlite is damaged" in capsys.readouterr().err) == bool(content)
    with sqlite3.connect(tmp_path / "cache" / "measures.sqlite") as database:
        assert database.execute("select count(*) from measures").fetchone() == (24,)


def test_a_report_that_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", config())
    with monkeypatch.context() as patch:
        fail_at(patch, "report.html", errno.ENOSPC)
        assert report.main([str(run)]) == 1
    assert "report.html: No space left on device" in error_line(capsys, "report")
    assert not (run / "report.html").exists()
    assert report.main([str(run)]) == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize("program", ["predict", "report", "compare"])
def test_output_into_a_file_on_a_full_disk(program: str, tmp_path: Path) -> None:
    first, second = (write_run(tmp_path / name, config(model=name)) for name in ("Cnn", "Rnn"))
    (tmp_path / "silence.wav").touch()
    arguments = {
        "predict": [str(tmp_path / "silence.wav")],
        "report": [str(first), "--format", "markdown"],
        "compare": [str(first), str(second)],
    }[program]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", f"src.{program}", *arguments],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(f"{program}: ")]
    assert "No space left on device, the disk is full" in line
    assert ("--resume FILE" in line) == (program == "predict")


@pytest.mark.slow
def test_a_read_only_disk(tiny: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1, "ro") as disk:
        command = [sys.executable, "-m", "src.train", *quick(tiny, disk / "run")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Read-only file system, nothing can be written to this disk" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at inline_container.cc:664] . PytorchStreamWriter failed writing file data/0"),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError("write /home/x/run.wandb: no space left on device"),
        FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_libraries_that_mean_a_full_disk(error: Exception) -> None:
    wrapped = RuntimeError("training failed")
    wrapped.__cause__ = error
    for raised in (error, wrapped):
        message = plain_files.no_room(raised)
        assert message
        assert "No space left on device, the disk is full" in message
    assert plain_files.no_room(ValueError("genre 'full' is not one of rock, pop")) is None
    assert plain_files.no_room(PermissionError(errno.EACCES, "Permission denied", "x")) is None


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    plain_files.write_text(path, "old")
    link.symlink_to(path)
    half = plain_files.replacing(path)
    half.__enter__().write_text("half", encoding="utf-8")
    assert half.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None) is False
    assert path.read_text(encoding="utf-8") == "old"
    plain_files.write_text(link, "new")
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == "new"
    with largest_file(10), pytest.raises(plain_files.NoRoom, match=r"file: File too large, .* needed"):
        plain_files.write_text(path, "newer" * 10)
    assert path.read_text(encoding="utf-8") == "new"
    plain_files.write_text(Path(os.devnull), "no regular file: it must not be replaced")
    assert not Path(os.devnull).is_file()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "link"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


TORN: dict[str, tuple[Callable[[Path], None], int]] = {  # with the number of notes
    "the index is no database": (
        lambda folder: (folder / "index.sqlite").write_bytes(b"\xff\xfe\0\0" * 99) and None,
        1,
    ),
    "the index is empty": (lambda folder: (folder / "index.sqlite").write_bytes(b"") and None, 0),
    "the index is missing": (lambda folder: (folder / "index.sqlite").unlink(), 0),
    "the sound ends in its middle": (lambda folder: cut(folder / "1.piece"), 1),
    "the sound is missing": (lambda folder: (folder / "1.piece").unlink(), 1),
}


@pytest.mark.parametrize("damage", TORN)
def test_a_torn_cache_of_sound_is_made_again(
    damage: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *quick(tiny, tmp_path / "one")) == 0
    (folder,) = (tmp_path / "cache").glob("sound-*")
    whole = (folder / "1.piece").read_bytes()
    tear, notes = TORN[damage]
    tear(folder)
    capsys.readouterr()
    assert train(monkeypatch, *quick(tiny, tmp_path / "two")) == 0
    assert capsys.readouterr().err.count("computed again") == notes
    assert (folder / "1.piece").read_bytes().endswith(whole)  # what an index does not list is never overwritten
    assert metrics_of(tmp_path / "one") == metrics_of(tmp_path / "two")


@pytest.mark.parametrize("damage", TORN)
def test_a_torn_cache_of_a_feature_is_made_again(damage: str, tmp_path: Path) -> None:
    whole = cache_a_feature(tmp_path).stdout
    (folder,) = tmp_path.glob("feature-*")
    tear, notes = TORN[damage]
    tear(folder)
    again = cache_a_feature(tmp_path)
    assert again.stdout == whole
    assert again.stderr.count("computed again") == notes


def test_predictions_go_on_after_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line is incomplete, as a full disk leaves it; --resume cuts it off."""
    out = tmp_path / "out.jsonl"
    for name in ("a", "b"):
        (tmp_path / f"{name}.wav").touch()
    files = [str(tmp_path / f"{name}.wav") for name in ("a", "b")]
    out.write_text(json.dumps({"audio_file": files[0], "predicted_genre": "rock"}) + '\n{"audio_fi', encoding="utf-8")
    with open(out, "a", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdout", file)
        predict.main([*files, "--resume", str(out)])
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["audio_file"] for line in lines] == files
