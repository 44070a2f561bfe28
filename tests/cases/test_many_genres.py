"""Hundreds of genres: pages, tables and programs whose time and size do not grow with the square of the genres."""

import base64
import io
import re
import time
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from src import compare, report
from src.evaluation.run_analysis import extreme_genres
from src.reporting import matrices, plots, run_page
from src.reporting.genre_table import genre_table
from src.rundir import RunDir
from tests.cases.sounds import genre_folders
from tests.programs import audit, train
from tests.reporting.test_pages import Page
from tests.rundirs import config, write_run


def names(count: int) -> list[str]:
    return [f"genre {k:03d}" for k in range(count)]


def many(folder: Path, genres: int, clips_per_genre: int = 3, model: str = "Hybrid") -> Path:
    return write_run(folder, config(model=model), genres=names(genres), clips=clips_per_genre * genres, skill=3)


def image_of(svg: str) -> NDArray[np.float64]:
    """The shares (rows, columns) in the only image of a figure: its opacity."""
    (data,) = re.findall(r'href="data:image/png;base64,([^"]+)"', svg)
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(data)))
    return np.asarray(pixels[..., 3], dtype=np.float64)


def test_two_hundred_genres_take_seconds_and_little_space(tmp_path: Path) -> None:
    run = many(tmp_path / "run", 200)
    run_page.html(RunDir(many(tmp_path / "warm", 30)))  # matplotlib's first figure loads its fonts
    started = time.process_time()
    page = run_page.write(run)
    assert time.process_time() - started < 5
    assert page.stat().st_size < 1e6
    text = page.read_text(encoding="utf-8")
    parsed = Page(text)
    assert parsed.links == []  # the image is in the page
    assert text.count("<image ") == 2  # the confusion matrix, for wide and for narrow screens
    (table,) = re.findall(r"<details><summary>Table of all genres</summary>(.*?)</details>", text, re.S)
    assert all(f'<th scope="row">{name}</th>' in table for name in names(200))
    assert (
        "The figure shows the 15 genres with the lowest F1 and the 15 with the highest, of 200 genres." in parsed.text
    )
    assert "Each small square is one pair of genres" in parsed.text
    assert "Not all genres are named" in parsed.text


@pytest.mark.slow
def test_a_thousand_genres(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("Cnn", "Rnn"):
        many(tmp_path / "sweep" / model, 1000, 1, model)
    started = time.process_time()
    assert report.main([str(tmp_path / "sweep")]) == 0
    assert time.process_time() - started < 30
    pages = [tmp_path / "sweep" / name / "report.html" for name in ("", "Cnn", "Rnn")]
    for page in pages:
        assert page.stat().st_size < 1e6
        assert Page(page.read_text(encoding="utf-8")).texts
    assert "Each small square is 3 by 3 genres" in pages[1].read_text(encoding="utf-8")
    capsys.readouterr()
    assert compare.main([str(tmp_path / "sweep")]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) < 150
    assert "the 40 genres with the largest differences of 1000, --format json has all" in printed


def test_the_image_shows_each_pair_of_genres_at_its_place() -> None:
    counts_CC = np.random.default_rng(0).poisson(0.3, (30, 30))
    counts_CC[7] = 0
    share_CC = counts_CC / np.maximum(counts_CC.sum(axis=1, keepdims=True), 1)
    shade_CC = np.where(counts_CC, np.maximum(share_CC, matrices.LEAST_SHADE), 0)
    np.testing.assert_allclose(image_of(plots.confusion(counts_CC, names(30))), shade_CC, atol=1 / 255)


@pytest.mark.parametrize("genres", [450, 451, 1000])
def test_no_confusion_is_lost_where_genres_share_a_pixel(genres: int) -> None:
    counts_CC = np.zeros((genres, genres), dtype=np.int64)
    counts_CC[np.arange(genres), np.arange(genres)] = 3
    counts_CC[5, genres - 1] = 1
    image = image_of(plots.confusion(counts_CC, names(genres)))
    block = 1 if genres == 450 else -(-genres // 450)
    assert image.shape == (-(-genres // block),) * 2
    assert image[5 // block, (genres - 1) // block] == pytest.approx(0.25, abs=1 / 255)
    assert np.count_nonzero(image) == len(image) + 1
    assert (np.diagonal(image) >= 0.74).all()


@pytest.mark.parametrize("genres", [25, 40, 61, 200, 1000])
def test_labels_are_as_many_as_can_be_read(genres: int) -> None:
    figure = plots.confusion(np.eye(genres, dtype=np.int64), names(genres))
    labels = figure.count('<g style="fill: var(--ink')
    assert labels <= 2 * 60 + 2
    assert labels >= 2 * min(genres, 30)
    narrow = plots.confusion(np.eye(genres, dtype=np.int64), names(genres), narrow=True)
    assert 2 * min(genres, 13) <= narrow.count('<g style="fill: var(--ink') <= 2 * 20 + 2


def test_few_genres_look_as_before(tmp_path: Path) -> None:
    text = run_page.html(RunDir(write_run(tmp_path / "run", config())))
    assert "<image " not in text
    assert "Table of all genres" not in text
    assert "Each cell is a number of clips" in text
    figure = plots.confusion([[3, 1], [0, 2]], ["a", "b"])
    assert "min-width" not in figure
    assert matrices.MOST_NUMBERS >= 16  # FMA's medium subset


def test_the_table_on_the_terminal_has_the_lowest_and_the_highest_genres(tmp_path: Path) -> None:
    metrics = RunDir(many(tmp_path / "run", 200)).metrics
    console = Console(width=140, file=io.StringIO())
    with console.capture() as printed:
        console.print(genre_table(metrics, "title"))
    lines = printed.get().splitlines()
    assert len(lines) < 40
    shown = [line.split("│")[1].strip() for line in lines if "│ genre " in line]
    f1 = {name: row["f1"] for name, row in metrics["test"]["genres"].items()}
    assert sorted(f1[name] for name in shown) == [*sorted(f1.values())[:10], *sorted(f1.values())[-10:]]
    assert "the 10 lowest and the 10 highest F1 of 200 genres, report.html has all" in " ".join(lines).replace(
        "  ", " "
    )


def test_extreme_genres() -> None:
    rows = {name: {"f1": f1} for name, f1 in zip("abcdefg", (0.5, None, 0.1, 0.9, 0.0, 0.5, 1.0), strict=True)}
    assert extreme_genres(rows, 2) == (["e", "c"], ["d", "g"])
    assert extreme_genres(rows, 9) == (["e", "c", "a", "f", "d", "g"], [])
    low, high = extreme_genres(rows, 4)
    assert not set(low) & set(high)


@pytest.mark.slow
def test_training_and_audit_of_sound_of_many_genres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = genre_folders(tmp_path / "music", names(120), clips=3, seconds=1)
    data = ("dataset=folder", f"dataset.root={root}", f"data.cache={tmp_path / 'cache'}")
    words = (*data, "model=majority", "logger=wandb", "trainer.threads=1", "trainer.accelerator=cpu")
    started = time.process_time()
    assert train(monkeypatch, *words, f"hydra.run.dir={tmp_path / 'run'}") == 0
    assert time.process_time() - started < 30
    assert (tmp_path / "run" / "report.html").stat().st_size < 1e6
    assert list((tmp_path / "run" / "wandb").rglob("*confusion*.table.json"))
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) < 50
    assert "genre 039 and 80 more" in printed.err
    assert audit(monkeypatch, *data, f"hydra.run.dir={tmp_path / 'audit'}") in (0, 1)
    page = (tmp_path / "audit" / "audit.html").read_text(encoding="utf-8")
    assert len(page) < 2e6
    assert "The figure shows the 40 genres whose median level or bandwidth is farthest" in page
    assert Page(re.sub(r"<source [^>]*>", "", page)).texts


def test_warnings_beyond_the_first_ten_are_folded(tmp_path: Path) -> None:
    warnings = [f"{name} has no validation clip in this split." for name in names(37)]
    run = write_run(tmp_path / "run", config(), warnings=warnings)
    text = run_page.html(RunDir(run))
    assert text.partition("<h2")[0].count('<p class="warning">') == 10
    ((number, folded),) = re.findall(r"<summary>(\d+) more warnings</summary>(.*?)</details>", text, re.S)
    assert folded.count("<li>") == int(number)
    assert sum(warning in text for warning in warnings) == 37
