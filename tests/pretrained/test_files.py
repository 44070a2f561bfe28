"""Files of weights: which one is found, by setting, environment variable, folder of downloads, and digest."""

from pathlib import Path

import pytest

from src.pretrained import files
from src.pretrained.files import EFFICIENTAT

VARIABLE = files.VARIABLE[EFFICIENTAT]


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of downloads, with two files."""
    monkeypatch.setenv("MUSIC_GENRE_CACHE", str(tmp_path / "cache"))
    folder = files.folder(EFFICIENTAT)
    folder.mkdir(parents=True)
    for name in ("mn10_as_mAP_471.pt", "mn01_as_mAP_298.pt"):
        (folder / name).write_text(name)
    return folder


def test_the_setting_goes_before_the_variable_and_both_before_downloads(
    downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting, variable = tmp_path / "setting.pt", tmp_path / "variable.pt"
    setting.touch()
    variable.touch()
    assert files.find(EFFICIENTAT) == downloads / "mn01_as_mAP_298.pt"
    monkeypatch.setenv(VARIABLE, str(variable))
    assert files.find(EFFICIENTAT) == variable
    assert files.find(EFFICIENTAT, str(setting)) == setting
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.find(EFFICIENTAT, "~/setting.pt") == setting


def test_the_default_goes_before_other_downloads(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    default = downloads / files.DEFAULT[EFFICIENTAT]
    default.touch()
    monkeypatch.setitem(files.KNOWN, default.name, files.digest(default))
    assert files.find(EFFICIENTAT) == default


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_named_file_that_does_not_exist_is_an_error(
    kind: str, downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = downloads if kind == "folder" else tmp_path / "missing.pt"
    problem = "is not a file" if kind == "folder" else "does not exist"
    with pytest.raises(ValueError, match=rf"^feature.weights is {path}, which {problem}\. Download them"):
        files.require(EFFICIENTAT, str(path))
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(ValueError, match=rf"^{VARIABLE} is {path}, which {problem}\. Download them"):
        files.require(EFFICIENTAT)
    assert files.find_any(EFFICIENTAT) is None


def test_a_digest_finds_its_file_wherever_it_is(
    downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = downloads / "mn10_as_mAP_471.pt"
    assert files.require(EFFICIENTAT, str(tmp_path / "of another machine.pt"), files.digest(wanted)) == wanted
    copy = tmp_path / "copy.pt"
    copy.write_bytes(wanted.read_bytes())
    assert files.require(EFFICIENTAT, str(copy), files.digest(wanted)) == copy
    monkeypatch.setenv(VARIABLE, str(copy))
    assert files.require(EFFICIENTAT, None, files.digest(wanted)) == copy
    with pytest.raises(
        ValueError, match=r"SHA-256 00000000\.\.\., which was not found: it is not .*copy\.pt, .*mn01.*, .*mn10"
    ):
        files.require(EFFICIENTAT, None, "00000000")


def test_nothing_is_found_without_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_GENRE_CACHE", str(tmp_path / "none"))
    assert files.find(EFFICIENTAT) is None
    with pytest.raises(ValueError, match="were not found. Download them with: python -m src.weights efficientat"):
        files.require(EFFICIENTAT)
    with pytest.raises(ValueError, match=r"SHA-256 00000000\.\.\., which was not found\. Name it"):
        files.require(EFFICIENTAT, None, "00000000")


def test_the_folder_of_downloads_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSIC_GENRE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert files.folder(EFFICIENTAT) == Path("/home/somebody/.cache/music-genre/efficientat")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert files.folder(EFFICIENTAT) == Path("/caches/music-genre/efficientat")
