"""Pages of sweeps and comparisons in a real browser: both widths, light and dark, axe's rules, and the height of a grid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src import compare, evaluate, report
from tests.cases.sounds import genre_folders
from tests.programs import audit, train
from tests.reporting.browser import SCREENS, check_fits_and_can_be_read, require
from tests.reporting.sweeps import write_grid, write_models, write_note

require()
pytestmark = pytest.mark.slow
HIGHEST_PIXELS = {("grid", 1280): 3000}  # of a grid of twelve configurations


def grid(folder: Path) -> Path:
    write_grid(folder)
    assert report.main([str(folder)]) == 0
    return folder / "report.html"


def models_with_failed_jobs(folder: Path) -> Path:
    write_models(folder)
    write_note(folder, 0, label="model=tags", reason="tags needs musicnn.", command=f"python -m src.train {'x' * 90}")
    assert report.main([str(folder)]) == 0
    return folder / "report.html"


def compared(folder: Path) -> Path:
    write_models(folder)
    assert compare.main([str(folder), "--page", str(folder / "compared.html")]) == 0
    return folder / "compared.html"


PAGES: dict[str, Callable[[Path], Path]] = {"grid": grid, "models": models_with_failed_jobs, "compared": compared}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of an audit and of an evaluation, which the programs write."""
    root = tmp_path_factory.mktemp("programs")
    music = genre_folders(root / "music", ["a", "b"], clips=5, seconds=2.0)
    data = ("dataset=folder", f"dataset.root={music}", f"data.cache={root / 'cache'}")
    with pytest.MonkeyPatch.context() as patch:
        assert audit(patch, *data, f"hydra.run.dir={root / 'audit'}") in (0, 1)
        run = root / "run"
        assert train(patch, *data, "model=majority", "feature=energy", "logger=none", f"hydra.run.dir={run}") == 0
    assert evaluate.main([str(run), *data, f"hydra.run.dir={root / 'evaluation'}"]) == 0
    return root


@pytest.mark.parametrize("name", ["audit/audit.html", "evaluation/report.html", "run/report.html"])
def test_the_pages_of_programs_fit_and_can_be_read_by_all(browser: Any, folders: Path, name: str) -> None:
    for width, scheme in SCREENS:
        check_fits_and_can_be_read(browser, folders / name, width, scheme)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_can_be_read_by_all(browser: Any, tmp_path: Path, name: str) -> None:
    path = PAGES[name](tmp_path / "sweep")
    for width, scheme in SCREENS:
        check_fits_and_can_be_read(browser, path, width, scheme, HIGHEST_PIXELS.get((name, width)))
