"""Pages of sweeps and comparisons in a real browser: both widths, light and dark, axe's rules, and the height of a grid."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src import compare, report
from tests.reporting.sweeps import write_grid, write_models, write_note

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: make extra-browser")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing: make extra-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt-get install chromium"),
]


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
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_can_be_read_by_all(browser: Any, tmp_path: Path, name: str) -> None:
    path = PAGES[name](tmp_path / "sweep")
    for width in (1280, 390):
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page, trouble = context.new_page(), []
            page.on("console", lambda message, trouble=trouble: trouble.append(message.text))
            page.goto(path.resolve().as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width  # it does not scroll sideways
            if (name, width) == ("grid", 1280):
                assert page.evaluate("document.documentElement.scrollHeight") <= 3000
            found = axe.Axe().run(page).response["violations"]
            serious = [
                f"{rule['id']}: {rule['nodes'][0]['html'][:200]}"
                for rule in found
                if rule["impact"] in ("serious", "critical")
            ]
            assert not serious
            assert not trouble
            context.close()
