"""`python -m src.cache`: what the cache contains, and what of it no run needs."""

import shutil
from pathlib import Path

import pytest

from src import cache
from src.audio import reader
from src.data import store
from tests.conftest import tone
from tests.programs import small, train


@pytest.fixture
def run(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a support vector machine on a copy of the tiny corpus in music/, with its cache in cache/."""
    shutil.copytree(tiny.parent, tmp_path / "music")
    assert train(monkeypatch, *_arguments(tmp_path, "runs/svm")) == 0
    return tmp_path / "runs" / "svm"


def _arguments(folder: Path, run: str) -> list[str]:
    words = small(
        folder / "music" / "tiny.csv", folder / run, "model=svm", "feature=mfcc", f"data.cache={folder / 'cache'}"
    )
    return [word for word in words if word != "model.width=4"]


def _call(folder: Path, *options: str) -> int:
    return cache.main([str(folder / "cache"), "--runs", str(folder / "runs"), *options])


def _folder(tmp_path: Path, kind: str) -> Path:
    [path] = (tmp_path / "cache").glob(f"{kind}-*")
    return path


def test_what_a_run_needs_is_listed_and_stays(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capsys.readouterr()
    assert _call(tmp_path, "--prune") == 0
    output = capsys.readouterr().out
    assert "sound at 22,050" in output
    assert f"of which no run in {tmp_path / 'runs'} needs 0.0 MB." in output
    assert "Deleted" not in output
    monkeypatch.setattr(reader, "read_sound", lambda *_: pytest.fail("decoded again"))
    assert train(monkeypatch, *_arguments(tmp_path, "runs/second")) == 0


def test_clips_of_files_that_are_gone_are_pruned_and_the_others_stay(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = tmp_path / "music" / "tiny.csv"
    lines = manifest.read_text(encoding="utf-8").splitlines()
    gone = tmp_path / "music" / lines[-1].split(",")[0]
    gone.unlink()
    manifest.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    sizes = {kind: (_folder(tmp_path, kind) / "1.piece").stat().st_size for kind in ("sound", "statistics")}
    capsys.readouterr()
    assert _call(tmp_path) == 0
    assert "To delete that: the same command with --prune" in capsys.readouterr().out
    assert _call(tmp_path, "--prune") == 0
    assert capsys.readouterr().out.count("Deleted from") == 2
    for kind, size in sizes.items():
        pieces = list(_folder(tmp_path, kind).glob("*.piece"))
        assert sum(piece.stat().st_size for piece in pieces) == size * 23 / 24
    assert _call(tmp_path, "--prune") == 0
    assert "Deleted" not in capsys.readouterr().out
    monkeypatch.setattr(reader, "read_sound", lambda *_: pytest.fail("decoded again"))
    assert train(monkeypatch, *_arguments(tmp_path, "runs/second")) == 0


def test_without_its_runs_a_cache_is_not_needed_nor_are_parts_of_earlier_versions(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache" / "wave-0123456789ab").mkdir()
    (tmp_path / "cache" / "wave-0123456789ab" / "wave.int16").write_bytes(bytes(10**6))
    (tmp_path / "cache" / "notes.txt").write_text("mine", encoding="utf-8")
    assert _call(tmp_path, "--prune") == 0
    assert capsys.readouterr().out.count("Deleted from") == 1
    (run.parent / "other").mkdir()
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run.parent / "other" / "config.yaml").write_text(config.replace("22050", "16000"), encoding="utf-8")
    shutil.rmtree(run)
    assert _call(tmp_path, "--prune") == 0
    output = capsys.readouterr().out
    assert "no run has this" in output
    assert output.count("Deleted from") == 2
    left = [path.name for path in (tmp_path / "cache").iterdir() if not path.name.endswith(".lock")]
    assert left == ["notes.txt"]


def test_folders_of_the_user_stay(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """synth-pop is a genre, and feature-films a fine name for music."""
    for name in ("synth-pop", "feature-films", "wave-2"):
        (tmp_path / "cache" / name).mkdir()
        tone(tmp_path / "cache" / name / "a.wav")
    assert _call(tmp_path, "--prune") == 0
    assert "Deleted" not in capsys.readouterr().out
    assert len(list((tmp_path / "cache").glob("*/a.wav"))) == 3


def test_clips_whose_folder_is_missing_stay_as_their_disk_may_be_away(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "music").rename(tmp_path / "elsewhere")
    assert _call(tmp_path, "--prune") == 0
    assert "Deleted" not in capsys.readouterr().out


def test_nothing_is_deleted_without_any_run(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert cache.main([str(tmp_path / "cache"), "--runs", str(tmp_path / "empty"), "--prune"]) == 1
    assert "has no run, so nothing would be needed, and nothing was deleted." in capsys.readouterr().err
    assert _folder(tmp_path, "sound").is_dir()


@pytest.mark.parametrize("about", ["{", '{"kind": "melody"}', '{"kind": "feature", "feature": null}'])
def test_a_damaged_store_is_deleted_and_the_others_stay(
    about: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache" / "feature-x").mkdir()
    (tmp_path / "cache" / "feature-x" / "about.json").write_text(about, encoding="utf-8")
    assert _call(tmp_path, "--prune") == 0
    assert capsys.readouterr().out.count("Deleted from") == 1
    assert not (tmp_path / "cache" / "feature-x").exists()


def test_a_corpus_that_is_being_rendered_stays(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cache" / "synth-0123abcd").mkdir()
    with store.filelock.FileLock(tmp_path / "cache" / "synth-0123abcd.lock"):
        assert _call(tmp_path, "--prune") == 0
    assert "stays, because another process is using it." in capsys.readouterr().err


def test_a_store_that_another_process_is_using_stays(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(config.replace("22050", "16000"), encoding="utf-8")
    folder = _folder(tmp_path, "sound")
    with store.filelock.FileLock(folder / "keys-3.lock"):
        assert _call(tmp_path, "--prune") == 0
    assert "stays, because another process is using it." in capsys.readouterr().err
    assert folder.is_dir()


def test_nothing_is_deleted_while_a_run_cannot_be_read(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "config.yaml").write_text("audio: [", encoding="utf-8")
    assert _call(tmp_path) == 0
    assert "it is unknown what this run needs" in capsys.readouterr().err
    assert _call(tmp_path, "--prune") == 1
    assert "has runs that cannot be read, and nothing was deleted." in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_that_is_none_is_refused(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "file":
        (tmp_path / "cache").touch()
    assert _call(tmp_path) == 1
    problem = "is not a folder" if kind == "file" else "does not exist"
    assert f"cache: {tmp_path / 'cache'} {problem}: expected a cache." in capsys.readouterr().err
