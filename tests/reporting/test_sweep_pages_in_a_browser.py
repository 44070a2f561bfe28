"""Pages of sweeps and comparisons in a real browser: both widths, light and dark, axe's rules, and the height of a grid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src import compare, report
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


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_can_be_read_by_all(browser: Any, tmp_path: Path, name: str) -> None:
    path = PAGES[name](tmp_path / "sweep")
    for width, scheme in SCREENS:
        check_fits_and_can_be_read(browser, path, width, scheme, HIGHEST_PIXELS.get((name, width)))
