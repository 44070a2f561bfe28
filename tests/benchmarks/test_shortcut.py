"""benchmarks.shortcut on tones whose level does or does not give away the genre."""

import csv
from pathlib import Path

import pytest

from benchmarks import shortcut
from tests.conftest import tone


def _manifest(folder: Path, levels: dict[str, tuple[float, ...]]) -> Path:
    """Write a manifest with one clip per level; the k-th clip of each genre is by its k-th artist, of package k."""
    rows = []
    for genre, own_levels in levels.items():
        for k, level in enumerate(own_levels):
            tone(folder / f"{genre}{k}.wav", 440, 1, 22050, level)
            rows.append((f"{genre}{k}.wav", genre, f"{genre} artist {k}", f"package {k}"))
    path = folder / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "genre", "artist", "package"), *rows])
    return path


def test_genres_of_different_level_are_recognized(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _manifest(tmp_path, {"quiet": (0.01, 0.011, 0.012, 0.013, 0.014), "loud": (0.5, 0.51, 0.52, 0.53, 0.54)})
    shortcut.main([str(path)])
    lines = capsys.readouterr().out.splitlines()
    for groups in ("10 artists", "5 packages"):
        (row,) = [line for line in lines if groups in line and "level" in line]
        assert [cell.strip() for cell in row.split("│")][5] == "100.0"


def test_genres_of_equal_level_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    levels = (0.1, 0.2, 0.3, 0.4, 0.5)
    shortcut.main([str(_manifest(tmp_path, {"one": levels, "two": levels}))])
    rows = [line for line in capsys.readouterr().out.splitlines() if "5 packages" in line]
    assert len(rows) == 2
    assert all(float([cell.strip() for cell in row.split("│")][5]) <= 60 for row in rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        ("path,genre\na.wav,jazz\n", "has no clips, or not all columns: expected a row for each clip with path"),
        ("path,genre,artist\n", "(missing: artist, genre, path)"),
        ("path,genre,artist\na.wav,jazz,ann\n", "a.wav cannot be used: no such file"),
    ],
)
def test_bad_manifests_get_one_message(
    content: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "manifest.csv").write_text(content)
    with pytest.raises(SystemExit):
        shortcut.main([str(tmp_path / "manifest.csv")])
    assert message in capsys.readouterr().err
